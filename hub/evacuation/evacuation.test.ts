import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { devAuthenticator } from '../auth/authenticator.ts'
import { createHub } from '../compose.ts'
import type { Command, Result } from '../contract/command.ts'
import { encodeJson } from '../contract/encode.ts'
import type { HubState } from '../contract/hub.ts'
import { type Address, addressPath, formatTopic, parseTopic } from '../contract/topic.ts'
import type { Hub } from '../hub.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import { JOURNAL_LANES } from '../journal-lanes.ts'
import { createRegistry } from '../registry/registry.ts'

/** The evacuation through a whole hub, with gateways that are plain MQTT clients. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const HUB: Address = { ...SITE, gateway: 'hub', class: 'hub', device: 'hub-1' }
const AT = '2026-01-01T00:00:00.000Z'
const WAIT = { timeout: 20_000, interval: 10 }

let disk: ReturnType<typeof createMemoryDisk>
let log: Awaited<ReturnType<typeof openMemoryLog>>
let hub: Hub
let port: number
let clients: MqttClient[]
let told: Array<{ topic: string; payload: unknown }>

beforeEach(async () => {
  disk = createMemoryDisk()
  clients = []
  told = []
  await startHub()
})
afterEach(async () => {
  for (const client of clients) client.end(true)
  await hub.close()
})

async function startHub(): Promise<void> {
  log = await openMemoryLog(disk, { lanes: JOURNAL_LANES })
  let ids = 0
  hub = await createHub(
    {
      log,
      registry: await createRegistry({ adapter: { read: async () => null, write: async () => {} }, onError() {} }),
      authenticate: devAuthenticator,
      logger: { info() {}, warn() {}, error() {} },
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
      newId: () => `command-${++ids}`,
    },
    { site: SITE, name: 'hub-1', dev: true },
  )
  await hub.start()
  port = (await hub.broker.listen({ host: '127.0.0.1', port: 0 })).port
  const platform = await client('platform')
  platform.on('message', (topic, payload) => told.push({ topic, payload: JSON.parse(payload.toString()) }))
  await platform.subscribeAsync('linli/#', { qos: 1 })
}

/** As kill -9: what was not committed is gone. */
function killHub(): void {
  log.kill()
  for (const one of clients.splice(0)) one.end(true)
  // Its disk is dead already, so nothing that this does can be seen; and so it never ends.
  void hub.close()
}

async function client(clientId: string): Promise<MqttClient> {
  const made = await mqtt.connectAsync({ host: '127.0.0.1', port, clientId, reconnectPeriod: 0 })
  clients.push(made)
  return made
}

/** A gateway with one gate, which does what it is told unless `answers` says otherwise. */
async function gatewayComes(name: string, answers: Partial<Result> = { status: 'succeeded' }): Promise<Command[]> {
  const gateway = await client(name)
  const own: Address = { ...SITE, gateway: name, class: 'gateway', device: name }
  const gate: Address = { ...own, class: 'access-gate', device: 'door' }
  const commands: Command[] = []
  const say = (address: Address, channel: 'avail' | 'meta', value: unknown) =>
    gateway.publishAsync(formatTopic({ ...address, channel }), Buffer.from(encodeJson(value)), { qos: 1, retain: true })
  gateway.on('message', (topicName, payload) => {
    const command = JSON.parse(payload.toString()) as Command
    const topic = parseTopic(topicName)
    if (!topic.ok) return
    commands.push(command)
    const result = { id: command.id, name: command.name, at: AT, ...answers }
    const answer = formatTopic({ ...topic.value, channel: 'res', id: command.id })
    gateway.publish(answer, Buffer.from(encodeJson(result)), { qos: 1 })
  })
  await say(own, 'avail', { status: 'online', since: AT })
  const driver = { name: 'd', version: '1' }
  await say(gate, 'meta', { class: 'access-gate', model: 'm', driver, place: {}, capabilities: [] })
  await gateway.subscribeAsync(`${addressPath(gate)}/cmd/#`, { qos: 1 })
  return commands
}

async function gatewayGoes(name: string): Promise<void> {
  const own: Address = { ...SITE, gateway: name, class: 'gateway', device: name }
  const avail = formatTopic({ ...own, channel: 'avail' })
  const payload = Buffer.from(encodeJson({ status: 'offline', reason: 'connection-lost' }))
  await (await client(`${name}-will`)).publishAsync(avail, payload, { qos: 1, retain: true })
  clients.find(({ options }) => options.clientId === name)?.end(true)
}

async function order(name: string, id: string, ttl_ms = 20_000): Promise<void> {
  const at_ms = Date.now()
  const command: Command = {
    id,
    name,
    issuedat: new Date(at_ms).toISOString(),
    expiresat: new Date(at_ms + ttl_ms).toISOString(),
    actor: { kind: 'platform', id: 'desk' },
    args: {},
  }
  const topic = formatTopic({ ...HUB, channel: 'cmd', name, id })
  await clients.at(-1)?.publishAsync(topic, Buffer.from(encodeJson(command)), { qos: 1 })
}
const results = (id: string) =>
  told.filter(({ topic }) => topic.endsWith(`/hub/hub-1/res/${id}`)).map(({ payload }) => payload as Result)
