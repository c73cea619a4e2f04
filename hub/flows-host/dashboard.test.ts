import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliDecompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createFlowsHost, type FlowsHost } from './host.ts'
import type { FlowReport, HubForFlows } from './hub-port.ts'

/** FlowFuse Dashboard in the real Node-RED, as the hub passes people on to it. */

const reports: FlowReport[] = []
const hub: HubForFlows = {
  onMessage: () => () => {},
  snapshot: () => ({ devices: [] }),
  send: async ({ name }) => ({ id: 'c1', name, at: new Date().toISOString(), status: 'succeeded' }),
  report: async (report) => void reports.push(report),
  fellBack: async () => {},
  onNotice: () => () => {},
  delivered: () => {},
  upstreams: () => [],
  onUpstream: () => () => {},
}

const WAIT = { timeout: 15_000, interval: 20 }
const data_dir = mkdtempSync(join(tmpdir(), 'linli-dashboard-'))
let flows: FlowsHost

beforeAll(async () => {
  const log = { error: () => {}, warn: () => {}, info: () => {} }
  flows = createFlowsHost({ hub, log }, { data_dir, tick_ms: 50 })
  flows.start()
  await vi.waitFor(() => expect(flows.status().status).toBe('running'), { timeout: 60_000, interval: 50 })
}, 90_000)

afterAll(async () => {
  await flows.close()
  rmSync(data_dir, { recursive: true, force: true })
})

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** @param role undefined: nobody whom the hub sent */
function ask(
  path: string,
  role?: string,
  { method = 'GET', body, ...headers }: Record<string, string> = {},
): Promise<Answer> {
  const door = flows.door()
  if (!door) throw new Error('the flows do not run')
  const who = role === undefined ? {} : door.header({ name: `the ${role}`, role })
  return new Promise((resolve, reject) => {
    const asking = request({ socketPath: door.socketPath, path, method, headers: { ...headers, ...who } }, (got) => {
      const chunks: Buffer[] = []
      got.on('data', (chunk: Buffer) => chunks.push(chunk))
      got.once('end', () => resolve({ status: got.statusCode ?? 0, headers: got.headers, body: Buffer.concat(chunks) }))
    })
    asking.once('error', reject)
    asking.end(body)
  })
}

/** A page of the Dashboard, by the frames of Engine.IO 4 and Socket.IO 5 over polling. */
class OpenPage {
  readonly #role: string
  #sid = ''
  readonly heard: unknown[][] = []

  constructor(role: string) {
    this.#role = role
  }

