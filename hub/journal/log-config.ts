import { LinliError } from '../contract/errors.ts'
import type { LogConfig, Retention } from './types.ts'

const DEFAULTS = {
  batch_entries_max: 512,
  batch_bytes_max: 4 * 1024 * 1024,
  pending_max: 20_000,
  payload_bytes_max: 1024 * 1024,
  tail_entries_max: 1024,
  tail_bytes_max: 1024 * 1024,
  cursor_flush_ms: 500,
  cursor_lag_max: 256,
  trim_entries: 1000,
  trim_idle_ms: 2000,
  streams_max: 4096,
  stream_hold_ms: 1000,
}

export type ResolvedConfig = Required<LogConfig>

/** A batch names its lanes by one byte. */
const LANES_MAX = 255
const LANE_NAME = /^[a-z0-9-]{1,40}$/

/** With the defaults. Throws JOURNAL_CONFIG naming the field. */
export function resolveConfig(config: LogConfig): ResolvedConfig {
  const resolved: ResolvedConfig = { ...DEFAULTS, ...config }
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    if (!Number.isInteger(resolved[name]) || resolved[name] < 1) throw refuse(`/${name}`, 'must be an integer from 1')
  }
  if (config.lanes.length < 1 || config.lanes.length > LANES_MAX)
    throw refuse('/lanes', `must hold 1 to ${LANES_MAX} lanes`)
  config.lanes.forEach((lane, index) => {
    if (!LANE_NAME.test(lane.name)) throw refuse(`/lanes/${index}/name`, 'must match [a-z0-9-]{1,40}')
    if (config.lanes.findIndex(({ name }) => name === lane.name) !== index) {
      throw refuse(`/lanes/${index}/name`, `is the name of another lane too: ${lane.name}`)
    }
    if (lane.kind !== 'queue') return
    if (lane.evict !== 'never') checkRetention(lane.evict.oldest, `/lanes/${index}/evict/oldest`)
    if (typeof lane.keep === 'object') checkRetention(lane.keep, `/lanes/${index}/keep`)
  })
  return resolved
}

const BOUNDS = ['entries_max', 'bytes_max', 'age_ms_max'] as const

function checkRetention(bounds: Retention, path: string): void {
  if (BOUNDS.every((name) => bounds[name] === undefined)) throw refuse(path, `needs one of ${BOUNDS.join(', ')}`)
  for (const name of BOUNDS) {
    const bound = bounds[name]
    if (bound !== undefined && !(Number.isFinite(bound) && bound >= 1))
      throw refuse(`${path}/${name}`, 'must be from 1')
  }
}

function refuse(path: string, what: string): LinliError {
  return new LinliError('JOURNAL_CONFIG', `${path} ${what}`, { kind: 'caller', path })
}
