import FakeTimers from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createMemoryDisk } from './memory-backend.ts'
import { openMemoryLog } from './open.ts'
import type { LaneConfig } from './types.ts'

/** What a lane keeps when it is bounded by bytes or by age, over appends, time, readers, closes and kills. */

let clock: ReturnType<typeof FakeTimers.install>
beforeEach(() => {
  clock = FakeTimers.install({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  })
})
afterEach(() => clock.uninstall())

async function settled<T>(promise: Promise<T>): Promise<T> {
  await clock.tickAsync(50)
  return promise
}

describe('retention', () => {
  const BYTES_MAX = 2_000
  const AGE_MS_MAX = 4_000
  /** One at a time, so that a stretch of the ledger is one entry, before a restart and after it. */
  const TUNED = { batch_entries_max: 1, trim_entries: 7, tail_entries_max: 6 }
  const BOUNDED: LaneConfig[] = [
    { name: 'sized', kind: 'queue', evict: { oldest: { bytes_max: BYTES_MAX } } },
    { name: 'aged', kind: 'queue', evict: { oldest: { age_ms_max: AGE_MS_MAX, entries_max: 30 } } },
    { name: 'replay', kind: 'queue', evict: 'never', keep: { bytes_max: BYTES_MAX, age_ms_max: AGE_MS_MAX } },
  ]
  const NAMES = BOUNDED.map(({ name }) => name)
  /** Topic, payload and 32. */
  const sizeOf = (payload: number): number => 1 + payload + 32
  const move = fc.oneof(
    { weight: 6, arbitrary: fc.record({ lane: fc.nat(2), bytes: fc.integer({ min: 0, max: 700 }) }) },
    { weight: 3, arbitrary: fc.record({ wait_ms: fc.constantFrom(10, 700, 3_000) }) },
    { weight: 2, arbitrary: fc.constantFrom('pass' as const, 'close' as const, 'kill' as const) },
  )

  it('by bytes and by age keeps the newest within the bounds, whatever is restarted, and gives the room back', async () => {
    const property = fc.asyncProperty(fc.array(move, { minLength: 5, maxLength: 60 }), async (moves) => {
      const disk = createMemoryDisk()
      const open = () => openMemoryLog(disk, { lanes: BOUNDED, ...TUNED })
      let log = await open()
      let reader = log.cursor('reader', ['replay'])
      await settled(reader.flush())
      const held = new Map(NAMES.map((name) => [name, [] as { bytes: number; at_ms: number }[]]))
      /** Nothing that is gone comes back, but after a kill the few whose end was not written yet: they are passed all the same. */
      const floors = new Map(NAMES.map((name) => [name, 1]))

      async function check(): Promise<void> {
        for (const [name, all] of held) {
          const entries = await settled(log.list(name))
          const first = entries[0]?.position ?? all.length + 1
          expect(entries.map(({ position }) => position)).toEqual(all.slice(first - 1).map((_, index) => first + index))
          expect(first).toBeGreaterThanOrEqual(floors.get(name) ?? 1)
          floors.set(name, first)
          const bytesFrom = (position: number): number =>
            all.slice(position - 1).reduce((sum, { bytes }) => sum + bytes, 0)
          const upTo = name === 'replay' ? reader.durable(name) : all.length
          const youngest_gone = all[first - 2]
          if (name === 'sized' && first < all.length) expect(bytesFrom(first)).toBeLessThanOrEqual(BYTES_MAX)
          if (!youngest_gone) continue
          // Gone only for a reason: passed by its reader, and beyond a bound.
          expect(first - 1).toBeLessThanOrEqual(upTo)
          const isTooOld = clock.now - youngest_gone.at_ms >= AGE_MS_MAX
          const isTooMuch = bytesFrom(first - 1) - (name === 'replay' ? bytesFrom(upTo + 1) : 0) > BYTES_MAX
          const reasons = {
            sized: isTooMuch,
            aged: isTooOld || all.length - first >= 29,
            replay: isTooOld || isTooMuch,
          }
          expect([name, reasons[name as keyof typeof reasons]]).toEqual([name, true])
        }
      }

      for (const one of moves) {
        if (typeof one === 'object' && 'lane' in one) {
          const lane = NAMES[one.lane] ?? ''
          const payload = Buffer.alloc(one.bytes, 1)
          held.get(lane)?.push({ bytes: sizeOf(one.bytes), at_ms: clock.now })
          await settled(log.append({ lane, topic: 't', payload, time_ms: 0 }))
        } else if (typeof one === 'object') await clock.tickAsync(one.wait_ms)
        else if (one === 'pass') {
          reader.advance('replay', log.last('replay'))
          await settled(reader.flush())
        } else {
          if (one === 'close') await settled(log.close())
          else {
            log.kill()
            for (const [name, floor] of floors) floors.set(name, floor - TUNED.trim_entries)
          }
          log = await open()
          reader = log.cursor('reader', ['replay'])
        }
        await check()
      }
      reader.advance('replay', log.last('replay'))
      await settled(reader.flush())
      // Nothing is appended any more: time alone must do it, in the books and in the file.
      await clock.tickAsync(120_000)
      await check()
      expect(log.stats().lanes).toMatchObject({ aged: { depth: 0, bytes: 0 }, replay: { depth: 0, dropped: 0 } })
      expect(log.stats().lanes.sized?.bytes).toBeLessThanOrEqual(BYTES_MAX)
      for (const name of NAMES) {
        const row = disk.db.prepare(`SELECT count(*) AS count FROM "queue_${name}"`).get()
        expect(Number(row?.count) - (log.stats().lanes[name]?.depth ?? 0)).toBeLessThan(TUNED.trim_entries)
      }
      log.kill()
    })
    await fc.assert(property, { numRuns: 100 })
  }, 60_000)

  it('does not believe the wall clock: a jump of it empties nothing', async () => {
    const log = await openMemoryLog(createMemoryDisk(), { lanes: BOUNDED, ...TUNED })
    await log.append({ lane: 'aged', topic: 't', payload: Buffer.from('1970'), time_ms: 0 })
    clock.setSystemTime(new Date('2031-01-01'))
    await log.append({ lane: 'aged', topic: 't', payload: Buffer.from('2031'), time_ms: Date.now() })
    expect((await log.list('aged')).length).toBe(2)
    await clock.tickAsync(AGE_MS_MAX + 1)
    await log.append({ lane: 'aged', topic: 't', payload: Buffer.from('later'), time_ms: 0 })
    expect((await log.list('aged')).map(({ payload }) => Buffer.from(payload).toString())).toEqual(['later'])
    expect(log.stats().lanes.aged?.dropped).toBe(2)
    log.kill()
  })

  it('needs a bound, and says which is wrong', async () => {
    const withBounds = (oldest: object) =>
      openMemoryLog(createMemoryDisk(), { lanes: [{ name: 'x', kind: 'queue', evict: { oldest } }] })
    await expect(withBounds({})).rejects.toMatchObject({ code: 'JOURNAL_CONFIG', path: '/lanes/0/evict/oldest' })
    await expect(withBounds({ bytes_max: 0 })).rejects.toMatchObject({ path: '/lanes/0/evict/oldest/bytes_max' })
  })
})
