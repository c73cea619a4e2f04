import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Address, addressPath } from '../contract/topic.ts'
import { createFlowsHost, type FlowsHost } from './host.ts'
import type {
  AcceptedMessage,
  CommandRequest,
  DeviceSnapshot,
  FallBack,
  HubForFlows,
  UpstreamStatus,
} from './hub-port.ts'

/** The shipped flows and the editor, in the real Node-RED, as the hub runs it. */

const lobby = { building: '3', floor: '1', spot: 'lobby' }
const gate = { building: '3', floor: '1', spot: 'gate' }

function device(name: string, place: object, capabilities: string[], alarm = false): DeviceSnapshot {
  const address: Address = {
    street: 'tianlin',
    community: 'c1',
    estate: 'e1',
    gateway: 'gw1',
    class: 'alarm-button',
    device: name,
  }
  const meta = {
    class: 'alarm-button' as const,
    model: 'test',
    driver: { name: 'test', version: '1' },
    place,
    capabilities,
  }
  return { address, meta, state: { alarm }, availability: { status: 'online' } }
}

const devices = new Map(
  [
    device('b1', lobby, ['siren', 'lamp', 'reset']),
    device('b2', lobby, ['lamp', 'reset']),
    device('b3', gate, ['siren', 'lamp', 'reset']),
  ].map((one) => [one.address.device, one]),
)
const known = (name: string) => devices.get(name) as DeviceSnapshot

let accept: (accepted: AcceptedMessage) => void = () => {}
let sayUpstream: (upstream: UpstreamStatus) => void = () => {}
let commands: string[] = []
let requests: CommandRequest[] = []
let sequence = 0
const fallBacks: FallBack[] = []

const upstream: UpstreamStatus = { status: 'connected', since: '2026-11-23T00:00:00.000Z', backlog: 0 }
const hub: HubForFlows = {
  onMessage(listener) {
    accept = listener
    return () => {}
  },
  snapshot: () => ({ devices: [...devices.values()] }),
  async send(request: CommandRequest) {
    requests.push(request)
    const args = request.args as { on: boolean; for_ms?: number }
    commands.push(`${request.name} ${request.address.device} ${args.on ? `on ${args.for_ms}` : 'off'}`)
    return { id: `c${commands.length}`, name: request.name, status: 'succeeded', at: new Date().toISOString() }
  },
  report: async () => {},
  fellBack: async (fallBack) => void fallBacks.push(fallBack),
  onNotice: () => () => {},
  delivered: () => {},
  upstreams: () => [upstream],
  onUpstream(listener) {
    sayUpstream = listener
    return () => {}
  },
}

function happens(type: string, name = 'b1', replayed = false): void {
  const { address, meta } = known(name)
  sequence += 1
  const digits = String(sequence).padStart(12, '0')
  const event = {
    specversion: '1.0' as const,
    id: `gw1:boot:${digits}`,
    source: `/${addressPath(address)}`,
    type: `linli.alarm-button.${type}.v1`,
    time: new Date().toISOString(),
    sequence: digits,
    bootid: 'boot',
    timequality: 'synced' as const,
    monotonicms: '1',
    severity: type === 'pressed' ? ('alarm' as const) : ('notice' as const),
    data: { press: 1 },
  }
  accept({
    message: { kind: 'event', topic: { ...address, channel: 'evt', type }, event },
    place: meta?.place,
    meta,
    replayed,
  })
}

function stateOf(name: string, alarm: boolean): void {
  const { address, meta } = known(name)
  const message = { kind: 'state' as const, topic: { ...address, channel: 'state' as const }, state: { alarm } }
  accept({ message, place: meta?.place, meta, replayed: false })
}

const ON = ['lamp b1 on 180000', 'lamp b2 on 180000', 'siren b1 on 180000']
const OFF = ['lamp b1 off', 'lamp b2 off', 'siren b1 off']
const WAIT = { timeout: 30_000, interval: 20 }

const asked = (expected: string[]) => vi.waitFor(() => expect([...commands].sort()).toEqual(expected), WAIT)

const data_dir = mkdtempSync(join(tmpdir(), 'linli-flows-'))
let flows: FlowsHost

beforeAll(async () => {
  const log = () => {}
  flows = createFlowsHost(
    { hub, log: { error: log, warn: log, info: log } },
    {
      data_dir,
      tick_ms: 50,
      supervisor: { ping_interval_ms: 1_000, backoff_ms_min: 50 },
    },
  )
  flows.start()
  await running()
}, 60_000)

afterAll(async () => {
  await flows.close()
  rmSync(data_dir, { recursive: true, force: true })
})

const running = () => vi.waitFor(() => expect(flows.status()).toMatchObject({ status: 'running' }), WAIT)

/** The child has been lost once more, and another one runs. */
async function restarted(before: number | undefined): Promise<void> {
  await vi.waitFor(() => {
    expect(flows.status().status).toBe('running')
    expect(flows.status().pid).not.toBe(before)
  }, WAIT)
}

