import { join } from 'node:path'
import { type Program, startProgram } from '../support/program.ts'
import { type Bench, pause } from './bench.ts'
import type { Cuttable } from './cuttable.ts'
import { createEar, type Ear } from './ear.ts'
import { pressedPackets } from './events.ts'
import { type LeanClient, leanClient } from './lean-client.ts'
import { bridgeTo, ROOMY, startMosquitto } from './mosquitto.ts'
import { createRelay } from './relay.ts'
import { createSink, type Sink } from './sink.ts'

/** The ways from a publisher to the upstream subscriber that are compared: same upstream, same publisher, same events. */

/** `hub` is ours; the others are mosquitto with its bridge, by how much it keeps. */
export type PathKind = 'hub' | 'bridge' | 'bridge-durable' | 'bridge-plain' | 'bridge-persistent' | 'bridge-tuned'

/** The database is written when something changed, at once; the nearest that mosquitto has to "on disk before the PUBACK". */
const DURABLE = ['persistence true', 'autosave_on_changes true', 'autosave_interval 1']
export const SETTINGS: Record<Exclude<PathKind, 'hub'>, { local: string[]; bridge: string[] }> = {
  bridge: { local: ROOMY, bridge: [] },
  'bridge-durable': { local: [...ROOMY, ...DURABLE], bridge: [] },
  'bridge-plain': { local: [], bridge: [] },
  'bridge-persistent': { local: ['persistence true'], bridge: [] },
  'bridge-tuned': { local: [...ROOMY, 'persistence true'], bridge: ['restart_timeout 1'] },
}

export interface Path {
  kind: PathKind
  pid: number
  port: number
  publisher: LeanClient
  /** Called with the number of PUBACKs of one read. */
  onAcknowledged: ((count: number) => void) | undefined
}

export interface Rig {
  paths: Path[]
  ear: Ear
  /** A boot id that no run has used. */
  nextBoot(): string
}

/** How often a probe event is sent until one has come through a path that has just started. */
const PRIME_EVERY_MS = 200
const PRIME_LIMIT_MS = 20_000

/** The upstream broker alone: mosquitto, or a stand-in where it is not installed. */
export async function startUpstream(bench: Bench): Promise<number> {
  if (bench.mosquitto !== undefined) {
    const upstream = await startMosquitto(bench.mosquitto, bench.folder('upstream'), ROOMY)
    bench.closers.push(() => upstream.stop())
    return upstream.port
  }
  const upstream = await startProgram('hub/broker/stand-in/main.ts', [])
  closeAtEnd(bench, upstream)
  return Number(upstream.ready.port)
}

