import { describe, expect, it } from 'vitest'
import { checker, describeIssues } from './schema.ts'
import { Type } from './type.ts'

const check = checker(
  Type.Object(
    {
      name: Type.String({ minLength: 2, maxLength: 5, pattern: '^[a-z]+$' }),
      kind: Type.Enum(['lamp', 'siren']),
      port: Type.Integer({ minimum: 1, maximum: 65_535 }),
      spec: Type.Literal('1.0'),
      either: Type.Union([Type.Literal('a'), Type.Literal('b')]),
      pins: Type.Array(Type.Object({ pin: Type.Integer() }, { additionalProperties: false }), { minItems: 1 }),
      units: Type.Record(Type.String(), Type.Boolean()),
    },
    { additionalProperties: false },
  ),
)
const good = { name: 'abc', kind: 'lamp', port: 1, spec: '1.0', either: 'a', pins: [{ pin: 1 }], units: {} }

/** The error of a value, as `path message`. */
function complaint(value: unknown): string {
  const decoded = check(value)
  return decoded.ok ? 'accepted' : `${decoded.error.code} ${decoded.error.path} ${decoded.error.message}`
}

describe('a checker', () => {
  it('returns the value it accepts', () => {
    expect(check(good)).toEqual({ ok: true, value: good })
  })

  it.each([
    [{ ...good, kind: 'horn' }, '/kind /kind is "horn"; allowed: "lamp", "siren"'],
    [{ ...good, kind: 3 }, '/kind /kind is 3; allowed: "lamp", "siren"'],
    [{ ...good, spec: '0.3' }, '/spec /spec is "0.3"; allowed: "1.0"'],
    [{ ...good, either: 'c' }, '/either /either is "c"; allowed: "a", "b"'],
    [{ ...good, port: '1883' }, '/port /port must be integer (found "1883")'],
    [{ ...good, port: 0 }, '/port /port must be >= 1 (found 0)'],
    [{ ...good, port: 70_000 }, '/port /port must be <= 65535 (found 70000)'],
    [{ ...good, name: 'a' }, '/name /name must not have fewer than 2 characters (found "a")'],
    [{ ...good, name: 'abcdef' }, '/name /name must not have more than 5 characters (found "abcdef")'],
    [{ ...good, name: 'A1' }, '/name /name must match pattern "^[a-z]+$" (found "A1")'],
    [{ ...good, pins: [] }, '/pins /pins must not have fewer than 1 items (found [])'],
    [{ ...good, pins: [{ pin: 1 }, { pin: null }] }, '/pins/1/pin /pins/1/pin must be integer (found null)'],
    [{ ...good, pins: [{}] }, '/pins/0/pin missing field /pins/0/pin'],
    [{ ...good, pins: [{ pin: 1, pim: 2 }] }, '/pins/0/pim unknown field /pins/0/pim'],
    [{ ...good, units: { 'a/b~c': 1 } }, '/units/a~1b~0c /units/a~1b~0c must be boolean (found 1)'],
    [{ ...good, 'a/b': 1 }, '/a~1b unknown field /a~1b'],
    [{ ...good, colour: 1, size: 2 }, '/colour unknown field /colour, /size'],
    [{}, '/name missing field /name, /kind, /port, /spec, /either, /pins, /units'],
    [null, '/ / must be object (found null)'],
    [undefined, '/ / must be object (found nothing)'],
    [[], '/ / must be object (found [])'],
  ])('names the field, what it found and what is allowed in %j', (value, expected) => {
    expect(complaint(value)).toBe(`SCHEMA_VIOLATION ${expected}`)
  })

  it('shortens what it found', () => {
    const text = complaint({ ...good, port: 'x'.repeat(10_000) })
    expect(text).toContain('/port must be integer (found "xxx')
    expect(text.length).toBeLessThan(140)
  })

  it('gives the code it was made with, as the caller’s mistake', () => {
    const decoded = checker(Type.String(), 'CONFIG_INVALID')(1)
    expect(!decoded.ok && [decoded.error.code, decoded.error.kind]).toEqual(['CONFIG_INVALID', 'caller'])
  })

  it('says something when the library gives no issue', () => {
    expect(describeIssues([], {})).toEqual({ path: '/', message: 'the value does not match its schema' })
  })
})
