import type { Quantity } from '../../firmware/drivers/park-sensor/quantity.ts'
import { wellKnown } from '../../firmware/drivers/park-sensor/well-known.ts'
import type { Bench, Findings, Row } from './bench.ts'
import { countCounters } from './detectors/counters.ts'
import { FAULT_KINDS, type FaultKind, NAME_OF } from './detectors/faults.ts'
import { runPark } from './detectors/park.ts'
import { emptyTally, type Score, type Tally, tally } from './detectors/score.ts'
import { median, percentile } from './statistics.ts'

/** Which readings the park sensors' machine believes, against faults that are labelled. Seeded: the same figures each time. */

/** Others than those that the limits were chosen with. */
const SEEDS = { full: [101, 102, 103], quick: [101] }
/** Days of a park by how often its sensors are read; fast ones give as much in less time. */
const DAYS = { full: { slow: 60, fast: 6 }, quick: { slow: 24, fast: 2 } }
const FAST_MS = 10_000
const quantities = Object.values<Quantity>(wellKnown).filter(({ kind }) => kind !== 'counter')

export async function detectors(bench: Bench): Promise<Findings> {
  const size = bench.quick ? 'quick' : 'full'
  const byQuantity = new Map<Quantity, Tally>()
  for (const quantity of quantities) {
    bench.say(`detectors: ${quantity.name}`)
    const one = emptyTally()
    for (const seed of SEEDS[size]) {
      const { slow, fast } = DAYS[size]
      const days = quantity.poll_ms < FAST_MS ? fast : slow
      // Two honest neighbours, one that fails often, one that fails slowly.
      tally(
        one,
        runPark(quantity, { seed, days, kinds: [[], [], oftenOf(quantity), slowlyOf(quantity)], gap_h: days / 6 }),
      )
    }
    byQuantity.set(quantity, one)
    // A turn of the event loop, so that signals come through.
    await new Promise((resolve) => setImmediate(resolve))
  }
  bench.say('detectors: counters')
  const counters = countCounters(bench.quick ? 20 : 200)
  return {
    rows: [...kindRows(byQuantity), ...cleanRows(byQuantity), ...counters.rows],
    notes: [
      'Detectors: the simulator’s weather in April, July and November, four sensors of a kind as far apart as neighbouring parks, one with short and one with slow faults; spikes from 20 σ of the noise to a fifth of the range, drifts that end at one to four times the limit. Samples, not deadbands, are scored.',
      'Half of the rain gauges begin within 30 counts of the end of their range, where a reset looks like a wrap of up to 2 mm.',
      'Precision of a reason: share of the samples it doubted in which any fault was injected. What a fault leaves behind (the true level looks like a jump after a wrong one) counts against it.',
    ],
    data: Object.fromEntries([...byQuantity].map(([{ name }, one]) => [name, plain(one)])),
  }
}

function oftenOf({ spike_min, rate_max }: Quantity): FaultKind[] {
  const always: FaultKind[] = ['sentinel', 'no-number', 'lost-replies', 'silence']
  const spikes: FaultKind[] = spike_min === undefined ? [] : ['spike', 'spike', 'spike', 'spike']
  return [...always, ...spikes, ...(rate_max === undefined ? [] : (['jump', 'jump'] as const))]
}

function slowlyOf({ stuck, drift }: Quantity): FaultKind[] {
  return [...(stuck === undefined ? [] : (['stuck'] as const)), ...(drift === undefined ? [] : (['drift'] as const))]
}

function kindRows(byQuantity: Map<Quantity, Tally>): Row[] {
  return FAULT_KINDS.map((kind): Row => {
    const all = [...byQuantity.values()].map(({ kinds }) => kinds[kind]).filter(({ faults }) => faults > 0)
    const sum = (of: (score: Score) => number) => all.reduce((total, score) => total + of(score), 0)
    const faults = sum((score) => score.faults)
    const found = sum((score) => score.found)
    const named = sum((score) => score.named)
    const doubted = sum((score) => score.doubted)
    const reasons = [...byQuantity.values()].flatMap((one) => one.reasons.get(NAME_OF[kind]) ?? [])
    const called = reasons.reduce((total, one) => total + one.doubted, 0)
    const rightly = reasons.reduce((total, one) => total + one.rightly, 0)
    const delays = [...byQuantity].flatMap(([{ poll_ms }, { kinds }]) =>
      kinds[kind].delays.map((samples) => (samples * poll_ms) / 60_000),
    )
    const delay = `${minutes(median(delays))} / ${minutes(percentile(delays, 95))}`
    return {
      what: `${kind} (${faults} of ${all.length} quantities): found, so named; of its samples; precision; delay p50 / p95`,
      linli: `${share(found, faults)}, ${share(named, found)}; ${share(doubted, faults)}; ${share(rightly, called)}; ${delay}`,
      peer: '',
    }
  })
}

function cleanRows(byQuantity: Map<Quantity, Tally>): Row[] {
  const cleans = [...byQuantity.values()].map(({ clean }) => clean)
  const sum = (of: (clean: Tally['clean']) => number) => cleans.reduce((total, clean) => total + of(clean), 0)
  const alarms = sum((clean) => [...clean.alarms.values()].reduce((total, count) => total + count, 0))
  const months = sum((clean) => clean.sensorDays) / 30
  return [
    {
      what: `false alarms on healthy sensors (${months.toFixed(1)} sensor-months)`,
      linli: `${(alarms / months).toFixed(2)} a sensor-month`,
      peer: '',
    },
    {
      what: 'good samples of healthy sensors that were doubted',
      linli: share(
        sum((clean) => clean.doubted),
        sum((clean) => clean.samples),
        3,
      ),
      peer: '',
    },
  ]
}

function share(part: number, whole: number, digits = 1): string {
  return whole === 0 ? '–' : `${((100 * part) / whole).toFixed(digits)} %`
}

function minutes(value: number): string {
  if (Number.isNaN(value)) return '–'
  return value < 120 ? `${value.toFixed(value < 10 ? 1 : 0)} min` : `${(value / 60).toFixed(value < 600 ? 1 : 0)} h`
}

function plain({ kinds, reasons, clean }: Tally) {
  return {
    kinds: Object.fromEntries(
      Object.entries(kinds)
        .filter(([, { faults }]) => faults > 0)
        .map(([kind, { delays, ...score }]) => [
          kind,
          { ...score, delay_samples_p50: median(delays), delay_samples_p95: percentile(delays, 95) },
        ]),
    ),
    reasons: Object.fromEntries(reasons),
    clean: { ...clean, alarms: Object.fromEntries(clean.alarms) },
  }
}
