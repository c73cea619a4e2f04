import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type MessageKind, messageKinds, type Sample } from '../../test/support/messages.ts'
import { mutationsOf } from '../../test/support/mutations.ts'
import { decodeJson, decodeMessage, PAYLOAD_BYTES_MAX } from './decode.ts'
import { encodeJson } from './encode.ts'
import { CONTRACT_CODES, type Decoded, LinliError } from './errors.ts'
import { isRetained } from './topic.ts'

const utf8 = new TextEncoder()
const BUTTON = 'linli/v1/s/c/e/gw-1/alarm-button/b1'

function kindNamed(name: string): MessageKind {
  const kind = messageKinds.find((one) => one.name === name)
  if (!kind) throw new Error(`no message kind ${name}`)
  return kind
}

function sampleOf(name: string): Sample {
  const [sample] = fc.sample(kindNamed(name).samples, { numRuns: 1, seed: 7 })
  if (!sample) throw new Error(`no sample of ${name}`)
  return sample
}

/** The code and path of a refusal; throws when it was no refusal. */
function refusal(decoded: Decoded<unknown>): [string, string | undefined] {
  if (decoded.ok) throw new Error(`accepted: ${JSON.stringify(decoded.value)}`)
  expect(decoded.error).toBeInstanceOf(LinliError)
  expect(decoded.error.kind).toBe('caller')
  expect(Object.keys(CONTRACT_CODES)).toContain(decoded.error.code)
  expect(decoded.error.message).not.toBe('')
  return [decoded.error.code, decoded.error.path]
}

const samples = fc.constantFrom(...messageKinds).chain((kind) => kind.samples)

describe('bytes from outside', () => {
  it('never throw, whatever the topic, the payload and the flag', () => {
    const topicNames = fc.oneof(
      fc.string({ unit: 'binary' }),
      samples.map((sample) => sample.topicName),
    )
    const payloads = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => utf8.encode(text)),
      samples.map((sample) => encodeJson(sample.body)),
    )
    fc.assert(
      fc.property(topicNames, payloads, fc.boolean(), (topicName, payload, retain) => {
        const decoded = decodeMessage(topicName, payload, retain)
        if (!decoded.ok) refusal(decoded)
      }),
      { numRuns: 1_000 },
    )
  })

  it('never throw when one byte of a valid message is changed or its end is cut off', () => {
    fc.assert(
      fc.property(samples, fc.nat(), fc.nat(255), fc.boolean(), (sample, at, byte, cut) => {
        const payload = encodeJson(sample.body)
        const place = at % payload.length
        payload[place] = byte
        const decoded = decodeMessage(sample.topicName, cut ? payload.subarray(0, place) : payload, sample.retain)
        if (!decoded.ok) refusal(decoded)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['nothing at all', new Uint8Array(), 'PAYLOAD_NOT_JSON'],
    ['a lone continuation byte', new Uint8Array([0x22, 0x80, 0x22]), 'PAYLOAD_NOT_UTF8'],
    ['an overlong slash', new Uint8Array([0x22, 0xc0, 0xaf, 0x22]), 'PAYLOAD_NOT_UTF8'],
    ['a surrogate in UTF-8', new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22]), 'PAYLOAD_NOT_UTF8'],
    ['a cut off character', utf8.encode('"堂').subarray(0, 3), 'PAYLOAD_NOT_UTF8'],
    ['a byte order mark', utf8.encode('\ufeff{}'), 'PAYLOAD_NOT_JSON'],
    ['a cut off object', utf8.encode('{"id":"x"'), 'PAYLOAD_NOT_JSON'],
    ['two objects', utf8.encode('{}{}'), 'PAYLOAD_NOT_JSON'],
    ['NaN', utf8.encode('NaN'), 'PAYLOAD_NOT_JSON'],
    ['null', utf8.encode('null'), 'SCHEMA_VIOLATION'],
    ['a list', utf8.encode('[]'), 'SCHEMA_VIOLATION'],
    ['deep nesting', utf8.encode('['.repeat(32_000) + ']'.repeat(32_000)), 'SCHEMA_VIOLATION'],
  ])('%s gets its code', (_what, payload, code) => {
    expect(refusal(decodeMessage(`${BUTTON}/evt/pressed`, payload, false))[0]).toBe(code)
  })

  it('decodes JSON of any language', () => {
    expect(decodeJson(utf8.encode('{"label":"3 号楼大堂 🔔"}'))).toEqual({
      ok: true,
      value: { label: '3 号楼大堂 🔔' },
    })
  })
})

