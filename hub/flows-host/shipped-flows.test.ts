import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startOpenBroker } from '../../test/support/open-broker.ts'
import type { Result } from '../contract/command.ts'
import type { SenmlPack } from '../contract/senml.ts'
import type { Address, DeviceClass } from '../contract/topic.ts'
import { createFlowsHost, type FlowsHost } from './host.ts'
import type {
  AcceptedMessage,
  CommandRequest,
  Delivery,
  DeviceSnapshot,
  FlowReport,
  HubForFlows,
  Notice,
} from './hub-port.ts'

/** The flows that are shipped beside the siren, each enabled as staff would, in the real Node-RED. */

const estate = { street: 'tianlin', community: 'c1', estate: 'e1' }
const addressOf = (device: string, deviceClass: DeviceClass): Address => {
  const gateway = deviceClass === 'incident' ? 'hub' : 'gw1'
  return { ...estate, gateway, class: deviceClass, device }
}
const known = (device: string, deviceClass: DeviceClass, capabilities: string[]): DeviceSnapshot => {
  const driver = { name: 'test', version: '1' }
  const meta = { class: deviceClass, model: 'test', driver, place: { spot: 'park' }, capabilities }
  return { address: addressOf(device, deviceClass), meta, state: undefined, availability: { status: 'online' } }
}

let accept: (accepted: AcceptedMessage) => void = () => {}
let tell: (notice: Notice) => void = () => {}
let requests: CommandRequest[] = []
let answer: Pick<Result, 'status' | 'code'> = { status: 'succeeded' }
const reports: FlowReport[] = []
const deliveries: Delivery[] = []
const lines: string[] = []

const hub: HubForFlows = {
  onMessage(listener) {
    accept = listener
    return () => {}
  },
  snapshot: () => ({
    devices: [
      known('visitors', 'access-gate', ['set-mode']),
      known('park-1', 'park-sensor', ['output']),
      { ...known('7', 'incident', []), meta: undefined, state: { status: 'raised', kind: 'major', cause: 'button' } },
    ],
  }),
  async send(asked) {
    requests.push(asked)
    return { id: 'c1', name: asked.name, at: new Date().toISOString(), ...answer }
  },
  report: async (report) => void reports.push(report),
  fellBack: async () => {},
  onNotice(listener) {
    tell = listener
    return () => {}
  },
  delivered: (delivery) => void deliveries.push(delivery),
  upstreams: () => [],
  onUpstream: () => () => {},
}

const WAIT = { timeout: 30_000, interval: 20 }
const data_dir = mkdtempSync(join(tmpdir(), 'linli-flows-'))
let flows: FlowsHost

beforeAll(async () => {
  const log = (fields: object, text: string) => void lines.push(`${text} ${JSON.stringify(fields)}`)
  flows = createFlowsHost({ hub, log: { error: log, warn: log, info: log } }, { data_dir, tick_ms: 50 })
  flows.start()
  await vi.waitFor(() => expect(flows.status().status).toBe('running'), { timeout: 60_000, interval: 50 })
  await enableAll()
}, 90_000)

afterAll(async () => {
  await flows.close()
  rmSync(data_dir, { recursive: true, force: true })
})

function ask(path: string, method: 'GET' | 'POST', body?: string): Promise<{ status: number; text: string }> {
  const door = flows.door()
  if (!door) throw new Error('the flows do not run')
  const headers = { 'content-type': 'application/json', ...door.header({ name: 'admin', role: 'admin' }) }
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath: door.socketPath, path: `/editor${path}`, method, headers }, (got) => {
      let text = ''
      got.setEncoding('utf8')
      got.on('data', (chunk: string) => {
        text += chunk
      })
      got.once('end', () => resolve({ status: got.statusCode ?? 0, text }))
    })
    asking.once('error', reject)
    asking.end(body)
  })
}

type Node = { id: string; type: string; name?: string; disabled?: boolean }
const shown = async () => JSON.parse((await ask('/flows', 'GET')).text) as Node[]

/** As staff do it: each tab that is shipped disabled is enabled, and deployed. */
async function enableAll(): Promise<void> {
  const nodes = await shown()
  expect(nodes.filter(({ type, disabled }) => type === 'tab' && disabled)).toHaveLength(2)
  const enabled = nodes.map((node) => ({
    ...node,
    ...(node.type === 'tab' ? { disabled: false } : {}),
    // Nobody waits for 10 s here.
    ...(node.type === 'delay' ? { timeout: '1' } : {}),
  }))
  expect((await ask('/flows', 'POST', JSON.stringify(enabled))).status).toBe(204)
}

/** The button of an inject node, in place of its time of day. */
async function press(name: string): Promise<void> {
  const node = (await shown()).find((one) => one.type === 'inject' && one.name === name)
  expect((await ask(`/inject/${node?.id}`, 'POST')).status).toBe(200)
}

