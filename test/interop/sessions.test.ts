import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { encodeJson } from '../../hub/contract/encode.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import { SITE, SITE_TEXT, WAIT } from '../support/estate.ts'
import { needs } from '../support/needs.ts'
import { type Program, startProgram } from '../support/program.ts'
import { connectTo, FOREIGN, pressedEvent } from '../support/publisher.ts'

/** Persistent sessions of clients that are not ours, while the hub is killed at random moments. */

/** In flight to one subscriber at most (hub/broker/persistence/limits.ts): what a kill may send twice. */
const WINDOW = 200
const KILLS = 4
const EVENTS_PER_KILL = 150
/** Published and not acknowledged at most. */
const PIPELINE = 50
const DEVICES = ['x1', 'x2', 'x3']
/** Of the publisher: the incidents that its presses raise are the hub's, whose sequence begins again with each start. */
const EVERYTHING = `linli/v1/${SITE_TEXT}/foreign/#`

let dir: string
let hub: Program
let port = 0
const clients: MqttClient[] = []

async function startHub(): Promise<void> {
  const args = ['--dev', '--no-flows', '--data', join(dir, 'hub'), '--site', SITE_TEXT, '--log-level', 'warn']
  hub = await startProgram('hub/main.ts', [...args, '--http-port', '0', '--mqtt-port', String(port)])
  port = Number(hub.ready.mqttPort)
}
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'linli-sessions-'))
  port = 0
  await startHub()
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true)
  await hub.kill()
  rmSync(dir, { recursive: true, force: true })
})

function lasting(clientId: string): MqttClient {
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    clientId,
    clean: false,
    reconnectPeriod: 50,
    protocolVersion: 4,
  })
  client.on('error', () => undefined)
  clients.push(client)
  return client
}

interface Seen {
  /** By topic: sequences as they came. */
  order: Map<string, number[]>
  count: Map<string, number>
}

const nothing = (): Seen => ({ order: new Map(), count: new Map() })

function note(seen: Seen, topic: string, payload: string): void {
  const { id, sequence } = JSON.parse(payload) as { id?: string; sequence?: string }
  if (id === undefined) return
  seen.count.set(id, (seen.count.get(id) ?? 0) + 1)
  seen.order.set(topic, [...(seen.order.get(topic) ?? []), Number(sequence)])
}

function watching(client: MqttClient): Seen {
  const seen = nothing()
  client.on('message', (topic, payload) => note(seen, topic, payload.toString('utf8')))
  return seen
}

/** Each topic's messages, at first sight, in the order in which they were published. */
function expectOrder({ order }: Seen): void {
  for (const sequences of order.values()) {
    const first = [...new Set(sequences)]
    expect(first).toEqual(first.toSorted((a, b) => a - b))
  }
}

const missing = (ids: Iterable<string>, { count }: Seen): string[] => [...ids].filter((id) => !count.has(id))
const repeated = ({ count }: Seen): number => [...count.values()].reduce((sum, one) => sum + one - 1, 0)