const final = (id: string) =>
  vi.waitFor(() => {
    const last = results(id).at(-1)
    expect(last?.status).toMatch(/succeeded|failed|refused|expired/)
    return last as Result
  }, WAIT)
const hubState = () =>
  told.findLast(({ topic }) => topic === formatTopic({ ...HUB, channel: 'state' }))?.payload as HubState

describe('release-all to the hub', () => {
  it('goes to every gate, in the name of who asked, and one end-release ends it', async () => {
    const first = await gatewayComes('gw-1')
    const second = await gatewayComes('gw-2')
    await order('release-all', 'fire')
    expect(await final('fire')).toMatchObject({ status: 'succeeded', data: { gates: 2, released: 2, missing: [] } })
    expect(results('fire').map(({ status }) => status)).toEqual(['accepted', 'executing', 'executing', 'succeeded'])
    for (const commands of [first, second])
      expect(commands).toMatchObject([{ name: 'release-all', actor: { kind: 'platform', id: 'desk' } }])
    expect(hubState().evacuation).toMatchObject({ command: 'fire', actor: 'platform:desk', released: 2 })
    await order('end-release', 'over')
    expect(await final('over')).toMatchObject({ status: 'succeeded', data: { released: 2 } })
    expect(second.at(-1)).toMatchObject({ name: 'set-mode', args: { mode: 'schedule', endevacuation: true } })
    await vi.waitFor(() => expect(hubState().evacuation).toBeUndefined(), WAIT)
    const events = told.filter(({ topic }) => topic.includes('/hub/hub-1/evt/'))
    expect(events).toMatchObject([
      { payload: { type: 'linli.hub.evacuation.v1', severity: 'alarm', data: { command: 'fire', gates: 2 } } },
      { payload: { type: 'linli.hub.evacuation-ended.v1', data: { command: 'over' } } },
    ])
  })

  it('names the gates that did not do it', async () => {
    await gatewayComes('gw-1', { status: 'failed', code: 'GATE_MOTION_TIMEOUT' })
    await gatewayComes('gw-2')
    await gatewayGoes('gw-2')
    await order('release-all', 'fire')
    expect(await final('fire')).toMatchObject({
      status: 'failed',
      code: 'ESTATE_RELEASE_INCOMPLETE',
      data: {
        missing: [
          { gate: 'gw-1/door', code: 'GATE_MOTION_TIMEOUT' },
          { gate: 'gw-2/door', code: 'GATEWAY_OFFLINE' },
        ],
      },
    })
  })

  it('stands over a kill of the hub, reaches who comes back then, and never again once it has ended', async () => {
    await gatewayComes('gw-1')
    await gatewayComes('gw-2')
    await gatewayGoes('gw-2')
    await order('release-all', 'fire', 1_000)
    expect(await final('fire')).toMatchObject({ status: 'failed' })
    killHub()
    await startHub()
    const back = await gatewayComes('gw-2')
    const has = await gatewayComes('gw-1')
    await vi.waitFor(() => expect(back).toMatchObject([{ name: 'release-all' }]), WAIT)
    await vi.waitFor(() => expect(hubState().evacuation).toMatchObject({ released: 2, missing: [] }), WAIT)
    expect(has).toEqual([])
    await order('end-release', 'over')
    await final('over')
    killHub()
    await startHub()
    await order('release-all', 'fire')
    expect(await final('fire')).toMatchObject({ status: 'failed', code: 'ESTATE_RELEASE_INCOMPLETE' })
    expect(hubState().evacuation).toBeUndefined()
  })

  it('gives its one answer also when the hub was killed before all gates had answered', async () => {
    await gatewayComes('gw-1', { status: 'executing' })
    await order('release-all', 'fire')
    await vi.waitFor(() => expect(results('fire').at(-1)?.status).toBe('executing'), WAIT)
    killHub()
    await startHub()
    const commands = await gatewayComes('gw-1')
    expect(await final('fire')).toMatchObject({ status: 'succeeded', data: { released: 1 } })
    expect(commands).toHaveLength(1)
    expect(results('fire').filter(({ status }) => status === 'succeeded')).toHaveLength(1)
  })

  it('is there for a flow as any command is, and refuses what means another hub', async () => {
    await gatewayComes('gw-1')
    const ask = { name: 'release-all', args: {}, ttl_ms: 5_000, actor: { kind: 'flow' as const, id: 'fire panel' } }
    expect(await hub.desk.send({ ...ask, address: { ...HUB, device: 'hub-2' } })).toMatchObject({
      status: 'refused',
      code: 'HUB_UNKNOWN',
    })
    expect(await hub.desk.send({ ...ask, address: HUB })).toMatchObject({ status: 'succeeded' })
    expect(hubState().evacuation?.actor).toBe('flow:fire panel')
  })
})
