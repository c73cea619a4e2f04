import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addresses, commandIds, segments } from '../../test/support/arbitrary.ts'
import { CONTRACT_CODES } from './errors.ts'
import {
  type Channel,
  DEVICE_CLASSES,
  formatTopic,
  gatewayPath,
  isRetained,
  isSegment,
  parseTopic,
  sourceOf,
  type Topic,
} from './topic.ts'

const channels: fc.Arbitrary<Channel> = fc.oneof(
  fc.record({ channel: fc.constant('evt' as const), type: segments }),
  fc.record({ channel: fc.constantFrom(...(['state', 'tele', 'avail', 'meta', 'plate'] as const)) }),
  fc.record({ channel: fc.constant('cmd' as const), name: segments, id: commandIds }),
  fc.record({ channel: fc.constant('res' as const), id: commandIds }),
)
const topics = fc
  .tuple(addresses(fc.constantFrom(...DEVICE_CLASSES)), channels)
  .map(([address, channel]): Topic => ({ ...address, ...channel }))

const BASE = 'linli/v1/s/c/e/gw-1/alarm-button/b1'

describe('topics', () => {
  it('parse back to what was formatted', () => {
    fc.assert(
      fc.property(topics, (topic) => {
        expect(parseTopic(formatTopic(topic))).toEqual({ ok: true, value: topic })
      }),
    )
  })

  it('format back to what was parsed, and stand under their gateway and source', () => {
    fc.assert(
      fc.property(topics, (topic) => {
        const text = formatTopic(topic)
        const parsed = parseTopic(text)
        expect(parsed.ok && formatTopic(parsed.value)).toBe(text)
        expect(text.startsWith(`${gatewayPath(topic, topic.gateway)}/`)).toBe(true)
        expect(`/${text}`.startsWith(`${sourceOf(topic)}/`)).toBe(true)
      }),
    )
  })

  it('never throw on any text, and name a code of the contract', () => {
    const nearMisses = fc
      .tuple(topics, fc.nat(), fc.string({ unit: 'binary', maxLength: 4 }))
      .map(([topic, at, noise]) => {
        const text = formatTopic(topic)
        const cut = at % (text.length + 1)
        return text.slice(0, cut) + noise + text.slice(cut + (at % 3))
      })
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), nearMisses), (text) => {
        const parsed = parseTopic(text)
        if (parsed.ok) expect(formatTopic(parsed.value)).toBe(text)
        else expect(Object.keys(CONTRACT_CODES)).toContain(parsed.error.code)
      }),
    )
  })

  it.each([
    ['', 'TOPIC_UNKNOWN', undefined],
    ['linli', 'TOPIC_UNKNOWN', undefined],
    ['linli/v2/s/c/e/g/hub/d/state', 'TOPIC_UNKNOWN', undefined],
    [`/${BASE}/state`, 'TOPIC_UNKNOWN', undefined],
    ['linli/v1', 'TOPIC_MALFORMED', '/street'],
    ['linli/v1/s//e/g/hub/d/state', 'TOPIC_MALFORMED', '/community'],
    ['linli/v1/s/c/E/g/hub/d/state', 'TOPIC_MALFORMED', '/estate'],
    ['linli/v1/s/c/e/+/hub/d/state', 'TOPIC_MALFORMED', '/gateway'],
    [`linli/v1/s/c/e/${'g'.repeat(41)}/hub/d/state`, 'TOPIC_MALFORMED', '/gateway'],
    ['linli/v1/s/c/e/g/hub/__proto__/state', 'TOPIC_MALFORMED', '/device'],
    ['linli/v1/s/c/e/g/hub/d\u0000/state', 'TOPIC_MALFORMED', '/device'],
    ['linli/v1/s/c/e/g/hub/大堂/state', 'TOPIC_MALFORMED', '/device'],
    ['linli/v1/s/c/e/g/hub/d\n/state', 'TOPIC_MALFORMED', '/device'],
    ['linli/v1/s/c/e/g/constructor/d/state', 'TOPIC_UNKNOWN', '/class'],
    ['linli/v1/s/c/e/g/lift/d/state', 'TOPIC_UNKNOWN', '/class'],
    [BASE, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/`, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/constructor`, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/state/`, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/evt`, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/evt/pressed/again`, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/evt/__proto__`, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/cmd/lamp`, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/cmd/lamp/${'i'.repeat(65)}`, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/res/a.b`, 'TOPIC_UNKNOWN', '/channel'],
    [`${BASE}/#`, 'TOPIC_UNKNOWN', '/channel'],
  ])('refuse %j with %s at %s', (text, code, path) => {
    const parsed = parseTopic(text)
    expect(parsed.ok).toBe(false)
    if (parsed.ok) return
    expect([parsed.error.code, parsed.error.path, parsed.error.kind]).toEqual([code, path, 'caller'])
    expect(parsed.error.message).toMatch(/allowed: |does not start with linli\/v1\//)
  })

  it('keep the message short when the topic is as long as MQTT allows', () => {
    const parsed = parseTopic('x'.repeat(65_535))
    expect(!parsed.ok && parsed.error.message.length).toBeLessThan(200)
  })

  it('know segments', () => {
    expect(['a', '0-z', 'a'.repeat(40)].map(isSegment)).toEqual([true, true, true])
    expect(['', 'A', 'a_b', 'a'.repeat(41), 'a\n'].map(isSegment)).toEqual([false, false, false, false, false])
  })

  it('retain exactly the channels that say what holds now', () => {
    const all = ['evt', 'state', 'tele', 'avail', 'meta', 'cmd', 'res', 'plate'] as const
    expect(all.filter(isRetained)).toEqual(['state', 'avail', 'meta'])
  })
})
