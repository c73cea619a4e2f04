import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeCertificateRequest } from '../../firmware/adapters/certificate-request.ts'
import type { HubCall } from '../../firmware/adapters/hub-https.ts'
import { claimIdentity, type IdentityDeps, isRenewalDue } from '../../firmware/identity/claim.ts'
import { type IdentityFile, identityPath, readIdentity, writeIdentity } from '../../firmware/identity/file.ts'
import { createIdentity } from '../../firmware/identity/identity.ts'
import { openAuthority } from '../../hub/authority/authority.ts'
import { ENROL_PATHS, formatEnrolment } from '../../hub/contract/enrolment.ts'
import { folderAt } from '../../hub/journal/folder.ts'

const DAY_MS = 24 * 3600_000
const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: vi.fn() }

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linli-identity-'))
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(dir, { recursive: true, force: true })
})

/** A hub's authority behind calls that are noted down. */
async function hub() {
  const options = { site: 's/c/e', hosts: [], now_ms: Date.now() }
  const authority = await openAuthority(dir, options)
  const calls: HubCall[] = []
  const deps: IdentityDeps = {
    makeRequest: makeCertificateRequest,
    async call(call) {
      calls.push(call)
      if (call.path === ENROL_PATHS.authority) return authority.certificate
      const { certificate } = await authority.issueGateway((call.body as { csr: string }).csr, 'gw-1', Date.now())
      return JSON.stringify({ gateway: 'gw-1', certificate, authority: authority.certificate, mqttsPort: 8883 })
    },
  }
  const text = formatEnrolment({
    host: 'h',
    port: 1,
    gateway: 'gw-1',
    code: 'A'.repeat(12),
    fingerprint: authority.fingerprint,
  })
  return { deps, calls, text, authority }
}

describe('claiming an identity', () => {
  it('asks for the authority first, and trusts only it with the code', async () => {
    const { deps, calls, text, authority } = await hub()
    const identity = await claimIdentity(deps, text)
    expect(calls.map(({ path, authority: trusted }) => [path, trusted])).toEqual([
      [ENROL_PATHS.authority, undefined],
      [ENROL_PATHS.claim, authority.certificate],
    ])
    expect(new X509Certificate(identity.certificate).subject).toBe('CN=gw-1')
  })

  it('never sends the code to a hub with another authority', async () => {
    const { deps, calls, text } = await hub()
    const other = text.replace(/ca=.*/, `ca=${createHash('sha256').update('x').digest('base64url')}`)
    await expect(claimIdentity(deps, other)).rejects.toMatchObject({ code: 'HUB_FALSE' })
    expect(calls.map(({ path }) => path)).toEqual([ENROL_PATHS.authority])
  })

  it('an answer that is none is refused', async () => {
    const { deps, text, authority } = await hub()
    const call = async ({ path }: HubCall) =>
      path === ENROL_PATHS.authority ? authority.certificate : '{"gateway":"gw-1"}'
    await expect(claimIdentity({ ...deps, call }, text)).rejects.toMatchObject({ code: 'HUB_REFUSED' })
  })
})

describe('the file of an identity', () => {
  it('comes back as it was, for nobody else to read; a damaged one says what to do', async () => {
    const { deps, text } = await hub()
    expect(readIdentity(dir)).toBeUndefined()
    const identity = await claimIdentity(deps, text)
    await writeIdentity(folderAt(dir), identity)
    expect(readIdentity(dir)).toEqual(identity)
    expect(statSync(identityPath(dir)).mode & 0o777).toBe(0o600)
    expect(readdirSync(dir).filter((name) => name.endsWith('.new'))).toEqual([])
    for (const damage of ['', '{"gateway":', '{"gateway":"gw-1"}']) {
      writeFileSync(identityPath(dir), damage)
      expect(() => readIdentity(dir)).toThrow(/linli gateway claim/)
    }
  })
})

describe('a running gateway', () => {
  it('renews its certificate in good time, by itself, with a new key, and tries again when the hub is away', async () => {
    const { deps, calls, text } = await hub()
    const first = await claimIdentity(deps, text)
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] })
    const written: IdentityFile[] = []
    let isAway = true
    const call: IdentityDeps['call'] = (one) => (isAway ? Promise.reject(new Error('away')) : deps.call(one))
    const identity = createIdentity(
      { ...deps, call, write: async (next) => void written.push(next), now_ms: Date.now, logger },
      first,
    )
    identity.start()
    vi.advanceTimersByTime(200 * DAY_MS)
    expect(calls).toHaveLength(2)
    vi.advanceTimersByTime(60 * DAY_MS)
    await vi.waitFor(() => expect(logger.error).toHaveBeenCalled())
    isAway = false
    vi.advanceTimersByTime(DAY_MS / 4)
    await vi.waitFor(() => expect(written.length).toBeGreaterThan(0))
    identity.close()
    const renewed = written.at(-1) as IdentityFile
    expect(calls.at(-1)).toMatchObject({ path: ENROL_PATHS.renew, identity: { certificate: first.certificate } })
    expect(renewed.key).not.toBe(first.key)
    expect(isRenewalDue(renewed, Date.now())).toBe(false)
    expect(identity.secrets().tls).toMatchObject({ cert: renewed.certificate, key: renewed.key })
  })
})
