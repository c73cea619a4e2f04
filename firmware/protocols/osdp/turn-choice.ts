import type { Turn } from './session-machine.ts'

/** Who gets the line next. Pure. */

export interface Candidate<T> {
  who: T
  turn: Turn
  /** When it last had the line. */
  served_ms: number
}

export type Choice<T> = { who: T; urgent: boolean } | { wait_ms: number }

/**
 * Feedback first, then the one that has waited longest. During the hush after a card, readers that did not answer last
 * time wait: each could hold the line for a whole reply time, and somebody stands before a lamp that has not lit yet.
 *
 * @param urgentInRow urgent turns given without a routine one between; after `URGENT_IN_ROW_MAX` a routine one that is
 * due goes first, so that lamps cannot keep cards waiting
 */
export function chooseTurn<T>(
  candidates: Candidate<T>[],
  now_ms: number,
  hushUntil_ms: number,
  urgentInRow: number,
): Choice<T> {
  const startOf = ({ turn }: Candidate<T>) => (turn.doubtful ? Math.max(turn.at_ms, hushUntil_ms) : turn.at_ms)
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