type Role = 'admin' | 'viewer'
interface Said {
  method?: string
  body?: string
  headers?: Record<string, string>
}
/** One request to the child's own socket, as the hub sends it, or with other headers. */
function ask(path: string, role: Role | undefined, said: Said = {}): Promise<{ status: number; text: string }> {
  const door = flows.door()
  if (!door) throw new Error('the flows do not run')
  const person = role ? door.header({ name: role, role }) : {}
  const json = said.body === undefined ? {} : { 'content-type': 'application/json' }
  const headers = { ...json, ...said.headers, ...person }
  const { method = 'GET', body } = said
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath: door.socketPath, path: `/editor${path}`, method, headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => {
        text += chunk
      })
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    asking.once('error', reject)
    asking.end(body)
  })
}

describe('the siren flow', { timeout: 60_000 }, () => {
  it('sounds siren and lamp at the place of a pressed button only', async () => {
    commands = []
    happens('pressed')
    await asked(ON)
  })

  it('does not sound for a press that an outage delayed', async () => {
    commands = []
    happens('pressed', 'b3', true)
    happens('pressed')
    await asked(ON)
  })

  it('switches both off on reset and on cancel, but not while another button of the place is in alarm', async () => {
    commands = []
    stateOf('b2', true)
    happens('reset')
    stateOf('b2', false)
    happens('cancelled')
    await asked(OFF)
  })
})

describe('the editor', { timeout: 60_000 }, () => {
  it('answers nobody whom the hub did not send', async () => {
    const [made] = Object.values(flows.door()?.header({ name: 'admin', role: 'admin' }) ?? {})
    const person = made?.split('.')[1]
    for (const path of ['/', '/flows', '/settings', '/auth/login', '/red/red.min.js', '/linli'])
      expect([path, (await ask(path, undefined)).status]).toEqual([path, 403])
    for (const header of ['', 'x', `.${person}`, `${'A'.repeat(43)}.${person}`]) {
      const post = { method: 'POST', headers: { 'x-linli-person': header }, body: '[]' }
      expect((await ask('/flows', undefined, post)).status).toBe(403)
    }
    expect((await ask('/linli', 'admin')).status).toBe(404)
  })

  it('has no login of its own', async () => {
    expect(JSON.parse((await ask('/auth/login', 'viewer')).text)).toEqual({})
    const body = JSON.stringify({
      client_id: 'node-red-editor',
      grant_type: 'password',
      username: 'admin',
      password: '',
    })
    expect((await ask('/auth/token', 'viewer', { method: 'POST', body })).status).toBe(400)
  })

  it('shows a viewer everything and lets them change nothing', async () => {
    const shown = await ask('/flows', 'viewer')
    expect(shown.status).toBe(200)
    expect(shown.text).toContain('报警声光')
    expect(JSON.parse((await ask('/settings', 'viewer')).text).user).toMatchObject({
      username: 'viewer',
      permissions: 'read',
    })
    for (const path of ['/flows', '/flow', '/inject/0', '/library/local/flows/x'])
      expect([path, (await ask(path, 'viewer', { method: 'POST', body: '[]' })).status]).toEqual([path, 401])
  })

  it('shows the Linli nodes with their help in Chinese, and no node that runs programs', async () => {
    const listed = await ask('/nodes', 'viewer', { headers: { accept: 'application/json' } })
    const list = JSON.parse(listed.text) as Array<{ types: string[]; err?: string; module: string }>
    const ours = list.filter(({ module }) => module === '@linli/nodes')
    expect(ours.map(({ types, err }) => [types, err])).toEqual([
      [['linli event'], undefined],
      [['linli state'], undefined],
      [['linli reading'], undefined],
      [['linli incident'], undefined],
      [['linli notice'], undefined],
      [['linli command'], undefined],
      [['linli incident step'], undefined],
      [['linli notice told'], undefined],
      [['linli upstream send'], undefined],
      [['linli upstream status'], undefined],
    ])
    expect(list.flatMap(({ types }) => types)).not.toContain('exec')
    const html = await ask('/nodes', 'viewer', { headers: { accept: 'text/html', 'accept-language': 'zh-CN' } })
    expect(html.text).toContain('设备发生一个事件')
  })

  it('keeps what it writes from other users of the box', () => {
    const open = readdirSync(data_dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('compiled'))
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => (statSync(file).mode & 0o077) !== 0)
    expect(open).toEqual([])
    expect(readdirSync(data_dir)).toEqual(expect.arrayContaining(['credential-secret', 'flows.sock']))
  })
})

