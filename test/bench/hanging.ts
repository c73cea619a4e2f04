import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { DEMO_SITE } from '../../hub/cli/demo/estate.ts'
import { sitePath } from '../../hub/contract/topic.ts'
import { openFolder } from '../../hub/journal/folder.ts'
import { writeSite } from '../../hub/site/site-file.ts'
import { type Bench, type Findings, inMs, pause, ratioOf } from './bench.ts'
import { createEar } from './ear.ts'
import { placedAt } from './events.ts'
import { type Outcome, paced } from './load.ts'
import { bootIds, openPath, startHub, startUpstream } from './paths.ts'
import { percentile } from './statistics.ts'

/**
 * Alarms while the cameras of their place take connections and never answer, and the flows process is stopped each time it
 * comes back. Rounds alternate on one hub with such where the alarm is elsewhere and the flows run.
 */

const PER_SECOND = 10
const FULL = { rounds: 4, seconds: 20 }
const QUICK = { rounds: 1, seconds: 5 }
const BUTTONS = 20
const CAMERAS = ['cam-1', 'cam-2']
const [HERE, ELSEWHERE] = ['building-1', 'building-9']
const STOP_EVERY_MS = 250
const CALM_AGAIN_MS = 20_000

export async function hanging(bench: Bench): Promise<Findings> {
  const { rounds, seconds } = bench.quick ? QUICK : FULL
  const cameras = await silentCameras(bench)
  const upstreamPort = await startUpstream(bench)
  const site = sitePath(DEMO_SITE).replace('linli/v1/', '')
  const hub = await startHub(bench, upstreamPort, ['--site', site], (data) => describeSite(data, site, cameras.port))
  const ear = await createEar(upstreamPort, bench.fail)
  bench.closers.push(() => ear.close())
  const path = await openPath(bench, 'hub', { pid: hub.program.pid, port: hub.mqttPort })
  const rig = { paths: [path], ear, nextBoot: bootIds() }
  let rung = 0
  /** Buttons that nobody has pressed yet, so that each raises an incident, and each incident asks the cameras. */
  const round = async (building: string) => {
    rung += 1
    const deviceOf = (index: number) => `x${rung}-${index % BUTTONS}`
    for (let n = 0; n < BUTTONS; n += 1) path.publisher.write(placedAt(deviceOf(n), building))
    return paced(rig, path, { count: PER_SECOND * seconds, per_second: PER_SECOND, deviceOf })
  }
  await round(ELSEWHERE)
  const calm: Outcome[] = []
  const stuck: Outcome[] = []
  for (let n = 1; n <= rounds; n += 1) {
    bench.say(`hanging: round ${n} of ${rounds}`)
    calm.push(await round(ELSEWHERE))
    const end = keepStopped(hub.program.pid)
    stuck.push(await round(HERE))
    end()
    await pause(CALM_AGAIN_MS)
  }
  return findings(calm, stuck, { rounds, seconds, asked: cameras.asked() })
}

/** Takes connections, and that is all. */
async function silentCameras(bench: Bench): Promise<{ port: number; asked(): number }> {
  const open = new Set<Socket>()
  let asked = 0
  const server = createServer((socket) => {
    asked += 1
    open.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => open.delete(socket))
    socket.resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  bench.closers.push(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port, asked: () => asked }
}

async function describeSite(data: string, site: string, port: number): Promise<void> {
  mkdirSync(data, { recursive: true, mode: 0o700 })
  writeFileSync(join(data, 'camera.password'), 'bench', { mode: 0o600 })
  const camera = {
    url: `http://127.0.0.1:${port}/onvif/device_service`,
    place: { building: HERE },
    login: { username: 'bench', passwordfile: 'camera.password' },
  }
  const cameras = Object.fromEntries(CAMERAS.map((name) => [name, camera]))
  const told = { version: 1, site, name: 'hub-1', language: 'zh', timeZone: 'UTC', gateways: {}, cameras } as const
  await writeSite(await openFolder(data), told)
}

/** SIGSTOP to the flows, also to those that the watchdog starts in their place. */
function keepStopped(hub: number): () => void {
  const timer = setInterval(() => {
    const children = readFileSync(`/proc/${hub}/task/${hub}/children`, 'utf8').split(' ')
    for (const child of children.filter((one) => one !== '')) {
      try {
        process.kill(Number(child), 'SIGSTOP')
      } catch {
        // It was replaced in this moment.
      }
    }
  }, STOP_EVERY_MS)
  return () => clearInterval(timer)
}

function findings(
  calm: Outcome[],
  stuck: Outcome[],
  about: { rounds: number; seconds: number; asked: number },
): Findings {
  const at = (all: Outcome[], percent: number) =>
    percentile(
      all.flatMap((one) => one.latencies_ms),
      percent,
    )
  const lost = [...calm, ...stuck].reduce((sum, one) => sum + one.lost, 0)
  return {
    rows: [50, 99].map((percent) => ({
      what: `publish → upstream with the place's cameras hanging and flows stopped, p${percent}; without`,
      linli: inMs(at(stuck, percent)),
      peer: inMs(at(calm, percent)),
      ratio: ratioOf(at(stuck, percent), at(calm, percent)),
      ...(percent === 50 ? { aim: { text: '0 lost', met: lost === 0 } } : {}),
    })),
    notes: [
      `Hanging: ${about.rounds} alternating rounds of ${about.seconds} s at ${PER_SECOND}/s; ${CAMERAS.length} cameras that take connections and never answer were asked ${about.asked} times; the flows process is stopped (SIGSTOP) whenever there is one; ${lost} alarms lost.`,
    ],
    data: { calm, stuck, ...about },
  }
}
