import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createFlowsHost, type FlowsHost, type FlowsHostConfig } from './host.ts'
import type { FallBack, HubForFlows } from './hub-port.ts'

/** The host against small children that misbehave in one way each; Node-RED itself is in `node-red.test.ts`. */

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

let refusesFallBacks = 0
const fallBacks: FallBack[] = []
const hub: HubForFlows = {
  onMessage: () => () => {},
  snapshot: () => ({ devices: [] }),
  send: () => new Promise(() => {}),
  report: async () => {},
  async fellBack(left) {
    refusesFallBacks -= 1
    if (refusesFallBacks >= 0) throw new Error('the disk is full')
    fallBacks.push(left)
  },
  onNotice: () => () => {},
  delivered: () => {},
  upstreams: () => [{ status: 'none', since: '2026-11-23T00:00:00.000Z', backlog: 0 }],
  onUpstream: () => () => {},
}

const READY = `process.on('message', (m) => {
  if (m.type === 'start') process.send({ type: 'ready', boot_ms: 1, flows: 'started' })
  if (m.type === 'ping') process.send({ type: 'pong', n: m.n, rss_bytes: process.memoryUsage.rss() })
  if (m.type === 'stop') process.exit(0)
})
`

function host(program: string, config: Partial<FlowsHostConfig> = {}): FlowsHost & { lines: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'linli-flows-host-'))
  const entry = join(folder, 'child.mjs')
  writeFileSync(entry, program)
  const lines: string[] = []
  const log = (fields: object, text: string) => lines.push(`${text} ${JSON.stringify(fields)}`)
  const made = createFlowsHost(
    { hub, log: { error: log, warn: log, info: log } },
    {
      data_dir: folder,
      entry,
      tick_ms: 20,
      ...config,
      supervisor: { ping_interval_ms: 100, backoff_ms_min: 20, close_timeout_ms: 200, ...config.supervisor },
    },
  )
  cleanups.push(
    () => rmSync(folder, { recursive: true, force: true }),
    () => made.close(),
  )
  made.start()
  return { ...made, lines }
}

/** Far more than it takes: the machine may be busy. */
const WAIT = { timeout: 30_000 }

const lost = (flows: FlowsHost, cause: keyof ReturnType<FlowsHost['metrics']>['lost']) =>
  vi.waitFor(() => expect(flows.metrics().lost[cause]).toBeGreaterThan(1), WAIT)

