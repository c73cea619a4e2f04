import type { ReadResult } from '../../ports/register-bus.ts'
import type { PollResult } from './belief/machine.ts'
import { decodeField } from './profile/field.ts'
import type { PlacedField, Profile } from './profile/load.ts'

/** The registers in which a device reports its own faults. */

type FaultEntry = NonNullable<Profile['faults']>[number]

/** `null`: well. Otherwise how its readings are to be told. */
type Verdict = { fault: 'sensor-fault' | 'bus-error'; code?: number } | null

export interface FaultWatch {
  readonly fields: readonly PlacedField[]
  take(index: number, result: ReadResult): void
  /** Whether each of them has been heard, or asked for in vain. */
  isKnown(): boolean
  /** A reading with what the device says of itself. */
  doubt(result: PollResult): PollResult
}

export function createFaultWatch(entries: readonly FaultEntry[]): FaultWatch {
  const verdicts = new Map<number, Verdict>()
  return {
    fields: entries,
    take(index, result) {
      const entry = entries[index]
      if (entry !== undefined) verdicts.set(index, judge(entry, result))
    },
    isKnown: () => verdicts.size === entries.length,
    doubt(result) {
      for (const [index, verdict] of verdicts) {
        const covers = entries[index]?.quantities?.includes(result.quantity) ?? true
        if (verdict !== null && covers && 'raw' in result) return { quantity: result.quantity, ...verdict }
      }
      return result
    },
  }
}

function judge(entry: FaultEntry, result: ReadResult): Verdict {
  // A device that does not say that it is well is not taken to be.
  if (!result.ok) return { fault: 'bus-error', ...(result.exception === undefined ? {} : { code: result.exception }) }
  const code = decodeField(entry, result.values)
  return Object.hasOwn(entry.values, String(code)) ? { fault: 'sensor-fault', code } : null
}
