import FakeTimers from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandRequest } from '../commands/desk.ts'
import type { Result } from '../contract/command.ts'
import {
  type Credential,
  type CredentialsHave,
  type CredentialsUpdate,
  credentialId,
  keyId,
  SetDigest,
} from '../contract/credentials.ts'
import type { Message } from '../contract/decode.ts'
import type { Address } from '../contract/topic.ts'
import { createDevices, type Devices } from '../devices/devices.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import { createDistributor, type Distributor, RETRY_MS, SETTLE_MS } from './distributor.ts'
import { CREDENTIAL_LANE } from './entries.ts'
import { type CredentialSource, createCredentialSource } from './source.ts'

const KEY = Uint8Array.from({ length: 32 }, (_, at) => at)
const key = keyId(KEY)
const site = { street: 's', community: 'c', estate: 'e' }
const EMPTY: CredentialsHave = { key, epoch: 0, version: 0, digest: new SetDigest().hex, need: 'snapshot' }

let clock: ReturnType<typeof FakeTimers.install>
let source: CredentialSource
let devices: Devices
let distributor: Distributor
/** Commands without a result yet. */
let open: Array<{ request: CommandRequest; end(status: Result['status'], code?: string): Promise<void> }>
let sent: string[]
let faults: string[]
let served: string[]

beforeEach(async () => {
  clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const log = await openMemoryLog(createMemoryDisk(), { lanes: [CREDENTIAL_LANE] })
  source = await createCredentialSource({ log, now_s: () => 1_800_000_000, onFault: () => {} }, { key })
  devices = createDevices()
  open = []
  sent = []
  faults = []
  served = []
  distributor = createDistributor({
    source,
    devices,
    send: (request) =>
      new Promise((resolve) => {
        sent.push(`${request.address.gateway} ${request.name}`)
        const end = async (status: Result['status'], code?: string) => {
          open = open.filter((one) => one.request !== request)
          resolve({ id: '1', name: request.name, status, at: '', ...(code === undefined ? {} : { code }) })
          await turns()
        }
        open.push({ request, end })
      }),
    onServed: (gateway, version) => served.push(`${gateway.split('/').at(-1)} ${version}`),
    onFault: (_, { code }) => faults.push(code),
  })
})
afterEach(() => {
  distributor.close()
  clock.uninstall()
})

/** Lets everything happen that waits for no timer. */
async function turns(): Promise<void> {
  for (let hop = 0; hop < 30; hop++) await new Promise((resolve) => setImmediate(resolve))
}

async function hear(message: Message): Promise<void> {
  devices.apply(message)
  distributor.heard(message)
  await turns()
}

async function pass(time_ms: number): Promise<void> {
  await clock.tickAsync(time_ms)
  await turns()
}

const of = (gateway: string): Address => ({ ...site, gateway, class: 'gateway', device: gateway })
const says = (status: 'online' | 'offline', gateway = 'gw-1') =>
  hear({ kind: 'availability', topic: { ...of(gateway), channel: 'avail' }, availability: { status } })
const has = (credentials: CredentialsHave | undefined, gateway = 'gw-1', bootid = 'b1') =>
  hear({ kind: 'state', topic: { ...of(gateway), channel: 'state' }, state: { bootid, credentials } })
const gate = (device: string, gateway = 'gw-1') =>
  hear({
    kind: 'meta',
    topic: { ...of(gateway), class: 'access-gate', device, channel: 'meta' },
    meta: { class: 'access-gate', model: 'm', driver: { name: 'd', version: '1' }, place: {}, capabilities: [] },
  })

async function comes(gateway = 'gw-1'): Promise<void> {
  await says('online', gateway)
  await has(EMPTY, gateway)
  await gate(`${gateway}-door`, gateway)
  await pass(SETTLE_MS)
}

const card = (number: number, more: Partial<Credential> = {}): Credential => ({
  id: credentialId(KEY, 'card', `${number}`),
  kind: 'card',
  class: 'resident',
  gates: ['*'],
  antipassback: 'none',
  ...more,
})

/** Takes what is on its way and says so, as a gateway does. */
async function takes(gateway = 'gw-1'): Promise<void> {
  for (let one = next(gateway); one; one = next(gateway)) {
    const update = one.request.args as CredentialsUpdate
    await one.end('succeeded')
    if (update.type === 'delta' || update.part === update.parts) await has(at(update), gateway, bootOf(gateway))
  }
}
const stateOf = (gateway: string) => devices.get(of(gateway))?.state as { bootid: string; credentials: CredentialsHave }
const bootOf = (gateway: string) => stateOf(gateway).bootid
const next = (gateway: string) => open.find((one) => one.request.address.gateway === gateway)
const at = ({ epoch, version, digest }: CredentialsUpdate): CredentialsHave => ({
  key,
  epoch,
  version,
  digest,
  need: 'changes',
})

