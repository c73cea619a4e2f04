import { describe, expect, it } from 'vitest'
import { encodeJson } from './encode.ts'
import { markReplayed, payloadToSend, REPLAYED_AFTER_MS } from './replayed.ts'

const read = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
const event = { specversion: '1.0', id: '1', data: { note: '"replayed":false' } }

describe('replay mark', () => {
  it('marks an event and changes nothing else', () => {
    expect(read(markReplayed(encodeJson(event)))).toEqual({ ...event, replayed: true })
  })

  it.each([
    { ...event, replayed: false },
    { ...event, replayed: true, data: {} },
    { id: '1', specversion: '1.0' },
    { ...event, data: { replayed: false } },
  ])('marks one in whatever form it comes: %j', (given) => {
    expect(read(markReplayed(encodeJson(given)))).toEqual({ ...given, replayed: true })
    expect(read(markReplayed(Buffer.from(JSON.stringify(given, null, 1))))).toEqual({ ...given, replayed: true })
    expect(read(markReplayed(Buffer.from(`${JSON.stringify(given)} \n`)))).toEqual({ ...given, replayed: true })
  })

  it.each(['', 'no json', '[1]', 'null', '"text"', '{"id":"a","status":"succeeded"}'])(
    'passes what is no event unchanged: %j',
    (text) => {
      const payload = Buffer.from(text)
      expect(markReplayed(payload)).toBe(payload)
    },
  )

  it.each([
    [true, REPLAYED_AFTER_MS, true],
    [true, REPLAYED_AFTER_MS - 1, false],
    [true, -5_000, false],
    [false, REPLAYED_AFTER_MS * 10, false],
  ])('waited %s for %d ms: marked %s', (waited, age_ms, marked) => {
    expect(read(payloadToSend(encodeJson(event), waited, age_ms))).toEqual(
      marked ? { ...event, replayed: true } : event,
    )
  })
})
