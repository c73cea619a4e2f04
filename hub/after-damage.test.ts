import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { devAuthenticator } from './auth/authenticator.ts'
import { createHub } from './compose.ts'
import type { Command, Result } from './contract/command.ts'
import { encodeJson } from './contract/encode.ts'
import type { HubState } from './contract/hub.ts'
import { type Address, addressPath, formatTopic } from './contract/topic.ts'
import type { Hub } from './hub.ts'
import { openFileLog } from './journal/open.ts'
import type { Log } from './journal/types.ts'
import { JOURNAL_LANES } from './journal-lanes.ts'
import { createRegistry } from './registry/registry.ts'

/** A whole hub on a journal whose write-ahead log was lost: what it says is to be done may be done, or over. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const HUB: Address = { ...SITE, gateway: 'hub', class: 'hub', device: 'hub-1' }
const GATEWAY: Address = { ...SITE, gateway: 'gw-1', class: 'gateway', device: 'gw-1' }
const DOOR: Address = { ...GATEWAY, class: 'access-gate', device: 'door' }
const AT = '2026-01-01T00:00:00.000Z'
const WAIT = { timeout: 20_000, interval: 10 }

let dir: string
let log: Log
let hub: Hub
let clients: MqttClient[]
let told: Array<{ topic: string; payload: unknown }>
let faults: unknown[]
/** What the gateway got, and how it answers. */
let commands: Command[]
let status: Result['status']

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linli-after-'))
  clients = []
  status = 'succeeded'
})
afterEach(async () => {
  await stop()
  rmSync(dir, { recursive: true, force: true })
})

async function start(folder: string): Promise<void> {
  told = []
  faults = []
  commands = []
  log = await openFileLog(join(dir, folder), { lanes: JOURNAL_LANES, reserve_bytes: 0 })
  let ids = 0
  const nothing = () => undefined
  hub = await createHub(
    {
      log,
      registry: await createRegistry({ adapter: { read: async () => null, write: async () => {} }, onError() {} }),
      authenticate: devAuthenticator,
      logger: {
        info() {},
        warn() {},
        error: (details) => void faults.push((details as { code?: string }).code),
      },
      counters: {
        accepted: nothing,
        rejected: nothing,
        duplicate: nothing,
        telemetryLost: nothing,
        shed: nothing,
        clientRefused: nothing,
        clientThrottled: nothing,
      },
      random: () => 0.5,
      now_ms: Date.now,
      newId: () => `command-${++ids}`,
    },
    { site: SITE, name: 'hub-1', dev: true },
  )
  await hub.start()
  const { port } = await hub.broker.listen({ host: '127.0.0.1', port: 0 })
  const platform = await client(port, 'platform')
  platform.on('message', (topic, payload) => told.push({ topic, payload: JSON.parse(payload.toString()) }))
  await platform.subscribeAsync('linli/#', { qos: 1 })
  await gatewayComes(await client(port, 'gw-1'))
}

async function stop(): Promise<void> {
  for (const one of clients.splice(0)) one.end(true)
  await hub.close()
}

async function client(port: number, clientId: string): Promise<MqttClient> {
  const made = await mqtt.connectAsync({ host: '127.0.0.1', port, clientId, reconnectPeriod: 0 })
  clients.push(made)
  return made
}

async function gatewayComes(gateway: MqttClient): Promise<void> {
  const say = (address: Address, channel: 'avail' | 'meta', value: unknown) =>
    gateway.publishAsync(formatTopic({ ...address, channel }), Buffer.from(encodeJson(value)), { qos: 1, retain: true })
  gateway.on('message', (_topic, payload) => {
    const command = JSON.parse(payload.toString()) as Command
    commands.push(command)
    const result = { id: command.id, name: command.name, at: AT, status }
    gateway.publish(formatTopic({ ...DOOR, channel: 'res', id: command.id }), Buffer.from(encodeJson(result)), {
      qos: 1,
    })
  })
  await gateway.subscribeAsync(`${addressPath(DOOR)}/cmd/#`, { qos: 1 })
  await say(GATEWAY, 'avail', { status: 'online', since: AT })
  const driver = { name: 'd', version: '1' }
  await say(DOOR, 'meta', { class: 'access-gate', model: 'm', driver, place: {}, capabilities: [] })
}

