import fc from 'fast-check'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Principal } from './auth/access.ts'
import { WHOLE_ESTATE } from './auth/grants.ts'
import { createHub } from './compose.ts'
import { encodeJson } from './contract/encode.ts'
import { plateFilter, plateTopic } from './contract/plate.ts'
import { gatewayPath } from './contract/topic.ts'
import type { Hub } from './hub.ts'
import { createMemoryDisk } from './journal/memory-backend.ts'
import { openMemoryLog } from './journal/open.ts'
import type { Log } from './journal/types.ts'
import { JOURNAL_LANES } from './journal-lanes.ts'
import { createRegistry } from './registry/registry.ts'

/** A plate in the clear passes through a whole hub, over real sockets, and stays nowhere in it. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const TOPIC = plateTopic(SITE, 'gw-1', 'cam-1')
const WAIT = { timeout: 20_000, interval: 10 }
/** Whoever may listen to everything; each of them must hear nothing of plates. */
const EAVESDROPPERS: Array<[clientId: string, filter: string]> = [
  ['dev-all', '#'],
  ['dev-linli', 'linli/#'],
  ['dev-class', 'linli/v1/+/+/+/+/camera/+/plate'],
  ['dev-exact', TOPIC],
  ['dev-levels', 'linli/v1/s/c/e/gw-1/camera/+/+'],
  ['dev-other', plateFilter(SITE, 'gw-2')],
  ['platform-estate', 'linli/v1/s/c/e/#'],
]

let hub: Hub
let log: Log
let port: number
let said: string[]
let internal: string[]
let received: Map<string, string[]>
const clients: MqttClient[] = []

function principalOf(clientId: string): Principal {
  if (clientId.startsWith('gw')) return { role: 'gateway', name: clientId, site: SITE, gateway: clientId }
  if (clientId.startsWith('cam'))
    return { role: 'camera', name: clientId, site: SITE, gateway: 'gw-1', camera: 'cam-1' }
  if (clientId.startsWith('platform')) return { role: 'platform', name: clientId, site: SITE, grants: WHOLE_ESTATE }
  return { role: 'dev', name: clientId }
}

beforeEach(async () => {
  said = []
  internal = []
  received = new Map()
  log = await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES })
  const note = (details: object, message: string) => void said.push(`${JSON.stringify(details)} ${message}`)
  hub = await createHub(
    {
      log,
      registry: await createRegistry({ adapter: { read: async () => null, write: async () => {} }, onError() {} }),
      authenticate: async ({ clientId }) => principalOf(clientId),
      logger: { info: note, warn: note, error: note },
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
      newId: () => 'command-1',
    },
    { site: SITE, name: 'hub-1', dev: true },
  )
  hub.onAccepted((message) => void internal.push(JSON.stringify(message)))
  await hub.start()
  port = (await hub.broker.listen({ host: '127.0.0.1', port: 0 })).port
})
afterEach(async () => {
  for (const client of clients.splice(0)) client.end(true)
  await hub.close()
})

async function connect(clientId: string, more: IClientOptions = {}): Promise<MqttClient> {
  const base = { host: '127.0.0.1', port, clientId, reconnectPeriod: 0, protocolVersion: 4 } as const
  const client = await mqtt.connectAsync({ ...base, ...more })
  clients.push(client)
  const heard: string[] = []
  received.set(clientId, heard)
  client.on('message', (topic, payload) => void heard.push(`${topic} ${payload.toString('utf8')}`))
  return client
}

async function eavesdrop(): Promise<void> {
  for (const [clientId, filter] of EAVESDROPPERS) {
    const client = await connect(clientId, { clean: !clientId.startsWith('dev') })
    await client.subscribeAsync(filter, { qos: 1 }).catch(() => undefined)
  }
}

async function journal(): Promise<string> {
  const lanes = await Promise.all(JOURNAL_LANES.map(({ name }) => log.list(name)))
  return lanes.flatMap((entries) => entries.map((one) => `${one.topic} ${Buffer.from(one.payload)}`)).join('\n')
}

/** Once this has come through, everything before it has. */
async function settle(camera: MqttClient, gateway: MqttClient): Promise<void> {
  await camera.publishAsync(TOPIC, '{"plate":"LAST","confidence":1}', { qos: 1 })
  await vi.waitFor(() => expect(received.get('gw-1')?.at(-1)).toContain('LAST'), WAIT)
  // What everybody hears comes after it on each connection.
  const topic = `${gatewayPath(SITE, 'gw-1')}/camera/cam-1/avail`
  await gateway.publishAsync(topic, '{"status":"online"}', { qos: 1, retain: true })
  await vi.waitFor(() => expect(received.get('platform-estate')?.join()).toContain('/avail'), WAIT)
  await vi.waitFor(() => expect(received.get('dev-all')?.join()).toContain('/avail'), WAIT)
}

