import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { SITE_TEXT, WAIT } from '../support/estate.ts'
import { type Program, startProgram } from '../support/program.ts'

/** People at a real hub: the command line makes and changes them, HTTPS lets them in, sessions outlive the process. */

const LINLI = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))
const data = mkdtempSync(join(tmpdir(), 'linli-people-'))
const SECOND = '四个互不相关的词语放在一起吧'
let hub: Program
afterAll(async () => {
  await hub?.kill()
  rmSync(data, { recursive: true, force: true })
})

function linli(args: string[], typed?: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, VITEST: '', LANG: 'C.UTF-8' }
    const child = spawn(process.execPath, [LINLI, ...args, '--data', data], { env })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8')
    })
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8')
    })
    child.stdin.end(typed)
    child.once('exit', (code) => resolve({ code, stdout, stderr }))
  })
}

const start = (...more: string[]) =>
  startProgram('hub/main.ts', [
    ...more,
    ...['--data', data, '--site', SITE_TEXT, '--log-level', 'warn', '--host', '127.0.0.1'],
    ...['--http-port', '0', '--https-port', '0', '--mqtts-port', '0'],
  ])

interface Answer {
  status: number | undefined
  cookie: string
  text: string
  body: { code?: string; role?: string; mustChange?: boolean }
}

function ask(method: string, path: string, said: { cookie?: string; body?: object } = {}): Promise<Answer> {
  const host = `127.0.0.1:${hub.ready.httpsPort}`
  const headers = {
    origin: `https://${host}`,
    ...(said.cookie ? { cookie: said.cookie } : {}),
    ...(said.body ? { 'content-type': 'application/json' } : {}),
  }
  return new Promise((resolve, reject) => {
    const asking = request(`https://${host}${path}`, { method, headers, rejectUnauthorized: false }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => {
        const cookie = response.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
        const isJson = String(response.headers['content-type']).startsWith('application/json')
        resolve({ status: response.statusCode, cookie, text, body: isJson ? JSON.parse(text) : {} })
      })
    })
    asking.once('error', reject)
    asking.end(said.body && JSON.stringify(said.body))
  })
}

describe('people', () => {
  it('are made before the hub runs and while it runs, log in, and stay logged in over a restart', async () => {
    hub = await start('--no-flows')
    expect(hub.errors.join()).toContain('linli user add NAME --role admin')
    const added = await linli(['user', 'add', '李明', '--role', 'admin', '--json'])
    const { secret } = JSON.parse(added.stdout) as { secret: string }
    const first = await ask('POST', '/api/v1/session', { body: { name: '李明', secret } })
    expect([first.status, first.body.mustChange]).toEqual([200, true])
    expect((await ask('GET', '/metrics', { cookie: first.cookie })).body.code).toBe('SECRET_CHANGE_NEEDED')
    const change = { secret, next: SECOND }
    const second = await ask('PUT', '/api/v1/me/secret', { cookie: first.cookie, body: change })
    expect(second.status).toBe(200)
    await hub.kill()
    const typed = await linli(['user', 'add', 'wang', '--role', 'viewer', '--ask'], 'four unrelated words\n')
    expect(typed).toMatchObject({ code: 0, stdout: 'wang is added\n' })
    hub = await start()
    expect((await ask('GET', '/api/v1/me', { cookie: first.cookie })).status).toBe(401)
    expect((await ask('GET', '/api/v1/me', { cookie: second.cookie })).body.role).toBe('admin')
  })

  it('have one login for pages and the flow editor, which shows itself by role', async () => {
    const admin = await ask('POST', '/api/v1/session', { body: { name: '李明', secret: SECOND } })
    const viewer = await ask('POST', '/api/v1/session', { body: { name: 'wang', secret: 'four unrelated words' } })
    await vi.waitFor(async () => {
      const { body } = await ask('GET', '/healthz', { cookie: admin.cookie })
      expect(body).toMatchObject({ flows: { status: 'running', flows: 'started' } })
    }, WAIT)
    expect((await ask('GET', '/editor/flows')).status).toBe(401)
    for (const { cookie } of [admin, viewer]) {
      expect((await ask('GET', '/editor/', { cookie })).text).toContain('<title>邻里 Linli</title>')
      expect((await ask('GET', '/editor/flows', { cookie })).text).toContain('报警声光')
    }
    const flows = (await ask('GET', '/editor/flows', { cookie: viewer.cookie })).body as object
    const deploy = (cookie: string) => ask('POST', '/editor/flows', { cookie, body: flows })
    expect((await deploy(viewer.cookie)).body.code).toBe('ROLE_TOO_LOW')
    expect((await deploy(admin.cookie)).status).toBe(204)

    const host = `127.0.0.1:${hub.ready.httpsPort}`
    const live = (cookie: string, origin: string) =>
      new WebSocket(`wss://${host}/editor/comms`, { headers: { cookie, origin }, rejectUnauthorized: false })
    const foreign = live(viewer.cookie, 'https://evil.example')
    expect(String(await new Promise((resolve) => foreign.once('error', resolve)))).toContain('403')
    const own = live(viewer.cookie, `https://${host}`)
    const heard = new Promise((resolve) => own.once('message', (data) => resolve(String(data))))
    own.once('open', () => own.send('{"subscribe":"notification/#"}'))
    expect(await heard).toContain('notification/')
    const closed = new Promise((resolve) => own.once('close', resolve))
    await ask('DELETE', '/api/v1/session', { cookie: viewer.cookie })
    await closed
    expect((await linli(['audit', 'show', '--kind', 'configuration'])).stdout).toContain('person:李明')
  })

  it('are put out at once by the command line, and the audit log has it all', async () => {
    const { cookie } = await ask('POST', '/api/v1/session', { body: { name: 'wang', secret: 'four unrelated words' } })
    expect((await ask('GET', '/api/v1/me', { cookie })).status).toBe(200)
    expect((await linli(['user', 'remove', 'wang'])).code).toBe(0)
    expect((await ask('GET', '/api/v1/me', { cookie })).status).toBe(401)
    const last = await linli(['user', 'remove', '李明'])
    expect([last.code, last.stderr]).toEqual([2, expect.stringContaining('the only admin')])
    const { stdout } = await linli(['audit', 'show'])
    for (const line of [
      'person-add',
      'secret-change',
      'person-remove  failed PEOPLE_LAST_ADMIN',
      'login  succeeded  person:wang',
    ])
      expect(stdout).toContain(line)
    expect(stdout).not.toContain('four unrelated words')
  })
})
