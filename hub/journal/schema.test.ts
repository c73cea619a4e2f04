import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import { openFileLog } from './open.ts'
import { APPLICATION_ID, pragma, setUp } from './schema.ts'
import type { LaneConfig } from './types.ts'

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

it('takes over a file of version 1: every entry, its position, its stream, what was passed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'linli-schema-'))
  try {
    const old = new DatabaseSync(join(folder, 'journal.db'))
    setUp(old)
    old.exec(`
      PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=1;
      CREATE TABLE lane (name TEXT PRIMARY KEY, kind TEXT NOT NULL, last INTEGER NOT NULL, dropped INTEGER NOT NULL,
        folded INTEGER NOT NULL) WITHOUT ROWID;
      CREATE TABLE stream (lane TEXT NOT NULL, name TEXT NOT NULL, highest INTEGER NOT NULL, used INTEGER NOT NULL,
        PRIMARY KEY (lane, name)) WITHOUT ROWID;
      CREATE TABLE cursor (name TEXT NOT NULL, lane TEXT NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (name, lane)) WITHOUT ROWID;
      CREATE TABLE lane_alarm (position INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT,
        stream TEXT, sequence INTEGER, payload BLOB NOT NULL);
      CREATE TABLE lane_state (position INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, topic TEXT NOT NULL, key TEXT,
        stream TEXT, sequence INTEGER, payload BLOB NOT NULL);
      CREATE UNIQUE INDEX key_state ON lane_state (key);
      INSERT INTO lane VALUES ('alarm', 'queue', 300, 7, 200), ('state', 'compacted', 4, 0, 0);
      INSERT INTO lane_state VALUES (4, 1, 't', 'k', NULL, NULL, x'6f6e');
      INSERT INTO stream VALUES ('alarm', 's', 200, 1);
      INSERT INTO cursor VALUES ('upstream', 'alarm', 120)`)
    const insert = old.prepare("INSERT INTO lane_alarm VALUES (?, ?, 't', NULL, 's', ?, ?)")
    for (let n = 101; n <= 350; n += 1) insert.run(n, n * 10, n, Buffer.from(`alarm ${n}`))
    old.close()
    const lanes: LaneConfig[] = [
      { name: 'alarm', kind: 'queue', evict: 'never' },
      { name: 'state', kind: 'compacted' },
    ]
    const log = await openFileLog(folder, { lanes, reserve_bytes: 0 })
    const next = await log.read('alarm', log.cursor('upstream', ['alarm']).position('alarm'), 1_000)
    expect(
      next.map(({ position, sequence, time_ms, payload }) => [
        position,
        sequence,
        time_ms,
        Buffer.from(payload).toString(),
      ]),
    ).toEqual(
      Array.from({ length: 230 }, (_, index) => [121 + index, 121 + index, (121 + index) * 10, `alarm ${121 + index}`]),
    )
    expect((await log.list('state')).map(({ key, position }) => [key, position])).toEqual([['k', 4]])
    expect(log.stats().lanes.alarm?.dropped).toBe(7)
    const again = { lane: 'alarm', topic: 't', payload: Buffer.from(''), time_ms: 0, stream: 's', sequence: 350 }
    await expect(log.append(again)).resolves.toEqual({ duplicate: true })
    await expect(log.append({ ...again, sequence: 351 })).resolves.toEqual({ position: 351 })
    await log.close()
  } finally {
    rmSync(folder, { recursive: true })
  }
})
