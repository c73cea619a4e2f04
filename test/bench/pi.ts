import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { DEMO_SITE } from '../../hub/cli/demo/estate.ts'
import { environmentOf, flagsOf } from '../../hub/cli/programs.ts'
import { type Bench, type Findings, pause } from './bench.ts'
import { residentMb } from './host.ts'

/** Hub, flows and gateway together in 1 GB and one core of this machine: what a Raspberry Pi of 1 GB has to carry. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MEMORY_BYTES = 1_000_000_000
/** Of one core in a period: all processes together get no more. A core of ours is quicker than one of a Pi 4, which has four. */
const CPU = { quota_us: 100_000, period_us: 100_000 }
const START_LIMIT_MS = 120_000
const REST_MS = 10_000

interface Cage {
  /** Whoever writes its pid there is in. */
  doors: string[]
  peak_bytes(): number
  leave(): void
}

export async function pi(bench: Bench): Promise<Findings> {
  const cage = makeCage()
  bench.closers.push(() => cage.leave())
  const dir = bench.folder('pi')
  bench.say('pi: hub and flows')
  const site = Object.values(DEMO_SITE).join('/')
  const hub = await started(bench, cage, 'hub/main.ts', [
    ...['--dev', '--site', site, '--data', join(dir, 'hub')],
    ...['--mqtt-port', '0', '--http-port', '0'],
  ])
  const flows_ms = await flowsRunning(Number(hub.ready.httpPort), hub.begun_ms)
  bench.say('pi: gateway')
  const file = join(dir, 'gw.json')
  const uplink = { url: `mqtt://127.0.0.1:${hub.ready.mqttPort}` }
  writeFileSync(
    file,
    JSON.stringify({ gateway: 'gw-1', site: DEMO_SITE, data: join(dir, 'gw-1'), uplink, boards: [], devices: [] }),
  )
  const gateway = await started(bench, cage, 'firmware/main.ts', ['--config', file])
  await pause(REST_MS)
  const resident = { hub: residentMb(hub.pid).now, gateway: residentMb(gateway.pid).now }
  const peak = cage.peak_bytes() / 1e6
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  const row = (what: string, linli: string) => ({ what: `1 GB and one core: ${what}`, linli, peer: '' })
  return {
    rows: [
      row('hub ready; its flows run', `${seconds(hub.took_ms)}; ${seconds(flows_ms)}`),
      row('gateway ready', seconds(gateway.took_ms)),
      row('memory (RSS) of hub; gateway at rest', `${resident.hub.toFixed(0)}; ${resident.gateway.toFixed(0)} MB`),
      {
        ...row('hub, flows and gateway together at their peak, page cache included', `${peak.toFixed(0)} MB`),
        aim: { text: '≤ 800 MB', met: peak <= 800 },
      },
    ],
    notes: [
      'Pi: hub, flows and gateway (no devices) in one control group with 1 GB and the time of one core of this machine, which is quicker than one of a Pi 4; a Pi 4 has four. Peak is what the kernel charged the group.',
    ],
    data: { hub: hub.took_ms, flows: flows_ms, gateway: gateway.took_ms, resident, peak_mb: peak },
  }
}

/** @throws where this machine lets us make no control group */
function makeCage(): Cage {
  const base = '/sys/fs/cgroup'
  const put = (file: string, value: string | number) => writeFileSync(file, String(value))
  const made = (folder: string) => {
    mkdirSync(folder)
    return folder
  }
  const name = `linli-pi-${process.pid}`
  const number = (file: string) => Number(readFileSync(file, 'utf8'))
  if (existsSync(`${base}/cgroup.controllers`)) {
    const folder = made(`${base}/${name}`)
    put(`${folder}/memory.max`, MEMORY_BYTES)
    put(`${folder}/cpu.max`, `${CPU.quota_us} ${CPU.period_us}`)
    return {
      doors: [`${folder}/cgroup.procs`],
      peak_bytes: () => number(`${folder}/memory.peak`),
      leave: () => rmdirSync(folder),
    }
  }
  const [memory, cpu] = [made(`${base}/memory/${name}`), made(`${base}/cpu/${name}`)]
  put(`${memory}/memory.limit_in_bytes`, MEMORY_BYTES)
  put(`${cpu}/cpu.cfs_period_us`, CPU.period_us)
  put(`${cpu}/cpu.cfs_quota_us`, CPU.quota_us)
  return {
    doors: [`${memory}/cgroup.procs`, `${cpu}/cgroup.procs`],
    peak_bytes: () => number(`${memory}/memory.max_usage_in_bytes`),
    leave() {
      rmdirSync(memory)
      rmdirSync(cpu)
    },
  }
}

/** With a cold compile cache: as after an update. */
async function started(bench: Bench, { doors }: Cage, entry: string, args: string[]) {
  const enter = doors.map((door) => `echo $$ > ${door}`).join(' && ')
  const begun_ms = performance.now()
  const child = spawn(
    'sh',
    ['-c', `${enter} && exec "$@"`, 'sh', process.execPath, ...flagsOf(entry), `${ROOT}${entry}`, ...args],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...environmentOf(entry), ...process.env, NODE_COMPILE_CACHE: bench.folder('cache'), NODE_OPTIONS: '' },
    },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  bench.closers.push(async () => {
    child.kill('SIGTERM')
    await ended
  })
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`${entry} ended with ${code}`)))
  })
  const ready = JSON.parse(line) as Record<string, unknown>
  return { ready, pid: child.pid as number, begun_ms, took_ms: performance.now() - begun_ms }
}

async function flowsRunning(httpPort: number, begun_ms: number): Promise<number> {
  while (performance.now() - begun_ms < START_LIMIT_MS) {
    const page = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text()
    if (/^linli_flows_running 1$/m.test(page)) return performance.now() - begun_ms
    await pause(200)
  }
  throw new Error('the flows did not start')
}
