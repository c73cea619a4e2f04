import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { LinliError } from '../contract/errors.ts'
import { type DiskPace, firstPlace, type Place } from './disk-pace.ts'
import { createFileBackend, type FileBackend } from './file-backend.ts'
import { DATABASE_FILE } from './file-store.ts'
import { createLog } from './log.ts'
import { openFileLog } from './open.ts'
import type { LaneConfig, Log } from './types.ts'

const LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  { name: 'state', kind: 'compacted' },
]

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'linli-place-'))
  cleanups.push(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** The place after each commit is what `placeAfter` says of the number of commits so far. */
async function openWith(
  where: string,
  first: Place,
  placeAfter: (commits: number) => Place,
): Promise<{ log: Log; backend: FileBackend }> {
  let commits = 0
  const after = (pace: DiskPace): DiskPace => {
    commits += 1
    return { ...pace, place: placeAfter(commits) }
  }
  const given = { folder: where, reserve_bytes: 0 }
  const backend = createFileBackend(given, { first: (...args) => ({ ...firstPlace(...args), place: first }), after })
  const log = await createLog({ backend }, { lanes: LANES, tail_entries_max: 1, cursor_flush_ms: 20, trim_entries: 50 })
  cleanups.push(() => log.close())
  return { log, backend }
}

const alarm = (sequence: number) => ({
  lane: 'alarm',
  topic: 't',
  payload: Buffer.from(`alarm ${sequence}`),
  time_ms: sequence,
  stream: 's',
  sequence,
})

describe('a log whose database changes hands', () => {
  it('holds everything once and in order, while it is read, passed on and tidied', { timeout: 60_000 }, async () => {
    const where = folder()
    const { log, backend } = await openWith(where, 'here', (commits) =>
      Math.floor(commits / 7) % 2 ? 'thread' : 'here',
    )
    const places = new Set<Place>()
    const cursor = log.cursor('upstream', ['alarm'])
    const appended: Promise<unknown>[] = []
    let read: number[] = []
    const total = 600
    for (let sequence = 1; sequence <= total; sequence += 1) {
      appended.push(log.append(alarm(sequence)))
      if (sequence % 10 !== 0) continue
      appended.push(
        log.append({
          lane: 'state',
          topic: 'k',
          key: `k${sequence % 3}`,
          payload: Buffer.from(`${sequence}`),
          time_ms: 1,
        }),
      )
      const reading = log.read('alarm', cursor.position('alarm'), 1_000)
      await Promise.all(appended.slice(-11))
      places.add(backend.place)
      const held = (await reading).map(({ position }) => position)
      read = [...read, ...held]
      cursor.advance('alarm', held.at(-1) ?? 0)
    }
    expect(places).toEqual(new Set(['here', 'thread']))
    read.push(...(await log.read('alarm', cursor.position('alarm'), 1_000)).map(({ position }) => position))
    expect(read).toEqual(Array.from({ length: total }, (_, index) => index + 1))
    expect((await log.list('state')).map(({ payload }) => Buffer.from(payload).toString())).toEqual([
      '580',
      '590',
      '600',
    ])
    await log.close()
    expect(readdirSync(where)).toEqual([DATABASE_FILE])
    const next = await openFileLog(where, { lanes: LANES, reserve_bytes: 0 })
    cleanups.push(() => next.close())
    await expect(next.append(alarm(total))).resolves.toEqual({ duplicate: true })
    await expect(next.append(alarm(total + 1))).resolves.toEqual({ position: total + 1 })
  })

  it('is in a thread from the start on a slow disk', async () => {
    const { log, backend } = await openWith(folder(), 'thread', () => 'thread')
    expect(backend.place).toBe('thread')
    await expect(log.append(alarm(1))).resolves.toEqual({ position: 1 })
    expect(backend.place).toBe('thread')
  })

  it('refuses everything when the next owner cannot open it', async () => {
    const where = folder()
    const { log } = await openWith(where, 'here', () => 'thread')
    await log.append(alarm(1))
    const opening = log.append(alarm(2))
    // The owner before has closed it by now, or does so with the file gone from under it.
    rmSync(where, { recursive: true })
    writeFileSync(where, '')
    await expect(opening).rejects.toBeInstanceOf(LinliError)
    await expect(log.append(alarm(3))).rejects.toMatchObject({ code: 'JOURNAL_IO' })
  })
})
