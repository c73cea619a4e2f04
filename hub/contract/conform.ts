import { refinementsOf } from './type.ts'

/**
 * Whether a value is what its schema says, for the part of JSON Schema that our builders make; what it does not know is
 * refused when the schema is compiled. Closures and no generated code. It finds what typebox's validator finds, in the same
 * order and words; a property test holds it to that.
 */

/** One keyword that a value does not meet. */
export interface SchemaIssue {
  keyword: string
  /** JSON pointer (RFC 6901). */
  instancePath: string
  message: string
  params: object
}

/** Without `found` it ends at the first issue and names none: the way of every good message. */
export type Conforms = (value: unknown, found?: SchemaIssue[], path?: string) => boolean

interface Schema extends Record<string, unknown> {
  additionalProperties?: boolean
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  required?: string[]
}

type Plain = Record<string, unknown>

/** Enough to choose the most telling one from; who sends ten thousand mistakes does not get them all looked at. */
export const ISSUES_MAX = 20

/** JSON pointers escape `~` and `/` (RFC 6901 §3). */
export function pointerTo(pointer: string, name: string | number): string {
  return `${pointer}/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`
}

export function compile(schema: object): Conforms {
  const given = schema as Schema
  for (const keyword of Object.keys(given))
    if (!Object.hasOwn(KEYWORDS, keyword) && !ANNOTATIONS.has(keyword))
      throw new Error(`a schema with ${keyword}: hub/contract/conform.ts does not know it`)
  const tests = Object.entries(KEYWORDS)
    .filter(([keyword]) => given[keyword] !== undefined)
    .map(([keyword, make]) => make(given[keyword] as never, given, keyword))
  const refinements = refinementsOf(given).map(refined)
  const [only] = tests
  if (only && tests.length === 1 && refinements.length === 0) return only
  return (value, found, path = '') => every(tests, value, found, path) && every(refinements, value, found, path)
}

function every(tests: readonly Conforms[], value: unknown, found: SchemaIssue[] | undefined, path: string): boolean {
  let good = true
  for (const test of tests) {
    if (test(value, found, path)) continue
    if (isEnough(found)) return false
    good = false
  }
  return good
}

const ANNOTATIONS = new Set(['$id', 'default', 'description', 'examples', 'title'])

/** `schema` is what the keyword stands in. */
type Make = (argument: never, schema: Schema, keyword: string) => Conforms

/** In the order in which issues are told. */
const KEYWORDS: Record<string, Make> = {
  type: ofType,
  required,
  additionalProperties,
  patternProperties,
  properties,
  minProperties: limit(isObject, (value: Plain, least) => Object.keys(value).length >= least, atLeast('properties')),
  maxProperties: limit(isObject, (value: Plain, most) => Object.keys(value).length <= most, atMost('properties')),
  additionalItems,
  items,
  minItems: limit(Array.isArray, (value: unknown[], least) => value.length >= least, atLeast('items')),
  maxItems: limit(Array.isArray, (value: unknown[], most) => value.length <= most, atMost('items')),
  minLength: limit(isString, hasAtLeast, atLeast('characters')),
  maxLength: limit(isString, hasAtMost, atMost('characters')),
  format,
  pattern,
  exclusiveMinimum: limit(Number.isFinite, (value: number, least) => value > least, compared('>')),
  exclusiveMaximum: limit(Number.isFinite, (value: number, most) => value < most, compared('<')),
  minimum: limit(Number.isFinite, (value: number, least) => value >= least, compared('>=')),
  maximum: limit(Number.isFinite, (value: number, most) => value <= most, compared('<=')),
  const: constant,
  enum: oneOf,
  anyOf,
}

function tell(
  found: SchemaIssue[] | undefined,
  [keyword, instancePath, message]: [string, string, string],
  params: object = {},
): false {
  if (!isEnough(found)) found?.push({ keyword, instancePath, message, params })
  return false
}

function isEnough(found: SchemaIssue[] | undefined): boolean {
  return !found || found.length >= ISSUES_MAX
}

function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

const TYPES: Record<string, (value: unknown) => boolean> = {
  array: Array.isArray,
  boolean: (value) => typeof value === 'boolean',
  integer: Number.isInteger,
  null: (value) => value === null,
  number: Number.isFinite,
  object: isObject,
  string: isString,
}

