import fc from 'fast-check'
import { Type as Library } from 'typebox'
import { Compile } from 'typebox/compile'
import { Settings } from 'typebox/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { anyOf, jsonSchema } from '../../test/support/arbitrary.ts'
import { mutationsOf } from '../../test/support/mutations.ts'
import { compile, ISSUES_MAX, type SchemaIssue } from './conform.ts'
import { messageKinds } from './messages.ts'
import { describeIssues } from './schema.ts'
import { type TSchema, Type } from './type.ts'

type Builders = typeof Type
type Build = (builders: Builders) => TSchema

const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom(
    '',
    'a',
    'abc',
    '😀',
    '👨‍👩‍👧',
    '2026-02-28',
    '2026-02-29',
    '0000-01-01',
    '2026-13-01',
    '2026-11-30T10:00:00Z',
  ),
  fc.constantFrom(
    '2024-02-29t23:59:60.5+00:00',
    '2024-02-29T23:59:60-01:00',
    '2024-02-29T22:59:60-01:00',
    '2026-11-30',
  ),
  fc.constantFrom('2026-11-30T24:00:00Z', '2026-11-30T10:00:61Z', '2026-11-30T10:00:00+24:00', '2026-11-30T10:00:00'),
)
const numbers = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.double({ min: -4, max: 4, noNaN: true }))
const names = fc.constantFrom('a', 'b', 'constructor', '__proto__', 'a/b~c', '名')
const bound = fc.integer({ min: 0, max: 3 })

/** Any of these may stand in a schema, alone and together. */
const options = (model: Record<string, fc.Arbitrary<unknown>>) => fc.record(model, { requiredKeys: [] })
const leaves: fc.Arbitrary<Build> = fc.oneof(
  options({
    minLength: bound,
    maxLength: bound,
    pattern: fc.constantFrom('^[a-c]*$', '^.$', '[0-9]'),
    format: fc.constantFrom('date', 'date-time'),
    description: fc.string(),
  }).map((given) => (builders: Builders) => builders.String(given)),
  options({ minimum: bound, maximum: bound, exclusiveMinimum: bound, exclusiveMaximum: bound, default: bound }).chain(
    (given) =>
      fc.constantFrom('Integer', 'Number').map((kind) => (builders: Builders) => builders[kind as 'Integer'](given)),
  ),
  fc.constantFrom('Boolean', 'Null', 'Unknown').map((kind) => (builders: Builders) => builders[kind as 'Null']()),
  fc.oneof(texts, numbers, fc.boolean()).map((value) => (builders: Builders) => builders.Literal(value)),
  fc.uniqueArray(texts, { minLength: 1, maxLength: 3 }).map((values) => (builders: Builders) => builders.Enum(values)),
  bound.map((most) => (builders: Builders) => {
    const check = (value: unknown) => String(value).length <= most
    return builders.Refine(
      builders.Refine(builders.String({ maxLength: 2 }), check, () => 'is long'),
      check,
      (value) => `is ${value}`,
    )
  }),
)
const { schemas } = fc.letrec<{ schemas: Build }>((tie) => {
  const children = fc.array(tie('schemas'), { minLength: 1, maxLength: 3 })
  const fields = fc.uniqueArray(fc.tuple(names, tie('schemas'), fc.boolean()), {
    selector: ([name]) => name,
    maxLength: 4,
  })
  const closed = fc.constantFrom({}, { additionalProperties: false }, { additionalProperties: true })
  return {
    schemas: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaves,
      fc.tuple(fields, closed).map(([given, rest]) => (builders: Builders) => {
        const made = given.map(([name, build, isOptional]) => [
          name,
          isOptional ? builders.Optional(build(builders)) : build(builders),
        ])
        return builders.Object(Object.fromEntries(made) as Record<string, TSchema>, rest)
      }),
      fc.tuple(tie('schemas'), options({ minItems: bound, maxItems: bound })).map(
        ([build, rest]) =>
          (builders: Builders) =>
            builders.Array(build(builders), rest),
      ),
      fc
        .tuple(
          tie('schemas'),
          fc.constantFrom(undefined, '^[a-b]$'),
          options({ minProperties: bound, maxProperties: bound }),
          closed,
        )
        .map(
          ([build, pattern, limits, rest]) =>
            (builders: Builders) =>
              builders.Record(builders.String(pattern === undefined ? {} : { pattern }), build(builders), {
                ...limits,
                ...rest,
              }),
        ),
      children.map((given) => (builders: Builders) => builders.Union(given.map((build) => build(builders)))),
      children.map((given) => (builders: Builders) => builders.Tuple(given.map((build) => build(builders)))),
    ),
  }
})
const { values } = fc.letrec<{ values: unknown }>((tie) => ({
  values: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(texts, numbers, fc.boolean(), fc.constant(null)),
    fc.array(tie('values'), { maxLength: 4 }),
    fc.dictionary(names, tie('values'), { maxKeys: 4, noNullPrototype: true }),
  ),
}))

