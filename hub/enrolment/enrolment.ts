import { createHash, randomBytes } from 'node:crypto'
import type { Audit } from '../audit/audit.ts'
import type { Authority } from '../authority/authority.ts'
import { type EnrolAnswer, hashOfCode, newCode } from '../contract/enrolment.ts'
import { LinliError } from '../contract/errors.ts'
import type { Registry } from '../registry/registry.ts'
import { type EnrolmentEffect, type EnrolmentInput, type EnrolmentState, REFUSALS, stepEnrolment } from './machine.ts'

/**
 * How gateways get, renew and lose their certificates. The code is used up on disk before the certificate leaves; the
 * certificate is in the registry before it is handed out.
 */
export interface Enrolment {
  /** A new code for a gateway; an earlier one is void. */
  issueCode(gateway: string, actor: string): Promise<{ code: string; expires_ms: number }>
  /** @throws {LinliError} ENROL_… of kind `caller`, CSR_INVALID */
  claim(request: { code: string; csr: string; address: string }): Promise<EnrolAnswer>
  /** For a gateway that has shown a certificate which counts. @throws {LinliError} CSR_INVALID, CERTIFICATE_REVOKED */
  renew(request: { fingerprint: string; csr: string; address: string }): Promise<EnrolAnswer>
  /** Its certificates and its code count no more; its connections end at once. */
  revoke(gateway: string, actor: string): Promise<{ revoked: number }>
}

export function createEnrolment(deps: {
  registry: Registry
  authority: Authority
  audit: Pick<Audit, 'record' | 'note'>
  now_ms: () => number
  /** Ends what the gateway has open. */
  endConnections: (gateway: string) => void
  /** Where the hub speaks MQTT over TLS. */
  mqttsPort: () => number
}): Enrolment {
  const { registry, authority, audit } = deps
  let state: EnrolmentState = { codes: { ...registry.data.enrolments }, failures: {} }

  function step(input: EnrolmentInput): EnrolmentEffect[] {
    const result = stepEnrolment(state, input, deps.now_ms())
    state = result.state
    if (result.effects.some(({ type }) => type === 'save')) registry.putEnrolments(state.codes)
    return result.effects
  }

  /** @param mayStill whether the right to it stands: a gateway may be revoked while its certificate is being made */
  async function certify(
    gateway: string,
    csr: string,
    request: { action: string; source: string; mayStill: () => boolean },
  ): Promise<EnrolAnswer> {
    const { action, source, mayStill } = request
    const now_ms = deps.now_ms()
    const issued = await authority.issueGateway(csr, gateway, now_ms)
    if (!mayStill()) throw revoked()
    registry.addCertificate(issued.fingerprint, {
      gateway,
      issued: new Date(now_ms).toISOString(),
      until: new Date(issued.until_ms).toISOString(),
    })
    await registry.flush()
    const { fingerprint } = issued
    const actor = `gateway:${gateway}`
    await audit.record({
      kind: 'access',
      action,
      actor,
      source,
      target: gateway,
      outcome: 'succeeded',
      detail: { fingerprint },
    })
    return {
      gateway,
      certificate: issued.certificate,
      authority: authority.certificate,
      mqttsPort: deps.mqttsPort(),
    }
  }

  return {
    async issueCode(gateway, actor) {
      const code = newCode(randomBytes)
      step({ type: 'issue', gateway, codeHash: hashOfCode(code) })
      await registry.flush()
      await audit.record({
        kind: 'access',
        action: 'enrol-code',
        actor,
        source: 'counter',
        target: gateway,
        outcome: 'succeeded',
      })
      const expires_ms = state.codes[hashOfCode(code)]?.expires_ms ?? 0
      return { code, expires_ms }
    },

    async claim({ code, csr, address }) {
      const source = `https:${address}`
      // Looked at before the code is used up: a request that is none must cost nothing.
      const keyHash = createHash('sha256')
        .update(await authority.keyOf(csr))
        .digest('hex')
      const effects = step({ type: 'claim', codeHash: hashOfCode(code), keyHash, address })
      const refusal = effects.find((effect) => effect.type === 'refuse')
      if (refusal) {
        audit.note({
          kind: 'access',
          action: 'enrol',
          actor: 'unknown:',
          source,
          outcome: 'refused',
          code: refusal.code,
        })
        throw new LinliError(refusal.code, REFUSALS[refusal.code], { kind: 'caller' })
      }
      const accepted = effects.find((effect) => effect.type === 'accept')
      await registry.flush()
      const mayStill = () => Object.hasOwn(state.codes, hashOfCode(code))
      return certify(accepted?.gateway ?? '', csr, { action: 'enrol', source, mayStill })
    },

    async renew({ fingerprint, csr, address }) {
      const entry = registry.certificate(fingerprint)
      if (!entry || entry.revoked !== undefined) throw revoked()
      const mayStill = () => registry.certificate(fingerprint)?.revoked === undefined
      return certify(entry.gateway, csr, { action: 'renew', source: `https:${address}`, mayStill })
    },

    async revoke(gateway, actor) {
      const revoked = registry.revoke(gateway, new Date(deps.now_ms()).toISOString())
      step({ type: 'withdraw', gateway })
      // At once, and only then on disk: a full disk must not keep a stolen gateway connected.
      deps.endConnections(gateway)
      await registry.flush()
      await audit.record({
        kind: 'access',
        action: 'revoke',
        actor,
        source: 'counter',
        target: gateway,
        outcome: 'succeeded',
        detail: { revoked },
      })
      return { revoked }
    },
  }
}

function revoked(): LinliError {
  return new LinliError('CERTIFICATE_REVOKED', 'this certificate does not count any more; enrol again', {
    kind: 'caller',
  })
}
