import type { Space } from './store.ts'
import type { LaneConfig } from './types.ts'

/**
 * Who may still write when the disk is full. 0: everybody. 1: the lanes that are never evicted, on a reserve of theirs. 2:
 * the first lane alone, on the last reserve. A level ends when its reserve could be made again, by itself.
 */
export interface Shortage {
  level(): number
  takes(lane: string, level: number): boolean
  /** Enters a level and gives up what is held for it. True when there was something. */
  giveUp(level: number): boolean
  /** Makes the reserves again where there is room by now, the most important first. */
  recover(): void
}

export const LEVEL_MAX = 2

export function createShortage(lanes: readonly LaneConfig[], space: Space): Shortage {
  const evictable = new Set(
    lanes.filter((lane) => lane.kind === 'queue' && lane.evict !== 'never').map(({ name }) => name),
  )
  const first = lanes[0]?.name
  const canBeFirst = first !== undefined && !evictable.has(first)
  let level = 0

  space.tidying.restore(space.spare_bytes)
  if (canBeFirst && !space.first.restore(space.spare_bytes)) level = 2
  else if (!space.entries.restore(space.spare_bytes)) level = 1

  return {
    level: () => level,
    takes: (lane, at) => at === 0 || (at === 1 ? !evictable.has(lane) : canBeFirst && lane === first),
    giveUp(to) {
      level = Math.max(level, to)
      if (to === 0) return false
      return to === 1 ? space.entries.release() : space.first.release()
    },
    recover() {
      if (level === 0 && space.tidying.isHeld()) return
      if (!space.tidying.restore(0)) return
      if (level === 2 && space.first.restore(space.spare_bytes)) level = 1
      if (level === 1 && space.entries.restore(space.spare_bytes)) level = 0
    },
  }
}
