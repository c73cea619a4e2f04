import { LinliError } from '../contract/errors.ts'
import type { Cursor, Log } from '../journal/types.ts'
import { SINGLE, type Start } from './settings.ts'

/** Each upstream has a place of its own in the journal. */

/** What is forwarded, most urgent first. Commands and refused messages stay here. */
export const FORWARDED_LANES = ['alarm', 'state', 'telemetry'] as const
const PREFIX = 'upstream:'

/** The single one had this cursor before there could be several. */
export function cursorOf(upstream: string): string {
  return upstream === SINGLE ? SINGLE : `${PREFIX}${upstream}`
}

function upstreamOf(cursor: string): string | undefined {
  if (cursor === SINGLE) return SINGLE
  return cursor.startsWith(PREFIX) ? cursor.slice(PREFIX.length) : undefined
}

/** Entries that each upstream has not acknowledged, by name; those that are configured no more included. */
export function backlogs(log: Pick<Log, 'stats'>): Map<string, Record<string, number>> {
  const found = new Map<string, Record<string, number>>()
  const { lanes } = log.stats()
  for (const lane of FORWARDED_LANES) {
    for (const [cursor, lag] of Object.entries(lanes[lane]?.lag ?? {})) {
      const name = upstreamOf(cursor)
      if (name !== undefined) found.set(name, { ...found.get(name), [lane]: lag })
    }
  }
  return found
}

/**
 * The cursor of an upstream. One that is new begins where `start` says, but always with all of what holds now; that is on
 * disk before it is used, or a crash would have it begin once more, later.
 */
export async function openCursor(log: Log, upstream: string, start: Start): Promise<Cursor> {
  const isNew = !backlogs(log).has(upstream)
  const cursor = log.cursor(cursorOf(upstream), FORWARDED_LANES)
  if (!isNew || start === 'oldest') return cursor
  for (const lane of ['alarm', 'telemetry']) cursor.advance(lane, log.last(lane))
  await cursor.flush()
  return cursor
}

/** @throws {LinliError} UPSTREAM_UNKNOWN when the journal holds nothing for it */
export function forgetCursor(log: Log, upstream: string): void {
  const known = backlogs(log)
  if (!known.has(upstream)) {
    const names = [...known.keys()].join(', ') || 'none'
    throw new LinliError('UPSTREAM_UNKNOWN', `the journal knows no upstream ${upstream}; it knows: ${names}`, {
      kind: 'caller',
    })
  }
  log.forgetCursor(cursorOf(upstream))
}
