import type { Quantity } from '../quantity.ts'
import { type WellKnownName, wellKnown } from '../well-known.ts'
import type { QuantityEntry } from './schema.ts'

/** What a profile or a configuration says of a quantity, on top of what is well known of its like. */

export type Knowledge = Pick<
  QuantityEntry,
  | 'name'
  | 'like'
  | 'unit'
  | 'kind'
  | 'range'
  | 'resolution'
  | 'noise'
  | 'noiseShare'
  | 'rate_max'
  | 'spike_min'
  | 'stuck'
  | 'drift'
  | 'poll_ms'
  | 'stale_ms'
  | 'report'
>

const NEEDED = ['unit', 'kind', 'range', 'resolution', 'noise', 'poll_ms'] as const

/** @param path of the entry, for what is wrong with it */
export function knownQuantity(entry: Knowledge, path: string): Quantity | { path: string; message: string } {
  const { name, like, report, ...own } = entry
  const likeness = like ?? name
  const known: Quantity | undefined = isWellKnown(likeness) ? wellKnown[likeness] : undefined
  if (like !== undefined && known === undefined)
    return { path: `${path}/like`, message: `is ${like}; well known: ${Object.keys(wellKnown).join(', ')}` }
  const missing = known ? undefined : NEEDED.find((field) => own[field] === undefined)
  if (missing !== undefined)
    return { path, message: `: missing field ${missing}, or a like; well known: ${Object.keys(wellKnown).join(', ')}` }
  const merged = withoutNothing({ ...known, ...pick(own), name }) as unknown as Quantity
  const reported = { ...defaultReport(merged), ...known?.report, ...report }
  return { ...merged, report: reported }
}

function isWellKnown(name: string): name is WellKnownName {
  return Object.hasOwn(wellKnown, name)
}

const FIELDS = [...NEEDED, 'noiseShare', 'rate_max', 'spike_min', 'stuck', 'drift', 'stale_ms'] as const

/** What the entry says of the quantity, without its register. */
function pick(entry: Omit<Knowledge, 'name' | 'like' | 'report'>) {
  return Object.fromEntries(FIELDS.flatMap((field) => (entry[field] === undefined ? [] : [[field, entry[field]]])))
}

/** A `null` takes away what is well known. */
function withoutNothing(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null && one !== undefined))
}

const HEARTBEAT_MS = 15 * 60_000

function defaultReport({ kind, resolution }: Quantity): Quantity['report'] {
  const interval_ms = 5 * 60_000
  if (kind === 'counter') return { summary: 'sum', interval_ms, deadband: 0, heartbeat_ms: 4 * HEARTBEAT_MS }
  if (kind === 'direction') return { summary: 'vector', interval_ms, deadband: 15, heartbeat_ms: 2 * HEARTBEAT_MS }
  return { summary: 'last', deadband: resolution, heartbeat_ms: HEARTBEAT_MS }
}
