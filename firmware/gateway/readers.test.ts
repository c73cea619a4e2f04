import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GateMode } from '../../hub/contract/access-gate.ts'
import type { ReaderState } from '../../hub/contract/gateway.ts'
import {
  afterPowerCut,
  crashingFolder,
  createDisk,
  type Disk,
  PowerCut,
} from '../../hub/journal/test-support/crashing-folder.ts'
import type { Presented } from '../credentials/desk.ts'
import type { AccessGateDriver } from '../drivers/access-gate/access.ts'
import { H10301 } from '../drivers/access-gate/card-format.ts'
import type { Outcome } from '../drivers/driver.ts'
import type { Logger } from '../ports/logger.ts'
import { createLineInMemory, createReaderInMemory, type ReaderInMemory } from '../protocols/osdp/reader-in-memory.ts'
import type { ReaderConfig } from './access-config.ts'
import { createAdmission } from './admission.ts'
import { openReaderRecords } from './reader-records.ts'
import { createReaders, type Readers } from './readers.ts'

/** Readers of a gateway against independent readers in memory, on virtual time, with a disk whose power can be cut. */

const SITE_KEY = Array.from({ length: 16 }, (_, at) => 0xa0 + at)
const CARD_17_5123 = { code: 0x50, data: [0, 0, 26, 0, 0x88, 0x8a, 0x01, 0x80] }
const keys = (text: string) => ({ code: 0x53, data: [0, text.length, ...Buffer.from(text.replace('#', '\r'))] })

let clock: Clock
let disk: Disk
let device: ReaderInMemory
let log: string[]
let gateway: Gateway

interface Gateway {
  readers: Readers
  states: ReaderState[][]
  gate: unknown[][]
  asked: unknown[][]
  shown: string[]
  state(): ReaderState | undefined
}

beforeEach(() => {
  clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
  disk = createDisk()
  device = createReaderInMemory(1)
  log = []
})
afterEach(async () => {
  await gateway.readers.close()
  clock.uninstall()
})

let mode: GateMode = 'card'
let random = 0

async function start(
  options: Partial<{
    fileKey: number[]
    security: 'plain'
    before: (step: string) => void
    random: () => number
    presented: Partial<Presented>
  }> = {},
): Promise<Gateway> {
  const states: ReaderState[][] = []
  const gate: unknown[][] = []
  const asked: unknown[][] = []
  const keep = (fields: object, message: string) => void log.push(JSON.stringify(fields) + message)
  const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep }
  const door: AccessGateDriver = {
    address: { street: 's', community: 'c', estate: 'e', gateway: 'g', class: 'access-gate', device: 'd1' },
    meta: { class: 'access-gate', model: '', driver: { name: '', version: '' }, place: {}, capabilities: [] },
    start: () => undefined,
    execute: () => undefined,
    close: () => undefined,
    mode: () => mode,
    tamper: (part, reason) => void gate.push([part, reason]),
    access: (decision) => void gate.push(['access', decision.reason]),
  }
  const presented: Presented = {
    access: { granted: true, direction: 'in', by: 'card' },
    passback: false,
    keepFirst: false,
    again: false,
    kept: Promise.resolve(true),
    ...options.presented,
  }
  const nothing = () => undefined
  const admission = createAdmission({
    desk: { takeBack: nothing, settle: nothing, settleAll: nothing, forgive: async () => true },
    say: nothing,
    log: logger,
  })
  const answer = (...args: unknown[]) => {
    asked.push(args)
    return presented
  }
  const reader: ReaderConfig = { id: 'r1', address: 1, gate: 'd1', direction: 'in', ...security(options.security) }
  const folder = crashingFolder(disk, options.before ? { before: options.before } : {})
  const readers = createReaders(
    {
      openPort: () => createLineInMemory([device], 38_400),
      random: () => 0.5,
      randomBytes: (count) => Uint8Array.from({ length: count }, () => (7 * ++random) & 0xff),
      log: logger,
      gates: new Map([['d1', door]]),
      desk: { card: (reference, pin) => answer('card', reference, pin), pin: (digits) => answer('pin', digits) },
      admission,
      cardFormats: [H10301],
      records: await openReaderRecords(folder, ['r1'], ({ code }) => log.push(code)),
      timeQuality: () => 'synced',
      onState: (all) => states.push(all),
    },
    [
      {
        id: 'bus',
        port: '/dev/memory',
        readers: [reader],
        keys: new Map(options.fileKey ? [['r1', Uint8Array.from(options.fileKey)]] : []),
      },
    ],
  )
  readers.start()
  await clock.tickAsync(1000)
  gateway = { readers, states, gate, asked, shown: [], state: () => states.at(-1)?.[0] }
  return gateway
}
const security = (one: 'plain' | undefined) => (one ? { security: one } : {})