describe('limits and retain rules', () => {
  it('takes a payload of the largest size and refuses one byte more', () => {
    const { topicName, body } = sampleOf('alarm-button evt/pressed')
    const room_bytes = PAYLOAD_BYTES_MAX - encodeJson({ ...body, pad: '' }).length
    const largest = encodeJson({ ...body, pad: 'x'.repeat(room_bytes) })
    expect(largest.length).toBe(PAYLOAD_BYTES_MAX)
    expect(decodeMessage(topicName, largest, false).ok).toBe(true)
    const larger = encodeJson({ ...body, pad: 'x'.repeat(room_bytes + 1) })
    expect(refusal(decodeMessage(topicName, larger, false))[0]).toBe('PAYLOAD_TOO_LARGE')
  })

  it('refuses the wrong retain flag on every kind of message', () => {
    fc.assert(
      fc.property(samples, ({ topic, topicName, retain, body }) => {
        const [code] = refusal(decodeMessage(topicName, encodeJson(body), !retain))
        expect(code).toBe(isRetained(topic.channel) ? 'RETAIN_REQUIRED' : 'RETAIN_FORBIDDEN')
      }),
    )
  })

  it('reads an empty payload as a clearing, only where messages are retained', () => {
    fc.assert(
      fc.property(samples, ({ topic, topicName, retain }) => {
        const decoded = decodeMessage(topicName, new Uint8Array(), retain)
        if (isRetained(topic.channel)) expect(decoded).toEqual({ ok: true, value: { kind: 'cleared', topic } })
        else expect(['PAYLOAD_NOT_JSON', 'COMMAND_UNKNOWN']).toContain(refusal(decoded)[0])
      }),
    )
  })
})

describe('one mistake in a valid message', () => {
  it.each(messageKinds)('is refused with its path: $name', ({ schema, samples: ofKind }) => {
    fc.assert(
      fc.property(ofKind, ({ topicName, retain, body }) => {
        const mutations = mutationsOf(schema, body)
        expect(mutations.length).toBeGreaterThan(1)
        for (const { what, path, body: mutated } of mutations) {
          const decoded = decodeMessage(topicName, encodeJson(mutated), retain)
          expect(refusal(decoded), what).toEqual(['SCHEMA_VIOLATION', path])
        }
      }),
      { numRuns: 15 },
    )
  })

  it.each([
    ['alarm-button evt/pressed', { source: '/linli/v1/other' }, '/source'],
    ['alarm-button evt/pressed', { type: 'linli.alarm-button.released.v1' }, '/type'],
    ['alarm-button evt/pressed', { type: 'linli.gateway.pressed.v1' }, '/type'],
    ['alarm-button evt/pressed', { id: 'other:boot:000000000001' }, '/id'],
    ['alarm-button evt/pressed', { sequence: '999999999999' }, '/id'],
    ['alarm-button evt/pressed', { bootid: 'otherboot' }, '/id'],
    ['gateway tele', { type: 'linli.gateway.other.v1' }, '/type'],
    ['alarm-button meta', { class: 'gateway' }, '/class'],
    ['alarm-button cmd/lamp', { id: 'another' }, '/id'],
    ['alarm-button cmd/lamp', { name: 'siren' }, '/name'],
    ['alarm-button res', { id: 'another' }, '/id'],
  ])('%s that says %j contradicts its topic', (name, change, path) => {
    const { topicName, retain, body } = sampleOf(name)
    const decoded = decodeMessage(topicName, encodeJson({ ...body, ...change }), retain)
    expect(refusal(decoded)).toEqual(['ENVELOPE_MISMATCH', path])
  })
})

