import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { board } from './testing/virtual-world.ts'

/** The process as the demo and the stack tests use it. */

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))
const TIMEOUT = { timeout: 30_000 }

interface Run {
  child: ChildProcess
  events: Record<string, unknown>[]
  errors: string[]
  exit: Promise<number | null>
  say(command: unknown): void
}

let folder: string
const runs: Run[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linli-sim-'))
})
afterEach(async () => {
  for (const { child, exit } of runs.splice(0)) {
    child.kill('SIGKILL')
    await exit
  }
  rmSync(folder, { recursive: true })
})

function file(name: string, data: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof data === 'string' ? data : JSON.stringify(data))
  return path
}

function run(...options: string[]): Run {
  const child = spawn(process.execPath, [MAIN, ...options], { stdio: ['pipe', 'pipe', 'pipe'] })
  const events: Record<string, unknown>[] = []
  const errors: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => events.push(parse(line)))
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
  const started: Run = {
    child,
    events,
    errors,
    exit: new Promise((resolve) => child.once('close', resolve)),
    say: (command) => child.stdin.write(typeof command === 'string' ? command : `${JSON.stringify(command)}\n`),
  }
  runs.push(started)
  return started
}

function parse(line: string): Record<string, unknown> {
  return line.startsWith('{') ? JSON.parse(line) : { text: line }
}

const port = () => join(folder, 'port-a')
const config = () => file('sim.json', { boards: [board('a', { port: port() })] })
const seen = (sim: Run, event: object) =>
  vi.waitFor(() => expect(sim.events).toContainEqual(expect.objectContaining(event)), 20_000)

describe('the simulator process', () => {
  it(
    'says ready first, obeys commands, survives bad ones and the end of stdin, and ends cleanly',
    TIMEOUT,
    async () => {
      const sim = run('--config', config())
      await seen(sim, { type: 'board', board: 'a', state: 'running' })
      expect(sim.events[0]).toEqual({ type: 'ready', boards: [{ id: 'a', port: port() }] })
      expect(existsSync(port())).toBe(true)

      sim.say('{"do":"dance"}\nnot json\n\n')
      sim.say({ do: 'press', device: 'nobody' })
      sim.say({ do: 'scenario', steps: [{ do: 'cut', device: 'a-button' }] })
      await vi.waitFor(() => expect(sim.events.filter(({ type }) => type === 'error').length).toBe(4), 20_000)

      const before_ms = Date.now()
      sim.say({ do: 'press', device: 'a-button', for_ms: 50 })
      await seen(sim, { type: 'edge', device: 'a-button', contact: 'open' })
      const edges = sim.events.filter(({ type }) => type === 'edge')
      expect(edges.map(({ contact }) => contact)).toEqual(['closed', 'open'])
      const [closed_ms = 0, open_ms = 0] = edges.map(({ at_ms }) => Number(at_ms))
      // The wall clock of another process, with fractions: one millisecond of rounding is allowed for.
      expect(closed_ms).toBeGreaterThan(before_ms - 1)
      expect(open_ms - closed_ms).toBeCloseTo(50, 3)

      sim.child.stdin?.end()
      sim.child.kill('SIGTERM')
      expect(await sim.exit).toBe(0)
      expect(existsSync(port())).toBe(false)
    },
  )

  it('plays a scenario from a file and from stdin', TIMEOUT, async () => {
    const steps = [
      { at_ms: 10, do: 'hold', device: 'a-button' },
      { at_ms: 60, do: 'release', device: 'a-button' },
    ]
    const sim = run('--config', config(), '--scenario', file('story.json', { name: 'from a file', steps }))
    await seen(sim, { type: 'scenario', name: 'from a file', state: 'ended' })
    sim.say({ do: 'scenario', name: 'from stdin', steps })
    await seen(sim, { type: 'scenario', name: 'from stdin', state: 'ended' })
    expect(sim.events.filter(({ type }) => type === 'edge').length).toBe(4)
    sim.child.kill('SIGINT')
    expect(await sim.exit).toBe(0)
  })

  it('takes its ports down when nobody listens to it any more', TIMEOUT, async () => {
    const sim = run('--config', config())
    await seen(sim, { type: 'ready' })
    sim.child.stdout?.destroy()
    sim.say({ do: 'press', device: 'a-button' })
    expect(await sim.exit).toBe(0)
    expect(existsSync(port())).toBe(false)
  })

  it('helps', TIMEOUT, async () => {
    const sim = run('--help')
    expect(await sim.exit).toBe(0)
    expect(sim.events[0]?.text).toContain('Usage: node hardware-sim/main.ts --config FILE')
    expect(sim.errors).toEqual([])
  })

  it.each([
    ['no configuration', () => [], '--config FILE is missing'],
    ['an unknown option', () => ['--conf', 'x'], "Unknown option '--conf'"],
    ['a missing file', () => ['--config', join(folder, 'none')], 'no such file'],
    ['a file that is not JSON', () => ['--config', file('a.json', '{')], 'JSON'],
    [
      'a wrong field',
      () => ['--config', file('a.json', { boards: [board('a', { baud: 1 })] })],
      'boards[0].baud: must be >= 300',
    ],
    [
      'a path that is taken by a file',
      () => ['--config', file('a.json', { boards: [board('a', { port: file('precious', 'x') })] })],
      'there is a file that is not a link',
    ],
    [
      'a folder that cannot be made',
      () => ['--config', file('a.json', { boards: [board('a', { port: '/proc/linli/port' })] })],
      'port /proc/linli/port',
    ],
    [
      'a scenario for nobody',
      () => ['--config', config(), '--scenario', file('s.json', { steps: [{ at_ms: 0, do: 'cut', device: 'x' }] })],
      'device "x" is not configured',
    ],
  ])('ends with code 2 and one clear line on %s', TIMEOUT, async (_, options, message) => {
    const sim = run(...options())
    expect(await sim.exit).toBe(2)
    expect(sim.errors.length).toBe(1)
    expect(sim.errors[0]).toContain(message)
  })
})
