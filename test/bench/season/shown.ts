import { FAULT_KINDS, type Fault, type FaultKind } from '../detectors/faults.ts'
import type { Watched } from './unit.ts'

/** What somebody who reads along takes a quantity for, from one word to the next, against its labels. */

export interface Score {
  /** By kind: faults, those that were found, and the sum of the shares of their samples that were shown as not good. */
  kinds: Record<FaultKind, { faults: number; found: number; doubted: number; samples: number; shownGood: number }>
  /** Of sensors that nothing is ever wrong with. */
  sound: { samples: number; doubted: number }
}

export interface Shown {
  /** A reading of this time, and whether it was told as good. */
  tell(at_ms: number, isGood: boolean): void
  score(minutes: number): Score
}

const MINUTE_MS = 60_000

export function noScore(): Score {
  const none = () => ({ faults: 0, found: 0, doubted: 0, samples: 0, shownGood: 0 })
  const kinds = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, none()])) as Score['kinds']
  return { kinds, sound: { samples: 0, doubted: 0 } }
}

export function createShown({ quantity, faults }: Watched, start_ms: number): Shown {
  const indexOf = (at_ms: number) => Math.round((at_ms - start_ms) / quantity.poll_ms)
  /** Samples of each fault that were not shown as good. */
  const doubted = faults.map(() => 0)
  let soundDoubted = 0
  let since = 0
  let isGood = true
  /** The first fault that may still be doubted. */
  let first = 0

  function pass(until: number): void {
    if (until <= since) return
    if (!isGood) {
      if (faults.length === 0) soundDoubted += until - since
      while ((faults[first]?.to ?? Number.POSITIVE_INFINITY) <= since) first++
      for (let index = first; index < faults.length; index++) {
        const { from, to } = faults[index] as Fault
        if (from >= until) break
        doubted[index] = (doubted[index] ?? 0) + Math.max(0, Math.min(to, until) - Math.max(from, since))
      }
    }
    since = until
  }

  return {
    tell(at_ms, good) {
      pass(indexOf(at_ms))
      isGood = good
    },
    score(minutes) {
      pass(Math.floor((minutes * MINUTE_MS) / quantity.poll_ms))
      const score = noScore()
      faults.forEach(({ kind, from, to }, index) => {
        const one = score.kinds[kind]
        const found = doubted[index] ?? 0
        one.faults++
        one.samples += to - from
        one.shownGood += to - from - found
        one.doubted += found / (to - from)
        if (found > 0) one.found++
      })
      if (faults.length === 0) score.sound = { samples: since, doubted: soundDoubted }
      return score
    },
  }
}

export function addScore(sum: Score, one: Score): void {
  for (const kind of FAULT_KINDS) {
    const into = sum.kinds[kind]
    const from = one.kinds[kind]
    into.faults += from.faults
    into.found += from.found
    into.doubted += from.doubted
    into.samples += from.samples
    into.shownGood += from.shownGood
  }
  sum.sound.samples += one.sound.samples
  sum.sound.doubted += one.sound.doubted
}