  async open(): Promise<this> {
    const { body } = await ask(this.#path(), this.#role)
    this.#sid = (JSON.parse(body.toString().slice(1)) as { sid: string }).sid
    await this.#post('40')
    return this
  }

  /** The configuration of the pages, once it has the widget. */
  async configWith(widget: string): Promise<UiConfig> {
    for (;;) {
      const found = this.heard.filter(([name]) => name === 'ui-config').map(([, , config]) => config as UiConfig)
      const ready = found.find(({ widgets }) => Object.hasOwn(widgets, widget))
      if (ready) return ready
      const { body } = await ask(this.#path(), this.#role)
      for (const frame of body.toString().split('\x1e'))
        if (frame.startsWith('42')) this.heard.push(JSON.parse(frame.slice(2)) as unknown[])
        else if (frame === '2') await this.#post('3')
    }
  }

  send(...packet: unknown[]): Promise<void> {
    return this.#post(`42${JSON.stringify(packet)}`)
  }

  async #post(frame: string): Promise<void> {
    const text = { method: 'POST', 'content-type': 'text/plain;charset=UTF-8', body: frame }
    expect((await ask(this.#path(), this.#role, text)).body.toString()).toBe('ok')
  }

  #path(): string {
    return `/dashboard/socket.io/?EIO=4&transport=polling${this.#sid === '' ? '' : `&sid=${this.#sid}`}`
  }
}

interface UiConfig {
  pages: Record<string, { name: string; path: string }>
  widgets: Record<string, { type: string; props: { view: string }; src: { package: string; src: string } }>
}

describe('FlowFuse Dashboard', () => {
  it('is shown to whom the hub sends, and to nobody else', async () => {
    for (const path of ['/dashboard/', '/dashboard/_setup', '/dashboard/socket.io/?EIO=4&transport=polling'])
      expect((await ask(path)).status, path).toBe(403)
    const page = await ask('/dashboard/', 'viewer')
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=UTF-8'])
    expect(page.headers['content-security-policy']).toContain("default-src 'self'")
    expect((await ask('/dashboard/_debug/datastore/x', 'admin')).status).toBe(404)
  })

  it('has the pages of the desk, with a widget that fetches them from the hub', async () => {
    const page = await new OpenPage('viewer').open()
    const config = await page.configWith(ALARMS)
    const views = Object.values(config.widgets).map(({ props }) => props.view)
    expect(views.sort()).toEqual(
      ['alarms', 'audit', 'devices', 'gates', 'handover', 'map', 'parks', 'yardsticks'].sort(),
    )
    expect(Object.values(config.pages).map(({ path }) => path.slice(1))).toEqual(expect.arrayContaining(views))
    for (const { src } of Object.values(config.widgets)) {
      const widget = await ask(`/editor/resources/${src.package}/${src.src}`, 'viewer')
      expect(widget.status).toBe(200)
      expect(widget.body.toString()).toContain('/desk/in-dashboard/widget/main.ts')
    }
  })

  it('is in the palette of the editor, for pages of the own', async () => {
    const palette = (await ask('/editor/nodes', 'viewer', { accept: 'text/html' })).body.toString()
    for (const type of ['ui-base', 'ui-page', 'ui-group', 'ui-button', 'ui-linli-view'])
      expect(palette).toContain(`registerType('${type}'`)
  })

  it('comes compressed, and need not come again', async () => {
    const html = (await ask('/dashboard/', 'viewer')).body.toString()
    const script = /src="\.\/(assets\/index-[\w-]+\.js)"/.exec(html)?.[1]
    const [plain, packed] = await Promise.all([
      ask(`/dashboard/${script}`, 'viewer'),
      ask(`/dashboard/${script}`, 'viewer', { 'accept-encoding': 'gzip, br' }),
    ])
    expect(packed.headers).toMatchObject({ 'content-encoding': 'br', 'cache-control': /immutable/ })
    expect(brotliDecompressSync(packed.body).equals(plain.body)).toBe(true)
    expect(packed.body.length).toBeLessThan(plain.body.length / 3)
    expect((await ask('/dashboard/assets/..%2f..%2fpackage.json', 'viewer')).body.toString()).not.toContain('"license"')
    expect((await ask('/dashboard/assets/nothing.js', 'viewer')).status).toBe(404)
  })

  it('gives what an operator presses to the flow, with the name, and nothing that a viewer presses', async () => {
    await addButton()
    const [viewer, operator] = await Promise.all([new OpenPage('viewer').open(), new OpenPage('operator').open()])
    for (const page of [viewer, operator]) {
      await page.configWith(BUTTON)
      for (const name of ['widget-action', 'widget-change', 'widget-send'])
        await page.send(name, BUTTON, { payload: 'pressed' })
    }
    await vi.waitFor(() => expect(reports).toHaveLength(3), WAIT)
    expect(new Set(reports.map(({ text }) => text))).toEqual(new Set(['the operator operator']))
  })
})

const BUTTON = '5f3a9c1e2b7d4f60'
/** As in `flows/duty-desk.flow.json`. */
const ALARMS = '65387593db747d02'

/** As an engineer does it: a page of their own beside the shipped ones. */
async function addButton(): Promise<void> {
  const json = { 'content-type': 'application/json' }
  const nodes = JSON.parse((await ask('/editor/flows', 'installer')).body.toString()) as Array<Record<string, unknown>>
  const idOf = (type: string) => nodes.find((node) => node.type === type)?.id
  const [tab, group, page, named, up] = ['7a1f', '7a2f', '7a3f', '7a4f', '7a5f'].map((id) => id.repeat(4))
  const own = [
    { id: tab, type: 'tab', label: '自己的 Own' },
    {
      id: page,
      type: 'ui-page',
      name: '自己的 Own',
      ui: idOf('ui-base'),
      path: '/own',
      layout: 'grid',
      theme: idOf('ui-theme'),
    },
    { id: group, type: 'ui-group', name: 'Own', page, width: '6', height: '1', order: 1 },
    { id: BUTTON, type: 'ui-button', z: tab, group, label: 'x', payload: '', payloadType: 'str', wires: [[named]] },
    {
      id: named,
      type: 'function',
      z: tab,
      func: 'const { name, role } = msg._client.person; return { payload: [name, role].join(" ") }',
      outputs: 1,
      libs: [],
      wires: [[up]],
    },
    { id: up, type: 'linli upstream send', z: tab, about: 'pressed', text: '', severity: 'notice', wires: [[], []] },
  ]
  const answer = await ask('/editor/flows', 'installer', {
    method: 'POST',
    // The shipped pages go on as they are: a page that is opened while the Dashboard itself is restarted is forgotten by it.
    'node-red-deployment-type': 'nodes',
    ...json,
    body: JSON.stringify([...nodes, ...own]),
  })
  expect(answer.status, answer.body.toString()).toBe(204)
}
