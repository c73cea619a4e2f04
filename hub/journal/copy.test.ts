import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { DATABASE_FILE } from './file-store.ts'
import { openFileLog } from './open.ts'
import type { LaneConfig } from './types.ts'

/** A journal that is copied while it is written, and what goes on from the copy. */

const LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  { name: 'state', kind: 'compacted' },
]
const made: string[] = []
afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const alarm = (sequence: number) => ({
  lane: 'alarm',
  topic: 't',
  payload: Buffer.from(`alarm ${sequence}`),
  time_ms: sequence,
  stream: 'gw-1:boot-1',
  sequence,
})

describe('a copy of a journal', () => {
  it('has what was acknowledged before, and takes what its senders have sent since', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linli-copy-'))
    made.push(folder)
    const log = await openFileLog(join(folder, 'old'), { lanes: LANES, reserve_bytes: 0 })
    const cursor = log.cursor('upstream', ['alarm'])
    for (let n = 1; n <= 20; n += 1) await log.append(alarm(n))
    cursor.advance('alarm', 15)
    await cursor.flush()
    await log.append({ lane: 'state', topic: 't', key: 'k', payload: Buffer.from('on'), time_ms: 1 })
    mkdirSync(join(folder, 'new'))
    const copy = join(folder, 'new', DATABASE_FILE)
    const copied = log.copyTo(copy)
    const meanwhile = Array.from({ length: 30 }, (_, n) => log.append(alarm(21 + n)))
    await copied
    await Promise.all(meanwhile)
    const last = log.last('alarm')
    await expect(log.copyTo(copy)).rejects.toMatchObject({ code: 'JOURNAL_IO' })
    await log.close()

    const restored = await openFileLog(join(folder, 'new'), { lanes: LANES, reserve_bytes: 0 })
    const again = restored.cursor('upstream', ['alarm'])
    const unsent = await restored.read('alarm', again.position('alarm'), 1000)
    expect(unsent.slice(0, 5).map(({ payload }) => Buffer.from(payload).toString())).toEqual(
      [16, 17, 18, 19, 20].map((n) => `alarm ${n}`),
    )
    // Never a position that the old journal has given out since.
    expect(unsent[0]?.position).toBeGreaterThan(last)
    expect((await restored.list('state')).map(({ payload }) => Buffer.from(payload).toString())).toEqual(['on'])
    expect(await restored.append(alarm(20))).toEqual({ duplicate: true })
    expect(await restored.append(alarm(51))).toMatchObject({ position: expect.any(Number) })
    expect(restored.recovery()?.lanes.alarm?.isDoubtful).toBe(true)
    await restored.close()
  })
})
