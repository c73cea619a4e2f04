import type { DatabaseSync } from 'node:sqlite'
import { pack } from './batch.ts'
import { encodeChunk, entryBytes } from './chunk.ts'
import { entryOf } from './compacted-table.ts'
import { makeQueue, queueTable, tableOf } from './schema.ts'
import type { Entry } from './types.ts'

/** Files of earlier versions of the journal. */

const CHUNK_ENTRIES = 100

/** Inside the transaction that opens the file: a queue lane's rows, one for each entry, become chunks. */
export function fromVersion1(db: DatabaseSync): void {
  db.exec('ALTER TABLE lane ADD COLUMN floor INTEGER NOT NULL DEFAULT 1')
  db.exec('ALTER TABLE lane ADD COLUMN clock_ms INTEGER NOT NULL DEFAULT 0')
  for (const { name } of db.prepare("SELECT name FROM lane WHERE kind = 'queue'").all()) {
    const lane = String(name)
    makeQueue(db, lane)
    const insert = db.prepare(`INSERT INTO ${queueTable(lane)} VALUES (?, ?, ?, 0, ?)`)
    const rows = db.prepare(
      `SELECT * FROM ${tableOf(lane)} WHERE position > ? ORDER BY position LIMIT ${CHUNK_ENTRIES}`,
    )
    for (let after = 0; ; ) {
      const entries = inARow(rows.all(after).map((row) => entryOf(lane, row)))
      const [first, last] = [entries[0], entries.at(-1)]
      if (!first || !last) break
      insert.run(last.position, first.position, bytesOf(entries), encode(lane, entries))
      after = last.position
    }
    db.exec(`DROP TABLE ${tableOf(lane)}`)
  }
}

/** A chunk has no gaps. */
function inARow(entries: readonly Entry[]): Entry[] {
  const gap = entries.findIndex((entry, index) => entry.position !== (entries[0]?.position ?? 0) + index)
  return gap < 0 ? [...entries] : entries.slice(0, gap)
}

export function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
}

export function encode(lane: string, entries: readonly Entry[]): Uint8Array {
  return encodeChunk(
    pack([lane], entries),
    entries.map((_, index) => index),
  )
}
