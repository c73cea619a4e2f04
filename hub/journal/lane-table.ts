import type { DatabaseSync } from 'node:sqlite'
import type { LaneOpened, StreamRow } from './backend.ts'
import type { Batch } from './batch.ts'
import type { Entry } from './types.ts'

/** The statements of one lane's table. Everything here runs inside a transaction of the store or reads. */
export interface LaneTable {
  kind: 'queue' | 'compacted'
  opened(): LaneOpened
  streamsSinceFold(): StreamRow[]
  /**
   * The entries of a batch at these places. `fold` is told of a stream whose only trace in this table is being replaced.
   * Returns a way to do the same again after a rollback.
   */
  prepare(batch: Batch, places: readonly number[], at_ms: number): (fold: Fold) => void
  read(after_position: number, limit: number): Entry[]
  list(): Entry[]
  /** Queue lanes: nobody reads up to `to` any more. */
  trim(to: number): void
  /** Compacted lanes: nobody needs the empty entries up to `to` any more. */
  sweep(to: number): void
  count(): number
  first(): number
  /** After a rollback. */
  forgetCount(): void
}

export type Fold = (stream: string, highest: number) => void

/** The row of a lane that outlives its entries. */
export interface LaneRow {
  last: number
  dropped: number
  folded: number
  floor: number
}

export function laneRow(db: DatabaseSync, lane: string): () => LaneRow {
  const select = db.prepare('SELECT last, dropped, folded, floor FROM lane WHERE name = ?')
  return () => {
    const row = select.get(lane)
    return {
      last: Number(row?.last ?? 0),
      dropped: Number(row?.dropped ?? 0),
      folded: Number(row?.folded ?? 0),
      floor: Number(row?.floor ?? 1),
    }
  }
}
