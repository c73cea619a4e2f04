import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { decodeMessage, type Message } from '../contract/decode.ts'
import { eventId, formatSequence } from '../contract/event.ts'
import type { Address } from '../contract/topic.ts'
import { createWatch, type Watch } from './watch.ts'

const button: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'alarm-button',
  device: 'b1',
}
const path = 'linli/v1/s/c/e/gw-1/alarm-button/b1'

function pressed(sequence: number): { topic: string; payload: Buffer; message: Message } {
  const topic = `${path}/evt/pressed`
  const payload = Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: eventId('gw-1', 'boot', sequence),
      source: `/${path}`,
      type: 'linli.alarm-button.pressed.v1',
      time: '2026-11-23T08:15:30.000Z',
      sequence: formatSequence(sequence),
      bootid: 'boot',
      timequality: 'synced',
      monotonicms: '1',
      severity: 'alarm',
      data: { press: sequence, atstart: false },
    }),
  )
  const decoded = decodeMessage(topic, payload, false)
  if (!decoded.ok) throw decoded.error
  return { topic, payload, message: decoded.value }
}

describe('what comes from a device', () => {
  let watch: Watch
  let monotonic_ms = 0
  beforeEach(() => {
    vi.useFakeTimers()
    monotonic_ms = 1_000
    watch = createWatch({ now_ms: () => 7, monotonic_ms: () => monotonic_ms })
  })
  afterEach(() => vi.useRealTimers())

  it('is told to whoever waits for it, and when each upstream had it', async () => {
    const from = watch.begin()
    const waiting = watch.next(button, from, 5_000)
    const one = pressed(1)
    watch.heard(one.message)
    const seen = await waiting
    expect(seen).toMatchObject([{ type: 'event', name: 'pressed', id: 'gw-1:boot:000000000001', at_ms: 7 }])
    monotonic_ms += 12
    watch.acknowledged('city', one)
    watch.acknowledged('fire-brigade', pressed(2))
    expect(await watch.next(button, seen[0]?.number ?? 0, 0)).toMatchObject([
      { type: 'acknowledged', upstream: 'city', id: 'gw-1:boot:000000000001', after_ms: 12 },
    ])
  })

  it('may be at an upstream before it is on the disk', async () => {
    const from = watch.begin()
    watch.acknowledged('city', pressed(1))
    watch.heard(pressed(1).message)
    watch.heard(pressed(2).message)
    expect(await watch.next(button, from, 0)).toMatchObject([
      { type: 'event' },
      { type: 'acknowledged', upstream: 'city', after_ms: 0 },
      { type: 'event' },
    ])
  })

  it('is of that device alone, and nothing after a while', async () => {
    const from = watch.begin()
    watch.heard(pressed(1).message)
    const other = watch.next({ ...button, device: 'b2' }, from, 500)
    await vi.advanceTimersByTimeAsync(500)
    expect(await other).toEqual([])
  })

  it('is kept only while somebody looks', async () => {
    watch.heard(pressed(1).message)
    const from = watch.begin()
    expect(await watch.next(button, 0, 0).then((all) => all.length)).toBe(0)
    watch.heard(pressed(2).message)
    monotonic_ms += 61_000
    watch.heard(pressed(3).message)
    watch.begin()
    watch.heard(pressed(4).message)
    const seen = await watch.next(button, from, 0)
    expect(seen).toMatchObject([{ event: { data: { press: 4 } } }])
  })
})
