import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Bench, type Findings, pause } from './bench.ts'
import { createEar } from './ear.ts'
import { residentMb } from './host.ts'
import { paced, saturated } from './load.ts'
import { bootIds, openPath, type Path, type Rig } from './paths.ts'
import { type Stack, startStack } from './stack.ts'

/** Resident memory of each process at rest: after its start, and after it has worked. */

const LOAD = {
  full: { paced: 10_000, saturated: 40_000, presses: 40 },
  quick: { paced: 1_000, saturated: 3_000, presses: 5 },
}
/** The flows hear every event as well; their load is what an estate in alarm could make. */
const FLOWS_LOAD = { full: 3_000, quick: 200, per_second: 500 }
const PACED_PER_SECOND = 2_000
const WINDOW = 500
const PRESS_EVERY_MS = 150
/** A thread gives memory back once it has been quiet for 10 s, and once a minute at most (hub/at-rest). */
const REST_MS = { full: 80_000, quick: 22_000 }
const FLOWS_LIMIT_MS = 30_000

const AIMS_MB = { gateway: 110, hub: 120, flows: 160 }

export async function memory(bench: Bench): Promise<Findings> {
  compileOnce()
  bench.say('memory: bare Node')
  const bare = await bareNode(bench)
  const plain = await withoutFlows(bench)
  const flows = await withFlows(bench)
  const all = { ...plain, ...flows }
  return {
    rows: Object.entries(all).map(([name, { now, peak, fresh }]) => {
      const aim = (AIMS_MB as Record<string, number>)[name]
      return {
        what: `memory (RSS) of ${NAMES[name] ?? name}`,
        linli: `${fresh === undefined ? '' : `${fresh.toFixed(0)} MB, after bursts `}${now.toFixed(0)} MB (peak ${peak.toFixed(0)})`,
        peer: `bare Node ${bare.now.toFixed(0)} MB`,
        ratio: (fresh ?? now) / bare.now,
        aim: aim === undefined ? undefined : { text: `≤ ${aim} MB`, met: (fresh ?? now) <= aim },
      }
    }),
    notes: [
      `Memory: VmRSS and VmHWM of /proc/<pid>/status at rest, which is for 80 s (22 in a quick run): after the start, and after bursts of ${(LOAD.full.paced + LOAD.full.saturated).toLocaleString('en')} events and presses; ratio and aim are of the former where both are given; MB are 10⁶ bytes.`,
    ],
    data: { bare, ...all },
  }
}

/** `fresh`: at rest after the start. */
type Resident = ReturnType<typeof residentMb> & { fresh?: number }

const NAMES: Record<string, string> = {
  gateway: 'a gateway with one board',
  hub: 'the hub without flows',
  simulator: 'the simulator with two boards',
  hubWithFlows: 'the hub beside flows',
  flows: 'the flows process',
}

/** As the first start of each does. */
function compileOnce(): void {
  const linli = fileURLToPath(new URL('../../hub/cli/linli.js', import.meta.url))
  for (const program of ['hub', 'gateway'])
    execFileSync(process.execPath, [linli, program, '--help'], { stdio: 'ignore' })
}

async function withoutFlows(bench: Bench): Promise<Record<string, Resident>> {
  const load = bench.quick ? LOAD.quick : LOAD.full
  const stack = await startStack(bench)
  await rest(bench)
  const fresh = residents(stack)
  bench.say('memory: load on a stack without flows')
  const { rig, path } = await rigOf(bench, stack)
  await paced(rig, path, { count: load.paced, per_second: PACED_PER_SECOND })
  await saturated(rig, path, { count: load.saturated, window: WINDOW })
  for (let n = 0; n < load.presses; n++) {
    stack.press(60)
    await pause(PRESS_EVERY_MS)
  }
  await rest(bench)
  const loaded = residents(stack)
  return Object.fromEntries(
    (['gateway', 'hub', 'simulator'] as const).map((name) => [name, { ...loaded[name], fresh: fresh[name].now }]),
  )
}

function rest(bench: Bench): Promise<void> {
  bench.say('memory: at rest')
  return pause(bench.quick ? REST_MS.quick : REST_MS.full)
}

function residents(stack: Stack) {
  return {
    gateway: residentMb(stack.gateway.pid),
    hub: residentMb(stack.hub.pid),
    simulator: residentMb(stack.sim.pid),
  }
}

async function withFlows(bench: Bench): Promise<Record<string, Resident>> {
  bench.say('memory: load on a stack with flows')
  const stack = await startStack(bench, { hubArgs: [] })
  const pid = await flowsPid(stack.httpPort)
  const { rig, path } = await rigOf(bench, stack)
  await paced(rig, path, { count: bench.quick ? FLOWS_LOAD.quick : FLOWS_LOAD.full, per_second: FLOWS_LOAD.per_second })
  stack.press(60)
  await rest(bench)
  return { hubWithFlows: residentMb(stack.hub.pid), flows: residentMb(pid) }
}

/** Resolves when the flows run. */
async function flowsPid(httpPort: number): Promise<number> {
  const until_ms = performance.now() + FLOWS_LIMIT_MS
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${httpPort}/healthz`)
    const { flows } = (await response.json()) as { flows: { status: string; pid?: number; last_cause?: string } }
    if (flows.status === 'running' && flows.pid !== undefined) return flows.pid
    if (performance.now() > until_ms) throw new Error(`the flows do not run: ${JSON.stringify(flows)}`)
    await pause(100)
  }
}

/** The load's publisher and subscriber on a stack that already runs. */
async function rigOf(bench: Bench, stack: Stack): Promise<{ rig: Rig; path: Path }> {
  const ear = await createEar(stack.upstreamPort, bench.fail)
  bench.closers.push(() => ear.close())
  const path = await openPath(bench, 'hub', { pid: stack.hub.pid, port: stack.mqttPort })
  return { rig: { paths: [path], ear, nextBoot: bootIds() }, path }
}

async function bareNode(bench: Bench): Promise<Resident> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6); process.stdout.write("up")'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  bench.closers.push(() => child.kill('SIGKILL'))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  await pause(500)
  return residentMb(child.pid ?? -1)
}
