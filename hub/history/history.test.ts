import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeJson } from '../contract/encode.ts'
import { LinliError } from '../contract/errors.ts'
import { makeEvent } from '../contract/event.ts'
import { type Address, formatTopic } from '../contract/topic.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import type { Log } from '../journal/types.ts'
import { createStoreBackend } from './backend.ts'
import { historyError } from './file.ts'
import { createHistory } from './history.ts'
import { answer } from './query.ts'
import { parseInstant, siteTime } from './site-time.ts'
import { DAY_MS, type HistoryBackend, HOUR_MS, MINUTE_MS, RETENTION } from './types.ts'

const AIR: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'park-sensor',
  device: 'air-1',
}
const TOPIC = formatTopic({ ...AIR, channel: 'tele' })
const BEGIN_MS = Date.parse('2026-11-23T12:00:00Z')
const ALL = { from_ms: 0, to_ms: BEGIN_MS + 10 * DAY_MS }

let clock: Clock
let log: Log
let faults: (string | undefined)[]
beforeEach(async () => {
  clock = FakeTimers.install({ now: BEGIN_MS, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  faults = []
  log = await openMemoryLog(createMemoryDisk(), {
    lanes: [{ name: 'telemetry', kind: 'queue', evict: { oldest: { entries_max: 50 } } }],
  })
})
afterEach(async () => {
  await log.close()
  clock.uninstall()
})

const historyOf = (backend: HistoryBackend) =>
  createHistory({ log, backend, now_ms: Date.now, onFault: (fault) => faults.push(fault?.code) })

async function tell(number: number, at_ms = BEGIN_MS + number * 1000): Promise<void> {
  const stamp = { wall_ms: at_ms, monotonic_ms: 1, quality: 'synced' } as const
  const event = makeEvent({ address: AIR, bootid: 'b', sequence: number }, 'telemetry', 'notice', stamp, [
    { n: 'temperature', u: 'Cel', v: number },
  ])
  const append = log.append({ lane: 'telemetry', topic: TOPIC, payload: encodeJson(event), time_ms: at_ms })
  await clock.runToLastAsync()
  await append
}

describe('the feed', () => {
  it('gathers for half a minute, and at once when somebody asks', async () => {
    const history = historyOf(createStoreBackend({ retention: RETENTION }))
    await history.start()
    await tell(1)
    await clock.tickAsync(30_000)
    expect(history.status()).toMatchObject({ added: 1, behind: 0 })
    await tell(2)
    await history.flush()
    expect(history.status()).toMatchObject({ added: 2, behind: 0 })
    await history.close()
  })

  it('waits when the disk is full, says so, and catches up by itself: each reading once', async () => {
    const store = createStoreBackend({ retention: RETENTION })
    let isFull = true
    const full = () => new LinliError('HISTORY_FULL', 'the disk is full', { kind: 'fault' })
    const backend = { ...store, append: (packs: never[]) => (isFull ? Promise.reject(full()) : store.append(packs)) }
    const history = historyOf(backend as HistoryBackend)
    await history.start()
    for (let number = 1; number <= 10; number++) await tell(number)
    await history.flush()
    expect(history.status()).toMatchObject({ added: 0, behind: 10, fault: { code: 'HISTORY_FULL' } })
    isFull = false
    await clock.tickAsync(5_000)
    expect(history.status()).toMatchObject({ added: 10, behind: 0, fault: undefined })
    expect(faults).toEqual(['HISTORY_FULL', undefined])
    expect(await store.count(ALL)).toBe(10)
    await history.close()
  })

  it('goes on behind what the journal had to let go of', async () => {
    const store = createStoreBackend({ retention: RETENTION })
    for (let number = 1; number <= 80; number++) await tell(number)
    const history = historyOf(store)
    await history.start()
    await history.flush()
    expect(history.status()).toMatchObject({ added: 50, behind: 0 })
    await history.close()
  })
})

it('SQLite’s own full disk is HISTORY_FULL', () => {
  const error = Object.assign(new Error('database or disk is full'), { errcode: 13 })
  expect(historyError(error)).toMatchObject({ code: 'HISTORY_FULL', kind: 'fault' })
})

describe('an answer', () => {
  async function filled(minutes: number[]): Promise<HistoryBackend> {
    const backend = createStoreBackend({ retention: RETENTION })
    const packs = minutes.map((minute, index) => {
      const at_ms = BEGIN_MS + minute * MINUTE_MS
      const stamp = { wall_ms: at_ms, monotonic_ms: 1, quality: 'synced' } as const
      const record = { n: 'temperature', u: 'Cel', v: minute, ...(minute % 5 === 0 ? { q: 'bad' as const } : {}) }
      const event = makeEvent({ address: AIR, bootid: 'b', sequence: index }, 'telemetry', 'notice', stamp, [record])
      return { topic: TOPIC, text: JSON.stringify(event), arrived_ms: at_ms }
    })
    await backend.append(packs)
    return backend
  }
  const ask = (backend: HistoryBackend, from_ms: number, to_ms: number, more: object = {}) =>
    answer(
      backend,
      { device: 'gw-1/air-1', quantity: 'temperature', from: siteTime(from_ms), to: siteTime(to_ms), ...more },
      to_ms,
    )

  it('has readings over hours, minutes over days and hours over years, and says which', async () => {
    const backend = await filled([1, 2, 3])
    const resolutions = [HOUR_MS, DAY_MS, 30 * DAY_MS].map(async (span_ms) => {
      const found = await ask(backend, BEGIN_MS, BEGIN_MS + span_ms)
      return [found.resolution, found.step_ms]
    })
    expect(await Promise.all(resolutions)).toEqual([
      ['raw', 0],
      ['minute', 2 * MINUTE_MS],
      ['hour', HOUR_MS],
    ])
    expect((await ask(backend, BEGIN_MS, BEGIN_MS + 365 * DAY_MS, { points: '100' })).step_ms).toBe(88 * HOUR_MS)
  })

  it('shows gaps, and what is not good as no number', async () => {
    const backend = await filled([100, 101, 220, 221])
    const raw = await ask(backend, BEGIN_MS + 90 * MINUTE_MS, BEGIN_MS + 110 * MINUTE_MS)
    expect(raw.points.map(({ mean, quality }) => [mean, quality])).toEqual([
      [null, 'bad'],
      [101, 'good'],
    ])
    const minutes = await ask(backend, BEGIN_MS, BEGIN_MS + 5 * HOUR_MS)
    const shown = minutes.points.map(({ t_ms, mean, count }) => [(t_ms - BEGIN_MS) / MINUTE_MS, mean, count])
    expect(shown).toEqual([
      [0, null, 0],
      [100, null, 0],
      [101, 101, 1],
      [166, null, 0],
      [220, null, 0],
      [221, 221, 1],
      [286, null, 0],
    ])
  })

  it('never has more points than asked for, beside gaps', async () => {
    const backend = await filled(Array.from({ length: 300 }, (_, index) => index))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 10, max: 4000 }), async (points, minutes) => {
        const found = await ask(backend, BEGIN_MS, BEGIN_MS + minutes * MINUTE_MS, { points: String(points) })
        expect(found.points.filter(({ good }) => good !== null).length).toBeLessThanOrEqual(points + 1)
      }),
      { numRuns: 50 },
    )
  })

  it.each([
    [{ from: '2026-11-24', to: '2026-11-23' }, '/from'],
    [{ points: '0' }, '/points'],
    [{ to: '23.11.2026' }, '/to'],
    [{ from: '1900-01-01' }, '/from'],
  ])('names what is wrong with %o', async (fields, path) => {
    const backend = await filled([1])
    const question = { device: 'air-1', quantity: 'temperature', ...fields }
    await expect(answer(backend, question, BEGIN_MS)).rejects.toMatchObject({ code: 'HISTORY_QUERY', path })
  })
})

it('times have the zone of the site, and are read back', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (t_ms) => {
      expect(siteTime(t_ms)).toMatch(/[+-]\d{2}:\d{2}$/)
      expect(parseInstant(siteTime(t_ms), '/from')).toBe(t_ms)
    }),
  )
})
