import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type GuardedHub, SECRET, startGuardedHub } from '../../test/support/guarded-hub.ts'
import type { Result } from '../contract/command.ts'
import { encodeJson } from '../contract/encode.ts'

/** Incidents over MQTT with accounts: what the city app may do, what a desk may, and that nobody else says what an incident is. */

const BASE = 'linli/v1/s/c/e'
const WAIT = { timeout: 20_000, interval: 10 }
let guarded: GuardedHub
const clients: MqttClient[] = []
const heard: Array<{ topic: string; payload: Record<string, unknown> }> = []

beforeAll(async () => {
  guarded = await startGuardedHub()
  const command = (name: string) => ({ class: 'incident', name }) as const
  guarded.put('city-app', {
    role: 'platform',
    grants: { read: [{ class: 'incident' }], command: [command('submit'), command('confirm')] },
  })
})
afterAll(async () => {
  await Promise.all(clients.map((client) => client.endAsync(true)))
  await guarded.close()
})

async function connect(name: string): Promise<MqttClient> {
  const options = { host: '127.0.0.1', port: guarded.port, username: name, password: SECRET, reconnectPeriod: 0 }
  const client = await mqtt.connectAsync({ ...options, clientId: name })
  clients.push(client)
  return client
}

async function give(client: MqttClient, device: string, name: string, args: object): Promise<void> {
  const id = `${name}-${device}`
  const [issuedat, expiresat] = [0, 10_000].map((ms) => new Date(Date.now() + ms).toISOString())
  const command = { id, name, issuedat, expiresat, actor: { kind: 'platform', id: 'someone' }, args }
  await client.publishAsync(`${BASE}/hub/incident/${device}/cmd/${name}/${id}`, Buffer.from(encodeJson(command)), {
    qos: 1,
  })
}
const resultOf = (id: string) =>
  vi.waitFor(() => {
    const found = heard.find(({ topic, payload }) => topic.endsWith(`/res/${id}`) && payload.status !== 'accepted')
    if (!found) throw new Error(`no result of ${id}`)
    return found.payload as unknown as Result
  }, WAIT)

describe('the account of the city app', () => {
  it('submits a matter and hears how it goes; a desk works it; the resident confirms', async () => {
    const app = await connect('city-app')
    app.on('message', (topic, payload) => void heard.push({ topic, payload: JSON.parse(payload.toString()) }))
    await app.subscribeAsync(`${BASE}/+/incident/#`, { qos: 1 })
    await give(app, 'new', 'submit', { text: '噪音', kind: 'private', reference: 'r-1' })
    expect(await resultOf('submit-new')).toMatchObject({ status: 'succeeded', data: { incident: '1' } })
    const desk = await connect('city')
    for (const name of ['acknowledge', 'resolve']) {
      await give(desk, '1', name, {})
      expect(await resultOf(`${name}-1`)).toMatchObject({ status: 'succeeded' })
    }
    await give(app, '1', 'confirm', { satisfied: true })
    expect(await resultOf('confirm-1')).toMatchObject({ data: { status: 'answered' } })
    const states = heard.filter(({ topic }) => topic.endsWith('/1/state')).map(({ payload }) => payload.status)
    expect(states).toEqual(['raised', 'acknowledged', 'resolved', 'answered'])
    expect(heard.find(({ topic }) => topic.endsWith('/1/state'))?.payload).toMatchObject({ reference: 'r-1' })
  })

  it('does no step of staff: its connection is closed', async () => {
    const app = await connect('city-app')
    const closed = new Promise<void>((resolve) => app.once('close', () => resolve()))
    void give(app, '1', 'reopen', { reason: 'x' }).catch(() => undefined)
    await closed
    expect(guarded.hub.incidents.counts()).toMatchObject({ live: 1 })
  })
})

