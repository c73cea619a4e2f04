import { type Bench, type Findings, inMs, NOT_INSTALLED, pause, type Row, ratioOf } from './bench.ts'
import type { Reception } from './ear.ts'
import { pressedPackets, readingPackets } from './events.ts'
import { residentMb } from './host.ts'
import { type LeanClient, leanClient } from './lean-client.ts'
import {
  openCuttable,
  type Path,
  type PathKind,
  type Rig,
  startRig,
  type Upstream,
  type UpstreamKind,
} from './paths.ts'
import { percentile } from './statistics.ts'

/**
 * The upstream comes back after a long absence: how fast the telemetry behind it drains, and what the clients on the spot feel
 * of that, beside mosquitto whose bridge drains as much.
 */

const FULL = { backlog: 500_000, idle_probes: 400 }
const QUICK = { backlog: 4_000, idle_probes: 20 }
const WINDOW = 500
/** Presses while the backlog drains; one at a time, so a slow answer makes them fewer. */
const PROBE_EVERY_MS = 20
const PROBES_MAX = 20_000
/** mosquitto waits 5 to 30 s, at random, before it connects again. */
const QUIET_MS = 40_000
const LIMIT_MS = 10 * 60_000

interface Drained {
  per_second: number
  lost: number
  /** A press, PUBLISH → PUBACK, with nothing else going on and while the backlog drains. */
  idle_ms: number[]
  busy_ms: number[]
  /** A press, PUBLISH → upstream, while the backlog drains. */
  alarms_ms: number[]
  peak_mb: number
}

export async function drain(bench: Bench): Promise<Findings> {
  const plan = bench.quick ? QUICK : FULL
  const alone = await bothPaths(bench, 'sink', plan)
  const shared = await bothPaths(bench, 'broker', plan)
  const { ours, peer } = alone
  const at = (samples: number[] | undefined, percent: number) => samples && percentile(samples, percent)
  const felt = (at(ours.busy_ms, 99) ?? Number.NaN) / (at(ours.idle_ms, 99) ?? Number.NaN)
  return {
    rows: [
      {
        ...drained(`a backlog of ${plan.backlog.toLocaleString('en')} readings drains at`, alone),
        aim: { text: '≥ 20,000/s', met: ours.per_second >= 20_000 },
      },
      drained('the same where another mosquitto upstream and two subscribers share the machine', shared),
      ...[50, 99].map((percent) => ({
        what: `a press meanwhile, publish → PUBACK, p${percent}; with nothing else going on`,
        linli: `${inMs(at(ours.busy_ms, percent))}; ${inMs(at(ours.idle_ms, percent))}`,
        peer: peer ? `${inMs(at(peer.busy_ms, percent))}; ${inMs(at(peer.idle_ms, percent))}` : NOT_INSTALLED,
        ratio: ratioOf(at(ours.busy_ms, percent) ?? Number.NaN, at(peer?.busy_ms, percent)),
      })),
      {
        what: 'a press meanwhile, publish → upstream, p99',
        linli: inMs(at(ours.alarms_ms, 99)),
        peer: peer ? inMs(at(peer.alarms_ms, 99)) : NOT_INSTALLED,
        ratio: ratioOf(at(ours.alarms_ms, 99) ?? Number.NaN, at(peer?.alarms_ms, 99)),
      },
      {
        what: 'memory at its most meanwhile',
        linli: `${ours.peak_mb.toFixed(0)} MB`,
        peer: peer ? `${peer.peak_mb.toFixed(0)} MB` : NOT_INSTALLED,
        ratio: ratioOf(ours.peak_mb, peer?.peak_mb),
      },
    ],
    notes: [
      `Drain: the connection to the upstream is refused while the readings are published, ${WINDOW} unacknowledged at most; the rate runs from their first arrival to their last. First into an upstream that takes all that comes, at once; then into a broker, which is the bottleneck. Meanwhile another client sends a press each ${PROBE_EVERY_MS} ms and waits for its PUBACK; its p99 (into the former) is ${felt.toFixed(1)} times that of the quiet time before. mosquitto has nothing on disk and sends in the order of arrival, so a press there waits behind all that is queued.`,
    ],
    data: { sink: alone, broker: shared },
  }
}

function drained(what: string, { ours, peer }: { ours: Drained; peer: Drained | undefined }): Row {
  return {
    what,
    linli: `${Math.round(ours.per_second).toLocaleString('en')}/s${ours.lost > 0 ? `, ${ours.lost} lost` : ''}`,
    peer: peer ? `${Math.round(peer.per_second).toLocaleString('en')}/s` : NOT_INSTALLED,
    ratio: ratioOf(ours.per_second, peer?.per_second),
  }
}

