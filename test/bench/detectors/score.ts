import { FAULT_KINDS, type FaultKind, NAME_OF } from './faults.ts'
import type { Judged } from './park.ts'

/** Verdicts against labels, sample by sample and fault by fault. */

export interface Score {
  faults: number
  /** Faults of which at least one sample was doubted. */
  found: number
  /** Of those, named as what they are. */
  named: number
  /** Samples from the first faulty one (of a drift: beyond the limit) until doubt was told, of the faults that were found. */
  delays: number[]
  /** Sum over faults of the share of their samples that were not good. */
  doubted: number
}

export interface Tally {
  kinds: Record<FaultKind, Score>
  /** By reason: samples doubted, and those of them that were faulty. */
  reasons: Map<string, { doubted: number; rightly: number }>
  /** On sensors without faults. */
  clean: { samples: number; sensorDays: number; alarms: Map<string, number>; doubted: number }
}

export function emptyTally(): Tally {
  const score = (): Score => ({ faults: 0, found: 0, named: 0, delays: [], doubted: 0 })
  const kinds = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, score()])) as Record<FaultKind, Score>
  return { kinds, reasons: new Map(), clean: { samples: 0, sensorDays: 0, alarms: new Map(), doubted: 0 } }
}

export function tally(into: Tally, sensors: readonly Judged[]): void {
  for (const sensor of sensors) {
    for (const fault of sensor.faults) scoreFault(into, sensor, fault)
    countReasons(into, sensor)
    if (sensor.faults.length === 0) countClean(into, sensor)
  }
}

function scoreFault(into: Tally, { verdicts }: Judged, { kind, from, to, grows }: Judged['faults'][number]): void {
  const score = into.kinds[kind]
  score.faults++
  let [first, named, faulty, doubted] = [-1, false, 0, 0]
  for (let index = from; index < to; index++) {
    const verdict = verdicts[index]
    // Before silence is stale there are no samples that could be good or not.
    if (verdict?.word === undefined && kind === 'silence') continue
    faulty++
    if (verdict === undefined || verdict.word === undefined || verdict.word === 'good') continue
    doubted++
    if (first < 0) first = Math.max(0, index - from - grows) + verdict.late
    named ||= verdict.word === NAME_OF[kind]
  }
  score.doubted += doubted / Math.max(1, faulty)
  if (first < 0) return
  score.found++
  score.delays.push(first)
  if (named) score.named++
}

function countReasons(into: Tally, { verdicts, faults }: Judged): void {
  let next = 0
  verdicts.forEach(({ word }, index) => {
    while (next < faults.length && index >= (faults[next]?.to ?? 0)) next++
    if (word === undefined || word === 'good') return
    const count = into.reasons.get(word) ?? { doubted: 0, rightly: 0 }
    count.doubted++
    if (index >= (faults[next]?.from ?? Number.POSITIVE_INFINITY)) count.rightly++
    into.reasons.set(word, count)
  })
}

function countClean(into: Tally, { quantity, verdicts }: Judged): void {
  const { clean } = into
  clean.samples += verdicts.length
  clean.sensorDays += (verdicts.length * quantity.poll_ms) / 86_400_000
  let before = 'good'
  for (const { word = before } of verdicts) {
    if (word !== 'good') clean.doubted++
    if (word !== before && word !== 'good') clean.alarms.set(word, (clean.alarms.get(word) ?? 0) + 1)
    before = word
  }
}
