import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { ROLES, type Role } from '../../hub/people/roles.ts'
import { SITE_TEXT, WAIT } from '../support/estate.ts'
import { type Program, startProgram } from '../support/program.ts'

/** The flow editor of a real hub by the role of whoever logs in, and its versions by `linli flows` as somebody types it. */

const LINLI = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))
const data = mkdtempSync(join(tmpdir(), 'linli-flows-cli-'))
const cookies = new Map<Role, string>()
let hub: Program

beforeAll(async () => {
  await start()
  for (const role of ROLES) {
    const answer = await ask('POST', '/api/v1/session', undefined, { name: role, secret: `${role}-secret` })
    cookies.set(role, answer.headers.get('set-cookie')?.split(';')[0] ?? '')
  }
}, 90_000)
afterAll(async () => {
  await hub?.kill()
  rmSync(data, { recursive: true, force: true })
})

async function start(): Promise<void> {
  const ports = ['--mqtt-port', '0', '--http-port', '0', '--log-level', 'warn']
  const env = { LINLI_DEV_PEOPLE: ROLES.map((role) => `${role}:${role}-secret`).join(',') }
  hub = await startProgram('hub/main.ts', ['--dev', '--data', data, '--site', SITE_TEXT, ...ports], { env })
  await vi.waitFor(async () => expect(await health()).toMatchObject({ status: 'running', flows: 'started' }), WAIT)
}

async function ask(method: string, path: string, role?: Role, body?: unknown): Promise<Response> {
  const url = `http://127.0.0.1:${hub.ready.httpPort}`
  const headers = { origin: url, cookie: (role && cookies.get(role)) ?? '' }
  const json = body === undefined ? {} : { 'content-type': 'application/json' }
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  return fetch(`${url}${path}`, { method, headers: { ...headers, ...json }, redirect: 'manual', ...sent })
}

/** What the hub says of itself on the stream that its pages live from. */
async function hubSays(): Promise<string> {
  const { body } = await ask('GET', '/api/v1/live', 'viewer')
  let text = ''
  for await (const chunk of body ?? []) {
    text += Buffer.from(chunk).toString('utf8')
    if (text.includes('event: beat')) break
  }
  const picture = JSON.parse(/^event: picture\ndata: (.*)$/m.exec(text)?.[1] ?? '{}') as {
    devices: Array<{ path: string }>
  }
  return JSON.stringify(picture.devices.find(({ path }) => path.endsWith('/hub/hub/hub-1')))
}

const health = async () => ((await (await ask('GET', '/healthz')).json()) as { flows: object }).flows

function linli(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, VITEST: '', LANG: 'C.UTF-8', SUDO_USER: 'liwei' }
    const child = spawn(process.execPath, [LINLI, ...args, '--data', data], { env })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8')
    })
    child.once('exit', (code) => resolve({ code, stdout, stderr }))
  })
}

type Node = { id: string; type: string; name?: string; args?: string }
const flowsSeenBy = async (role: Role) => (await (await ask('GET', '/editor/flows', role)).json()) as Node[]
const SIREN = '鸣笛 Siren on'
const sirenArgs = async () => (await flowsSeenBy('viewer')).find(({ name }) => name === SIREN)?.args
const deploy = (role: Role, nodes: Node[]) => ask('POST', '/editor/flows', role, nodes)
const SILENT = '{"on":false}'
const silenced = (nodes: Node[]) => nodes.map((node) => (node.name === SIREN ? { ...node, args: SILENT } : node))

describe('the flow editor', () => {
  it('shows a viewer and an operator everything live, and lets them change nothing in any way', async () => {
    const shipped = await flowsSeenBy('installer')
    for (const role of ['viewer', 'operator'] as const) {
      expect(await flowsSeenBy(role)).toEqual(shipped)
      const { user } = (await (await ask('GET', '/editor/settings', role)).json()) as { user: object }
      expect(user).toMatchObject({ username: role, permissions: 'read' })
      const inject = shipped.find(({ type }) => type === 'inject')?.id
      const tries = [
        ['POST', '/flows', silenced(shipped)],
        ['POST', '/flow', { label: 'x', nodes: [] }],
        ['PUT', `/flow/${shipped[0]?.id}`, { id: shipped[0]?.id, nodes: [] }],
        ['DELETE', `/flow/${shipped[0]?.id}`],
        ['POST', `/inject/${inject}`, {}],
        ['POST', '/nodes', { module: 'node-red-node-x' }],
        ['PUT', '/nodes/node-red', { enabled: false }],
        ['POST', '/library/local/flows/x', []],
        ['POST', '/settings/user', { x: 1 }],
      ] as const
      for (const [method, path, body] of tries) {
        const answer = await ask(method, `/editor${path}`, role, body)
        expect([path, answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
          path,
          403,
          'ROLE_TOO_LOW',
        ])
      }
    }
    expect(await sirenArgs()).not.toBe(SILENT)
  })

  it('lets an operator into the pages of the duty desk, and nobody anywhere without a login', async () => {
    expect((await ask('GET', '/api/v1/handovers', 'operator')).status).toBe(200)
    for (const path of ['/editor/flows', '/editor/settings', '/dashboard/', '/api/v1/handovers'])
      expect([path, (await ask('GET', path)).status]).toEqual([path, 401])
  })

  it('lets an installer deploy, by name in the version and in the audit log', async () => {
    expect((await deploy('installer', silenced(await flowsSeenBy('installer')))).status).toBe(204)
    expect(await sirenArgs()).toBe(SILENT)
  })
})

