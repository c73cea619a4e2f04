import type { Turn } from './session-machine.ts'

/** Who gets the line next. Pure. */

export interface Candidate<T> {
  who: T
  turn: Turn
  /** When it last had the line. */
  served_ms: number
}

export type Choice<T> = { who: T; urgent: boolean } | { wait_ms: number }

export interface Hush {
  /** After a card the line is kept free for feedback until then, or until feedback has gone out. */
  routineUntil_ms: number
  /** Readers that did not answer last time wait until then: each could hold the line for a whole reply time. */
  doubtfulUntil_ms: number
}

/**
 * Feedback first, then the one that has waited longest.
 *
 * @param urgentInRow urgent turns given without a routine one between; after `URGENT_IN_ROW_MAX` a routine one that is
 * due goes first, so that lamps cannot keep cards waiting
 */
export function chooseTurn<T>(candidates: Candidate<T>[], now_ms: number, hush: Hush, urgentInRow: number): Choice<T> {
  const startOf = ({ turn }: Candidate<T>) => {
    if (turn.urgent) return turn.at_ms
    return Math.max(turn.at_ms, turn.doubtful ? hush.doubtfulUntil_ms : hush.routineUntil_ms)
  }
  const due = candidates.filter((one) => startOf(one) <= now_ms)
  const urgent = due.filter((one) => one.turn.urgent).sort((a, b) => a.served_ms - b.served_ms)[0]
  const routine = due
    .filter((one) => !one.turn.urgent)
    .sort((a, b) => a.turn.at_ms - b.turn.at_ms || a.served_ms - b.served_ms)[0]
  if (urgent && (urgentInRow < URGENT_IN_ROW_MAX || !routine)) return { who: urgent.who, urgent: true }
  if (routine) return { who: routine.who, urgent: false }
  return { wait_ms: Math.min(Number.POSITIVE_INFINITY, ...candidates.map((one) => startOf(one) - now_ms)) }
}

export const URGENT_IN_ROW_MAX = 4