export async function startHub(
  bench: Bench,
  upstreamPort: number,
  extra: string[] = ['--no-flows'],
  /** What stands in the data folder before the start. */
  prepare: (data: string) => Promise<void> = async () => undefined,
): Promise<{ program: Program; mqttPort: number; httpPort: number; data: string }> {
  const data = join(bench.folder('hub'), 'data')
  await prepare(data)
  const upstream = `mqtt://127.0.0.1:${upstreamPort}`
  const profile = bench.profile
  const program = await startProgram(
    'hub/main.ts',
    [
      ...['--dev', '--data', data, '--upstream', upstream],
      ...['--mqtt-port', '0', '--http-port', '0', '--log-level', 'warn', ...extra],
    ],
    profile === undefined ? {} : { env: { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${profile}` } },
  )
  closeAtEnd(bench, program)
  return { program, mqttPort: Number(program.ready.mqttPort), httpPort: Number(program.ready.httpPort), data }
}

/** Where the paths lead. */
export interface Upstream {
  port: number
  /** A subscriber of everything. */
  ear(clientId?: string): Promise<Ear>
}

/** `broker`: mosquitto, whose work takes its part of the machine; `sink`: takes all that comes, at once, at next to no cost. */
export type UpstreamKind = 'broker' | 'sink'

export async function openUpstream(bench: Bench, kind: UpstreamKind = 'broker'): Promise<Upstream> {
  return kind === 'sink' ? openSink(bench) : openBroker(bench)
}

/** One that can be cut and mended. */
export async function openCuttable(bench: Bench, kind: UpstreamKind = 'broker'): Promise<Upstream & Cuttable> {
  if (kind === 'sink') return openSink(bench)
  const broker = await openBroker(bench)
  const relay = await createRelay(broker.port)
  bench.closers.push(() => relay.cut())
  return { ...broker, ...relay }
}

async function openSink(bench: Bench): Promise<Sink> {
  const sink = await createSink()
  bench.closers.push(() => sink.cut())
  return sink
}

async function openBroker(bench: Bench): Promise<Upstream> {
  const port = await startUpstream(bench)
  return {
    port,
    async ear(clientId) {
      const ear = await createEar(port, bench.fail, clientId)
      bench.closers.push(() => ear.close())
      return ear
    },
  }
}

/** Starts the upstream, its subscriber and the paths, and waits until an event passes through each of them. */
export async function startRig(bench: Bench, kinds: readonly PathKind[], given?: Upstream): Promise<Rig> {
  const upstream = given ?? (await openUpstream(bench))
  const ear = await upstream.ear()
  const nextBoot = bootIds()
  const paths: Path[] = []
  for (const kind of kinds) {
    if (kind !== 'hub' && bench.mosquitto === undefined) continue
    const path = await startPath(bench, kind, upstream.port)
    await prime(path, ear, nextBoot())
    paths.push(path)
  }
  return { paths, ear, nextBoot }
}

async function startPath(bench: Bench, kind: PathKind, upstreamPort: number): Promise<Path> {
  return openPath(bench, kind, await startBroker(bench, kind, upstreamPort))
}

/** Connects the publisher to a broker that runs already. */
export async function openPath(bench: Bench, kind: PathKind, broker: { pid: number; port: number }): Promise<Path> {
  const listener: Pick<Path, 'onAcknowledged'> = { onAcknowledged: undefined }
  const publisher = await leanClient(broker.port, 'bench', {
    acknowledged: (count) => listener.onAcknowledged?.(count),
    lost: bench.fail,
  })
  bench.closers.push(() => publisher.close())
  return Object.assign(listener, { kind, pid: broker.pid, port: broker.port, publisher })
}

/** Boot ids that no other run on the same hub has. */
export function bootIds(): () => string {
  let boots = 0
  return () => {
    boots++
    return `boot${boots}`
  }
}

async function startBroker(bench: Bench, kind: PathKind, upstreamPort: number): Promise<{ pid: number; port: number }> {
  if (kind === 'hub') {
    const { program, mqttPort } = await startHub(bench, upstreamPort)
    return { pid: program.pid, port: mqttPort }
  }
  const { local, bridge } = SETTINGS[kind]
  const settings = [...local, ...bridgeTo(upstreamPort, kind), ...bridge]
  const broker = await startMosquitto(bench.mosquitto ?? '', bench.folder(kind), settings)
  bench.closers.push(() => broker.stop())
  return broker
}

async function prime(path: Path, ear: Ear, bootid: string): Promise<void> {
  const probes = pressedPackets(bootid, Math.ceil(PRIME_LIMIT_MS / PRIME_EVERY_MS))
  const reception = ear.listen(bootid, probes.length)
  for (const probe of probes) {
    path.publisher.write(probe)
    await pause(PRIME_EVERY_MS)
    if (reception.received > 0) return
  }
  throw new Error(`nothing comes through ${path.kind} within ${PRIME_LIMIT_MS} ms`)
}

/** Ends a program at the end of the measurement; one that ends before that fails the bench. */
export function closeAtEnd(bench: Bench, program: Program): void {
  let closing = false
  program.exited.then((code) => {
    if (!closing)
      bench.fail(new Error(`a program of the bench ended with ${code}: ${program.errors.slice(-5).join(' | ')}`))
  })
  bench.closers.push(async () => {
    closing = true
    const timer = setTimeout(() => program.signal('SIGKILL'), END_TIMEOUT_MS)
    await program.stop()
    clearTimeout(timer)
  })
}

const END_TIMEOUT_MS = 8_000
