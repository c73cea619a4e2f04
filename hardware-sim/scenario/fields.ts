import { type TLiteral, type TUnion, Type } from 'typebox'

/** Fields that the steps of many things share. */

export const DAY_MS = 86_400_000
export const id = Type.String({ pattern: '^[a-z0-9-]{1,40}$' })
export const at_ms = Type.Optional(Type.Number({ minimum: 0, maximum: 400 * DAY_MS }))
export const strict = { additionalProperties: false }
export const duration_ms = Type.Optional(Type.Number({ minimum: 1, maximum: DAY_MS }))

/** A step that only says what happens to which device. */
export const onDevice = <Name extends string>(name: Name) =>
  Type.Object({ do: Type.Literal(name), device: id, at_ms }, strict)

type Literals<Names extends string[]> = Names extends [infer First extends string, ...infer Rest extends string[]]
  ? [TLiteral<First>, ...Literals<Rest>]
  : []

/** One of some words. */
export function oneOf<Names extends string[]>(...names: Names): TUnion<Literals<Names>> {
  return Type.Union(names.map((name) => Type.Literal(name))) as unknown as TUnion<Literals<Names>>
}
