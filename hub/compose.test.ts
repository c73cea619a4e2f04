import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { devAuthenticator } from './auth/authenticator.ts'
import { READER_ACTOR } from './commands/own-commands.ts'
import { createHub } from './compose.ts'
import type { Command } from './contract/command.ts'
import { type CredentialsHave, credentialId, keyId, SetDigest, type SnapshotPart } from './contract/credentials.ts'
import { encodeJson } from './contract/encode.ts'
import { type Address, addressPath, formatTopic } from './contract/topic.ts'
import type { Hub } from './hub.ts'
import { createMemoryDisk } from './journal/memory-backend.ts'
import { openMemoryLog } from './journal/open.ts'
import type { Log } from './journal/types.ts'
import { JOURNAL_LANES } from './journal-lanes.ts'
import { createRegistry } from './registry/registry.ts'

/** Credentials through a whole hub, to a gateway that is a plain MQTT client. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const GATEWAY: Address = { ...SITE, gateway: 'gw-1', class: 'gateway', device: 'gw-1' }
const GATE: Address = { ...GATEWAY, class: 'access-gate', device: 'door-1' }
const KEY = new Uint8Array(32).fill(3)
const key = keyId(KEY)
const AT = '2027-01-01T00:00:00.000Z'
const CARD = {
  id: credentialId(KEY, 'card', 'h10301:17:5123'),
  kind: 'card',
  class: 'resident',
  gates: ['door-1'],
  antipassback: 'none',
}
const WAIT = { timeout: 20_000, interval: 10 }

let hub: Hub
let log: Log
let gateway: MqttClient
let refused: string[]
let commands: Command[]

beforeEach(async () => {
  refused = []
  commands = []
  log = await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES })
  const logger = {
    info() {},
    warn: (details: object) => void refused.push(String((details as { code?: string }).code)),
    error() {},
  }
  let ids = 0
  hub = await createHub(
    {
      log,
      registry: await createRegistry({ adapter: { read: async () => null, write: async () => {} }, onError() {} }),
      authenticate: devAuthenticator,
      logger,
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
    { site: SITE, name: 'hub-1', dev: true, credentialKey: key },
  )
  await hub.start()
  const { port } = await hub.broker.listen({ host: '127.0.0.1', port: 0 })
  gateway = await mqtt.connectAsync({ host: '127.0.0.1', port, clientId: 'gw-1', reconnectPeriod: 0 })
  gateway.on('message', (_topic, payload) => void commands.push(JSON.parse(payload.toString()) as Command))
  await gateway.subscribeAsync(`${addressPath(GATEWAY)}/cmd/#`, { qos: 1 })
})
afterEach(async () => {
  gateway.end(true)
  await hub.close()
})

const say = (address: Address, channel: 'state' | 'avail' | 'meta', value: unknown) =>
  gateway.publishAsync(formatTopic({ ...address, channel }), Buffer.from(encodeJson(value)), { qos: 1, retain: true })
const has = (credentials: CredentialsHave) =>
  say(GATEWAY, 'state', { version: '1', bootid: 'b1', startedat: AT, boards: [], credentials })

async function gatewayComes(): Promise<void> {
  await say(GATEWAY, 'avail', { status: 'online', since: AT })
  const driver = { name: 'd', version: '1' }
  await say(GATE, 'meta', { class: 'access-gate', model: 'm', driver, place: {}, capabilities: [] })
  await has({ key, epoch: 0, version: 0, digest: new SetDigest().hex, need: 'snapshot' })
}

/** As the gateway answers a command. */
async function takes(command: Command): Promise<void> {
  const topic = formatTopic({ ...GATEWAY, channel: 'res', id: command.id })
  const result = { id: command.id, name: command.name, status: 'succeeded', at: AT }
  await gateway.publishAsync(topic, Buffer.from(encodeJson(result)), { qos: 1 })
}

