import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { pragma, setUp } from './schema.ts'

it('every connection is set up for power cuts, which no test here can make', () => {
  const folder = mkdtempSync(join(tmpdir(), 'linli-schema-'))
  try {
    for (const life of ['new', 'opened again']) {
      const db = new DatabaseSync(join(folder, 'journal.db'))
      setUp(db)
      db.exec('CREATE TABLE IF NOT EXISTS x (y)')
      const names = ['journal_mode', 'synchronous', 'page_size', 'auto_vacuum', 'locking_mode']
      // synchronous 2 is FULL: an fsync of the write-ahead log at every commit. auto_vacuum 2 is INCREMENTAL.
      expect([life, ...names.map((name) => pragma(db, name))]).toEqual([life, 'wal', 2, 1024, 2, 'exclusive'])
      db.close()
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})