async function restart(options: Parameters<typeof start>[0] = {}): Promise<Gateway> {
  await gateway.readers.close()
  disk = afterPowerCut(disk, options.random ?? (() => 0.999))
  device.loseMemory()
  return start(options)
}

async function install(for_ms = 3000): Promise<Outcome | undefined> {
  let outcome: Outcome | undefined
  void gateway.readers.install('r1').then((one) => {
    outcome = one
  })
  await clock.tickAsync(for_ms)
  return outcome
}
const recordOnDisk = () => JSON.parse(String(disk.names.get('r1.json')?.content)) as Record<string, unknown>
const failure = (code: string) => expect.objectContaining({ status: 'failed', code })

describe('a reader without a key', () => {
  it('is not installed: that is told, and neither a card nor the default key is taken', async () => {
    await start()
    device.pending.push(CARD_17_5123)
    await clock.tickAsync(20_000)
    expect(gateway.state()).toMatchObject({ id: 'r1', gate: 'd1', status: 'not-installed', reason: 'not-installed' })
    expect(gateway.gate).toEqual([
      ['reader-r1', undefined],
      ['reader-r1', 'reader-not-installed'],
    ])
    expect(gateway.asked).toEqual([])
    expect(new Set(device.heard.map(({ code }) => code))).toEqual(new Set([0x61]))
  })

  it('is not told as gone for one reply that was lost', async () => {
    await start()
    device.faults.push(() => undefined)
    await clock.tickAsync(20_000)
    expect(gateway.states.map(([one]) => one?.status)).toEqual(['offline', 'not-installed'])
    device.powered = false
    await clock.tickAsync(20_000)
    expect(gateway.state()).toMatchObject({ status: 'offline', reason: 'no-reply' })
  })

  it('is installed with a key of its own, proves it, and then reads cards, also after a restart', async () => {
    await start()
    expect(await install()).toEqual({ status: 'succeeded' })
    const statuses = gateway.states.map(([one]) => one?.status)
    expect([...new Set(statuses)]).toEqual(['offline', 'not-installed', 'installing', 'secure'])
    expect(gateway.gate.at(-2)).toEqual(['reader-r1', undefined])
    expect(recordOnDisk()).toEqual({
      key: Buffer.from(device.key ?? []).toString('hex'),
      unit: { vendor: 0x0c0b0a, model: 1, serial: 1001 },
    })
    await restart()
    expect(gateway.state()).toMatchObject({ status: 'secure', unit: '0a0b0c-1-1001' })
    device.pending.push(CARD_17_5123)
    await clock.tickAsync(500)
    expect(gateway.asked).toEqual([['card', 'h10301:17:5123', undefined]])
  })

  it('says nothing of its key in the log', async () => {
    await start()
    await install()
    await install()
    const hex = Buffer.from(device.key ?? []).toString('hex')
    expect(hex).toHaveLength(32)
    expect(log.join()).not.toContain(hex)
    expect(JSON.stringify(gateway.states)).not.toContain(hex)
  })
})

