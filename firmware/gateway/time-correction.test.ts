import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../../hub/contract/decode.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { makeEvent, type TimeQuality } from '../../hub/contract/event.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import { type Boot, correctTime } from './time-correction.ts'

const gateway: Address = { street: 's', community: 'c', estate: 'e', gateway: 'gw-1', class: 'gateway', device: 'gw-1' }
const button: Address = { ...gateway, class: 'alarm-button', device: 'b1' }
const BOOT = 'aabb'
const NOW_MS = Date.parse('2026-11-23T08:00:00Z')

interface Case {
  started_ms: number
  boot: Boot
  /** ms after the start of the boot. */
  at_ms: number
}

/** A boot whose clock said anything at its start, was set at some time, and something that happened before. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    clock_ms: fc.oneof(
      fc.integer({ min: 0, max: 86_400_000 }),
      fc.integer({ min: Date.parse('2020-01-01'), max: Date.parse('2030-01-01') }),
    ),
    started_ms: fc.double({ min: 0, max: 1e6, noNaN: true }),
    synced_ms: fc.integer({ min: 1, max: 30 * 86_400_000 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ clock_ms, started_ms, synced_ms, share }) => ({
    started_ms: clock_ms,
    boot: {
      bootid: BOOT,
      startedAt: { wall_ms: clock_ms, monotonic_ms: started_ms },
      synced: { wall_ms: NOW_MS, monotonic_ms: started_ms + synced_ms },
    },
    at_ms: Math.floor(synced_ms * share),
  }))

function payloadOf<D>(
  of: Address,
  type: string,
  { started_ms, at_ms }: Case,
  data: D,
  quality: TimeQuality = 'unsynced',
) {
  const stamp = { wall_ms: started_ms + at_ms, monotonic_ms: at_ms, quality }
  return encodeJson(makeEvent({ address: of, bootid: BOOT, sequence: 7 }, type, 'notice', stamp, data))
}

function trueTime({ boot, at_ms }: Case): number {
  return Math.round(NOW_MS - (boot.synced.monotonic_ms - (boot.startedAt.monotonic_ms + at_ms)))
}

describe('what happened before the clock was set', () => {
  it('is dated by the monotonic clock, and keeps what the clock had said', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const payload = payloadOf(button, 'pressed', one, { press: 1, atstart: false })
        const corrected = correctTime(payload, one.boot)
        if (!corrected) throw new Error('not corrected')
        expect(corrected.time_ms).toBe(trueTime(one))
        const topic = formatTopic({ ...button, channel: 'evt', type: 'pressed' })
        const decoded = decodeMessage(topic, corrected.payload, false)
        expect(decoded).toMatchObject({
          ok: true,
          value: {
            event: {
              time: new Date(trueTime(one)).toISOString(),
              timequality: 'unsynced',
              clocktime: new Date(one.started_ms + one.at_ms).toISOString(),
              data: { press: 1, atstart: false },
            },
          },
        })
        expect(correctTime(payload, one.boot)).toEqual(corrected)
        expect(correctTime(corrected.payload, one.boot)).toBeUndefined()
      }),
    )
  })

  it('has its readings moved along with it', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: -60, max: 0 }), (one, t) => {
        const bt = (one.started_ms + one.at_ms) / 1000
        const pack = [
          { bn: 'gw-1/', bt, n: 'rss', u: 'B', v: 1 },
          { n: 'uptime', u: 's', t, v: 2 },
        ]
        const corrected = correctTime(payloadOf(gateway, 'telemetry', one, pack), one.boot)
        const decoded = decodeMessage(
          formatTopic({ ...gateway, channel: 'tele' }),
          corrected?.payload ?? new Uint8Array(),
          false,
        )
        if (!decoded.ok || decoded.value.kind !== 'telemetry') throw new Error('no telemetry')
        const [first, second] = decoded.value.event.data
        expect(Math.round((first?.bt ?? 0) * 1000)).toBe(trueTime(one))
        expect(second).toEqual({ n: 'uptime', u: 's', t, v: 2 })
      }),
    )
  })

  it('of another boot, of a clock that was set, and what is no event stays as it is', () => {
    fc.assert(
      fc.property(cases, fc.constantFrom<TimeQuality>('synced', 'holdover'), (one, quality) => {
        const data = { press: 1, atstart: false }
        expect(correctTime(payloadOf(button, 'pressed', one, data), { ...one.boot, bootid: 'ccdd' })).toBeUndefined()
        expect(correctTime(payloadOf(button, 'pressed', one, data, quality), one.boot)).toBeUndefined()
      }),
    )
    const boot: Boot = {
      bootid: BOOT,
      startedAt: { wall_ms: 0, monotonic_ms: 0 },
      synced: { wall_ms: NOW_MS, monotonic_ms: 1 },
    }
    for (const value of [null, {}, { timequality: 'unsynced' }, { text: '"timequality":"unsynced"' }])
      expect(correctTime(encodeJson(value), boot)).toBeUndefined()
    expect(correctTime(Buffer.from('{"timequality":"unsynced"'), boot)).toBeUndefined()
  })
})