function ofType(type: string): Conforms {
  const is = TYPES[type]
  if (!is) throw new Error(`a schema of type ${type}: hub/contract/conform.ts does not know it`)
  return (value, found, path = '') => is(value) || tell(found, ['type', path, `must be ${type}`])
}

function limit<T>(
  applies: (value: unknown) => boolean,
  holds: (value: T, bound: number) => boolean,
  say: (bound: number) => string,
): Make {
  return (bound: number, _schema, keyword) =>
    (value, found, path = '') =>
      !applies(value) || holds(value as T, bound) || tell(found, [keyword, path, say(bound)])
}

function atLeast(what: string) {
  return (bound: number) => `must not have fewer than ${bound} ${what}`
}

function atMost(what: string) {
  return (bound: number) => `must not have more than ${bound} ${what}`
}

function compared(sign: string) {
  return (bound: number) => `must be ${sign} ${bound}`
}

/** In code points, as JSON Schema counts; most texts are clearly within without counting. */
function hasAtLeast(text: string, least: number): boolean {
  return text.length >= 2 * least || (text.length >= least && [...text].length >= least)
}

function hasAtMost(text: string, most: number): boolean {
  return text.length <= most || (text.length <= 2 * most && [...text].length <= most)
}

/** Whether a field is an object's own. Every object inherits a few names; what else it shows is its own, without asking. */
function ownField(name: string): (value: Plain) => boolean {
  if (name in Object.prototype) return (value) => Object.hasOwn(value, name)
  return (value) => value[name] !== undefined || Object.hasOwn(value, name)
}

function required(names: string[]): Conforms {
  const fields = names.map((name) => ({ name, isIn: ownField(name) }))
  return (value, found, path = '') => {
    if (!isObject(value) || fields.every(({ isIn }) => isIn(value))) return true
    const requiredProperties = fields.filter(({ isIn }) => !isIn(value)).map(({ name }) => name)
    const message = `must have required properties ${requiredProperties.join(', ')}`
    return tell(found, ['required', path, message], { requiredProperties })
  }
}

function additionalProperties(allowed: boolean, schema: Schema): Conforms {
  if (typeof allowed !== 'boolean') throw new Error('additionalProperties is true or false')
  if (allowed) return () => true
  const names = new Set(Object.keys(schema.properties ?? {}))
  const patterns = Object.keys(schema.patternProperties ?? {}).map((pattern) => new RegExp(pattern, 'u'))
  const isExtra = (name: string) => !names.has(name) && !patterns.some((pattern) => pattern.test(name))
  return (value, found, path = '') => {
    if (!isObject(value)) return true
    const given = Object.keys(value)
    if (!given.some(isExtra)) return true
    const params = { additionalProperties: given.filter(isExtra) }
    return tell(found, ['additionalProperties', path, 'must not have additional properties'], params)
  }
}

/** What is absent is left to `required`; a field that may be absent may be undefined. */
function properties(schemas: Record<string, Schema>, { required: names = [] }: Schema): Conforms {
  const fields = Object.entries(schemas).map(([name, schema]) => ({
    name,
    isIn: ownField(name),
    isRequired: names.includes(name),
    test: compile(schema),
  }))
  return (value, found, path = '') => {
    if (!isObject(value)) return true
    let good = true
    for (const { name, isIn, isRequired, test } of fields) {
      if (!isIn(value)) continue
      const field = value[name]
      if (field === undefined && !isRequired) continue
      if (test(field, found, found && pointerTo(path, name))) continue
      if (isEnough(found)) return false
      good = false
    }
    return good
  }
}

function patternProperties(schemas: Record<string, Schema>): Conforms {
  const records = Object.entries(schemas).map(([pattern, schema]) => ({
    pattern: new RegExp(pattern, 'u'),
    test: compile(schema),
  }))
  return (value, found, path = '') => {
    if (!isObject(value)) return true
    let good = true
    for (const { pattern, test } of records) {
      for (const name of Object.keys(value)) {
        if (!pattern.test(name) || test(value[name], found, found && pointerTo(path, name))) continue
        if (isEnough(found)) return false
        good = false
      }
    }
    return good
  }
}

