import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { discoveryComplaint } from '../../test/support/home-assistant.ts'
import type { Principal } from '../auth/access.ts'
import { WHOLE_ESTATE } from '../auth/grants.ts'
import { createHub } from '../compose.ts'
import type { Command, Result } from '../contract/command.ts'
import { encodeJson } from '../contract/encode.ts'
import { type Address, addressPath, formatTopic } from '../contract/topic.ts'
import type { Hub } from '../hub.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import type { Log } from '../journal/types.ts'
import { JOURNAL_LANES } from '../journal-lanes.ts'
import { createRegistry } from '../registry/registry.ts'
import type { Settings } from './entities.ts'
import { commandTopic, discoveryTopic } from './topics.ts'

/** A whole hub, a gateway that is a plain MQTT client, and a client that behaves as Home Assistant does. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const GATEWAY: Address = { ...SITE, gateway: 'gw-1', class: 'gateway', device: 'gw-1' }
const DOOR: Address = { ...GATEWAY, class: 'access-gate', device: 'd1' }
const BUTTON: Address = { ...GATEWAY, class: 'alarm-button', device: 'b1' }
const AT = '2027-01-01T00:00:00.000Z'
const WAIT = { timeout: 20_000, interval: 10 }
const principals: Record<string, Principal> = {
  'gw-1': { role: 'gateway', name: 'gw-1', site: SITE, gateway: 'gw-1' },
  ha: { role: 'home-assistant', name: 'ha', site: SITE },
  city: { role: 'platform', name: 'city', site: SITE, grants: WHOLE_ESTATE },
}

let hub: Hub
let log: Log
let disk: ReturnType<typeof createMemoryDisk>
let port: number
let warned: string[]
let clients: MqttClient[]
/** What Home Assistant was sent, in order. */
let seen: Array<{ topic: string; payload: string; retain: boolean }>
let commands: Command[]

async function startHub(homeAssistant: Settings | undefined): Promise<void> {
  let ids = 0
  hub = await createHub(
    {
      log,
      registry: await createRegistry({ adapter: { read: async () => null, write: async () => {} }, onError() {} }),
      authenticate: async ({ username }) => principals[username ?? ''],
      logger: { info() {}, warn: (_details, message) => void warned.push(message), error() {} },
      counters: {
        accepted() {},
        rejected() {},
        duplicate() {},
        telemetryLost() {},
        shed() {},
        clientRefused() {},
        clientThrottled() {},
      },
      random: () => 0.5,
      now_ms: Date.now,
      newId: () => `id-${++ids}`,
    },
    { site: SITE, name: 'hub-1', dev: false, ...(homeAssistant ? { homeAssistant } : {}) },
  )
  await hub.start()
  port = (await hub.broker.listen({ host: '127.0.0.1', port: 0 })).port
}

async function connect(username: string, options: IClientOptions = {}): Promise<MqttClient> {
  const at = { host: '127.0.0.1', port, username, password: 'x', reconnectPeriod: 0 }
  const client = await mqtt.connectAsync({ ...at, clientId: username, ...options })
  clients.push(client)
  return client
}

async function homeAssistantComes(): Promise<MqttClient> {
  const will = { topic: 'homeassistant/status', payload: Buffer.from('offline'), qos: 0, retain: false } as const
  const client = await connect('ha', { will })
  client.on('message', (topic, payload, { retain }) => void seen.push({ topic, payload: payload.toString(), retain }))
  await client.subscribeAsync(['homeassistant/+/+/config', 'homeassistant/+/+/+/config'], { qos: 0 })
  await client.publishAsync('homeassistant/status', 'online', { qos: 0 })
  return client
}

async function gatewayComes(): Promise<MqttClient> {
  const gateway = await connect('gw-1')
  gateway.on('message', (_topic, payload) => void commands.push(JSON.parse(payload.toString()) as Command))
  await gateway.subscribeAsync(`${addressPath(GATEWAY).replace('/gateway/gw-1', '')}/+/+/cmd/#`, { qos: 1 })
  return gateway
}

const retained = (client: MqttClient, address: Address, channel: 'state' | 'avail' | 'meta', value: unknown) =>
  client.publishAsync(formatTopic({ ...address, channel }), value === null ? '' : Buffer.from(encodeJson(value)), {
    qos: 1,
    retain: true,
  })

async function estateComes(gateway: MqttClient): Promise<void> {
  const meta = { model: 'm', driver: { name: 'd', version: '1' }, place: { spot: 'gate' }, capabilities: [] }
  await retained(gateway, GATEWAY, 'avail', { status: 'online', since: AT })
  for (const address of [GATEWAY, DOOR, BUTTON])
    await retained(gateway, address, 'meta', { ...meta, class: address.class })
  const state = { kind: 'door', mode: 'card', modeby: 'schedule', position: 'closed', held: false, alarm: 'none' }
  await retained(gateway, DOOR, 'state', { ...state, lock: 'locked', faults: [], tamper: [] })
}