describe('installing', () => {
  it('replaces the key inside the channel, and the key file is not believed any more', async () => {
    device.key = [...SITE_KEY]
    await start({ fileKey: SITE_KEY })
    expect(gateway.state()).toMatchObject({ status: 'secure' })
    const heard = device.heard.length
    expect(await install()).toEqual({ status: 'succeeded' })
    expect(device.key).not.toEqual(SITE_KEY)
    expect(device.heard.slice(heard).filter(({ code }) => code === 0x75)).toHaveLength(1)
    device.key = [...SITE_KEY]
    await restart({ fileKey: SITE_KEY })
    expect(gateway.state()).toMatchObject({ status: 'offline', reason: 'key-refused' })
    expect(gateway.gate).toContainEqual(['reader-r1', 'wrong-key'])
  })

  it('ends when the reader does not answer, and can be repeated', async () => {
    await start()
    device.powered = false
    await clock.tickAsync(9000)
    expect(await install(41_000)).toEqual(failure('READER_OFFLINE'))
    expect(gateway.state()).toMatchObject({ status: 'offline', reason: 'no-reply' })
    device.powered = true
    device.loseMemory()
    expect(await install()).toEqual({ status: 'succeeded' })
  })

  it('says so when the reader has a key of somebody else', async () => {
    device.key = [...SITE_KEY]
    await start()
    expect(await install(5000)).toEqual(failure('READER_KEY_REFUSED'))
    expect(gateway.state()).toMatchObject({ status: 'not-installed', reason: 'key-refused' })
  })

  it('says so when the reader keeps its old key, and goes on with that', async () => {
    device.key = [...SITE_KEY]
    await start({ fileKey: SITE_KEY })
    Object.defineProperty(device, 'key', { get: () => SITE_KEY, set: () => undefined })
    expect(await install(5000)).toEqual(failure('READER_KEY_NOT_TAKEN'))
    expect(gateway.state()).toMatchObject({ status: 'secure' })
    expect(recordOnDisk()).not.toHaveProperty('pending')
  })

  it('gives no key that is not on disk', async () => {
    await start({
      before() {
        throw new Error('no space left')
      },
    })
    expect(await install()).toEqual(failure('READER_RECORD_IO'))
    expect(device.key).toBeUndefined()
    expect(log).toContainEqual(expect.stringContaining('no space left'))
  })

  it('is refused for a reader that is not there, or that is being installed', async () => {
    await start()
    expect(await gateway.readers.install('r9')).toMatchObject({ status: 'refused', code: 'READER_UNKNOWN' })
    void gateway.readers.install('r1')
    expect(await gateway.readers.install('r1')).toMatchObject({ status: 'refused', code: 'READER_BUSY' })
  })

  it('that was cut off goes on with the same key: the reader may have it', async () => {
    await start()
    void gateway.readers.install('r1')
    while (!device.key) await clock.tickAsync(5)
    device.powered = false
    await restart()
    expect(await install(41_000)).toEqual(failure('READER_OFFLINE'))
    device.powered = true
    device.loseMemory()
    await clock.tickAsync(12_000)
    expect(gateway.state()).toMatchObject({ status: 'secure' })
    expect(recordOnDisk()).toMatchObject({ key: Buffer.from(device.key).toString('hex') })
  })

  it('leaves a key that works or can be given again, whenever the power is cut', async () => {
    let cutWhileGiving = 0
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.nat(700),
        fc.option(fc.nat(9), { nil: undefined }),
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 4, maxLength: 4 }),
        async (isInstalled, cut_ms, cutStep, chances) => {
          disk = createDisk()
          device = createReaderInMemory(1, isInstalled ? [...SITE_KEY] : undefined)
          const fileKey = isInstalled ? { fileKey: SITE_KEY } : {}
          let step = 0
          let isInstalling = false
          await start({
            ...fileKey,
            before() {
              if (isInstalling && step++ === cutStep) isInstalling = false
              else if (!isInstalling && step > 0) throw new PowerCut()
            },
          })
          isInstalling = true
          await install(cut_ms)
          let chance = 0
          const keyThen = device.key?.join()
          await restart({ ...fileKey, random: () => chances[chance++ % chances.length] ?? 0 })
          await clock.tickAsync(3000)
          if (keyThen !== (isInstalled ? SITE_KEY.join() : undefined)) cutWhileGiving++
          // Who had a working reader has one still; a new one has its key, or is as it came from the factory.
          const status = gateway.state()?.status
          if (isInstalled || status !== 'not-installed') expect(status).toBe('secure')
          else expect(device.key).toBeUndefined()
          expect(await install(3000)).toEqual({ status: 'succeeded' })
          expect(recordOnDisk().key).toBe(Buffer.from(device.key ?? []).toString('hex'))
          await gateway.readers.close()
        },
      ),
      { numRuns: 60 },
    )
    expect(cutWhileGiving).toBeGreaterThan(5)
  })
})

