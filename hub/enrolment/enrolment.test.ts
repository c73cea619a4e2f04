import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Memory } from 'lowdb'
import 'reflect-metadata'
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { registryAuthenticator } from '../auth/authenticator.ts'
import { fingerprintOf, openAuthority } from '../authority/authority.ts'
import { createRegistry, type RegistryData } from '../registry/registry.ts'
import { atEnrolment } from './counter.ts'
import { createEnrolment } from './enrolment.ts'

const SITE = { street: 's', community: 'c', estate: 'e' }

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linli-enrolment-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function request(): Promise<string> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' }
  return (await Pkcs10CertificateRequestGenerator.create({ name: 'CN=gw-9', keys, signingAlgorithm })).toString('pem')
}

async function enrolment(adapter = new Memory<RegistryData>()) {
  const registry = await createRegistry({ adapter, onError: () => undefined })
  const authority = await openAuthority(dir, { site: 's/c/e', hosts: [], now_ms: Date.now() })
  const audit = { record: vi.fn(async () => undefined as never), note: vi.fn() }
  const endConnections = vi.fn()
  const deps = { registry, authority, audit, now_ms: Date.now, endConnections, mqttsPort: () => 8883 }
  const who = (pem: string) =>
    registryAuthenticator(
      registry,
      SITE,
    )({
      clientId: 'x',
      username: undefined,
      password: undefined,
      peer: { fingerprint: fingerprintOf(pem) },
    })
  return { room: createEnrolment(deps), registry, audit, endConnections, who, adapter }
}

describe('enrolment', () => {
  it('makes a gateway of whoever has the code, and nobody of a revoked one', async () => {
    const { room, who, endConnections } = await enrolment()
    const { code } = await room.issueCode('gw-1', 'installer:li')
    const { certificate } = await room.claim({ code, csr: await request(), address: '192.0.2.1' })
    expect(await who(certificate)).toMatchObject({ role: 'gateway', gateway: 'gw-1' })
    expect(await room.revoke('gw-1', 'installer:li')).toEqual({ revoked: 1 })
    expect(endConnections).toHaveBeenCalledWith('gw-1')
    expect(await who(certificate)).toBeUndefined()
    const renewal = { fingerprint: fingerprintOf(certificate), csr: await request(), address: '192.0.2.1' }
    await expect(room.renew(renewal)).rejects.toMatchObject({ code: 'CERTIFICATE_REVOKED' })
  })

  it('knows used codes and certificates after a restart', async () => {
    const first = await enrolment()
    const { code } = await first.room.issueCode('gw-1', 'installer:li')
    const { certificate } = await first.room.claim({ code, csr: await request(), address: 'a' })
    await first.registry.flush()
    const second = await enrolment(first.adapter)
    await expect(second.room.claim({ code, csr: await request(), address: 'a' })).rejects.toMatchObject({
      code: 'ENROL_CODE_USED',
    })
    expect(await second.who(certificate)).toMatchObject({ gateway: 'gw-1' })
  })

  it('gives nothing out that is not on disk', async () => {
    const adapter = new Memory<RegistryData>()
    const { room, registry, audit } = await enrolment(adapter)
    const { code } = await room.issueCode('gw-1', 'installer:li')
    adapter.write = () => {
      throw new Error('no room on the disk')
    }
    await expect(room.claim({ code, csr: await request(), address: 'a' })).rejects.toThrow('no room')
    expect(Object.keys(registry.data.certificates)).toEqual([])
    expect(audit.record).not.toHaveBeenCalledWith(expect.objectContaining({ action: 'enrol' }))
  })

  it('makes no certificate that outlives a revocation which came while it was being made', async () => {
    const { room, registry } = await enrolment()
    const { code } = await room.issueCode('gw-1', 'installer:li')
    const claimed = room.claim({ code, csr: await request(), address: 'a' })
    const first = await claimed
    const renewed = room.renew({ fingerprint: fingerprintOf(first.certificate), csr: await request(), address: 'a' })
    await room.revoke('gw-1', 'installer:li')
    await expect(renewed).rejects.toMatchObject({ code: 'CERTIFICATE_REVOKED' })
    const { code: next } = await room.issueCode('gw-1', 'installer:li')
    const csr = await request()
    const late = room.claim({ code: next, csr, address: 'a' })
    // Once the code is used, which takes the request being read, and before the certificate is made.
    await vi.waitFor(() => expect(Object.values(registry.data.enrolments).some(({ usedBy }) => usedBy)).toBe(true), {
      interval: 0,
    })
    await room.revoke('gw-1', 'installer:li')
    await expect(late).rejects.toMatchObject({ code: 'CERTIFICATE_REVOKED' })
    expect(Object.values(registry.data.certificates).filter(({ revoked }) => revoked === undefined)).toEqual([])
  })

  it('a request that is none costs nothing of the code', async () => {
    const { room } = await enrolment()
    const { code } = await room.issueCode('gw-1', 'installer:li')
    await expect(room.claim({ code, csr: 'nonsense', address: 'a' })).rejects.toMatchObject({ code: 'CSR_INVALID' })
    await expect(room.claim({ code, csr: await request(), address: 'a' })).resolves.toMatchObject({ gateway: 'gw-1' })
  })

  it('writes down who came, and who could not', async () => {
    const { room, audit } = await enrolment()
    const { code } = await room.issueCode('gw-1', 'installer:li')
    await room.claim({ code, csr: await request(), address: '192.0.2.1' })
    await expect(room.claim({ code: 'wrong', csr: await request(), address: '192.0.2.9' })).rejects.toThrow()
    const recorded = audit.record.mock.calls.map(([line]: unknown[]) => (line as { action: string }).action)
    expect(recorded).toEqual(['enrol-code', 'enrol'])
    expect(audit.note).toHaveBeenCalledWith(
      expect.objectContaining({ outcome: 'refused', code: 'ENROL_CODE_UNKNOWN', source: 'https:192.0.2.9' }),
    )
    expect(JSON.stringify([audit.record.mock.calls, audit.note.mock.calls])).not.toContain(code)
  })

  it.each(['../gw-1', 'gw-1/../gw-2', 'gw-1/#', '+', 'GW-1', 'gw 1', 'gw-1\u0000', '', '__proto__', 'x'.repeat(41)])(
    'gives no code for, and revokes nothing of, what is no gateway id: %j',
    async (gateway) => {
      const { room, registry, audit } = await enrolment()
      const desk = { enrolment: room, fingerprint: '', httpsPort: 0, registry, now_ms: Date.now }
      for (const type of ['enrol-code', 'enrol-revoke'] as const)
        await expect(atEnrolment(desk, { type, gateway })).rejects.toMatchObject({
          code: 'OPTION_INVALID',
          message: expect.stringContaining('is no gateway id'),
        })
      expect(audit.record).not.toHaveBeenCalled()
    },
  )
})