const announced = (address: Address) => seen.filter(({ topic }) => topic === discoveryTopic(address))
const ask = (client: MqttClient, payload: string, entity = 'lock', retain = false) =>
  client.publishAsync(commandTopic(DOOR, entity), payload, { qos: 0, retain })

beforeEach(async () => {
  warned = []
  clients = []
  seen = []
  commands = []
  disk = createMemoryDisk()
  log = await openMemoryLog(disk, { lanes: JOURNAL_LANES })
})
afterEach(async () => {
  for (const client of clients) client.end(true)
  await hub.close()
})

describe('Home Assistant', () => {
  it('is told of every device when it comes, of changes at once, and of the end of a device', async () => {
    await startHub({ language: 'zh', mayOpen: false })
    const gateway = await gatewayComes()
    await estateComes(gateway)
    const home = await homeAssistantComes()
    const all = [GATEWAY, DOOR, BUTTON]
    // Once as it is retained, and once for its birth.
    await vi.waitFor(() => expect(all.map((one) => announced(one).length)).toEqual([2, 2, 2]), WAIT)
    expect(announced(DOOR).map(({ retain }) => retain)).toEqual(expect.arrayContaining([true, false]))
    for (const { payload } of seen) expect(discoveryComplaint(JSON.parse(payload))).toBeUndefined()
    expect(JSON.parse(announced(BUTTON)[0]?.payload ?? '').components.press.name).toBe('报警')

    seen = []
    await home.publishAsync('homeassistant/status', 'online', { qos: 0 })
    await vi.waitFor(() => expect(all.map((one) => announced(one).length)).toEqual([1, 1, 1]), WAIT)

    seen = []
    const state = { kind: 'door', mode: 'free', modeby: 'schedule', position: 'open', held: false, alarm: 'none' }
    await retained(gateway, DOOR, 'state', { ...state, lock: 'unlocked', faults: [], tamper: [] })
    await retained(gateway, BUTTON, 'meta', null)
    await vi.waitFor(() => expect(announced(BUTTON).map(({ payload }) => payload)).toEqual(['']), WAIT)
    // A state that changes nothing of what was announced is not announced.
    expect(announced(DOOR)).toEqual([])
  })

  it('is told again by a hub that has restarted, without having asked', async () => {
    await startHub({ language: 'en', mayOpen: false })
    await estateComes(await gatewayComes())
    const entries = await Promise.all(Object.keys(log.stats().lanes).map((lane) => log.list(lane)))
    // What the hub says to Home Assistant is in no lane of the journal.
    const topics = entries.flat().map(({ topic }) => topic)
    expect(topics.filter((topic) => /^(homeassistant|linli-ha)/.test(topic))).toEqual([])
    expect(topics).toContain(formatTopic({ ...DOOR, channel: 'meta' }))
    await hub.close()
    log = await openMemoryLog(disk, { lanes: JOURNAL_LANES })
    await startHub({ language: 'en', mayOpen: false })
    const home = await connect('ha')
    home.on('message', (topic, payload, { retain }) => void seen.push({ topic, payload: payload.toString(), retain }))
    await home.subscribeAsync('homeassistant/device/+/config', { qos: 0 })
    await vi.waitFor(() => expect(announced(DOOR)).toHaveLength(1), WAIT)
    expect(announced(DOOR)[0]?.retain).toBe(true)
  })

  it('opens nothing unless it may: the answer says so, and no command goes out', async () => {
    await startHub({ language: 'zh', mayOpen: false })
    await estateComes(await gatewayComes())
    const home = await homeAssistantComes()
    const results: Result[] = []
    home.on('message', (topic, payload) => {
      if (topic.includes('/res/')) results.push(JSON.parse(payload.toString()) as Result)
    })
    await home.subscribeAsync(`${addressPath(DOOR)}/res/+`, { qos: 1 })
    await ask(home, 'UNLOCK')
    await ask(home, 'OPEN')
    await vi.waitFor(() => expect(results).toHaveLength(2), WAIT)
    expect(results[0]).toMatchObject({ status: 'refused', code: 'HOME_ASSISTANT_MAY_NOT_OPEN', name: 'hold-open' })
    expect(results.every(({ id }) => id.startsWith('ha-'))).toBe(true)
    const audited = (await log.list('audit')).map(({ payload }) => Buffer.from(payload).toString('utf8'))
    const refusals = audited.filter((line) => line.includes('HOME_ASSISTANT_MAY_NOT_OPEN'))
    expect(refusals).toEqual([
      expect.stringContaining('home-assistant:ha'),
      expect.stringContaining('home-assistant:ha'),
    ])
    // To lock is always allowed, and comes after what was refused.
    await ask(home, 'LOCK')
    await vi.waitFor(() => expect(commands).toHaveLength(1), WAIT)
    expect(commands.map(({ name }) => name)).toEqual(['close'])
  })

  it('opens where it may, with a command of the contract and one final result', async () => {
    await startHub({ language: 'zh', mayOpen: true })
    const gateway = await gatewayComes()
    await estateComes(gateway)
    const home = await homeAssistantComes()
    await home.subscribeAsync(`${addressPath(DOOR)}/res/+`, { qos: 1 })
    await ask(home, 'UNLOCK')
    await vi.waitFor(() => expect(commands).toHaveLength(1), WAIT)
    const [command] = commands
    expect(command).toMatchObject({ name: 'hold-open', args: {}, actor: { kind: 'platform', id: 'home-assistant' } })
    expect(Date.parse(command?.expiresat ?? '') - Date.parse(command?.issuedat ?? '')).toBe(10_000)
    const id = command?.id ?? ''
    expect(id).toMatch(/^ha-/)
    const result = { id, name: 'hold-open', status: 'succeeded', at: AT }
    await gateway.publishAsync(formatTopic({ ...DOOR, channel: 'res', id }), Buffer.from(encodeJson(result)), {
      qos: 1,
    })
    await vi.waitFor(() => {
      const told = seen.filter(({ topic }) => topic.endsWith(`/res/${id}`))
      expect(told.map(({ payload }) => (JSON.parse(payload) as Result).status)).toContain('succeeded')
    }, WAIT)
  })

  it('is not answered when it asks nonsense, and keeps its connection', async () => {
    await startHub({ language: 'zh', mayOpen: true })
    await estateComes(await gatewayComes())
    const home = await homeAssistantComes()
    await ask(home, 'UNLOCK', 'lock', true)
    await ask(home, 'EXPLODE')
    await ask(home, 'x'.repeat(60_000))
    await ask(home, 'OPEN', 'boom')
    await home.publishAsync('homeassistant/status', 'gone', { qos: 0 })
    await home.publishAsync(discoveryTopic(DOOR), '', { qos: 0, retain: true })
    await ask(home, 'OPEN')
    await vi.waitFor(() => expect(commands).toHaveLength(1), WAIT)
    expect(home.connected).toBe(true)
    const refusals = warned.filter((message) => message.startsWith('not done for Home Assistant'))
    expect(refusals).toEqual([
      'not done for Home Assistant: it is retained',
      'not done for Home Assistant: its payload is unknown',
      'not done for Home Assistant: its payload is unknown',
      'not done for Home Assistant: there is no such entity',
    ])
  })

  it('says nothing that only others may say, and nobody else speaks in its place', async () => {
    await startHub({ language: 'zh', mayOpen: true })
    const gateway = await gatewayComes()
    await estateComes(gateway)
    const city = await connect('city')
    await city.publishAsync(commandTopic(DOOR, 'lock'), 'OPEN', { qos: 1 })
    await gateway.publishAsync(commandTopic(DOOR, 'lock'), 'OPEN', { qos: 1 })
    await expect(connect('stranger')).rejects.toThrow()
    const home = await homeAssistantComes()
    const closed = new Promise<void>((resolve) => home.once('close', () => resolve()))
    home.publish(formatTopic({ ...DOOR, channel: 'cmd', name: 'open', id: 'c1' }), bodyOf('open', 'c1'), { qos: 1 })
    await closed
    const other = await connect('city', { clientId: 'city-2' })
    await other.publishAsync(formatTopic({ ...DOOR, channel: 'cmd', name: 'close', id: 'c2' }), bodyOf('close', 'c2'), {
      qos: 1,
    })
    await vi.waitFor(() => expect(commands).toHaveLength(1), WAIT)
    expect(commands[0]).toMatchObject({ id: 'c2' })
    expect(warned.some((message) => message.includes('may not publish'))).toBe(true)
  })

  it('is not there unless switched on: its topics are unknown and nothing is announced', async () => {
    await startHub(undefined)
    await estateComes(await gatewayComes())
    const home = await homeAssistantComes()
    await ask(home, 'OPEN')
    await home.subscribeAsync(`${addressPath(DOOR)}/state`, { qos: 1 })
    await vi.waitFor(() => expect(seen).toHaveLength(1), WAIT)
    expect(seen[0]?.topic).toBe(`${addressPath(DOOR)}/state`)
    expect(commands).toEqual([])
  })
})

function bodyOf(name: string, id: string): Buffer {
  const now_ms = Date.now()
  const command: Command = {
    id,
    name,
    issuedat: new Date(now_ms).toISOString(),
    expiresat: new Date(now_ms + 60_000).toISOString(),
    actor: { kind: 'platform', id: 'city' },
    args: {},
  }
  return Buffer.from(encodeJson(command))
}