describe('the watchdog', { timeout: 60_000 }, () => {
  it('starts the flows again after a kill -9', async () => {
    const { pid } = flows.status()
    process.kill(pid as number, 'SIGKILL')
    await restarted(pid)
    commands = []
    happens('pressed')
    await asked(ON)
  })

  it('needs not act when a function node computes for ever: it is stopped, and the others go on', async () => {
    await deploy(loopOn('released', 'for (;;);'))
    const { pid } = flows.status()
    commands = []
    happens('released', 'b3')
    happens('pressed')
    await asked(ON)
    expect(flows.status().pid).toBe(pid)
  })

  it('replaces a flow that loops; a press meanwhile still sounds, and the second loss ends the deploy', async () => {
    // In the turn of the event: a timer might have its turn only after the event was reported as done.
    await deploy(loopOn('released', 'Promise.resolve().then(() => { for (;;); })'))
    const { hung } = flows.metrics().lost
    commands = []
    happens('released', 'b3')
    await vi.waitFor(() => expect(flows.metrics().lost.hung).toBe(hung + 1), WAIT)
    happens('pressed')
    // The looping event is given once more, loses a second child, and is given up.
    await vi.waitFor(() => expect(flows.metrics().lost.hung).toBe(hung + 2), WAIT)
    await running()
    // The press may have had its turn in the second child too, beside the loop.
    await vi.waitFor(() => expect([...new Set(commands)].sort()).toEqual(ON), WAIT)
    // A starved machine may lose the second child before it came to the event, which the good version then takes.
    expect(flows.metrics().dropped).toMatchObject({ state: 0, alarm: 0 })
    expect(flows.metrics().dropped.routine).toBeLessThanOrEqual(1)
    // The second loss of a deploy on trial ends it: the last good version, here the shipped one, runs again.
    expect((await ask('/flows', 'viewer')).text).not.toContain('for (;;);')
    expect(fallBacks).toMatchObject([{ to: 0, user: 'admin', cause: 'hung' }])
    expect(flows.status()).toMatchObject({ flows: 'started', fell_back: fallBacks[0] })
  })

  it('leaves a deploy that ends the process at each start, and nothing of it is deleted', async () => {
    const { fell_back } = flows.metrics()
    const [event, ends] = loopOn('released', 'return msg') as [object, object]
    // The process may be gone before it answers.
    await deploy([event, { ...ends, initialize: "Promise.reject(new Error('broken at the start'))" }]).catch(() => {})
    await vi.waitFor(() => expect(flows.metrics().fell_back).toBe(fell_back + 1), WAIT)
    await running()
    expect(fallBacks.at(-1)).toMatchObject({ user: 'admin', cause: 'crash' })
    expect((await ask('/flows', 'viewer')).text).not.toContain('broken at the start')
    // Said once, and shown for as long as nobody has deployed something good.
    expect(fallBacks).toHaveLength(2)
    expect(flows.status().fell_back).toEqual(fallBacks.at(-1))
    await vi.waitFor(
      () => expect(readFileSync(join(data_dir, 'versions', 'standing.json'), 'utf8')).toContain('"told":true'),
      WAIT,
    )
    const left = fallBacks.at(-1)?.from.toString().padStart(6, '0')
    expect(readFileSync(join(data_dir, 'versions', `flows-${left}.json`), 'utf8')).toContain('broken at the start')
    commands = []
    happens('pressed')
    await asked(ON)
  })

  it('tells the flows when the upstream comes and goes', async () => {
    await deploy(upstreamTo('b3'))
    requests = []
    sayUpstream({ ...upstream, status: 'disconnected', backlog: 7 })
    await vi.waitFor(() => {
      const request = requests.at(-1)
      expect(request).toMatchObject({ ttl_ms: 5000, args: { status: 'disconnected', backlog: 7 } })
      expect(request?.address).toEqual(known('b3').address)
    }, WAIT)
    expect(flows.metrics().invalid).toBe(0)
  })
})

/** Deploys the flows that run now, without tabs of this test, and these. */
async function deploy(nodes: object[]): Promise<void> {
  const current = JSON.parse((await ask('/flows', 'admin')).text) as Array<{ id: string; z?: string }>
  const kept = current.filter(({ id, z }) => id !== TAB && z !== TAB)
  const body = JSON.stringify([...kept, { id: TAB, type: 'tab', label: 'test', disabled: false, info: '' }, ...nodes])
  expect((await ask('/flows', 'admin', { method: 'POST', body })).status).toBe(204)
}

const TAB = 'a1b2c3d4e5f60718'
const place = { z: TAB, x: 100, y: 100 }

/** A function node with this code behind the events of this type. */
function loopOn(type: string, func: string): object[] {
  const any = { class: '', severity: '', building: '', floor: '', spot: '', device: '', replayed: false }
  const [event, loop] = ['b1b2c3d4e5f60718', 'c1b2c3d4e5f60718']
  return [
    { id: event, type: 'linli event', name: '', types: type, ...any, ...place, wires: [[loop]] },
    { id: loop, type: 'function', name: '', func, outputs: 1, libs: [], ...place, wires: [[]] },
  ]
}

function upstreamTo(name: string): object[] {
  const [status, command] = ['d1b2c3d4e5f60718', 'e1b2c3d4e5f60718']
  const to = { target: 'fixed', gateway: '', class: 'alarm-button', device: name, capability: '' }
  const what = { command: 'lamp', args: 'payload', argsType: 'msg', ttl_s: '5' }
  return [
    { id: status, type: 'linli upstream status', name: '', ...place, wires: [[command]] },
    { id: command, type: 'linli command', name: 'tell', ...to, ...what, ...place, wires: [[], []] },
  ]
}