function reads(records: SenmlPack, device = 'park-1', replayed = false): void {
  const address = addressOf(device, 'park-sensor')
  const at = { time: new Date().toISOString(), sequence: '000000000001', bootid: 'b', monotonicms: '1' }
  const event = { ...at, specversion: '1.0' as const, id: 'x', source: '/x', type: 'linli.park-sensor.tele.v1' }
  const more = { timequality: 'synced' as const, severity: 'notice' as const, ...(replayed ? { replayed } : {}) }
  const message = { kind: 'telemetry' as const, topic: { ...address, channel: 'tele' as const } }
  accept({
    message: { ...message, event: { ...event, ...more, data: records } },
    place: undefined,
    meta: undefined,
    replayed,
  })
}
const asked = (expected: object[]) => vi.waitFor(() => expect(requests).toMatchObject(expected), WAIT)

describe('gate schedule', { timeout: 60_000 }, () => {
  it('unlocks the door by day and gives it back to its schedule', async () => {
    requests = []
    await press('每天 7:00 Daily at 7')
    await press('每天 19:00 Daily at 19')
    const address = addressOf('visitors', 'access-gate')
    await asked([
      { address, name: 'set-mode', args: { mode: 'free', for_ms: 43_200_000 }, actor: { kind: 'flow' } },
      { address, name: 'set-mode', args: { mode: 'schedule' } },
    ])
  })

  it('asks staff to look when the door refuses', async () => {
    requests = []
    answer = { status: 'refused', code: 'GATE_EVACUATING' }
    await press('每天 7:00 Daily at 7')
    await asked([{ name: 'set-mode' }, { name: 'raise', address: { class: 'incident', device: 'new' } }])
    expect(requests[1]?.args).toMatchObject({ kind: 'shared', text: expect.stringContaining('GATE_EVACUATING') })
    answer = { status: 'succeeded' }
  })
})

describe('park care', { timeout: 60_000 }, () => {
  it('lights the lamp at dusk once, not for a doubtful reading or one of an outage, and ends at dawn', async () => {
    requests = []
    reads([{ n: 'illuminance', u: 'lx', v: 5, q: 'suspect', qr: 'stuck' }])
    reads([{ n: 'illuminance', u: 'lx', v: 5 }], 'park-1', true)
    for (const v of [10, 30, 10, 80]) {
      reads([{ n: 'illuminance', u: 'lx', v }])
      // Readings of one sensor that wait give way to newer ones: each has its turn here.
      await press('7:45')
    }
    await asked([
      { name: 'output', address: { device: 'park-1' }, args: { output: 'lamp', on: true } },
      { name: 'output', args: { output: 'lamp', on: false } },
    ])
  })

  it('waters in the morning, and shows it when rain forbids that', async () => {
    requests = []
    answer = { status: 'refused', code: 'PARK_RAIN_LOCK' }
    await press('每天 6:00 Daily at 6')
    await asked([{ name: 'output', args: { output: 'valve', on: true, for_ms: 600_000 } }])
    await vi.waitFor(() => expect(lines.join('\n')).toContain('下雨,不浇'), WAIT)
    answer = { status: 'succeeded' }
  })
})

describe('park advisory', { timeout: 60_000 }, () => {
  it('says heat and bad air once, and when they are over', async () => {
    for (const v of [40, 41.5, 42, 40, 38]) {
      reads([{ n: 'heat-index', u: 'Cel', v }])
      await press('7:45')
    }
    reads([{ n: 'aqi', u: '/', v: 180 }])
    await vi.waitFor(
      () =>
        expect(reports).toMatchObject([
          { name: 'park-advisory', severity: 'notice', data: { what: 'heat-index', on: true, value: 41.5 } },
          { data: { what: 'heat-index', on: false } },
          { text: expect.stringContaining('Bad air'), data: { what: 'aqi', on: true } },
        ]),
      WAIT,
    )
  })
})

