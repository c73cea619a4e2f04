import 'reflect-metadata'
import { createHash, sign, webcrypto } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Configure, signedText } from '../../hub/contract/configuration.ts'
import {
  afterPowerCut,
  crashingFolder,
  createDisk,
  type Disk,
  PowerCut,
} from '../../hub/journal/test-support/crashing-folder.ts'
import type { GatewayConfig } from './config.ts'
import { openConfiguration } from './configuration.ts'

const SITE = { street: 's', community: 'c', estate: 'e' }
const own: GatewayConfig = {
  gateway: 'gw-1',
  site: SITE,
  data: '/data',
  boards: [],
  devices: [],
  credentials: { keyFile: '/key' },
}
const authority = await newAuthority()
const other = await newAuthority()
const log = { debug() {}, info() {}, warn() {}, error() {} }

async function newAuthority() {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=x',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
  })
  const key = PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  return { certificate: certificate.toString('pem'), key }
}

const button = (contactPin: number) => ({ kind: 'alarm-button', id: 'b1', board: 'a', place: {}, contactPin })
const part = (contactPin = 2) => ({ boards: [{ id: 'a', port: '/dev/x' }], devices: [button(contactPin)] })
function sent(version: number, content: unknown = part(), { by = authority, gateway = 'gw-1' } = {}): Configure {
  const text = typeof content === 'string' ? content : JSON.stringify(content)
  const digest = createHash('sha256').update(text).digest('hex')
  const signed = Buffer.from(signedText(SITE, gateway, { version, digest }))
  const signature = sign('sha256', signed, { key: by.key, dsaEncoding: 'ieee-p1363' }).toString('base64url')
  return { version, digest, content: gzipSync(text).toString('base64'), signature }
}

let disk: Disk
const open = (folder = crashingFolder(disk), check: (config: GatewayConfig) => void = () => undefined) =>
  openConfiguration({ folder, authority: authority.certificate, check, log }, own)

beforeEach(() => {
  disk = createDisk()
})

describe('the configuration that a hub sends', () => {
  it('is in use after the next start, over the file of the gateway, with what is its own', async () => {
    const configuration = await open()
    expect(configuration.have()).toEqual({ version: 0 })
    const taken = configuration.taken()
    expect(await configuration.take(sent(1))).toMatchObject({ status: 'succeeded' })
    expect(configuration.config).toBe(own)
    await taken
    expect(configuration.config).toEqual({ ...own, ...part() })
    expect(configuration.have()).toEqual({ version: 1, digest: sent(1).digest })
    expect((await open()).config).toEqual({ ...own, ...part() })
  })

  it('never says who the gateway is, where its data lies, or where its hub is', async () => {
    const configuration = await open()
    const taken = configuration.taken()
    await configuration.take(sent(1, { ...part(), gateway: 'gw-9', data: '/etc', uplink: { url: 'mqtt://evil:1' } }))
    await taken
    expect(configuration.config).toMatchObject({ gateway: 'gw-1', data: '/data' })
    expect(configuration.config.uplink).toBeUndefined()
  })

  it.each<[string, unknown, string, RegExp]>([
    ['of another authority', sent(1, part(), { by: other }), 'CONFIG_UNTRUSTED', /not signed/],
    ['for another gateway', sent(1, part(), { gateway: 'gw-2' }), 'CONFIG_UNTRUSTED', /not signed/],
    ['with another version', { ...sent(1), version: 2 }, 'CONFIG_UNTRUSTED', /not signed/],
    [
      'with another content',
      { ...sent(1), content: sent(1, part(3)).content },
      'CONFIG_UNTRUSTED',
      /not what was signed/,
    ],
    ['with a mistake', sent(1, part(999)), 'CONFIG_INVALID', /\/devices\/0\/contactPin/],
    ['that is no JSON', sent(1, '{'), 'CONFIG_INVALID', /JSON/],
    ['that is a bomb', sent(1, ' '.repeat(3_000_000)), 'CONFIG_INVALID', /unpacked/],
    ['without a signature', { version: 1 }, 'SCHEMA_VIOLATION', /missing field/],
  ])('is refused when it is one %s', async (_what, args, code, message) => {
    const configuration = await open()
    expect(await configuration.take(args)).toMatchObject({
      status: 'refused',
      code,
      message: expect.stringMatching(message),
    })
    expect((await open()).have()).toEqual({ version: 0 })
  })

  it('is refused when it is an older one, and when the box lacks what it needs', async () => {
    const configuration = await open()
    await configuration.take(sent(5))
    expect(await configuration.take(sent(5))).toMatchObject({ status: 'succeeded' })
    for (const version of [4, 5])
      expect(await configuration.take(sent(version, part(3)))).toMatchObject({ code: 'CONFIG_STALE' })
    const picky = await open(crashingFolder(disk), ({ devices }) => {
      if ((devices[0] as unknown as { contactPin: number }).contactPin === 7) throw new Error('no such profile')
    })
    expect(await picky.take(sent(6, part(7)))).toMatchObject({ code: 'CONFIG_INVALID', message: 'no such profile' })
  })

  it('that cannot be started on gives way to the one before, and is said to have failed; in the end to the own file', async () => {
    const configuration = await open()
    for (const version of [1, 2]) {
      const taken = configuration.taken()
      await configuration.take(sent(version, part(version + 1)))
      await taken
    }
    expect(await configuration.fallBack(new Error('no port'))).toBe(true)
    const failed = { version: 2, code: 'CONFIG_START_FAILED', message: 'no port' }
    expect(configuration.have()).toMatchObject({ version: 1, failed })
    expect((await open()).have()).toMatchObject({ version: 1 })
    expect(await configuration.fallBack(new Error('no port'))).toBe(true)
    expect(configuration.config).toBe(own)
    expect(await configuration.fallBack(new Error('no port'))).toBe(false)
    expect((await open()).have()).toEqual({ version: 0 })
  })

  it('is the old one or the new one whenever the power goes', async () => {
    const first = await open()
    const taken = first.taken()
    await first.take(sent(1))
    await taken
    let cuts = 0
    for (let nth = 0; ; nth++, cuts++) {
      const names = new Map([...disk.names].map(([name, file]) => [name, { ...file }]))
      const copy: Disk = { names, past: [new Map(names)] }
      let steps = 0
      const faults = {
        before() {
          steps += 1
          if (steps > nth) throw new PowerCut()
        },
      }
      const outcome = await (await open(crashingFolder(copy, faults))).take(sent(2, part(3)))
      for (const share of [0, 0.3, 0.7, 1]) {
        const { version } = (await open(crashingFolder(afterPowerCut(copy, () => share)))).have()
        expect(outcome.status === 'succeeded' ? [2] : [1, 2]).toContain(version)
      }
      if (outcome.status === 'succeeded') break
    }
    expect(cuts).toBeGreaterThan(8)
  })
})
