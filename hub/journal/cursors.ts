import type { CursorRow } from './backend.ts'
import type { Cursor } from './types.ts'

/** The named readers of a log: where they stand in memory and on disk. */
export interface Cursors {
  get(name: string, lanes: readonly string[]): Cursor
  forget(name: string): void
  /** The least durable position over all cursors of a lane; undefined when it has none. */
  slowest(lane: string): number | undefined
  /** The least position in memory; 0 when the lane has no cursor. */
  slowestInMemory(lane: string): number
  all(lane: string): { name: string; position: number }[]
  /** Rows whose position in memory is ahead of the disk. */
  dirty(): CursorRow[]
  /** The same when it is time to write them with a commit: with each one they would cost as much as a small event. */
  due(): CursorRow[]
  isDirty(): boolean
  /** These rows are on disk now. */
  written(rows: readonly CursorRow[]): void
  /** Names to be deleted from the disk. */
  takeForgotten(): string[]
  /** They could not be deleted after all. */
  giveBack(names: readonly string[]): void
}

interface Place {
  memory: number
  durable: number
  /** Not in the database yet. */
  isNew: boolean
}

interface Deps {
  /** A cursor moved; `isUrgent` when a lane is too far ahead of the disk. */
  onMoved(isUrgent: boolean): void
  flush(): Promise<void>
  /** Newest position of a lane: no cursor goes beyond it. */
  last(lane: string): number
  known: readonly CursorRow[]
  /** Where a new cursor stands in a lane. */
  start(lane: string): number
}

/** A commit takes the cursors along when one is this far ahead of the disk … */
const DUE_LAG = 24
/** … or when this part of `flush_ms` has passed since the last time. */
const DUE_SHARE = 0.4

export function createCursors(deps: Deps, config: { lag_max: number; flush_ms: number }): Cursors {
  let written_ms = Number.NEGATIVE_INFINITY
  const places = new Map<string, Map<string, Place>>()
  const handles = new Map<string, Cursor>()
  const listeners = new Map<string, Set<() => void>>()
  let forgotten: string[] = []

  for (const row of deps.known) {
    const lanes = places.get(row.name) ?? new Map<string, Place>()
    lanes.set(row.lane, { memory: row.position, durable: row.position, isNew: false })
    places.set(row.name, lanes)
  }

  const each = function* (lane: string): Generator<[string, Place]> {
    for (const [name, lanes] of places) {
      const place = lanes.get(lane)
      if (place) yield [name, place]
    }
  }

  function handle(name: string, lanes: string[]): Cursor {
    return {
      name,
      lanes,
      position: (lane) => places.get(name)?.get(lane)?.memory ?? 0,
      durable: (lane) => places.get(name)?.get(lane)?.durable ?? 0,
      advance(lane, position) {
        const place = places.get(name)?.get(lane)
        const to = Math.min(position, deps.last(lane))
        if (!place || to <= place.memory) return
        place.memory = to
        deps.onMoved(to - place.durable > config.lag_max)
      },
      flush: deps.flush,
      onDurable(listener) {
        const mine = listeners.get(name) ?? new Set()
        listeners.set(name, mine.add(listener))
        return () => mine.delete(listener)
      },
    }
  }

  function dirty(): CursorRow[] {
    const rows: CursorRow[] = []
    for (const [name, lanes] of places) {
      for (const [lane, place] of lanes) if (isBehind(place)) rows.push({ name, lane, position: place.memory })
    }
    return rows
  }

  function isDue(): boolean {
    if (performance.now() - written_ms >= config.flush_ms * DUE_SHARE) return true
    for (const lanes of places.values())
      for (const place of lanes.values()) if (place.isNew || place.memory - place.durable >= DUE_LAG) return true
    return false
  }

  const isBehind = (place: Place): boolean => place.isNew || place.memory > place.durable

  return {
    get(name, lanes) {
      const mine = places.get(name) ?? new Map<string, Place>()
      places.set(name, mine)
      const added = lanes.filter((lane) => !mine.has(lane))
      for (const lane of added) mine.set(lane, { memory: deps.start(lane), durable: deps.start(lane), isNew: true })
      const known = handles.get(name)
      if (known && added.length === 0) return known
      const made = handle(name, [...mine.keys()])
      handles.set(name, made)
      if (added.length > 0) deps.onMoved(false)
      return made
    },
    forget(name) {
      places.delete(name)
      handles.delete(name)
      listeners.delete(name)
      forgotten.push(name)
      deps.onMoved(false)
    },
    slowest(lane) {
      // Asked for every lane at every commit, so without arrays.
      let least: number | undefined
      for (const lanes of places.values()) {
        const durable = lanes.get(lane)?.durable
        if (durable !== undefined && (least === undefined || durable < least)) least = durable
      }
      return least
    },
    slowestInMemory(lane) {
      let least: number | undefined
      for (const lanes of places.values()) {
        const memory = lanes.get(lane)?.memory
        if (memory !== undefined && (least === undefined || memory < least)) least = memory
      }
      return least ?? 0
    },
    all: (lane) => [...each(lane)].map(([name, place]) => ({ name, position: place.memory })),
    dirty,
    due: () => (isDue() ? dirty() : []),
    isDirty: () => forgotten.length > 0 || [...places.values()].some((lanes) => [...lanes.values()].some(isBehind)),
    written(rows) {
      written_ms = performance.now()
      for (const row of rows) {
        const place = places.get(row.name)?.get(row.lane)
        if (!place) continue
        place.durable = Math.max(place.durable, row.position)
        place.isNew = false
      }
      for (const name of new Set(rows.map((row) => row.name)))
        for (const listener of listeners.get(name) ?? []) listener()
    },
    takeForgotten() {
      const names = forgotten.filter((name) => !places.has(name))
      forgotten = []
      return names
    },
    giveBack(names) {
      forgotten.push(...names)
    },
  }
}