/** A plate that cannot come about by chance. */
const plates = fc.stringMatching(/^[A-Z]{2}[0-9]{8}$/)
/** Everything that a camera, or somebody who means to be one, may send with a plate in it. */
const messages = plates.chain((plate) =>
  fc.record({
    plate: fc.constant(plate),
    topic: fc.constantFrom(
      TOPIC,
      TOPIC,
      TOPIC,
      `${TOPIC}/${plate}`,
      `${TOPIC.replace('/plate', '')}/plates`,
      `${TOPIC.replace('/plate', '')}/evt/seen`,
      `${TOPIC.replace('/plate', '')}/state`,
      `linli/v2/camera/${plate}/plate`,
    ),
    payload: fc.constantFrom(
      JSON.stringify({ plate, confidence: 0.9 }),
      JSON.stringify({ plate, confidence: plate }),
      JSON.stringify({ plate: `${plate}${'x'.repeat(40)}`, confidence: 1 }),
      JSON.stringify({ confidence: 1, number: plate }),
      JSON.stringify([plate]),
      `{"plate":"${plate}`,
      plate,
    ),
    retain: fc.boolean(),
    qos: fc.constantFrom(...([0, 1] as const)),
    who: fc.constantFrom('cam-1', 'dev-camera'),
  }),
)

describe('a plate on its way through the hub', () => {
  it('reaches the gateway that it is for, at once and as it was sent', async () => {
    const gateway = await connect('gw-1')
    await gateway.subscribeAsync(plateFilter(SITE, 'gw-1'), { qos: 1 })
    const camera = await connect('cam-1')
    const reading = encodeJson({ plate: '沪A12345', confidence: 0.97 })
    await camera.publishAsync(TOPIC, Buffer.from(reading), { qos: 1 })
    await vi.waitFor(() => expect(received.get('gw-1')).toEqual([`${TOPIC} ${Buffer.from(reading)}`]), WAIT)
  })

  it('is in no journal, in no log, with no flow and with no other subscriber, however it was sent', async () => {
    const gateway = await connect('gw-1')
    await gateway.subscribeAsync(plateFilter(SITE, 'gw-1'), { qos: 1 })
    await eavesdrop()
    const camera = await connect('cam-1')
    const senders = new Map([
      ['cam-1', camera],
      ['dev-camera', await connect('dev-camera')],
    ])
    await camera.publishAsync(TOPIC, '{"plate":"AA12345678","confidence":1}', { qos: 1 })
    await fc.assert(
      fc.asyncProperty(messages, async ({ topic, payload, retain, qos, who }) => {
        const sender = senders.get(who)
        if (sender?.connected) await sender.publishAsync(topic, payload, { qos, retain })
      }),
      { numRuns: 150 },
    )
    await settle(camera, gateway)
    const everything = [await journal(), ...said, ...internal]
    for (const [clientId] of EAVESDROPPERS) everything.push(...(received.get(clientId) ?? []))
    expect(everything.join('\n')).toContain('/avail')
    expect(everything.join('\n').match(/[A-Z]{2}[0-9]{8}/g)).toBeNull()
    expect(received.get('gw-1')?.[0]).toContain('AA12345678')
  })

  it('does not wait for a gateway that is away, nor for one that stopped asking', async () => {
    const camera = await connect('cam-1')
    await camera.publishAsync(TOPIC, '{"plate":"A12345","confidence":1}', { qos: 1 })
    const gateway = await connect('gw-1', { clean: false })
    await gateway.subscribeAsync(plateFilter(SITE, 'gw-1'), { qos: 1 })
    await gateway.unsubscribeAsync(plateFilter(SITE, 'gw-1'))
    await camera.publishAsync(TOPIC, '{"plate":"B12345","confidence":1}', { qos: 1 })
    await gateway.subscribeAsync(plateFilter(SITE, 'gw-1'), { qos: 1 })
    await camera.publishAsync(TOPIC, '{"plate":"C12345","confidence":1}', { qos: 1 })
    await vi.waitFor(() => expect(received.get('gw-1')?.join()).toContain('C12345'), WAIT)
    expect(received.get('gw-1')).toHaveLength(1)
  })

  it('does not come from a camera of another gate, a gateway or a platform: their connections end', async () => {
    const gateway = await connect('gw-1')
    await gateway.subscribeAsync(plateFilter(SITE, 'gw-1'), { qos: 1 })
    const attempts: Array<[clientId: string, topic: string]> = [
      ['cam-1', plateTopic(SITE, 'gw-1', 'cam-2')],
      ['gw-2', TOPIC],
      ['platform-1', TOPIC],
    ]
    for (const [clientId, topic] of attempts) {
      const client = await connect(clientId)
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
      client.publish(topic, '{"plate":"ZZ12345678","confidence":1}', { qos: 1 })
      await closed
    }
    expect(received.get('gw-1')).toEqual([])
    expect(said.join('\n')).not.toContain('ZZ12345678')
  })
})