describe('flows host', { timeout: 60_000 }, () => {
  it('kills and replaces a child whose event loop stands still', async () => {
    const flows = host(`${READY} setTimeout(() => { for (;;); }, 50)`)
    await lost(flows, 'hung')
  })

  it('kills and replaces a child that takes too much memory, also when it hides it', async () => {
    const flows = host(
      READY.replace('process.memoryUsage.rss()', '1').replace(
        'm.type',
        'globalThis.x ??= Buffer.alloc(150e6, 1), m.type',
      ),
      { supervisor: { rss_bytes_max: 120e6 } },
    )
    await lost(flows, 'memory')
  })

  it('kills and replaces a child that floods the hub with messages', async () => {
    const flows = host(
      `${READY} setInterval(() => { for (let i = 0; i < 3000; i += 1) process.send({ type: 'seen', seq: 1 }) }, 200)`,
    )
    await lost(flows, 'flood')
  })

  it('kills and replaces a child that never gets ready', async () => {
    const flows = host('setInterval(() => {}, 1000); process.on("message", () => {})', {
      supervisor: { start_timeout_ms: 150 },
    })
    await lost(flows, 'start-timeout')
  })

  it('starts a child again that ends by itself, and says when it fails again and again', async () => {
    const flows = host('process.exit(3)', { supervisor: { backoff_ms_max: 40 } })
    await lost(flows, 'crash')
    await vi.waitFor(
      () => expect(flows.status()).toMatchObject({ status: 'gave-up-for-now', last_cause: 'crash' }),
      WAIT,
    )
  })

  it('survives a Node binary that is not there', async () => {
    await lost(host('', { exec_path: '/nowhere/node' }), 'spawn-failed')
  })

  it('survives a data folder that cannot be made', async () => {
    await lost(host('', { data_dir: '/dev/null/flows' }), 'spawn-failed')
  })

  it('ignores messages that make no sense, and counts them', async () => {
    const flows = host(`${READY} process.send({ type: 'nonsense' }); process.send({ type: 'command', id: 7 })`)
    await vi.waitFor(() => expect(flows.metrics().invalid).toBe(2), WAIT)
    await vi.waitFor(() => expect(flows.status().status).toBe('running'), WAIT)
  })

  it('takes what the child writes into the log, but not without limit', async () => {
    const flows = host(`${READY} console.error(JSON.stringify({ level: 'info', msg: 'hello' }))
      for (let i = 0; i < 5000; i += 1) console.log('x'.repeat(100))`)
    await vi.waitFor(() => expect(flows.lines.join('\n')).toContain('lines were left out'), WAIT)
    expect(flows.lines).toContain('hello {"from":"flows"}')
    expect(flows.lines.length).toBeLessThan(700)
  })

  const left = { from: 7, to: 6, user: 'wang', cause: 'crash', at: '2026-11-30T08:00:00.000Z' }
  const said = (told: boolean) => JSON.stringify({ type: 'standing', flows: 'started', fell_back: { ...left, told } })
  const LEFT = `${READY.replace("'ready',", `'ready', fell_back: { ...${JSON.stringify(left)}, told: false },`)}
    process.on('message', (m) => m.type === 'fell-back-told' && process.send(${said(true)}))
  `

  it('says once that a deploy was left, and shows it until a later one is good', async () => {
    fallBacks.length = 0
    const flows = host(`${LEFT} process.on('message', (m) => {
      if (m.type !== 'reload') return
      process.send(${said(true)})
      process.send({ type: 'standing', flows: 'started' })
      process.send({ type: 'reloaded', id: m.id, ok: true })
    })`)
    await vi.waitFor(() => expect(flows.status()).toMatchObject({ status: 'running', fell_back: left }), WAIT)
    expect(await flows.reload()).toBe(true)
    expect(flows.status()).not.toHaveProperty('fell_back')
    expect(fallBacks).toEqual([left])
  })

  it('says that a deploy was left once more when the disk refused it, and what a lost process did not load', async () => {
    fallBacks.length = 0
    refusesFallBacks = 1
    const flows = host(`${LEFT} process.on('message', (m) => m.type === 'reload' && process.exit(1))`)
    await vi.waitFor(() => expect(flows.lines.join('\n')).toContain('the disk is full'), WAIT)
    expect(await flows.reload()).toBe(false)
    expect(flows.status().fell_back).toEqual(left)
    await vi.waitFor(() => expect(fallBacks).toEqual([left]), WAIT)
  })

  it('keeps the environment of the hub from the flows', async () => {
    process.env.LINLI_TEST_SECRET = 'secret'
    cleanups.push(() => delete process.env.LINLI_TEST_SECRET)
    const flows = host(`${READY} console.log('env', Object.keys(process.env).join())`)
    await vi.waitFor(() => expect(flows.lines.some((line) => line.startsWith('env'))).toBe(true), WAIT)
    expect(flows.lines.join()).not.toContain('LINLI_TEST_SECRET')
  })

  it('ends a child that refuses to end', async () => {
    const flows = host(`process.on('SIGTERM', () => {}); ${READY.replace("'stop'", "'never'")}`)
    await vi.waitFor(() => expect(flows.status().status).toBe('running'), WAIT)
    const { pid } = flows.status()
    await flows.close()
    expect(() => process.kill(pid as number, 0)).toThrow('ESRCH')
    expect(flows.status().status).toBe('stopped')
  })

  it('closes before it was started, and twice', async () => {
    const log = () => {}
    const flows = createFlowsHost({ hub, log: { error: log, warn: log, info: log } }, { data_dir: tmpdir() })
    await flows.close()
    await flows.close()
    flows.start()
    expect(flows.status().status).toBe('stopped')
  })
})
