import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AuditRecord } from '../../hub/audit/chain.ts'
import { type Command, isFinal, type Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { formatTopic } from '../../hub/contract/topic.ts'
import type { ListedUpstream, UpstreamAnswer } from '../../hub/upstream/counter.ts'
import { SITE, SITE_TEXT, WAIT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'
import { type Program, startProgram } from '../support/program.ts'
import { connectTo, FOREIGN, pressedEvent, publish } from '../support/publisher.ts'

/** One hub and two platforms, each a process: what each gets, may ask for and cannot take, and `linli upstream` beside them. */

/** One of the brokers; its port and its record outlive it. */
interface Platform {
  program: Program
  port: number
  record: string
}
const OTHER = { ...FOREIGN, gateway: 'other' }
const HUB = { ...SITE, gateway: 'hub', class: 'hub', device: 'hub-1' } as const
/** A bootid that both platforms forbid. */
const POISON = 'poison1'
/** The press itself, and not the incident that it raises. */
const REFUSED = `"bootid":"${POISON}"`

const dir = mkdtempSync(join(tmpdir(), 'linli-two-'))
const data = join(dir, 'hub')
const city: Platform = { program: undefined as unknown as Program, port: 0, record: join(dir, 'city.ndjson') }
const fire: Platform = { program: undefined as unknown as Program, port: 0, record: join(dir, 'fire.ndjson') }
let hub: Program
let gateway: MqttClient
const began = new Date().toISOString()

beforeAll(async () => {
  mkdirSync(data)
  await Promise.all([up(city, ['--refuse', REFUSED]), up(fire, ['--refuse', REFUSED])])
  await startHub()
})
afterAll(async () => {
  gateway?.end(true)
  await Promise.all([hub, city.program, fire.program].map((program) => program?.kill()))
  rmSync(dir, { recursive: true, force: true })
})

async function up(platform: Platform, extra: string[] = []): Promise<void> {
  const args = ['--port', String(platform.port), '--record', platform.record, ...extra]
  platform.program = await startProgram('hub/broker/stand-in/main.ts', args)
  platform.port = Number(platform.program.ready.port)
}

/** `city` gets all but telemetry and may ask for what it missed; `fire` gets the presses of one gateway and only listens. */
function writeUpstreams(...names: Array<'city' | 'fire'>): void {
  const all = {
    city: {
      url: `mqtt://127.0.0.1:${city.port}`,
      filter: { exclude: [{ channels: ['tele'] }] },
      commands: 'replay',
      tries: 2,
    },
    fire: {
      url: `mqtt://127.0.0.1:${fire.port}`,
      filter: { include: [{ classes: ['alarm-button'], events: ['pressed'], gateways: ['foreign'] }] },
      tries: 2,
    },
  }
  const upstreams = names.map((name) => ({ name, ...all[name] }))
  writeFileSync(join(data, 'upstreams.json'), JSON.stringify({ upstreams }))
}

async function startHub(...names: Array<'city' | 'fire'>): Promise<void> {
  writeUpstreams(...(names.length === 0 ? (['city', 'fire'] as const) : names))
  const args = ['--dev', '--no-flows', '--data', data, '--site', SITE_TEXT, '--log-level', 'warn']
  hub = await startProgram('hub/main.ts', [...args, '--mqtt-port', '0', '--http-port', '0'])
  gateway = await connectTo(Number(hub.ready.mqttPort), 'foreign')
}

async function send(from: number, to: number, bootid = 'boot1', address = FOREIGN): Promise<void> {
  for (let n = from; n <= to; n++) {
    const { topic, payload } = pressedEvent(n, bootid, address)
    await publish(gateway, topic, payload)
  }
}

interface Line {
  topic: string
  payload: string
}
const linesOf = ({ record }: Platform): Line[] =>
  readFileSync(record, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)
/** What came on a topic ending, in the words of the contract. */
function came(platform: Platform, part: string): Array<Record<string, unknown>> {
  return linesOf(platform)
    .filter(({ topic, payload }) => topic.includes(part) && payload !== '')
    .map(({ payload }) => JSON.parse(payload) as Record<string, unknown>)
}
const pressesOf = (platform: Platform, bootid = 'boot1') =>
  came(platform, '/foreign/alarm-button/x1/evt/pressed').filter((event) => event.bootid === bootid)
/** First sights, in their order: an outage may send twice. */
const numbers = (platform: Platform, bootid?: string) => [
  ...new Set(pressesOf(platform, bootid).map(({ sequence }) => Number(sequence))),
]
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

async function upstream<T extends UpstreamAnswer['type']>(...args: string[]): Promise<UpstreamAnswer & { type: T }> {
  return JSON.parse(await linli('upstream', [...args, '--data', data, '--json'])) as UpstreamAnswer & { type: T }
}
/** Of /healthz, which says the same as `linli upstream list` and is no process. */
async function reportOf(name: string): Promise<ListedUpstream | undefined> {
  const health = await (await fetch(`http://127.0.0.1:${hub.ready.httpPort}/healthz`)).json()
  return (health as { upstreams: ListedUpstream[] }).upstreams.find((one) => one.name === name)
}

const refused = (...args: string[]) => expect(upstream(...args)).rejects

/** Gives a command at a platform's broker. */
async function give(at: Platform, id: string, to: string, args: object): Promise<void> {
  const name = to.split('/').at(-1) ?? ''
  const now_ms = Date.now()
  const command: Command = {
    id,
    name,
    issuedat: new Date(now_ms).toISOString(),
    expiresat: new Date(now_ms + 60_000).toISOString(),
    actor: { kind: 'platform', id: 'desk' },
    args,
  }
  const client = await connectTo(at.port, `desk-${id}`)
  await publish(client, `${to}/${id}`, Buffer.from(encodeJson(command)))
  await client.endAsync()
}
const REPLAY = formatTopic({ ...HUB, channel: 'cmd', name: 'replay', id: 'x' }).slice(0, -2)
const SIREN = formatTopic({ ...FOREIGN, channel: 'cmd', name: 'siren', id: 'x' }).slice(0, -2)
async function final(id: string): Promise<Result> {
  const finals = () => (came(city, `/res/${id}`) as unknown as Result[]).filter(({ status }) => isFinal(status))
  await vi.waitFor(() => expect(finals()).toHaveLength(1), WAIT)
  return finals()[0] as Result
}

describe('two upstreams', () => {
  it('get what their filters let through, complete and in order, though one of them is away for a while', async () => {
    await send(1, 10)
    await vi.waitFor(() => expect([numbers(city), numbers(fire)]).toEqual([upTo(10), upTo(10)]), WAIT)
    await fire.program.kill()
    await send(11, 40)
    await send(1, 1, 'boot1', OTHER)
    await vi.waitFor(() => expect(numbers(city)).toEqual(upTo(40)), WAIT)
    await vi.waitFor(() => expect(came(city, '/other/')).toHaveLength(1), WAIT)
    expect(numbers(fire)).toEqual(upTo(10))
    expect(await reportOf('fire')).toMatchObject({ connected: false, reason: expect.any(String) })
    expect((await reportOf('fire'))?.backlog.alarm).toBeGreaterThanOrEqual(30)
    const { upstreams } = await upstream<'upstreams'>('list')
    expect(upstreams.map(({ name, connected }) => [name, connected])).toEqual([
      ['city', true],
      ['fire', false],
    ])
    expect(await reportOf('city')).toMatchObject({ connected: true, backlog: { alarm: 0 } })
    await up(fire, ['--refuse', REFUSED])
    await vi.waitFor(() => expect(numbers(fire)).toEqual(upTo(40)), WAIT)
    expect(came(fire, '/other/')).toEqual([])
    // What nobody was away for came once.
    expect(pressesOf(city)).toHaveLength(40)
    await vi.waitFor(async () => expect((await reportOf('fire'))?.backlog).toMatchObject({ alarm: 0 }), WAIT)
  })

  it('one that may ask gets a range of numbers and one of time again, with their ids and marked as replayed', async () => {
    const before = pressesOf(city)
    expect(before.filter(({ replayed }) => replayed === true)).toEqual([])
    await give(city, 'r-1', REPLAY, { gateway: 'foreign', bootid: 'boot1', from: '000000000005', to: '000000000009' })
    expect(await final('r-1')).toMatchObject({ status: 'succeeded', data: { sent: 5, found: 5, more: false } })
    const again = () => pressesOf(city).slice(before.length)
    expect(again().map(({ id, replayed }) => ({ id, replayed }))).toEqual(
      before.slice(4, 9).map(({ id }) => ({ id, replayed: true })),
    )
    await give(city, 'r-2', REPLAY, { gateway: 'foreign', since: began, until: new Date().toISOString() })
    expect(await final('r-2')).toMatchObject({ status: 'succeeded', data: { sent: 40, found: 40, more: false } })
    expect(again().slice(5)).toEqual(before.map((event) => ({ ...event, replayed: true })))
    await give(city, 'r-3', REPLAY, { bootid: 'boot1', since: began })
    expect(await final('r-3')).toMatchObject({ status: 'refused', code: 'REPLAY_RANGE' })
    await give(city, 'r-4', REPLAY, { bootid: 'boot1', upstream: 'fire' })
    expect(await final('r-4')).toMatchObject({ status: 'refused', code: 'REPLAY_UPSTREAM' })
    expect(numbers(fire)).toEqual(upTo(40))
  })

  it('may command no more than they were given', async () => {
    await give(city, 'siren-1', SIREN, { on: true })
    await give(fire, 'none-1', REPLAY, { bootid: 'boot1' })
    // Behind those two, at either broker.
    await give(city, 'r-5', REPLAY, { gateway: 'foreign', bootid: 'boot1', to: '000000000001' })
    expect(await final('r-5')).toMatchObject({ status: 'succeeded', data: { sent: 1 } })
    await send(41, 41)
    await vi.waitFor(() => expect(numbers(fire)).toEqual(upTo(41)), WAIT)
    const lines = (await linli('audit', ['show', '--data', data, '--kind', 'command', '--json'])).trim().split('\n')
    const asked = lines.map((line) => ((JSON.parse(line) as AuditRecord).detail as { id: string }).id)
    expect([...new Set(asked)]).toEqual(['r-1', 'r-2', 'r-3', 'r-4', 'r-5'])
    expect([...came(city, '/res/siren-1'), ...came(city, '/res/none-1'), ...came(fire, '/res/')]).toEqual([])
  })
})

describe('linli upstream, at the running hub', () => {
  it('lists, shows, sends again and drops what a platform could not take, which held up nothing else', async () => {
    await send(1, 1, POISON)
    await send(42, 45)
    const letters = async () => (await upstream<'dead-letters'>('dead-letters', 'list')).letters
    for (const platform of [city, fire]) await vi.waitFor(() => expect(numbers(platform)).toEqual(upTo(45)), WAIT)
    for (const name of ['city', 'fire'])
      await vi.waitFor(async () => expect((await reportOf(name))?.deadLetters).toBe(1), WAIT)
    const first = (await letters()).find((one) => one.upstream === 'fire')
    expect(first).toMatchObject({ lane: 'alarm', tries: 2 })
    const [second, ...more] = (await upstream<'dead-letters'>('dead-letters', 'list', '--upstream', 'city')).letters
    expect([second?.upstream, more]).toEqual(['city', []])
    const { payload } = await upstream<'dead-letter'>('dead-letters', 'show', first?.id ?? '')
    expect(JSON.parse(payload)).toMatchObject({ bootid: POISON, sequence: '000000000001' })
    await refused('dead-letters', 'show', 'fire/alarm/999999').toThrow(/ended with 2: .*no dead letter/)
    await upstream('dead-letters', 'drop', second?.id ?? '')
    await refused('dead-letters', 'drop', second?.id ?? '').toThrow(/ended with 2: .*no dead letter/)
    await fire.program.kill()
    await vi.waitFor(async () => expect((await reportOf('fire'))?.connected).toBe(false), WAIT)
    await refused('dead-letters', 'resend', first?.id ?? '').toThrow(/not connected/)
    await up(fire)
    await vi.waitFor(async () => expect((await reportOf('fire'))?.connected).toBe(true), WAIT)
    await upstream('dead-letters', 'resend', first?.id ?? '')
    expect(pressesOf(fire, POISON).map(({ sequence }) => sequence)).toEqual(['000000000001'])
    expect(await letters()).toEqual([])
  })

  it('forgets one that is configured no more, and no other', async () => {
    await refused('forget', 'fire').toThrow(/ended with 2: .*fire is configured/)
    gateway.end(true)
    await hub.stop()
    await startHub('city')
    await send(46, 48)
    expect((await upstream<'upstreams'>('list')).left).toEqual([{ name: 'fire', entries: expect.any(Number) }])
    await refused('forget', 'nobody').toThrow(/ended with 2: /)
    await upstream('forget', 'fire')
    expect((await upstream<'upstreams'>('list')).left).toEqual([])
    await vi.waitFor(() => expect(numbers(city)).toEqual(upTo(48)), WAIT)
  })
})