describe('an account that was granted the incidents of a building', () => {
  const own = { class: 'incident', building: '3' } as const
  const listen = async (name: string) => {
    const told: Array<{ topic: string; text: string }> = []
    const client = await connect(name)
    client.on('message', (topic, payload) => void told.push({ topic: topic.slice(BASE.length), text: String(payload) }))
    await client.subscribeAsync(`${BASE}/+/incident/#`, { qos: 1 })
    return { client, told }
  }
  const raise = async (desk: MqttClient, id: string, place?: object) => {
    const [issuedat, expiresat] = [0, 10_000].map((ms) => new Date(Date.now() + ms).toISOString())
    const args = { text: '漏水', ...(place ? { place } : {}) }
    const command = { id, name: 'raise', issuedat, expiresat, actor: { kind: 'platform', id: 'x' }, args }
    await desk.publishAsync(`${BASE}/hub/incident/new/cmd/raise/${id}`, Buffer.from(encodeJson(command)), { qos: 1 })
    return String(((await resultOf(id)).data as { incident?: string } | undefined)?.incident)
  }

  beforeAll(() => {
    guarded.put('building-3', { role: 'platform', grants: { read: [own], command: [own] } })
  })

  it('sees these and no others, live and retained, commands these alone, and hears what its own orders came to', async () => {
    const desk = await connect('city')
    desk.on('message', (topic, payload) => void heard.push({ topic, payload: JSON.parse(payload.toString()) }))
    await desk.subscribeAsync(`${BASE}/hub/incident/#`, { qos: 1 })
    const before = await listen('building-3')
    const [ours, theirs, nowhere] = [
      await raise(desk, 'raise-3', { building: '3', spot: 'lift' }),
      await raise(desk, 'raise-5', { building: '5' }),
      await raise(desk, 'raise-0'),
    ]
    const mine = await raise(before.client, 'raise-own', { building: '3' })
    await vi.waitFor(
      () => expect(before.told.map(({ topic }) => topic)).toContain('/hub/incident/new/res/raise-own'),
      WAIT,
    )
    await vi.waitFor(() => expect(before.told.map(({ topic }) => topic)).toContain(`/hub/incident/${mine}/state`), WAIT)
    const shown = [`/${ours}/state`, `/${ours}/evt/raised`, `/${mine}/state`, `/${mine}/evt/raised`]
    const about = (told: typeof before.told) =>
      [...new Set(told.map(({ topic }) => topic.slice('/hub/incident'.length)))].filter(
        (one) => !one.startsWith('/new/'),
      )
    expect(about(before.told).sort()).toEqual(shown.sort())
    expect(before.told.filter(({ topic }) => /raise-[05]/.test(topic))).toEqual([])
    const after = await listen('building-3')
    await vi.waitFor(() => expect(about(after.told).sort()).toEqual([`/${ours}/state`, `/${mine}/state`].sort()), WAIT)
    await give(after.client, ours, 'acknowledge', {})
    expect(await resultOf(`acknowledge-${ours}`)).toMatchObject({ status: 'succeeded' })
    for (const [other, args] of [
      [theirs, {}],
      [nowhere, {}],
    ] as const) {
      const { client } = await listen('building-3')
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
      void give(client, other, 'acknowledge', args).catch(() => undefined)
      await closed
    }
    for (const [id, place] of [
      ['raise-there', { building: '5' }],
      ['raise-anywhere', undefined],
    ] as const) {
      const { client } = await listen('building-3')
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
      void raise(client, id, place).catch(() => undefined)
      await closed
    }
    const live = [...guarded.hub.incidents.live()].map(({ incident }) => `${incident.id} ${incident.status}`)
    expect(live).toEqual(expect.arrayContaining([`${ours} acknowledged`, `${theirs} raised`, `${nowhere} raised`]))
    expect(guarded.hub.incidents.counts().live).toBe(5)
  })
})

it('no gateway says what an incident is', async () => {
  const gateway = await connect('gw-1')
  const closed = new Promise<void>((resolve) => gateway.once('close', () => resolve()))
  gateway.publish(`${BASE}/gw-1/incident/1/state`, '{}', { qos: 1, retain: true })
  gateway.publish(`${BASE}/gw-1/incident/1/evt/raised`, '{}', { qos: 1 })
  const raised = {
    status: 'raised',
    kind: 'major',
    source: 'event',
    cause: 'x',
    since: '2026-01-01T00:00:00Z',
    count: 1,
  }
  const state = { ...raised, late: false, steps: [], overdue: [] }
  gateway.publish(`${BASE}/gw-1/incident/1/state`, JSON.stringify(state), { qos: 1, retain: true })
  await closed
  expect(guarded.told.some(({ code }) => code === 'ACCESS_DENIED' || code === 'SCHEMA_VIOLATION')).toBe(true)
})
