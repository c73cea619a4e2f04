import type { Type as Library, TProperties, TSchema } from 'typebox'

/**
 * The builders of schemas. They make what typebox's make and have its types, and nothing of the library is loaded: that would
 * be 680 files and tens of MB in every hub and gateway, for the dozen builders that we use. A property test holds the two
 * together.
 */

export type { Static, TEnum, TObject, TProperties, TSchema } from 'typebox'

type Plain = Record<string, unknown>

/** A check that JSON Schema has no word for. It is hidden in its schema, as is that a field may be absent: what is written out is JSON Schema. */
export interface Refinement {
  check: (value: unknown) => boolean
  error: (value: unknown) => string
}
const OPTIONAL = '~optional'
const REFINE = '~refine'

export function refinementsOf(schema: object): readonly Refinement[] {
  return (Reflect.get(schema, REFINE) as Refinement[] | undefined) ?? []
}

function hidden(schema: object, name: string, value: unknown): object {
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(schema))
  return Object.defineProperty(copy, name, { configurable: true, writable: true, enumerable: false, value })
}

function ofType(type: string) {
  return (options?: object): object => ({ type, ...options })
}

function keyPattern(key: object): string {
  const { type, pattern = '.*', ...rest } = key as Plain
  if (type !== 'string' || (rest.enum ?? rest.const) !== undefined) throw new Error('keys of a record are strings')
  return pattern === '.*' ? '^.*$' : String(pattern)
}

const builders = {
  Array: (items: object, options?: object) => ({ type: 'array', items, ...options }),
  Boolean: ofType('boolean'),
  Enum: (values: readonly unknown[], options?: object) => ({ enum: values, ...options }),
  Integer: ofType('integer'),
  Literal: (value: unknown, options?: object) => ({ type: typeof value, const: value, ...options }),
  Null: ofType('null'),
  Number: ofType('number'),
  Object(properties: TProperties, options?: object) {
    const required = Object.keys(properties).filter((name) => !Object.hasOwn(properties[name] as TSchema, OPTIONAL))
    return { type: 'object', ...(required.length > 0 ? { required } : {}), properties, ...options }
  },
  Optional: (schema: object) => hidden(schema, OPTIONAL, true),
  Record: (key: object, value: object, options?: object) => ({
    type: 'object',
    patternProperties: { [keyPattern(key)]: value },
    ...options,
  }),
  Refine: (schema: object, check: Refinement['check'], error: Refinement['error']) =>
    hidden(schema, REFINE, [...refinementsOf(schema), { check, error }]),
  String: ofType('string'),
  Tuple: (items: object[], options?: object) => ({
    type: 'array',
    additionalItems: false,
    items,
    minItems: items.length,
    ...options,
  }),
  Union: (anyOf: object[], options?: object) => ({ anyOf, ...options }),
  Unknown: (options?: object) => ({ ...options }),
}

export const Type = builders as unknown as Pick<typeof Library, keyof typeof builders>