describe('the distribution of credentials', () => {
  it('brings a new gateway everything, then each change, and says when it is up to date', async () => {
    await source.change({ put: [card(1)] })
    await comes()
    expect(open[0]?.request).toMatchObject({
      address: of('gw-1'),
      name: 'credentials-part',
      ttl_ms: 60_000,
      actor: { kind: 'rule', id: 'credentials' },
    })
    await takes()
    await source.change({ put: [card(2)] })
    await turns()
    await takes()
    expect(sent).toEqual(['gw-1 credentials-part', 'gw-1 credentials-delta'])
    expect(served).toEqual(['gw-1 2', 'gw-1 3'])
    await pass(10 * RETRY_MS)
    expect(sent.length).toBe(2)
  })

  it('sends one at a time and in order', async () => {
    await source.change({ put: Array.from({ length: 900 }, (_, number) => card(number)) })
    await comes()
    const parts: number[] = []
    while (open.length > 0) {
      expect(open.length).toBe(1)
      const update = open[0]?.request.args as CredentialsUpdate & { type: 'snapshot' }
      parts.push(update.part)
      await open[0]?.end('succeeded')
      if (update.part === update.parts) await has(at(update))
    }
    expect(parts.length).toBeGreaterThan(1)
    expect(parts).toEqual(parts.map((_, index) => index + 1))
  })

  it('serves every gateway when something changes, one not waiting for another', async () => {
    await comes('gw-1')
    await takes('gw-1')
    await comes('gw-2')
    await takes('gw-2')
    sent = []
    await source.change({ put: [card(1)] })
    await turns()
    expect(sent.sort()).toEqual(['gw-1 credentials-delta', 'gw-2 credentials-delta'])
  })

  it('tells what changed while a gateway was being told', async () => {
    await comes()
    await source.change({ put: [card(1)] })
    await takes()
    expect(sent).toEqual(['gw-1 credentials-part', 'gw-1 credentials-delta'])
  })

  it('waits for the gateway to say what it has before it tells more', async () => {
    await comes()
    const update = open[0]?.request.args as CredentialsUpdate
    await open[0]?.end('succeeded')
    await source.change({ put: [card(1)] })
    await has(EMPTY)
    expect(sent.length).toBe(1)
    await has(at(update))
    expect(sent).toEqual(['gw-1 credentials-part', 'gw-1 credentials-delta'])
  })

  it('tells a gateway again after a minute when it took everything and never said so', async () => {
    await comes()
    await open[0]?.end('succeeded')
    await pass(RETRY_MS - 1)
    expect(sent.length).toBe(1)
    await pass(1)
    expect(sent.length).toBe(2)
  })

  it('tries again at the word of a gateway once, and then once a minute', async () => {
    await comes()
    await open[0]?.end('failed', 'CREDENTIALS_DIGEST')
    expect([faults, sent.length]).toEqual([['CREDENTIALS_DIGEST'], 1])
    await has({ ...EMPTY, code: 'CREDENTIALS_DIGEST' })
    expect(sent.length).toBe(2)
    await open[0]?.end('failed', 'RESULT_UNKNOWN')
    for (let times = 0; times < 20; times++) await has(EMPTY)
    expect(sent.length).toBe(2)
    await pass(RETRY_MS)
    expect(sent.length).toBe(3)
    await takes()
    expect(served.length).toBe(1)
  })

  it('sends a snapshot at once to a gateway that could not follow a change', async () => {
    await comes()
    await takes()
    const last = stateOf('gw-1').credentials
    await source.change({ put: [card(1)] })
    await turns()
    await open[0]?.end('refused', 'CREDENTIALS_GAP')
    await has({ ...last, need: 'snapshot', code: 'CREDENTIALS_GAP' })
    await takes()
    expect(sent).toEqual(['gw-1 credentials-part', 'gw-1 credentials-delta', 'gw-1 credentials-part'])
    expect(served.length).toBe(2)
  })

  it('sends nothing to a gateway that is only remembered, is away, has no gates or knows no credentials', async () => {
    devices.apply({
      kind: 'availability',
      topic: { ...of('gw-1'), channel: 'avail' },
      availability: { status: 'online' },
    })
    devices.apply({
      kind: 'state',
      topic: { ...of('gw-1'), channel: 'state' },
      state: { bootid: 'b1', credentials: EMPTY },
    })
    await gate('door-1')
    await source.change({ put: [card(1)] })
    await comes('gw-2')
    await says('offline', 'gw-2')
    sent = []
    await says('online', 'gw-3')
    await has(EMPTY, 'gw-3')
    await says('online', 'gw-4')
    await has(undefined, 'gw-4')
    await gate('door-4', 'gw-4')
    await source.change({ put: [card(2)] })
    await pass(2 * RETRY_MS)
    expect(sent).toEqual([])
    await gate('door-3', 'gw-3')
    expect(sent).toEqual(['gw-3 credentials-part'])
  })

  it.each([
    ['comes back', () => says('offline').then(() => says('online'))],
    ['starts anew', () => has(EMPTY, 'gw-1', 'b2')],
  ])('begins again when a gateway %s in the middle, and ignores what became of before', async (_, happens) => {
    await comes()
    const before = open[0]
    await happens()
    await before?.end('failed', 'RESULT_UNKNOWN')
    expect([sent.length, faults]).toEqual([1, []])
    await pass(SETTLE_MS)
    await takes()
    expect([sent.length, served.length]).toEqual([2, 1])
  })

  it('tells the rest of its gates when one is added while it is being told', async () => {
    await source.change({ put: Array.from({ length: 900 }, (_, number) => card(number)) })
    await source.change({ put: [card(1000, { gates: ['door-9'] })] })
    await comes()
    await gate('door-9')
    await takes()
    const left = await source.answer('other', ['gw-1-door', 'door-9'], stateOf('gw-1').credentials)
    expect([...left]).toHaveLength(0)
    expect(faults).toEqual([])
  })
})