describe('persistent sessions, while the hub is killed', () => {
  it('get every message that was acknowledged to its publisher, in order, QoS 2 exactly once', async () => {
    const near = lasting('near')
    const exact = lasting('exact')
    const seen = { near: watching(near), exact: watching(exact), away: nothing() }
    await near.subscribeAsync(EVERYTHING, { qos: 1 })
    await exact.subscribeAsync(`linli/v1/${SITE_TEXT}/foreign/alarm-button/+/evt/#`, { qos: 2 })
    const gone = mqtt.connect({
      host: '127.0.0.1',
      port,
      clientId: 'away',
      clean: false,
      reconnectPeriod: 0,
      protocolVersion: 4,
    })
    await gone.subscribeAsync(EVERYTHING, { qos: 2 })
    await gone.endAsync()

    const publisher = lasting('publisher')
    const acknowledged = new Set<string>()
    const sent = new Set<string>()
    /** Event ids of QoS 2. */
    const twos = new Set<string>()
    let sequence = 0
    let open = 0
    let wanted = 0
    /** Acknowledged, or given up by the client at a reconnect: then it may be in the hub or not. */
    let settled = 0
    const more = () => {
      for (; open < PIPELINE && sequence < wanted; open += 1) {
        sequence += 1
        const address: Address = { ...FOREIGN, device: DEVICES[sequence % DEVICES.length] as string }
        const { topic, payload, event } = pressedEvent(sequence, 'boot1', address)
        const qos = sequence % 3 === 0 ? 2 : 1
        sent.add(event.id)
        if (qos === 2) twos.add(event.id)
        publisher.publish(topic, payload, { qos }, (error) => {
          open -= 1
          settled += 1
          if (!error) acknowledged.add(event.id)
          more()
        })
      }
    }
    for (let kill = 1; kill <= KILLS; kill += 1) {
      wanted = kill * EVENTS_PER_KILL
      more()
      const moment = wanted - EVENTS_PER_KILL + 20 + Math.floor(Math.random() * (EVENTS_PER_KILL - PIPELINE - 20))
      await vi.waitFor(() => expect(settled).toBeGreaterThanOrEqual(moment), { ...WAIT, interval: 1 })
      await hub.kill()
      await startHub()
    }
    await vi.waitFor(() => expect(settled).toBe(wanted), WAIT)
    expect(acknowledged.size).toBeGreaterThan(wanted / 2)

    const back = lasting('away')
    seen.away = watching(back)
    for (const one of Object.values(seen)) {
      await vi.waitFor(() => expect(missing(acknowledged, one)).toEqual([]), WAIT)
      expectOrder(one)
      expect(missing(one.count.keys(), { order: new Map(), count: new Map([...sent].map((id) => [id, 1])) })).toEqual(
        [],
      )
    }
    expect(repeated(seen.near)).toBeLessThanOrEqual(KILLS * WINDOW)
    expect(repeated(seen.away)).toBe(0)
    expect([...twos].filter((id) => acknowledged.has(id) && seen.exact.count.get(id) !== 1)).toEqual([])
    expect([...twos].filter((id) => (seen.exact.count.get(id) ?? 0) > 1)).toEqual([])
  })

  it('get the will of a client that died with the hub, and what is retained', async () => {
    const near = lasting('near')
    const statuses: string[] = []
    near.on('message', (topic, payload) => {
      if (topic.endsWith('/avail')) statuses.push((JSON.parse(payload.toString('utf8')) as { status: string }).status)
    })
    await near.subscribeAsync(EVERYTHING, { qos: 1 })
    const topic = formatTopic({ ...SITE, gateway: 'foreign', class: 'gateway', device: 'foreign', channel: 'avail' })
    const will = {
      topic,
      payload: Buffer.from(encodeJson({ status: 'offline', reason: 'connection-lost' })),
      qos: 1,
    } as const
    const dying = await mqtt.connectAsync({
      host: '127.0.0.1',
      port,
      clientId: 'dying',
      reconnectPeriod: 0,
      protocolVersion: 4,
      will: { ...will, retain: true },
    })
    const online = encodeJson({ status: 'online', since: new Date().toISOString() })
    await dying.publishAsync(topic, Buffer.from(online), { qos: 1, retain: true })
    await hub.kill()
    dying.end(true)
    await startHub()
    // What was acknowledged just before the kill may come twice.
    await vi.waitFor(() => expect([...new Set(statuses)]).toEqual(['online', 'offline']), WAIT)
    const later: string[] = []
    const newcomer = await connectTo(port, 'newcomer')
    clients.push(newcomer)
    newcomer.on('message', (_topic, payload) =>
      later.push((JSON.parse(payload.toString('utf8')) as { status: string }).status),
    )
    await newcomer.subscribeAsync(topic, { qos: 1 })
    await vi.waitFor(() => expect(later).toEqual(['offline']), WAIT)
  })
})

needs('mosquitto_sub', 'mosquitto-clients')('mosquitto_sub and mosquitto_pub', () => {
  it('have a session that the hub keeps through kill -9', async () => {
    const session = ['-p', String(port), '-c', '-i', 'tool', '-q', '1', '-t', EVERYTHING]
    // Ends after its SUBACK: -E.
    await run('mosquitto_sub', [...session, '-E'])
    const events = [1, 2, 3, 4, 5].map((n) => pressedEvent(n))
    for (const { topic, payload } of events.slice(0, 3))
      await run('mosquitto_pub', ['-p', String(port), '-q', '2', '-t', topic, '-m', payload.toString('utf8')])
    await hub.kill()
    await startHub()
    for (const { topic, payload } of events.slice(3))
      await run('mosquitto_pub', ['-p', String(port), '-q', '1', '-t', topic, '-m', payload.toString('utf8')])
    const heard = await run('mosquitto_sub', [...session, '-C', '5', '-W', '60'])
    const ids = heard
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id)
    expect(ids).toEqual(events.map(({ event }) => event.id))
  })
})

/** Resolves with what it wrote once it ended well. */
function run(program: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let complaint = ''
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes.toString('utf8')
    })
    child.stderr.on('data', (bytes: Buffer) => {
      complaint += bytes.toString('utf8')
    })
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve(out) : reject(new Error(`${program}: ${code} ${complaint}`))))
  })
}
