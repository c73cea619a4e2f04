import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeJson } from '../../hub/contract/decode.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { REPLAYED_AFTER_MS } from '../../hub/contract/replayed.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import { createPump } from '../../hub/journal/shipper/pump.ts'
import type { Log } from '../../hub/journal/types.ts'
import { type Moment, momentNow } from '../moment.ts'
import { silentLogger } from '../ports/logger.ts'
import { startVirtualTime, type VirtualTime } from '../testing/virtual-time.ts'
import { SENT_LANES, SPOOL_LANES } from './outbox.ts'
import { correctTime } from './time-correction.ts'
import { type Link, Uplink } from './uplink.ts'

/** A link whose broker is the test. */
class FakeLink implements Link {
  readonly published: Array<{ topic: string; value: Record<string, unknown>; retain: boolean }> = []
  filters: string[] = []
  refuseSubscription = false
  acknowledge = true
  up = false
  closed = false
  #onUp = () => {}
  #onDown = (_reason: string) => {}
  #waiting: Array<(error: Error) => void> = []

  start(): void {}
  async close(): Promise<void> {
    this.closed = true
  }
  publish(topic: string, payload: Uint8Array, { retain }: { qos: 0 | 1; retain: boolean }): Promise<void> {
    if (!this.up) return Promise.reject(new Error('not connected'))
    const decoded = decodeJson(payload)
    this.published.push({ topic, value: decoded.ok ? (decoded.value as Record<string, unknown>) : {}, retain })
    if (this.acknowledge) return Promise.resolve()
    return new Promise((_resolve, reject) => this.#waiting.push(reject))
  }
  async unsubscribe(filter: string): Promise<void> {
    this.filters = this.filters.filter((one) => one !== filter)
  }
  async subscribe(filter: string): Promise<void> {
    this.filters.push(filter)
    if (this.refuseSubscription) throw new Error('refused')
  }
  onMessage(): void {}
  onUp(listener: () => void): void {
    this.#onUp = listener
  }
  onDown(listener: (reason: string) => void): void {
    this.#onDown = listener
  }

  connect(): void {
    this.up = true
    this.#onUp()
  }
  drop(): void {
    this.up = false
    for (const reject of this.#waiting.splice(0)) reject(new Error('lost'))
    this.#onDown('lost')
  }
}

const AVAIL = 'linli/v1/s/c/e/gw-1/gateway/gw-1/avail'
const FILTER = 'linli/v1/s/c/e/gw-1/+/+/cmd/+/+'
const PLATES = 'linli/v1/s/c/e/gw-1/camera/+/plate'

describe('the uplink', () => {
  let time: VirtualTime
  let log: Log
  let link: FakeLink
  let uplink: Uplink
  let synced: Moment | undefined

  beforeEach(async () => {
    synced = undefined
    time = startVirtualTime(install)
    log = await openMemoryLog(createMemoryDisk(), { lanes: SPOOL_LANES })
    link = new FakeLink()
    uplink = new Uplink(
      {
        log,
        link,
        createPump: (send, onError) =>
          createPump({
            log,
            cursorName: 'uplink',
            lanes: [...SENT_LANES],
            window: 10,
            send: ({ entry }, answered) => void send(entry).then(() => answered(), answered),
            onError,
          }),
        logger: silentLogger,
        onConnected: () => {},
        onMessage: () => {},
        correctTime: (payload) =>
          synced && correctTime(payload, { bootid: 'boot', startedAt: { wall_ms: 0, monotonic_ms: 0 }, synced }),
      },
      { availabilityTopic: AVAIL, commands: FILTER, plates: PLATES },
    )
    uplink.start()
  })
  afterEach(async () => {
    const closing = uplink.close().then(() => log.close())
    await time.pass(3000, 10)
    await closing
    time.end()
  })

  async function append(lane: string, name: string): Promise<void> {
    const value = lane === 'state' ? { name } : { specversion: '1.0', name }
    const key = lane === 'state' ? { key: name } : {}
    void log.append({ lane, topic: `t/${name}`, payload: encodeJson(value), time_ms: Date.now(), ...key })
    await time.pass(10)
  }
  const said = () => link.published.filter(({ topic }) => topic !== AVAIL)

  it('says that the gateway is there before anything else, and listens for commands', async () => {
    await append('alarm', 'a1')
    link.connect()
    await time.pass(50)
    expect(link.published[0]).toMatchObject({ topic: AVAIL, value: { status: 'online' }, retain: true })
    expect(link.published[1]).toMatchObject({ topic: 't/a1' })
    expect(link.filters).toEqual([FILTER])
    uplink.setCameras(true)
    expect(link.filters).toContain(PLATES)
    uplink.setCameras(false)
    expect(link.filters).not.toContain(PLATES)
  })

  it('dates what an unset clock had dated before it goes out, and only the true age makes it a replay', async () => {
    const append = (at_ms: number) =>
      log.append({
        lane: 'alarm',
        topic: `t/${at_ms}`,
        payload: encodeJson({
          specversion: '1.0',
          bootid: 'boot',
          monotonicms: String(Math.floor(at_ms)),
          time: new Date(Date.now()).toISOString(),
          timequality: 'unsynced',
        }),
        time_ms: Date.now(),
      })
    const first_ms = performance.now()
    void append(first_ms)
    await time.pass(5000, 10)
    const second_ms = performance.now()
    void append(second_ms)
    await time.pass(10)
    const true_ms = Date.parse('2031-01-01T00:00:00Z')
    synced = { wall_ms: true_ms, monotonic_ms: performance.now() }
    link.connect()
    await time.pass(50)
    const { monotonic_ms } = synced
    const at = (happened_ms: number) =>
      new Date(Math.round(true_ms - monotonic_ms + Math.floor(happened_ms))).toISOString()
    // The clock of this process is still the old one, years behind: both look as if they came from the future.
    expect(said().map(({ value }) => ['clocktime' in value, value.time, value.replayed])).toEqual([
      [true, at(first_ms), undefined],
      [true, at(second_ms), undefined],
    ])
    uplink.clockSet(synced)
    await time.pass(50)
    expect(link.published.at(-1)).toMatchObject({ topic: AVAIL, value: { status: 'online' } })
    const since_ms = Date.parse(String(link.published.at(-1)?.value.since))
    expect(Math.abs(since_ms - true_ms - (momentNow().monotonic_ms - monotonic_ms))).toBeLessThanOrEqual(150)
  })

  it('marks events that waited two seconds for the connection, and only those', async () => {
    await append('alarm', 'before')
    await append('telemetry', 'reading')
    await append('state', 'condition')
    await time.pass(2000)
    await append('alarm', 'just-now')
    link.connect()
    await time.pass(50)
    await append('alarm', 'after')
    await time.pass(50)
    expect(said().map(({ value, retain }) => [value.name, value.replayed, retain])).toEqual([
      ['before', true, false],
      ['just-now', undefined, false],
      ['condition', undefined, true],
      ['reading', true, false],
      ['after', undefined, false],
    ])
  })

  it('sends what was not acknowledged again after a reconnect, as replayed', async () => {
    link.connect()
    await time.pass(50)
    link.acknowledge = false
    await append('alarm', 'a1')
    await append('alarm', 'a2')
    link.drop()
    await time.pass(REPLAYED_AFTER_MS)
    link.acknowledge = true
    link.connect()
    await time.pass(2000)
    expect(said().map(({ value }) => [value.name, value.replayed])).toEqual([
      ['a1', undefined],
      ['a2', undefined],
      ['a1', true],
      ['a2', true],
    ])
    await append('alarm', 'a3')
    await time.pass(50)
    expect(said().at(-1)?.value).toEqual({ specversion: '1.0', name: 'a3' })
  })

  it('asks again when the hub refuses the subscription', async () => {
    link.refuseSubscription = true
    link.connect()
    await time.pass(4900, 10)
    expect(link.filters).toHaveLength(1)
    link.refuseSubscription = false
    await time.pass(20_000, 10)
    expect(link.filters).toHaveLength(2)
  })

  it('tells its own condition now and at every connection', async () => {
    link.connect()
    await time.pass(50)
    uplink.setAvailability({ status: 'fault', reason: 'spool-full' })
    link.drop()
    link.connect()
    await time.pass(50)
    expect(link.published.map(({ value }) => value.status)).toEqual(['online', 'fault', 'fault'])
  })

  it('says goodbye when it is closed, and does not wait for ever for an answer', async () => {
    link.connect()
    await time.pass(50)
    link.acknowledge = false
    const closing = uplink.close()
    await time.pass(2500, 10)
    await closing
    expect(link.published.at(-1)).toMatchObject({
      topic: AVAIL,
      value: { status: 'offline', reason: 'gateway-stopped' },
    })
    expect(link.closed).toBe(true)
  })
})
