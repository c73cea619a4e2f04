import { startProgram } from '../support/program.ts'
import { createResender } from '../support/resender.ts'
import { type Bench, type Findings, NOT_INSTALLED, pause, ratioOf } from './bench.ts'
import { pressedMessages } from './events.ts'
import { writtenBytes } from './host.ts'
import { bridgeTo, startMosquitto } from './mosquitto.ts'
import { openCuttable, type PathKind, SETTINGS } from './paths.ts'

/**
 * The upstream is away, and in the middle of that the local broker is killed: what is lost, what comes twice, how soon all
 * is there again, what it cost the disk. The publisher is a gateway: it sends again what was not acknowledged.
 */

const FULL = { down_ms: 10_000, per_second: 200 }
const QUICK = { down_ms: 2_000, per_second: 200 }
/** Events before the cut and after the mend, so that some are in flight when it happens. */
const AROUND_MS = 500
/** mosquitto waits 5 to 30 s, at random, before it connects again. */
const QUIET_MS = 35_000
const LIMIT_MS = 120_000
/** What is written after the load still belongs to it: the journal trims when it was idle for 2 s. */
const SETTLE_MS = 2_500

const NAMES: Array<[PathKind, string]> = [
  ['hub', 'hub'],
  ['bridge-plain', 'mosquitto, default'],
  ['bridge-tuned', 'mosquitto, persistence, unlimited queue'],
  ['bridge-durable', 'mosquitto, the same, autosave on changes'],
]

interface Loss {
  lost: number
  duplicated: number
  /** The local broker's start → last arrival; NaN when not all came. */
  recovery_ms: number
  bytesPerEvent: number
}

export async function kill(bench: Bench): Promise<Findings> {
  const plan = bench.quick ? QUICK : FULL
  const results = new Map<PathKind, Loss>()
  for (const [kind, name] of NAMES) {
    if (kind !== 'hub' && bench.mosquitto === undefined) continue
    bench.say(`kill: upstream away ${plan.down_ms} ms, kill -9 in its middle, ${name}`)
    results.set(kind, await suffer(bench, kind, plan.down_ms, plan.per_second))
  }
  const count = countOf(plan.down_ms, plan.per_second)
  const ours = results.get('hub') as Loss
  const safe = results.get('bridge-durable')
  const peers = NAMES.filter(([kind]) => kind !== 'hub')
  return {
    rows: [
      ...peers.map(([kind, name], index) => {
        const peer = results.get(kind)
        return {
          what: index === 0 ? `upstream away ${plan.down_ms / 1000} s, local kill -9, ${count} published` : '',
          linli: index === 0 ? inWords(ours) : '″',
          peer: peer ? `${name}: ${inWords(peer)}` : NOT_INSTALLED,
          aim: index === 0 ? { text: '0 lost', met: ours.lost === 0 } : undefined,
        }
      }),
      {
        what: 'the same: bytes written per event',
        linli: `${ours.bytesPerEvent.toFixed(0)} B`,
        peer: safe ? `autosave on changes: ${safe.bytesPerEvent.toFixed(0)} B` : NOT_INSTALLED,
        ratio: ratioOf(ours.bytesPerEvent, safe?.bytesPerEvent),
        aim: safe ? { text: '≤ 0.1×', met: ours.bytesPerEvent <= safe.bytesPerEvent / 10 } : undefined,
      },
    ],
    notes: [
      `Kill: ${plan.per_second} events/s; the connection to the upstream is refused for ${plan.down_ms / 1000} s, the local broker killed in the middle of that and started again at once; the publisher sends again what was not acknowledged. Bytes: write_bytes of /proc/<pid>/io over both lives, ${SETTLE_MS / 1000} s after the last arrival included.`,
    ],
    data: Object.fromEntries(results),
  }
}

interface LocalBroker {
  readonly pid: number
  readonly port: number
  kill(): Promise<void>
  restart(): Promise<void>
}

async function suffer(bench: Bench, kind: PathKind, down_ms: number, per_second: number): Promise<Loss> {
  const upstream = await openCuttable(bench)
  const ear = await upstream.ear()
  const broker = await startLocal(bench, kind, upstream.port)
  const publisher = createResender(() => broker.port, 'bench')
  bench.closers.push(() => publisher.close())
  const messages = pressedMessages('kill', countOf(down_ms, per_second))
  const reception = ear.listen('kill', messages.length)
  let written = -writtenBytes(broker.pid)
  const sending = pushPaced(messages, per_second, publisher.push)
  await pause(AROUND_MS)
  await upstream.cut()
  await pause(down_ms / 2)
  written += writtenBytes(broker.pid)
  await broker.kill()
  const started_ms = performance.now()
  await broker.restart()
  await pause(down_ms / 2)
  await upstream.mend()
  await sending
  await ear.settled(QUIET_MS, LIMIT_MS)
  await pause(SETTLE_MS)
  written += writtenBytes(broker.pid)
  const lost = messages.length - reception.received
  const recovery_ms = lost === 0 ? reception.last_ms - started_ms : Number.NaN
  return { lost, duplicated: reception.duplicated, recovery_ms, bytesPerEvent: written / messages.length }
}

async function startLocal(bench: Bench, kind: PathKind, upstreamPort: number): Promise<LocalBroker> {
  if (kind !== 'hub') {
    const { local, bridge } = SETTINGS[kind]
    const settings = [...local, ...bridgeTo(upstreamPort, kind), ...bridge]
    const broker = await startMosquitto(bench.mosquitto ?? '', bench.folder(kind), settings)
    bench.closers.push(() => broker.stop())
    return broker
  }
  const data = bench.folder('hub')
  const start = (port: number) =>
    startProgram('hub/main.ts', [
      ...['--dev', '--data', data, '--upstream', `mqtt://127.0.0.1:${upstreamPort}`, '--no-flows'],
      ...['--mqtt-port', String(port), '--http-port', '0', '--log-level', 'warn'],
    ])
  let hub = await start(0)
  const port = Number(hub.ready.mqttPort)
  bench.closers.push(() => hub.stop())
  return {
    get pid() {
      return hub.pid
    },
    port,
    kill: () => hub.kill(),
    async restart() {
      hub = await start(port)
    },
  }
}

function pushPaced(
  messages: ReadonlyArray<{ topic: string; payload: Uint8Array }>,
  per_second: number,
  push: (topic: string, payload: Uint8Array) => void,
): Promise<void> {
  const from_ms = performance.now()
  return new Promise((resolve) => {
    let next = 0
    const timer = setInterval(() => {
      const due = Math.min(messages.length, Math.floor(((performance.now() - from_ms) / 1000) * per_second))
      for (; next < due; next++) {
        const message = messages[next]
        if (message) push(message.topic, message.payload)
      }
      if (next < messages.length) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
}

function countOf(down_ms: number, per_second: number): number {
  return Math.round(((down_ms + 2 * AROUND_MS) / 1000) * per_second)
}

function inWords({ lost, duplicated, recovery_ms }: Loss): string {
  const back = Number.isNaN(recovery_ms) ? 'never all' : `all after ${(recovery_ms / 1000).toFixed(1)} s`
  return `${lost} lost, ${duplicated} twice, ${back}`
}