function order(to: Address, name: string, id: string) {
  const at_ms = Date.now()
  const command: Command = {
    id,
    name,
    issuedat: new Date(at_ms).toISOString(),
    expiresat: new Date(at_ms + 60_000).toISOString(),
    actor: { kind: 'platform', id: 'desk' },
    args: {},
  }
  return { topic: formatTopic({ ...to, channel: 'cmd', name, id }), payload: Buffer.from(encodeJson(command)) }
}
const give = ({ topic, payload }: ReturnType<typeof order>) =>
  clients.find(({ options }) => options.clientId === 'platform')?.publishAsync(topic, payload, { qos: 1 })
const results = (id: string) =>
  told.filter(({ topic }) => topic.endsWith(`/res/${id}`)).map(({ payload }) => payload as Result)
const said = (id: string, what: Partial<Result>) =>
  vi.waitFor(() => expect(results(id).at(-1)).toMatchObject(what), WAIT)
const hubState = () =>
  told.findLast(({ topic }) => topic === formatTopic({ ...HUB, channel: 'state' }))?.payload as HubState | undefined
const audited = async () =>
  (await log.list('audit')).map(({ payload }) => JSON.parse(Buffer.from(payload).toString()) as { action: string })

/** The disk as it is now, and without what only the write-ahead log had. */
async function loseNewest(): Promise<void> {
  cpSync(join(dir, 'first'), join(dir, 'second'), { recursive: true })
  rmSync(join(dir, 'second', 'journal.db-wal'))
  await stop()
  await start('second')
  expect(log.recovery()?.lanes['command-record']?.isDoubtful).toBe(true)
}

it('commands that may have been carried out are not given again: one final result says that nobody knows', async () => {
  await start('first')
  status = 'executing'
  const open = order(DOOR, 'open', 'open-1')
  await give(open)
  await said('open-1', { status: 'executing' })
  await stop()
  await start('first')
  const forgotten = order(DOOR, 'open', 'lost-1')
  await give(forgotten)
  await said('lost-1', { status: 'executing' })
  await loseNewest()
  // It was open, and its record is older than the damage; it was answered before this platform was there to hear it.
  await give(open)
  await said('open-1', { status: 'failed', code: 'RESULT_UNKNOWN' })
  // Its record is gone.
  await give(forgotten)
  await said('lost-1', { status: 'failed', code: 'RESULT_UNKNOWN' })
  status = 'succeeded'
  await give(order(DOOR, 'open', 'new-1'))
  await said('new-1', { status: 'succeeded' })
  expect(commands.map(({ id }) => id)).toEqual(['new-1'])
  expect(faults).toContain('COMMANDS_UNKEPT')
  expect((await audited()).map(({ action }) => action)).toContain('commands-doubtful')
  // Also after one more restart, of which the journal knows no damage.
  await stop()
  await start('second')
  expect(log.recovery()).toBeUndefined()
  await give(forgotten)
  await said('lost-1', { status: 'failed', code: 'RESULT_UNKNOWN' })
  expect(commands).toEqual([])
})

it('an evacuation whose end may be lost stands, and is called doubtful wherever people look', async () => {
  await start('first')
  await give(order(HUB, 'release-all', 'fire'))
  await said('fire', { status: 'succeeded' })
  await stop()
  await start('first')
  await give(order(HUB, 'end-release', 'over'))
  await said('over', { status: 'succeeded' })
  await vi.waitFor(() => expect(hubState()?.evacuation).toBeUndefined(), WAIT)
  await loseNewest()
  await vi.waitFor(() => expect(hubState()?.evacuation).toMatchObject({ command: 'fire', doubtful: true }), WAIT)
  expect(hubState()?.journal?.recovered?.doubtful).toContain('evacuation')
  expect(hub.problems()).toEqual([expect.stringMatching(/^EVACUATION_DOUBTFUL: the evacuation fire .*end-release/)])
  expect(faults).toContain('EVACUATION_DOUBTFUL')
  expect((await audited()).map(({ action }) => action)).toContain('evacuation-doubtful')
  await stop()
  await start('second')
  await vi.waitFor(() => expect(hubState()?.evacuation).toMatchObject({ doubtful: true }), WAIT)
  await give(order(HUB, 'end-release', 'over-again'))
  await said('over-again', { status: 'succeeded' })
  await vi.waitFor(() => expect(hubState()?.evacuation).toBeUndefined(), WAIT)
  expect(hub.problems()).toEqual([])
})