/** Where `false` is the schema, the keyword that says so tells as much. */
function telling(issues: SchemaIssue[]) {
  const told = issues.filter(({ keyword }) => keyword !== 'boolean').slice(0, ISSUES_MAX - 3)
  return told.map(({ keyword, instancePath, message }) => ({ keyword, instancePath, message }))
}

function expectTheSame(schema: TSchema, library: ReturnType<typeof Compile>, value: unknown): void {
  const conforms = compile(schema)
  const issues: SchemaIssue[] = []
  expect(conforms(value)).toBe(library.Check(value))
  expect(conforms(value, issues)).toBe(library.Check(value))
  const theirs = library.Errors(value) as unknown as SchemaIssue[]
  expect(issues.length === 0).toBe(theirs.length === 0)
  expect(telling(issues)).toEqual(telling(theirs))
  if (issues.length < ISSUES_MAX) expect(describeIssues(issues, value)).toEqual(describeIssues(theirs, value))
}

describe('our builders and validator', () => {
  beforeAll(() => Settings.Set({ maxErrors: 1_000 }))

  it('make the schemas that typebox makes, and find in any value what it finds, in its order and words', () => {
    fc.assert(
      fc.property(schemas, fc.array(values, { minLength: 1, maxLength: 6 }), (build, given) => {
        const [ours, theirs] = [build(Type), build(Library as unknown as Builders)]
        expect(JSON.stringify(ours)).toBe(JSON.stringify(theirs))
        const library = Compile(theirs)
        for (const value of given) expectTheSame(ours, library, value)
      }),
      { numRuns: 400 },
    )
  })

  it.each(messageKinds())('agree with it on $id, right and wrong', ({ schema }) => {
    const library = Compile(schema)
    const json = jsonSchema(schema)
    fc.assert(
      fc.property(anyOf(json), (value) => {
        expectTheSame(schema, library, value)
        for (const { body } of mutationsOf(json, value)) expectTheSame(schema, library, body)
      }),
      { numRuns: 4 },
    )
  })

  it('stops looking at what is wrong after a while', () => {
    const issues: SchemaIssue[] = []
    const tests = compile(Type.Array(Type.Object({ a: Type.Null(), b: Type.Null() }, { additionalProperties: false })))
    expect(tests(Array(10_000).fill({ a: 1, b: 2, c: 3 }), issues)).toBe(false)
    expect(issues).toHaveLength(ISSUES_MAX)
  })

  it.each([
    [{ type: 'string', multipleOf: 2 }, 'multipleOf'],
    [{ type: 'string', format: 'email' }, 'email'],
    [{ type: 'function' }, 'function'],
    [{ type: 'object', additionalProperties: { type: 'string' } }, 'additionalProperties'],
    [{ type: 'array', items: [{}], additionalItems: true }, 'additionalItems'],
  ])('refuse a schema that they would not check: %j', (schema, name) => {
    expect(() => compile(schema)).toThrow(name)
  })
})