/** One schema for all items, or one for each place. */
function items(schema: Schema | Schema[]): Conforms {
  const tests = Array.isArray(schema) ? schema.map(compile) : undefined
  const all = Array.isArray(schema) ? undefined : compile(schema)
  return (value, found, path = '') => {
    if (!Array.isArray(value)) return true
    let good = true
    for (let at = 0; at < value.length; at++) {
      const test = all ?? tests?.[at]
      if (!test || test(value[at], found, found && pointerTo(path, at))) continue
      if (isEnough(found)) return false
      good = false
    }
    return good
  }
}

/** Of a tuple. */
function additionalItems(allowed: boolean, { items: places }: Schema): Conforms {
  if (allowed !== false || !Array.isArray(places)) throw new Error('additionalItems closes a tuple')
  return (value, found, path = '') =>
    !Array.isArray(value) ||
    value.length <= places.length ||
    tell(found, ['boolean', pointerTo(path, places.length), 'schema is false'])
}

function constant(only: unknown): Conforms {
  return (value, found, path = '') =>
    value === only || tell(found, ['const', path, 'must be equal to constant'], { allowedValue: only })
}

function oneOf(allowedValues: readonly unknown[]): Conforms {
  return (value, found, path = '') =>
    allowedValues.includes(value) ||
    tell(found, ['enum', path, 'must be equal to one of the allowed values'], { allowedValues })
}

function pattern(text: string): Conforms {
  const expression = new RegExp(text, 'u')
  return (value, found, path = '') =>
    !isString(value) || expression.test(value) || tell(found, ['pattern', path, `must match pattern "${text}"`])
}

const FORMATS: Record<string, (text: string) => boolean> = { date: isDate, 'date-time': isDateTime }

function format(name: string): Conforms {
  const matches = FORMATS[name]
  if (!matches) throw new Error(`a schema with format ${name}: hub/contract/conform.ts does not know it`)
  return (value, found, path = '') =>
    !isString(value) || matches(value) || tell(found, ['format', path, `must match format "${name}"`])
}

const DATE = /^\d{4}-\d{2}-\d{2}$/
/** RFC 3339 §5.6: 1 to 3 are the time of day, 4 to 6 how far it is from UTC. */
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))$/
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** RFC 3339 §5.6 `full-date`. */
function isDate(text: string): boolean {
  return DATE.test(text) && isOnCalendar(text)
}

/** Of a text that begins as `full-date` does: whether there is that day (§5.7, Gregorian, as all of ISO 8601). */
function isOnCalendar(text: string): boolean {
  const year = Number(text.slice(0, 4))
  const month = Number(text.slice(5, 7))
  const day = Number(text.slice(8, 10))
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = month === 2 && isLeap ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0)
  return day >= 1 && day <= days
}

/** RFC 3339 `date-time`; a leap second is the last one of a day in UTC (§5.7). */
function isDateTime(text: string): boolean {
  const found = DATE_TIME.exec(text)
  if (!found || !isOnCalendar(text)) return false
  const hour = Number(found[1])
  const minute = Number(found[2])
  const second = Number(found[3])
  const awayHours = Number(found[5] ?? 0)
  const awayMinutes = Number(found[6] ?? 0)
  if (hour > 23 || minute > 59 || second > 60 || awayHours > 23 || awayMinutes > 59) return false
  if (second < 60) return true
  const away = (found[4] === '-' ? -1 : 1) * (awayHours * 60 + awayMinutes)
  return (hour * 60 + minute - away + 1440 * 2) % 1440 === 1439
}

function anyOf(schemas: Schema[]): Conforms {
  const tests = schemas.map(compile)
  return (value, found, path = '') => {
    // Each alternative's issues count only when none of them fits.
    if (tests.some((test) => test(value))) return true
    for (const test of tests) test(value, found, path)
    return tell(found, ['anyOf', path, 'must match a schema in anyOf'])
  }
}

function refined({ check, error }: { check(value: unknown): boolean; error(value: unknown): string }): Conforms {
  return (value, found, path = '') => check(value) || tell(found, ['~refine', path, error(value)])
}