describe('linli flows', () => {
  it('compares by node, and takes a version back in a hub that runs', async () => {
    expect((await linli('flows', 'diff')).stdout).toMatch(/^~ 报警声光.*鸣笛 Siren on: args\n$/)
    expect(await linli('flows', 'rollback', '0', '--json')).toMatchObject({
      ...{ code: 0, stdout: '{"type":"rolled-back","to":0,"version":2,"running":true}\n' },
    })
    await vi.waitFor(async () => expect(await sirenArgs()).not.toBe(SILENT), WAIT)
    expect(await health()).toMatchObject({ status: 'running', flows: 'started' })
    expect(JSON.parse((await linli('flows', 'list', '--json')).stdout)).toMatchObject({
      versions: [
        { version: 2, user: 'cli:liwei', changed: 0, removed: 0 },
        { version: 1, user: 'installer', changed: 1, removed: 0, good: false },
      ],
    })
    const { stdout } = await linli('audit', 'show', '--json')
    expect(stdout).toContain('person:installer')
    const lines = stdout.split('\n').filter((line) => line.includes('"flows-rollback"'))
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { actor: 'installer:liwei', source: 'command-line', target: 'flows:0', outcome: 'asked' },
      { actor: 'installer:liwei', outcome: 'succeeded', detail: { version: 2, running: true } },
    ])
  })

  it('says what there is not, with exit code 2, and changes nothing', async () => {
    const says = { code: 2, stderr: expect.stringContaining('linli flows list') }
    expect(await linli('flows', 'rollback', '9')).toMatchObject(says)
  })

  it('are left by themselves when they end the process twice, and staff are told everywhere', async () => {
    const place = { z: 'a1b2c3d4e5f60718', x: 100, y: 100, wires: [[]] }
    const broken = { initialize: "Promise.reject(new Error('broken at the start'))", func: '', outputs: 1, libs: [] }
    const tab = { id: place.z, type: 'tab', label: 'broken' }
    const nodes = [
      ...(await flowsSeenBy('installer')),
      tab,
      { id: 'b1b2c3d4e5f60718', type: 'function', ...broken, ...place },
    ]
    // The process may be gone before it answers.
    await deploy('installer', nodes).catch(() => {})
    const left = { from: 3, to: 0, user: 'installer', cause: 'crash', at: expect.any(String) }
    await vi.waitFor(async () => expect(await health()).toMatchObject({ status: 'running', fell_back: left }), WAIT)
    expect((await flowsSeenBy('viewer')).some(({ id }) => id === tab.id)).toBe(false)
    await vi.waitFor(async () => expect(await hubSays()).toContain('"fellback":{"from":3,"to":0'), WAIT)
    const incidents = await (await ask('GET', '/api/v1/incidents', 'operator')).text()
    expect(incidents).toContain('"cause":"flows"')
    expect(hub.errors.join('\n')).toContain('a deploy of flows lost their process twice')
  })

  it('takes a version back in the files of a hub that stands still, which then runs it', async () => {
    await hub.stop()
    expect(await linli('flows', 'rollback', '1', '--json')).toMatchObject({
      ...{ code: 0, stdout: '{"type":"rolled-back","to":1,"version":5,"running":false}\n' },
    })
    await start()
    const viewer = await ask('POST', '/api/v1/session', undefined, { name: 'viewer', secret: 'viewer-secret' })
    cookies.set('viewer', viewer.headers.get('set-cookie')?.split(';')[0] ?? '')
    expect(await sirenArgs()).toBe(SILENT)
  })
})