describe('a hub with credentials', () => {
  it('brings them to its gateway, then what changes, and keeps no second copy of them in its record', async () => {
    await hub.credentials?.change({ put: [CARD] })
    await gatewayComes()
    await vi.waitFor(() => expect(commands).toHaveLength(1), WAIT)
    const [first] = commands as Array<Command<SnapshotPart>>
    expect(first).toMatchObject({ name: 'credentials-part', args: { count: 1, put: [CARD] } })
    if (!first) return
    await takes(first)
    const { epoch, version, digest } = first.args
    await has({ key, epoch, version, digest, need: 'changes' })
    await hub.credentials?.change({ gone: [CARD.id] })
    await vi.waitFor(() => expect(commands).toHaveLength(2), WAIT)
    expect(commands[1]).toMatchObject({ name: 'credentials-delta', args: { gone: [CARD.id] } })
    const record = [...(await log.list('command-record')), ...(await log.list('audit'))].map(({ payload }) =>
      Buffer.from(payload).toString(),
    )
    expect(record.join('\n')).toContain('credentials-delta')
    expect(record.join('\n')).not.toContain(CARD.id)
  })

  it('lets nobody else send credentials: no flow, and no client that says it is the hub', async () => {
    await gatewayComes()
    await vi.waitFor(() => expect(commands).toHaveLength(1), WAIT)
    const args = { ...(commands[0] as Command<SnapshotPart>).args, count: 1, put: [CARD] }
    const request = { address: GATEWAY, name: 'credentials-part', args, ttl_ms: 60_000 }
    const result = await hub.desk.send({ ...request, actor: { kind: 'flow', id: 'f' } })
    expect(result).toMatchObject({ status: 'refused', code: 'ACCESS_DENIED' })
    const forged = { ...(commands[0] as Command), id: 'forged', args }
    const topic = formatTopic({ ...GATEWAY, channel: 'cmd', name: 'credentials-part', id: 'forged' })
    const closed = new Promise<void>((resolve) => gateway.once('close', () => resolve()))
    gateway.publish(topic, Buffer.from(encodeJson(forged)), { qos: 1 })
    await closed
    const forgeries = (await log.list('audit')).map(({ payload }) => JSON.parse(Buffer.from(payload).toString()))
    expect(forgeries.filter(({ outcome }) => outcome === 'refused')).toMatchObject([
      { kind: 'command', action: 'credentials-part', code: 'ACCESS_DENIED', actor: 'dev:hub-1' },
      { kind: 'command', action: 'credentials-part', code: 'ACCESS_DENIED', actor: 'dev:gw-1' },
    ])
    expect(commands).toHaveLength(1)
  })

  it('lets nobody else send a gateway its configuration', async () => {
    await gatewayComes()
    const args = { version: 1, digest: '0'.repeat(64), content: 'AA==', signature: 'A'.repeat(86) }
    const request = { address: GATEWAY, name: 'configure', args, ttl_ms: 60_000 }
    for (const kind of ['flow', 'platform', 'person', 'installer'] as const)
      expect(await hub.desk.send({ ...request, actor: { kind, id: 'site' } })).toMatchObject({ code: 'ACCESS_DENIED' })
    expect(commands.map(({ name }) => name)).not.toContain('configure')
  })

  it('lets nobody but an installer at its own machine have a reader installed', async () => {
    await gatewayComes()
    await vi.waitFor(() => expect(commands).toHaveLength(1), WAIT)
    const request = { address: GATEWAY, name: 'reader-install', args: { reader: 'r1' }, ttl_ms: 60_000 }
    const result = await hub.desk.send({ ...request, actor: { kind: 'flow', id: 'f' } })
    expect(result).toMatchObject({ status: 'refused', code: 'ACCESS_DENIED' })
    void hub.desk.send({ ...request, actor: READER_ACTOR })
    await vi.waitFor(
      () => expect(commands.map(({ name }) => name)).toEqual(['credentials-part', 'reader-install']),
      WAIT,
    )
    const forged = { ...(commands[1] as Command), id: 'forged' }
    const topic = formatTopic({ ...GATEWAY, channel: 'cmd', name: 'reader-install', id: 'forged' })
    const closed = new Promise<void>((resolve) => gateway.once('close', () => resolve()))
    gateway.publish(topic, Buffer.from(encodeJson(forged)), { qos: 1 })
    await closed
    expect(commands).toHaveLength(2)
  })
})
