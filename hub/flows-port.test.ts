import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { devAuthenticator } from './auth/authenticator.ts'
import { createHub } from './compose.ts'
import type { HubForFlows, Notice } from './flows-host/hub-port.ts'
import { flowsState, hubForFlows } from './flows-port.ts'
import type { Hub } from './hub.ts'
import { incidentConfig } from './incidents/config.ts'
import { createMemoryDisk } from './journal/memory-backend.ts'
import { openMemoryLog } from './journal/open.ts'
import { JOURNAL_LANES } from './journal-lanes.ts'
import { createRegistry } from './registry/registry.ts'

/** What flows ask of a whole hub, and what they hear of it. */

const SITE = { street: 's', community: 'c', estate: 'e' }
const WAIT = { timeout: 20_000, interval: 10 }
const config = incidentConfig({
  people: { wang: { name: '王师傅', contact: { channel: 'webhook', address: 'http://wang' } } },
  teams: {
    house: {
      ...{ name: '物业', sort: 'property', tier: 'building', skills: ['property'] },
      shifts: [{ from: '00:00', to: '00:00', people: ['wang'] }],
    },
  },
})

let hub: Hub
let port: HubForFlows
let events: Array<{ type: string; data: unknown }>

beforeEach(async () => {
  let ids = 0
  const none = () => {}
  const counters = { accepted: none, rejected: none, duplicate: none, telemetryLost: none, shed: none }
  hub = await createHub(
    {
      log: await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES }),
      registry: await createRegistry({ adapter: { read: async () => null, write: async () => {} }, onError: none }),
      authenticate: devAuthenticator,
      logger: { info: none, warn: none, error: none },
      counters: { ...counters, clientRefused: none, clientThrottled: none },
      random: () => 0.5,
      now_ms: Date.now,
      newId: () => `command-${++ids}`,
      incidentConfig: () => config,
    },
    { site: SITE, name: 'hub-1', dev: true },
  )
  await hub.start()
  port = hubForFlows(hub, { site: SITE, name: 'hub-1', timeQuality: () => 'synced' })
  events = []
  port.onMessage(({ message }) => {
    if (message.kind === 'event') events.push({ type: message.topic.type, data: message.event.data })
  })
})
afterEach(() => hub.close())

it('a report of a flow is an event of the hub, and one that the contract does not know is refused', async () => {
  const report = { flow: 'n1', name: 'park-advisory', text: '高温 heat', severity: 'warning' as const }
  await port.report({ ...report, data: { index: 41 } })
  const { severity: _severity, ...said } = report
  expect(events).toEqual([{ type: 'flow-report', data: { ...said, data: { index: 41 } } }])
  await expect(port.report({ ...report, text: 'x'.repeat(2_001) })).rejects.toMatchObject({ code: 'SCHEMA_VIOLATION' })
})

it('a deploy that was left becomes an incident, whose people are told, and what became of that is in its story', async () => {
  const notices: Notice[] = []
  port.onNotice((notice) => notices.push(notice))
  await port.fellBack({ from: 7, to: 6, user: 'wang', cause: 'crash', at: '2026-11-30T00:00:00.000Z' })
  await vi.waitFor(() => expect(notices).toHaveLength(1), WAIT)
  const [notice] = notices
  expect(notice?.to).toMatchObject([{ person: 'wang', channel: 'webhook', address: 'http://wang' }])
  expect(events.map(({ type }) => type)).toEqual(['flows-fell-back', 'raised'])
  expect(port.snapshot().devices).toMatchObject([
    { address: { class: 'hub' } },
    { address: { class: 'incident' }, state: { cause: 'flows', kind: 'shared', status: 'raised' } },
  ])
  port.delivered({ notice: notice?.id ?? '', person: 'wang', delivery: 'failed', error: 'HTTP 503' })
  await vi.waitFor(() => {
    const story = [...hub.incidents.live()].flatMap((live) => live.story)
    expect(story.at(-1)).toMatchObject({ what: 'delivery', person: 'wang', delivery: 'failed', error: 'HTTP 503' })
  }, WAIT)
})

it('a flow raises an incident and works on it by commands with a result', async () => {
  const address = { ...SITE, gateway: 'hub', class: 'incident' as const }
  const command = { ttl_ms: 10_000, actor: { kind: 'flow' as const, id: 'n1' } }
  const text = { text: '水压低 low pressure' }
  const raise = { ...command, address: { ...address, device: 'new' }, name: 'raise', args: text }
  // The hub does not wait for its incidents when it starts: what comes before them is answered, and may be sent again.
  const raised = await vi.waitFor(async () => {
    const result = await port.send(raise)
    expect(result).toMatchObject({ status: 'succeeded' })
    return result
  }, WAIT)
  const { incident } = raised.data as { incident: string }
  const one = { ...command, address: { ...address, device: incident } }
  expect(await port.send({ ...one, name: 'comment', args: text })).toMatchObject({ status: 'succeeded' })
  expect(await port.send({ ...one, name: 'answer', args: {} })).toMatchObject({
    status: 'refused',
    code: 'INCIDENT_STEP',
  })
})

it('the state of the hub says how the flows are, and nothing while they start first or end with it', () => {
  const fell_back = { from: 7, to: 6, user: 'wang', cause: 'crash', at: '2026-11-30T00:00:00.000Z' }
  expect(flowsState({ status: 'starting' })).toBeUndefined()
  expect(flowsState({ status: 'closing', last_cause: 'crash' })).toBeUndefined()
  expect(flowsState({ status: 'running', flows: 'started' })).toEqual({ status: 'running' })
  expect(flowsState({ status: 'running', flows: 'stopped', reason: 'x' })).toEqual({ status: 'stopped' })
  for (const status of ['starting', 'restarting', 'gave-up-for-now'] as const)
    expect(flowsState({ status, last_cause: 'hung', fell_back })).toEqual({ status: 'away', fellback: fell_back })
})
