import { createHash, X509Certificate } from 'node:crypto'
import { decodeJson } from '../../hub/contract/decode.ts'
import { ENROL_PATHS, EnrolAnswer, parseEnrolment } from '../../hub/contract/enrolment.ts'
import { LinliError } from '../../hub/contract/errors.ts'
import { checker } from '../../hub/contract/schema.ts'
import type { CertificateRequest } from '../adapters/certificate-request.ts'
import type { HubCall } from '../adapters/hub-https.ts'
import type { IdentityFile } from './file.ts'

/** Getting a certificate from the hub, and a new one before it ends. */

export interface IdentityDeps {
  call(call: HubCall): Promise<string>
  makeRequest(name: string): Promise<CertificateRequest>
}

const checkAnswer = checker(EnrolAnswer, 'HUB_REFUSED')

/**
 * First the authority's certificate, which anybody may hand out: it is the right one when its fingerprint is that of the
 * code. Only then, over a connection that it vouches for, the code itself.
 * @param text what `linli enrol code` printed, or its QR
 * @throws {LinliError} ENROL_TEXT_INVALID, HUB_FALSE, HUB_UNREACHABLE, or the hub's own refusal
 */
export async function claimIdentity(deps: IdentityDeps, text: string): Promise<IdentityFile> {
  const { host, port, gateway, code, fingerprint } = parseEnrolment(text)
  const authority = await deps.call({ host, port, path: ENROL_PATHS.authority, authority: undefined })
  if (fingerprintOf(authority) !== fingerprint) {
    const message = `what answers at ${host}:${port} is not the hub that gave out this code: look at the address, and who else is on this network`
    throw new LinliError('HUB_FALSE', message, { kind: 'fault' })
  }
  const { csr, key } = await deps.makeRequest(gateway)
  const answer = await deps.call({ host, port, path: ENROL_PATHS.claim, authority, body: { code, csr } })
  return identityFrom(answer, { host, httpsPort: port }, key)
}

/** @throws {LinliError} as claimIdentity */
export async function renewIdentity(deps: IdentityDeps, present: IdentityFile): Promise<IdentityFile> {
  const { host, httpsPort } = present.hub
  const { csr, key } = await deps.makeRequest(present.gateway)
  const { certificate, authority } = present
  const identity = { certificate, key: present.key }
  const call = { host, port: httpsPort, path: ENROL_PATHS.renew, authority, identity, body: { csr } }
  return identityFrom(await deps.call(call), { host, httpsPort }, key)
}

/** Less than a third of the certificate's life is left. */
export function isRenewalDue({ certificate }: IdentityFile, now_ms: number): boolean {
  const { validFromDate, validToDate } = new X509Certificate(certificate)
  const life_ms = validToDate.getTime() - validFromDate.getTime()
  return validToDate.getTime() - now_ms < life_ms / 3
}

function identityFrom(answer: string, hub: { host: string; httpsPort: number }, key: string): IdentityFile {
  const json = decodeJson(Buffer.from(answer))
  const checked = json.ok ? checkAnswer(json.value) : json
  if (!checked.ok) throw checked.error
  const { gateway, certificate, authority, mqttsPort } = checked.value
  return { gateway, hub: { ...hub, mqttsPort }, certificate, key, authority }
}

function fingerprintOf(pem: string): string | undefined {
  try {
    return createHash('sha256').update(new X509Certificate(pem).raw).digest('base64url')
  } catch {
    return undefined
  }
}
