import type { DatabaseSync } from 'node:sqlite'
import { MERGE, pragma, transaction } from './file.ts'
import { DAY_MS, HOUR_MS, type Retention, type RollupBase } from './types.ts'

/** The housekeeping of the history, in pieces that hold up the readings behind them for some tens of milliseconds. */
export interface Tidying {
  /** Readings were added. */
  grown(count: number): void
  /** One piece; true when there is more to do. */
  step(now_ms: number): boolean
}

/** Rollups wait for company: a page of a series is written once for many of them. */
const FOLD_MS: Record<RollupBase, number> = { minute: HOUR_MS, hour: DAY_MS }
/** A backlog is folded before it is whole, so that questions stay quick. */
const UNFOLDED_MAX = 100_000
const PAGES_AT_ONCE = 1_024

export function createTidying(db: DatabaseSync, retention: Retention): Tidying {
  const folded_ms: Record<RollupBase, number> = { minute: 0, hour: 0 }
  let unfolded = 0

  function fold(base: RollupBase, before_ms: number): void {
    transaction(db, () => {
      db.prepare(`INSERT INTO ${base} SELECT * FROM ${base}_new WHERE t_ms < ? ORDER BY series, t_ms ${MERGE}`).run(
        before_ms,
      )
      db.prepare(`DELETE FROM ${base}_new WHERE t_ms < ?`).run(before_ms)
    })
  }

  /** At most an hour of all series at once. */
  function letGo(before_ms: number): boolean {
    const oldest = db.prepare('SELECT t_ms FROM reading ORDER BY t_ms LIMIT 1').get()?.t_ms
    if (oldest === undefined || Number(oldest) >= before_ms) return false
    const until_ms = Math.min(before_ms, Number(oldest) + HOUR_MS)
    db.prepare('DELETE FROM reading WHERE t_ms < ?').run(until_ms)
    return until_ms < before_ms
  }

  function letMinutesGo(before_ms: number): void {
    const ids = db.prepare('SELECT id FROM series').all()
    const remove = db.prepare('DELETE FROM minute WHERE series = ? AND t_ms < ?')
    transaction(db, () => {
      for (const { id } of ids) remove.run(Number(id), before_ms)
    })
  }

  return {
    grown(count) {
      unfolded += count
    },
    step(now_ms) {
      for (const base of ['minute', 'hour'] as const) {
        const due_ms = Math.floor(now_ms / FOLD_MS[base]) * FOLD_MS[base]
        const isDue = due_ms > folded_ms[base] || (base === 'minute' && unfolded >= UNFOLDED_MAX)
        if (!isDue) continue
        fold(base, due_ms)
        folded_ms[base] = due_ms
        if (base === 'minute') unfolded = 0
        if (base === 'minute') letMinutesGo(now_ms - retention.minute_ms)
        return true
      }
      if (letGo(now_ms - retention.raw_ms)) return true
      if (Number(pragma(db, 'freelist_count')) === 0) return false
      // Stepping through the statement is what gives pages back, one by one.
      db.prepare(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE})`).all()
      if (Number(pragma(db, 'freelist_count')) > 0) return true
      // The file gets shorter only when the write-ahead log is copied into it.
      db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all()
      return false
    },
  }
}
