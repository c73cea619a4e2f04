import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { Aedes } from 'aedes'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { devAuthenticator } from '../auth/authenticator.ts'
import { createHub } from '../compose.ts'
import { encodeJson } from '../contract/encode.ts'
import { makeEvent } from '../contract/event.ts'
import { type Address, formatTopic } from '../contract/topic.ts'
import type { Hub } from '../hub.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import { JOURNAL_LANES } from '../journal-lanes.ts'
import { createRegistry } from '../registry/registry.ts'
import { singleUpstream } from '../upstream/settings.ts'
import { createArchive } from './archive/store.ts'
import type { Archive } from './archive/types.ts'
import type { IncidentConfig } from './config.ts'

/** A whole hub whose incidents are broken or hang, and a district that gets every alarm all the same. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const BUTTON: Address = { ...SITE, gateway: 'gw-1', class: 'alarm-button', device: 'b1' }
const WAIT = { timeout: 20_000, interval: 10 }
const never = () => new Promise<never>(() => undefined)

let district: Aedes
let server: Server
let hub: Hub | undefined
let arrived: string[]

beforeEach(async () => {
  arrived = []
  district = await Aedes.createBroker({
    authorizePublish: (_client, { topic }, done) => {
      if (topic.endsWith('/evt/pressed')) arrived.push(topic)
      done(null)
    },
  })
  server = createServer(district.handle)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await hub?.close()
  await new Promise<void>((resolve) => district.close(() => resolve()))
  await new Promise<void>((resolve) => server.close(() => resolve()))
})

async function start(incidents: { archive?: Archive; config?: () => IncidentConfig }): Promise<Hub> {
  const nothing = () => undefined
  const counters = { accepted: nothing, rejected: nothing, duplicate: nothing, telemetryLost: nothing }
  const made = await createHub(
    {
      log: await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES }),
      registry: await createRegistry({ adapter: { read: async () => null, write: async () => {} }, onError() {} }),
      authenticate: devAuthenticator,
      logger: { info: nothing, warn: nothing, error: nothing },
      counters: { ...counters, shed: nothing, clientRefused: nothing, clientThrottled: nothing },
      random: () => 0.5,
      now_ms: Date.now,
      newId: () => 'id',
      ...(incidents.archive ? { incidentArchive: incidents.archive } : {}),
      ...(incidents.config ? { incidentConfig: incidents.config } : {}),
    },
    {
      site: SITE,
      name: 'hub-1',
      dev: true,
      upstreams: [singleUpstream(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`)],
    },
  )
  hub = made
  await made.start()
  return made
}

async function press(sequence: number): Promise<void> {
  const stamp = { wall_ms: Date.now(), monotonic_ms: 1, quality: 'synced' } as const
  const event = makeEvent({ address: BUTTON, bootid: 'b', sequence }, 'pressed', 'alarm', stamp, {
    press: 1,
    atstart: false,
  })
  await hub?.own.keep(formatTopic({ ...BUTTON, channel: 'evt', type: 'pressed' }), encodeJson(event), false)
}

describe('alarms', () => {
  it('arrive while the archive of the incidents hangs, and become incidents too', async () => {
    const archive = { ...createArchive(), put: never, page: never, last: async () => 0, close: async () => undefined }
    const made = await start({ archive })
    for (let sequence = 1; sequence <= 20; sequence++) await press(sequence)
    await vi.waitFor(() => expect(arrived).toHaveLength(20), WAIT)
    await vi.waitFor(() => expect([...made.incidents.live()].map(({ incident }) => incident.count)).toEqual([20]), WAIT)
  })

  it('arrive while the rules of the incidents throw at everything, and people are told', async () => {
    const made = await start({
      config() {
        throw new Error('a broken rule')
      },
    })
    for (let sequence = 1; sequence <= 20; sequence++) await press(sequence)
    await vi.waitFor(() => expect(arrived).toHaveLength(20), WAIT)
    await vi.waitFor(() => expect(made.problems().join()).toContain('a broken rule'), WAIT)
    await vi.waitFor(() => expect([...made.incidents.live()]).toHaveLength(1), WAIT)
  })
})
