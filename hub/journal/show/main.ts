import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { decodeChunk } from '../chunk.ts'
import { entryOf } from '../compacted-table.ts'
import { DATABASE_FILE } from '../file-store.ts'
import { queueTable, tableOf } from '../schema.ts'
import type { Entry } from '../types.ts'

/** Shows what a journal holds, for whoever looks into one by hand: `node hub/journal/show/main.ts FOLDER [LANE [COUNT]]`. Reads a copy. */

const [folder, lane, count = '20'] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('node hub/journal/show/main.ts FOLDER [LANE [COUNT]]\n')
  process.exitCode = 2
} else {
  const copy = mkdtempSync(join(tmpdir(), 'linli-show-'))
  try {
    for (const part of ['', '-wal'].filter((one) => one === '' || existsSync(join(folder, `${DATABASE_FILE}${one}`))))
      cpSync(join(folder, `${DATABASE_FILE}${part}`), join(copy, `${DATABASE_FILE}${part}`), {
        force: true,
        recursive: true,
      })
    const db = new DatabaseSync(join(copy, DATABASE_FILE))
    if (lane === undefined) showAll(db)
    else for (const entry of newest(db, lane, Number(count))) showEntry(entry)
    db.close()
  } catch (error) {
    process.stderr.write(`${folder}: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  } finally {
    rmSync(copy, { recursive: true })
  }
}

function showAll(db: DatabaseSync): void {
  for (const table of ['lane', 'cursor', 'stream'])
    for (const row of db.prepare(`SELECT * FROM ${table}`).all())
      process.stdout.write(`${table} ${JSON.stringify(row)}\n`)
}

/** Newest last. */
function newest(db: DatabaseSync, name: string, limit: number): Entry[] {
  const kind = db.prepare('SELECT kind FROM lane WHERE name = ?').get(name)?.kind
  if (kind === undefined) throw new Error(`there is no lane ${name}`)
  const order = 'ORDER BY position DESC LIMIT ?'
  if (kind === 'compacted') {
    const rows = db.prepare(`SELECT * FROM ${tableOf(name)} ${order}`).all(limit)
    return rows.map((row) => entryOf(name, row)).reverse()
  }
  const found: Entry[][] = []
  let seen = 0
  for (const row of db.prepare(`SELECT first, data FROM ${queueTable(name)} ORDER BY last DESC`).iterate()) {
    const entries = decodeChunk(name, Number(row.first), row.data as Uint8Array)
    found.unshift(entries)
    seen += entries.length
    if (seen >= limit) break
  }
  return found.flat().slice(-limit)
}

function showEntry({ position, time_ms, topic, key, stream, sequence, payload }: Entry): void {
  const about = { position, time: new Date(time_ms).toISOString(), topic, key, stream, sequence }
  process.stdout.write(`${JSON.stringify(about)} ${Buffer.from(payload).toString()}\n`)
}
