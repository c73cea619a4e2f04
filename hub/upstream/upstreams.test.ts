import { createServer, type Server, type Socket } from 'node:net'
import { Aedes } from 'aedes'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Result } from '../contract/command.ts'
import { encodeJson } from '../contract/encode.ts'
import { makeEvent } from '../contract/event.ts'
import { type Address, formatTopic } from '../contract/topic.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import type { Log } from '../journal/types.ts'
import { JOURNAL_LANES } from '../journal-lanes.ts'
import { createReplays } from './replay.ts'
import { singleUpstream, type UpstreamSettings } from './settings.ts'
import { openUpstreams, type Upstreams } from './upstreams.ts'

/** Upstreams over a real journal in memory and real brokers on loopback. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const BUTTON: Address = { ...SITE, gateway: 'gw-1', class: 'alarm-button', device: 'b1' }
const PARK: Address = { ...SITE, gateway: 'gw-2', class: 'park-sensor', device: 'p1' }
const WAIT = { timeout: 45_000, interval: 10 }
/** The bytes at which the hostile broker closes. */
const POISON = 'poison'

interface District {
  url: string
  topics: string[]
  close(): Promise<void>
}

const closers: Array<() => unknown> = []
let log: Log
let errors: object[]

beforeEach(async () => {
  errors = []
  log = await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES })
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function district(takesPoison = false): Promise<District> {
  const topics: string[] = []
  const aedes = await Aedes.createBroker({
    authorizePublish(client, packet, done) {
      if (!takesPoison && packet.payload.includes(POISON)) return done(new Error('not here'))
      if (client)
        topics.push(`${packet.topic} ${/"sequence":"(\d+)"/.exec(packet.payload.toString())?.[1] ?? ''}`.trim())
      done(null)
    },
  })
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    aedes.handle(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  async function close(): Promise<void> {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>((resolve) => server.close(() => resolve()))
    await new Promise<void>((resolve) => aedes.close(() => resolve()))
  }
  closers.push(close)
  return { url: `mqtt://127.0.0.1:${port}`, topics, close }
}

async function open(...settings: Array<Partial<UpstreamSettings> & { name: string; url: string }>): Promise<Upstreams> {
  const upstreams = await openUpstreams(
    {
      log,
      logger: { info() {}, warn() {}, error: (details) => void errors.push(details) },
      random: () => 0.1,
      now_ms: Date.now,
      submit: async () => undefined,
      hubState: () => ({ version: '0' }),
      onStatus() {},
      onChange() {},
    },
    { upstreams: settings.map((one) => ({ ...singleUpstream(one.url), ...one })), site: SITE, hub: 'hub-1' },
  )
  closers.push(() => upstreams.close())
  return upstreams
}

function append(lane: 'alarm' | 'telemetry', sequence: number, note = ''): Promise<unknown> {
  const address = lane === 'alarm' ? BUTTON : PARK
  const stamp = { wall_ms: Date.now(), monotonic_ms: sequence, quality: 'synced' } as const
  const type = lane === 'alarm' ? 'pressed' : 'telemetry'
  const event = makeEvent({ address, bootid: 'b1', sequence }, type, lane === 'alarm' ? 'alarm' : 'notice', stamp, {
    note,
  })
  const topic = formatTopic(lane === 'alarm' ? { ...address, channel: 'evt', type } : { ...address, channel: 'tele' })
  const stream = `${address.gateway}:b1:${lane}`
  return log.append({ lane, topic, payload: encodeJson(event), time_ms: Date.now(), stream, sequence })
}

const numbers = (topics: string[], part: string) =>
  topics.filter((topic) => topic.includes(part)).map((topic) => Number(topic.split(' ')[1]))

describe('several upstreams', () => {
  it('get what their filters let through, each at its own pace, while another is away', async () => {
    const all = await district()
    const alarms = await district()
    const filter = { include: [{ classes: ['alarm-button' as const], severities: ['alarm' as const] }] }
    const upstreams = await open(
      { name: 'all', url: all.url },
      { name: 'alarms', url: alarms.url, filter },
      { name: 'away', url: 'mqtt://127.0.0.1:9' },
    )
    upstreams.start()
    for (let n = 1; n <= 20; n++) await Promise.all([append('alarm', n), append('telemetry', n)])
    const expected = Array.from({ length: 20 }, (_, index) => index + 1)
    await vi.waitFor(() => {
      expect(numbers(all.topics, '/evt/')).toEqual(expected)
      expect(numbers(all.topics, '/tele')).toEqual(expected)
      expect(numbers(alarms.topics, '/evt/')).toEqual(expected)
    }, WAIT)
    expect(numbers(alarms.topics, '/tele')).toEqual([])
    await vi.waitFor(() => {
      const backlog = upstreams.reports().map(({ name, connected, backlog: { alarm, telemetry } }) => ({
        name,
        connected,
        alarm,
        telemetry,
      }))
      expect(backlog).toEqual([
        { name: 'all', connected: true, alarm: 0, telemetry: 0 },
        { name: 'alarms', connected: true, alarm: 0, telemetry: 0 },
        { name: 'away', connected: false, alarm: 20, telemetry: 20 },
      ])
    }, WAIT)
  })

  it('begin now or with the oldest, and one that is configured no more is named until it is forgotten', async () => {
    await append('alarm', 1)
    const there = await district()
    const first = await open(
      { name: 'new', url: there.url, start: 'now' },
      { name: 'old', url: there.url, start: 'oldest' },
    )
    expect(first.reports().map(({ backlog }) => backlog.alarm)).toEqual([0, 1])
    expect(() => first.forget('old')).toThrow(expect.objectContaining({ code: 'UPSTREAM_IN_USE' }))
    const second = await open({ name: 'new', url: there.url })
    expect(second.left()).toEqual([{ name: 'old', entries: 1 }])
    second.forget('old')
    expect(second.left()).toEqual([])
    expect(() => second.forget('old')).toThrow(expect.objectContaining({ code: 'UPSTREAM_UNKNOWN' }))
  })

  it('have an alarm before the telemetry of 72 hours that waits', async () => {
    // One park of 10 sensors, a reading a minute each.
    const readings = 72 * 60 * 10
    for (let n = 1; n <= readings; n += 1_000)
      await Promise.all(Array.from({ length: Math.min(1_000, readings - n + 1) }, (_, k) => append('telemetry', n + k)))
    const there = await district()
    const upstreams = await open({ name: 'city', url: there.url })
    upstreams.start()
    await vi.waitFor(() => expect(numbers(there.topics, '/tele').length).toBeGreaterThan(500), WAIT)
    const before = numbers(there.topics, '/tele').length
    await append('alarm', 1)
    await vi.waitFor(() => expect(numbers(there.topics, '/evt/')).toEqual([1]), WAIT)
    const alarm = there.topics.findIndex((topic) => topic.includes('/evt/'))
    const ahead = there.topics.slice(0, alarm).filter((topic) => topic.includes('/tele')).length - before
    // What was in flight already, and what went while the alarm was being written: never the backlog.
    expect(ahead).toBeLessThan(2_000)
    expect(before).toBeLessThan(readings - 2_000)
  }, 120_000)

  it('set aside what one of them cannot take, tell of it, and let the rest through in order', async () => {
    const hostile = await district()
    const other = await district(true)
    const upstreams = await open({ name: 'hostile', url: hostile.url, tries: 2 }, { name: 'other', url: other.url })
    upstreams.start()
    for (let n = 1; n <= 6; n++) await append('alarm', n, n === 3 ? POISON : '')
    await vi.waitFor(() => expect(upstreams.deadLetters.count('hostile')).toBe(1), WAIT)
    await append('alarm', 7)
    await vi.waitFor(() => {
      const seen = numbers(hostile.topics, '/evt/')
      expect([...new Set(seen)]).toEqual([1, 2, 4, 5, 6, 7])
      expect(upstreams.reports()[0]?.backlog.alarm).toBe(0)
    }, WAIT)
    await vi.waitFor(() => expect(numbers(other.topics, '/evt/')).toEqual([1, 2, 3, 4, 5, 6, 7]), WAIT)
    const [letter] = upstreams.deadLetters.list()
    expect(letter).toMatchObject({ id: 'hostile/alarm/3', upstream: 'hostile', tries: 2, position: 3 })
    expect(errors).toMatchObject([{ upstream: 'hostile', lane: 'alarm', position: 3, tries: 2 }])
    // It outlives the hub, and is off the list when somebody decides so.
    const again = await open({ name: 'hostile', url: hostile.url })
    expect(again.deadLetters.list()).toHaveLength(1)
    await again.deadLetters.remove('hostile/alarm/3')
    expect((await open({ name: 'hostile', url: hostile.url })).deadLetters.list()).toEqual([])
  }, 120_000)

  it('send a dead letter again, and keep it until it is acknowledged', async () => {
    const there = await district()
    const upstreams = await open({ name: 'city', url: there.url })
    await append('alarm', 1)
    const [entry] = await log.read('alarm', 0, 1)
    if (!entry) throw new Error('no entry')
    await upstreams.deadLetters.add('city', entry, { tries: 5, reason: 'test' })
    await expect(upstreams.resend('city/alarm/1')).rejects.toMatchObject({ code: 'UPSTREAM_LOST' })
    upstreams.start()
    await vi.waitFor(() => expect(upstreams.reports()[0]?.connected).toBe(true), WAIT)
    await upstreams.resend('city/alarm/1')
    expect(numbers(there.topics, '/evt/')).toEqual([1])
    expect(upstreams.deadLetters.list()).toEqual([])
    await expect(upstreams.resend('city/alarm/1')).rejects.toMatchObject({ code: 'DEAD_LETTER_UNKNOWN' })
  })

  it('send again what is asked for by sequence, marked as replayed, and refuse what is not a range', async () => {
    const there = await district()
    const upstreams = await open({ name: 'city', url: there.url })
    upstreams.start()
    for (let n = 1; n <= 6; n++) await append('alarm', n)
    await vi.waitFor(() => expect(upstreams.reports()[0]?.backlog.alarm).toBe(0), WAIT)
    const results: Result[] = []
    const desk = { answer: (_address: Address, result: Result) => void results.push(result) }
    const replays = createReplays({ log, desk, upstreams: () => upstreams, now_ms: Date.now, hub: 'hub-1' })
    const topic = {
      ...SITE,
      gateway: 'hub',
      class: 'hub',
      device: 'hub-1',
      channel: 'cmd',
      name: 'replay',
      id: 'r',
    } as const
    const at = new Date().toISOString()
    const ask = (args: object) => {
      const command = {
        id: 'r',
        name: 'replay',
        issuedat: at,
        expiresat: at,
        actor: { kind: 'platform', id: 'x' },
        args,
      }
      replays.onCommand({ kind: 'command', topic, command } as Parameters<typeof replays.onCommand>[0])
    }
    ask({ gateway: 'gw-1', bootid: 'b1', from: '000000000002', to: '000000000004' })
    await vi.waitFor(
      () => expect(results.map(({ status }) => status)).toEqual(['accepted', 'executing', 'succeeded']),
      WAIT,
    )
    expect(results.at(-1)?.data).toEqual({ sent: 3, found: 3, more: false })
    expect(numbers(there.topics, '/evt/')).toEqual([1, 2, 3, 4, 5, 6, 2, 3, 4])
    ask({ gateway: 'gw-1' })
    ask({ bootid: 'b1', upstream: 'nobody' })
    expect(results.slice(3).map(({ code }) => code)).toEqual(['REPLAY_RANGE', 'REPLAY_UPSTREAM'])
  })
})