describe('plates', () => {
  it('come from cameras only', () => {
    const decoded = decodeMessage(`${BUTTON}/plate`, utf8.encode('{"plate":"A12345","confidence":1}'), false)
    expect(refusal(decoded)).toEqual(['TOPIC_UNKNOWN', '/channel'])
  })
})

describe('names that JavaScript objects inherit', () => {
  it.each(['constructor', 'prototype', 'tostring', 'hasownproperty'])('%s is a device like any other', (name) => {
    const { body, topic } = sampleOf('alarm-button evt/pressed')
    const base = `linli/v1/${topic.street}/${topic.community}/${topic.estate}/${topic.gateway}/alarm-button/${name}`
    const decoded = decodeMessage(`${base}/evt/pressed`, encodeJson({ ...body, source: `/${base}` }), false)
    expect(decoded.ok && decoded.value.topic.device).toBe(name)
  })

  it('are neither events nor commands', () => {
    const payload = utf8.encode('{}')
    expect(refusal(decodeMessage(`${BUTTON}/evt/constructor`, payload, false))).toEqual(['TOPIC_UNKNOWN', '/type'])
    expect(refusal(decodeMessage(`${BUTTON}/cmd/constructor/1`, payload, false))).toEqual(['COMMAND_UNKNOWN', '/name'])
  })

  it('are unknown fields where fields are closed, and do not stand in for missing ones', () => {
    const { topicName, body } = sampleOf('alarm-button cmd/lamp')
    const withArgs = (args: string) =>
      utf8.encode(JSON.stringify({ ...body, args: 0 }).replace('"args":0', `"args":${args}`))
    const paths = ['{"on":true,"__proto__":{}}', '{"on":true,"constructor":1}', '{"__proto__":{"on":true}}'].map(
      (args) => refusal(decodeMessage(topicName, withArgs(args), false))[1],
    )
    expect(paths).toEqual(['/args/__proto__', '/args/constructor', '/args/on'])
    expect(Object.prototype).not.toHaveProperty('on')
  })
})

describe('moments', () => {
  it.each([
    '2026-12-31T23:59:60Z',
    '2026-01-01T00:00:00+01:00[Europe/Paris]',
    '2026-02-30T00:00:00Z',
    '2026-01-01T00:00:00',
    '2026-01-01',
    '1767225600000',
  ])('%s is refused as an expiry: it would not expire', (expiresat) => {
    const { topicName, body } = sampleOf('alarm-button cmd/lamp')
    const decoded = decodeMessage(topicName, encodeJson({ ...body, expiresat }), false)
    expect(refusal(decoded)).toEqual(['SCHEMA_VIOLATION', '/expiresat'])
  })

  it('that are accepted can be compared', () => {
    const digits = (n: number) => fc.stringMatching(new RegExp(`^[0-9]{${n}}$`))
    const texts = fc
      .tuple(digits(4), digits(2), digits(2), digits(2), digits(2), digits(2), fc.constantFrom('', '.5', '.123456789'))
      .chain(([y, mo, d, h, mi, s, part]) =>
        fc
          .constantFrom('Z', 'z', '+08:00', '-23:59', '+24:00', '')
          .map((zone) => `${y}-${mo}-${d}T${h}:${mi}:${s}${part}${zone}`),
      )
    const near = fc
      .constantFrom('12', '28', '29', '30', '31', '59', '60', '00')
      .chain((n) =>
        fc.constantFrom(
          `2026-${n}-01T00:00:00Z`,
          `2026-02-${n}T00:00:00Z`,
          `2026-02-01T${n}:00:00Z`,
          `2026-02-01T00:${n}:${n}Z`,
        ),
      )
    const { topicName, body } = sampleOf('alarm-button cmd/lamp')
    fc.assert(
      fc.property(fc.oneof(texts, near), (expiresat) => {
        const decoded = decodeMessage(topicName, encodeJson({ ...body, expiresat }), false)
        if (decoded.ok) expect(Date.parse(expiresat)).not.toBeNaN()
      }),
      { numRuns: 300 },
    )
  })
})