describe('incident notices', { timeout: 60_000 }, () => {
  it('go to webhooks and speakers, and what became of each is told', async () => {
    const bodies: string[] = []
    const server = createServer((incoming, outgoing) => {
      let body = ''
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      incoming.once('end', () => {
        bodies.push(`${incoming.url} ${body}`)
        outgoing.writeHead(incoming.url === '/broken' ? 503 : 200).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const person = (name: string, channel: string, address: string) => ({ person: name, name, channel, address })
    const to = [
      person('wang', 'webhook', `${url}/wang`),
      person('li', 'webhook', `${url}/broken`),
      person('gate', 'speaker', `${url}/say`),
      person('gone', 'webhook', 'http://127.0.0.1:1/'),
      person('zhao', 'mqtt', 'staff/zhao'),
    ]
    const incident = { id: '7', kind: 'major', status: 'raised', cause: 'button', count: 1, place: { building: '3' } }
    tell({ id: '7-1', why: 'raised', incident, to })
    await vi.waitFor(() => expect(deliveries).toHaveLength(5), WAIT)
    expect([...deliveries].sort((a, b) => (a.person < b.person ? -1 : 1))).toMatchObject([
      { notice: '7-1', person: 'gate', delivery: 'delivered' },
      { person: 'gone', delivery: 'failed', error: expect.stringContaining('ECONNREFUSED') },
      { person: 'li', delivery: 'failed', error: 'HTTP 503' },
      { person: 'wang', delivery: 'delivered' },
      // Nobody has enabled it.
      { person: 'zhao', delivery: 'failed', error: 'MQTT: no broker took it within 10 s' },
    ])
    const said = bodies.sort()
    expect(said.find((body) => body.startsWith('/say'))).toBe('/say 邻里 Linli #7 [大事 major] button 3 (raised)')
    const json = said.find((body) => body.startsWith('/wang')) ?? ''
    expect(JSON.parse(json.slice('/wang '.length))).toMatchObject({ notice: { id: '7-1' }, to: { person: 'wang' } })
    server.closeAllConnections()
    server.close()
  })
})

const OPEN_ONE = '交接班:还有 1 件没有办结 Handover: 1 open (#7 button)'

describe('shift handover', { timeout: 60_000 }, () => {
  it('reminds with what is still open', async () => {
    await press('19:45')
    await vi.waitFor(() => expect(lines.join('\n')).toContain(OPEN_ONE.slice(4)), WAIT)
  })
})

describe('what a site fills in first', { timeout: 60_000 }, () => {
  const incident = { id: '8', kind: 'shared', status: 'raised', cause: 'button', count: 1, place: { building: '5' } }
  const toZhao = { person: 'zhao', name: '赵', channel: 'mqtt', address: 'staff/zhao' }
  const SPOKEN = '邻里 Linli #8 [小事 shared] button 5 (raised)'

  it('takes notices to a broker, and says so when it has taken them', async () => {
    const { broker, port, accepted } = await startOpenBroker()
    await fillIn({ 'mqtt out': { d: false }, 'mqtt-broker': { broker: '127.0.0.1', port: String(port) } })
    // It connects at its own pace, and what it cannot send it lets go.
    await vi.waitFor(() => {
      deliveries.length = 0
      tell({ id: '8-1', why: 'raised', incident, to: [toZhao] })
      return vi.waitFor(() => expect(deliveries).toMatchObject([{ delivery: 'sent' }]), { timeout: 1_000 })
    }, WAIT)
    expect(deliveries).toEqual([{ notice: '8-1', person: 'zhao', delivery: 'sent' }])
    const said = accepted.map(({ topic, payload, retain }) => [topic, Buffer.from(payload).toString('utf8'), retain])
    expect(said.at(-1)).toEqual(['staff/zhao', SPOKEN, false])
    await broker.close()
    deliveries.length = 0
    tell({ id: '8-2', why: 'repeated', incident, to: [toZhao] })
    await vi.waitFor(() => expect(deliveries).toMatchObject([{ notice: '8-2', delivery: 'failed' }]), WAIT)
  })

  it('speaks the reminder of the shift, and says when the speaker does not', async () => {
    const heard: string[] = []
    const speaker = createServer((incoming, outgoing) => {
      let text = ''
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      incoming.once('end', () => {
        heard.push(`${incoming.headers['content-type']} ${text}`)
        outgoing.writeHead(heard.length > 1 ? 503 : 200).end('busy')
      })
    })
    await new Promise<void>((resolve) => speaker.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(speaker.address() as AddressInfo).port}/say`
    await fillIn({ '喇叭 Speaker': { d: false, url } })
    await press('7:45')
    await vi.waitFor(() => expect(heard).toEqual([`text/plain; charset=utf-8 ${OPEN_ONE}`]), WAIT)
    lines.length = 0
    await press('7:45')
    await vi.waitFor(() => expect(lines.join('\n')).toContain('HTTP 503'), WAIT)
    speaker.closeAllConnections()
    speaker.close()
    await press('7:45')
    await vi.waitFor(() => expect(lines.join('\n')).toContain('ECONNREFUSED'), WAIT)
  })
})

/** Deploys what staff would fill in, by the type or the name of an http request. */
async function fillIn(changes: Record<string, object>): Promise<void> {
  const nodes = await shown()
  const filled = nodes.map((node) => ({
    ...node,
    ...changes[node.type === 'http request' ? (node.name ?? '') : node.type],
  }))
  expect((await ask('/flows', 'POST', JSON.stringify(filled))).status).toBe(204)
}
