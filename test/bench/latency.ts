import { type Bench, type Findings, inMs, ratioOf } from './bench.ts'
import { paced, saturated } from './load.ts'
import { type Path, type PathKind, startRig } from './paths.ts'
import { percentile } from './statistics.ts'

/** MQTT publish → upstream subscriber: how long one event takes while others come at 10 or 2,000 a second. */

const RATES = [
  { per_second: 10, full: { rounds: 4, count: 150 }, quick: { rounds: 1, count: 15 } },
  { per_second: 2_000, full: { rounds: 6, count: 8_000 }, quick: { rounds: 1, count: 3_000 } },
]
const WARM_UP = { full: 20_000, quick: 3_000 }
const WARM_UP_WINDOW = 100
const PERCENTILES = [
  { percent: 50, times: 2 },
  { percent: 99, times: 3 },
]

export async function latency(bench: Bench): Promise<Findings> {
  const rig = await startRig(bench, ['hub', 'bridge'])
  for (const path of rig.paths) {
    bench.say(`latency: warming up ${path.kind}`)
    await saturated(rig, path, { count: bench.quick ? WARM_UP.quick : WARM_UP.full, window: WARM_UP_WINDOW })
  }
  const findings: Findings = { rows: [], notes: [], data: {} }
  const data: Record<string, unknown> = {}
  for (const { per_second, full, quick } of RATES) {
    const { rounds, count } = bench.quick ? quick : full
    const samples = new Map<PathKind, number[]>()
    let lost = 0
    for (let round = 1; round <= rounds; round++) {
      // Every other round the other goes first, so that neither has the quieter machine.
      const order: Path[] = round % 2 === 0 ? [...rig.paths].reverse() : rig.paths
      for (const path of order) {
        bench.say(`latency: ${per_second}/s, round ${round} of ${rounds}, ${path.kind}`)
        const outcome = await paced(rig, path, { count, per_second })
        lost += outcome.lost
        samples.set(path.kind, [...(samples.get(path.kind) ?? []), ...outcome.latencies_ms])
      }
    }
    if (lost > 0) findings.notes.push(`Latency at ${per_second}/s: ${lost} events did not arrive.`)
    report(findings, per_second, samples)
    data[per_second] = Object.fromEntries([...samples].map(([kind, all]) => [kind, summary(all)]))
  }
  findings.notes.push(
    'Latency: from right before the write of the PUBLISH to the read of it at the subscriber, one process, one monotonic clock, QoS 1 throughout; rounds alternate; the hub sends each event on while it writes it, and has it fsynced before its PUBACK, which is not waited for here; mosquitto never has it fsynced.',
  )
  return { ...findings, data }
}

function report(findings: Findings, per_second: number, samples: Map<PathKind, number[]>): void {
  const ours = samples.get('hub') ?? []
  const theirs = samples.get('bridge')
  for (const { percent, times } of PERCENTILES) {
    const linli = percentile(ours, percent)
    const peer = theirs && percentile(theirs, percent)
    const ratio = ratioOf(linli, peer)
    findings.rows.push({
      what: `publish → upstream, p${percent} at ${per_second.toLocaleString('en')}/s`,
      linli: inMs(linli),
      peer: inMs(peer),
      ratio,
      aim: ratio === undefined ? undefined : { text: `≤ ${times}×`, met: ratio <= times },
    })
  }
}

function summary(samples: number[]) {
  const at = (percent: number) => percentile(samples, percent)
  return { samples: samples.length, p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: at(100) }
}