describe('another unit in the place of a reader', () => {
  it.each([undefined, 'plain' as const])(
    'is told as tamper, also after a restart, until it is installed (%s)',
    async (plain) => {
      await start(security(plain))
      if (!plain) await install()
      const known = device.key
      await clock.tickAsync(100)
      device = createReaderInMemory(1, known)
      device.serial = 77
      await restart(security(plain))
      expect(gateway.gate).toContainEqual(['reader-r1', 'reader-swapped'])
      expect(gateway.state()).toMatchObject({ reason: 'reader-swapped' })
      await restart(security(plain))
      expect(gateway.gate).toContainEqual(['reader-r1', 'reader-swapped'])
      expect(await install()).toEqual({ status: 'succeeded' })
      expect(gateway.gate.filter(([part]) => part === 'reader-r1').at(-1)).toEqual(['reader-r1', undefined])
      await restart(security(plain))
      expect(gateway.gate).not.toContainEqual(['reader-r1', 'reader-swapped'])
    },
  )

  it('from the factory is not believed under the key of the one before, and is installed over the default key', async () => {
    await start()
    await install()
    device = createReaderInMemory(1)
    device.serial = 77
    await restart()
    expect(gateway.gate).toContainEqual(['reader-r1', 'wrong-key'])
    expect(await install()).toEqual({ status: 'succeeded' })
    expect(gateway.state()).toMatchObject({ status: 'secure', unit: '0a0b0c-1-77' })
  })
})

describe('what is held there or typed', () => {
  beforeEach(async () => {
    mode = 'card'
    device.key = [...SITE_KEY]
    await start({ fileKey: SITE_KEY })
    gateway.gate.length = 0
  })

  it('is a card, a PIN alone, or a card and its PIN', async () => {
    device.pending.push(CARD_17_5123, keys('25'), keys('80#'))
    await clock.tickAsync(1000)
    mode = 'card-and-pin'
    device.pending.push(CARD_17_5123, keys('4712#'))
    await clock.tickAsync(1000)
    expect(gateway.asked).toEqual([
      ['card', 'h10301:17:5123', undefined],
      ['pin', '2580'],
      ['card', 'h10301:17:5123', '4712'],
    ])
  })

  it('is answered by a lamp within 200 ms, also while the disk takes its time', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    await restart({ fileKey: SITE_KEY, presented: { keepFirst: true, kept: promise } })
    const from_ms = performance.now()
    device.pending.push(CARD_17_5123)
    await clock.tickAsync(1000)
    const lamps = () => device.heard.filter(({ code, at_ms }) => code === 0x69 && at_ms > from_ms)
    /** Colour of the temporary rhythm: 3 amber, 2 green (SIA OSDP v2, Annex A). */
    expect(lamps().map(({ data }) => data[5])).toEqual([3])
    // The card is fetched by the next poll, at most 50 ms later.
    expect((lamps()[0]?.at_ms ?? Number.POSITIVE_INFINITY) - from_ms).toBeLessThan(250)
    resolve(true)
    await clock.tickAsync(100)
    expect(lamps().map(({ data }) => data[5])).toEqual([3, 2])
    expect(gateway.gate).toContainEqual(['access', undefined])
  })

  it('shows what came of it, and refuses what is no card', async () => {
    device.pending.push(CARD_17_5123)
    await clock.tickAsync(200)
    expect(device.heard.slice(-6).map(({ code }) => code)).toEqual(expect.arrayContaining([0x69, 0x6a]))
    device.pending.push({ code: 0x50, data: [0, 0, 26, 0, 0, 0, 0, 0] })
    await clock.tickAsync(200)
    expect(gateway.gate).toContainEqual(['access', 'unreadable'])
  })
})
