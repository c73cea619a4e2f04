import { type Bench, type Findings, NOT_INSTALLED, ratioOf } from './bench.ts'
import { cpuMs } from './host.ts'
import { saturated } from './load.ts'
import { openUpstream, type PathKind, startRig, type UpstreamKind } from './paths.ts'
import { median } from './statistics.ts'

/** How many events a second come through when the publisher never waits for more than a window of PUBACKs. */

const FULL = { rounds: 7, count: 40_000 }
const QUICK = { rounds: 1, count: 6_000 }
const WINDOW = 500

interface Round {
  per_second: number
  cpu_us: number
}

export async function rate(bench: Bench): Promise<Findings> {
  const plan = bench.quick ? QUICK : FULL
  const alone = await measure(bench, 'sink', plan)
  const shared = await measure(bench, 'broker', plan)
  const { ours, theirs } = alone
  const ratio = ratioOf(ours.per_second, theirs?.per_second)
  const lost = alone.lost + shared.lost
  return {
    rows: [
      {
        what: 'largest sustained rate',
        linli: inThousands(ours),
        peer: theirs ? inThousands(theirs) : NOT_INSTALLED,
        ratio,
        aim: ratio === undefined ? undefined : { text: '≥ 1.2×', met: ratio >= 1.2 },
      },
      {
        what: 'CPU time per event at that rate',
        linli: `${ours.cpu_us.toFixed(1)} µs`,
        peer: theirs ? `${theirs.cpu_us.toFixed(1)} µs` : NOT_INSTALLED,
        ratio: ratioOf(ours.cpu_us, theirs?.cpu_us),
      },
      {
        what: 'largest sustained rate where another mosquitto upstream and its subscriber share the machine',
        linli: inThousands(shared.ours),
        peer: shared.theirs ? inThousands(shared.theirs) : NOT_INSTALLED,
        ratio: ratioOf(shared.ours.per_second, shared.theirs?.per_second),
      },
    ],
    notes: [
      `Rate: median of ${plan.rounds} alternating rounds of ${plan.count.toLocaleString('en')} events, ${WINDOW} unacknowledged at most, first write → last arrival${lost > 0 ? `; ${lost} events did not arrive` : ''}; mosquitto with max_inflight_messages 200 and max_queued_messages 0 (with its default of 1,000 it drops what the bridge cannot take at once). First into an upstream that takes all that comes, at once, and counts it; then into a broker, which on two cores is the bottleneck of both.`,
    ],
    data: { window: WINDOW, count: plan.count, lost, sink: alone.rounds, broker: shared.rounds },
  }
}

async function measure(bench: Bench, upstream: UpstreamKind, { rounds, count }: typeof FULL) {
  const rig = await startRig(bench, ['hub', 'bridge'], await openUpstream(bench, upstream))
  const results = new Map<PathKind, Round[]>()
  let lost = 0
  // Round 0 warms up.
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? [...rig.paths].reverse() : rig.paths
    for (const path of order) {
      const cpuBefore_ms = cpuMs(path.pid)
      const outcome = await saturated(rig, path, { count, window: WINDOW })
      const arrived = outcome.sent - outcome.lost
      const per_second = (arrived / outcome.elapsed_ms) * 1000
      const cpu_us = ((cpuMs(path.pid) - cpuBefore_ms) * 1000) / arrived
      bench.say(`rate: into a ${upstream}, round ${round} of ${rounds}, ${path.kind}: ${Math.round(per_second)}/s`)
      if (round === 0) continue
      lost += outcome.lost
      results.set(path.kind, [...(results.get(path.kind) ?? []), { per_second, cpu_us }])
    }
  }
  const theirs = results.get('bridge')
  return {
    ours: middle(results.get('hub') ?? []),
    theirs: theirs && middle(theirs),
    lost,
    rounds: Object.fromEntries(results),
  }
}

function middle(rounds: Round[]): Round {
  return {
    per_second: median(rounds.map((round) => round.per_second)),
    cpu_us: median(rounds.map((round) => round.cpu_us)),
  }
}

function inThousands({ per_second }: Round): string {
  return `${(per_second / 1000).toFixed(1)}k/s`
}