async function bothPaths(bench: Bench, upstream: UpstreamKind, plan: typeof FULL) {
  const ours = await measure(bench, 'hub', upstream, plan)
  const peer = bench.mosquitto === undefined ? undefined : await measure(bench, 'bridge', upstream, plan)
  return { ours, peer }
}

async function measure(bench: Bench, kind: PathKind, upstreamKind: UpstreamKind, plan: typeof FULL): Promise<Drained> {
  const upstream = await openCuttable(bench, upstreamKind)
  const rig = await startRig(bench, [kind], upstream)
  const path = rig.paths[0]
  if (!path) throw new Error('there is nothing to drain')
  const presses = await createPresses(bench, path, upstream, rig.nextBoot())
  bench.say(`drain: ${kind} into a ${upstreamKind}, at rest`)
  await presses.during(() => presses.count() >= plan.idle_probes)
  const idle_ms = presses.takeAnswers()
  const idle_presses = presses.count()
  await upstream.cut()
  bench.say(`drain: ${kind} into a ${upstreamKind}, publishing ${plan.backlog.toLocaleString('en')} readings`)
  const reception = await publishAll(rig, path, plan.backlog)
  bench.say(`drain: ${kind} into a ${upstreamKind}, the upstream is back`)
  let isOver = false
  const pressing = presses.during(() => isOver)
  await upstream.mend()
  await rig.ear.settled(QUIET_MS, LIMIT_MS)
  isOver = true
  await pressing
  return {
    per_second: (reception.received / (reception.last_ms - reception.first_ms)) * 1000,
    lost: plan.backlog - reception.received,
    idle_ms,
    busy_ms: presses.takeAnswers(),
    alarms_ms: await presses.arrivals(idle_presses, reception),
    peak_mb: residentMb(path.pid).peak,
  }
}

/** Resolves when the path has acknowledged all. */
async function publishAll(rig: Rig, path: Path, count: number): Promise<Reception> {
  const bootid = rig.nextBoot()
  const reception = rig.ear.listen(bootid, count)
  const packets = readingPackets(bootid, count)
  let next = 0
  let open = 0
  await new Promise<void>((resolve) => {
    const send = (answered: number) => {
      open -= answered
      const from = next
      next = Math.min(count, next + WINDOW - open)
      open += next - from
      if (next > from) path.publisher.writeAll(packets.slice(from, next))
      else if (open === 0) resolve()
    }
    path.onAcknowledged = send
    send(0)
  })
  path.onAcknowledged = undefined
  return reception
}

/** One press after another, each when the one before has its PUBACK, by a client and heard by an ear of their own. */
async function createPresses(bench: Bench, path: Path, upstream: Upstream, bootid: string) {
  let answered: () => void = () => undefined
  const client: LeanClient = await leanClient(path.port, 'bench-presses', {
    acknowledged: () => answered(),
    lost: bench.fail,
  })
  bench.closers.push(() => client.close())
  const ear = await upstream.ear('bench-alarms')
  const packets = pressedPackets(bootid, PROBES_MAX)
  const reception = ear.listen(bootid, PROBES_MAX)
  const sent_ms: number[] = []
  let answers_ms: number[] = []
  return {
    count: () => sent_ms.length,
    takeAnswers() {
      const taken = answers_ms
      answers_ms = []
      return taken
    },
    async during(isOver: () => boolean) {
      while (!isOver() && sent_ms.length < PROBES_MAX) {
        const from_ms = performance.now()
        const answer = new Promise<void>((resolve) => {
          answered = resolve
        })
        client.write(packets[sent_ms.length] as Buffer)
        sent_ms.push(from_ms)
        await answer
        answers_ms.push(performance.now() - from_ms)
        await pause(PROBE_EVERY_MS)
      }
    },
    /** Of the presses from the `from`th on that were sent while `backlog` arrived. */
    async arrivals(from: number, backlog: Reception) {
      await pause(PROBE_EVERY_MS)
      return sent_ms.flatMap((at_ms, index) => {
        const arrived_ms = reception.arrivals[index] ?? Number.NaN
        const isMeanwhile = index >= from && at_ms >= backlog.first_ms && at_ms <= backlog.last_ms
        return isMeanwhile && !Number.isNaN(arrived_ms) ? [arrived_ms - at_ms] : []
      })
    },
  }
}
