import type { JsonSchema } from './arbitrary.ts'

/** One thing done wrong to a valid message, and the JSON pointer that the refusal must name. */
export interface Mutation {
  what: string
  path: string
  body: unknown
}

type Plain = Record<string, unknown>

/** Every single mistake that the schema must catch in this body: dropped fields, wrong types, values outside enums. */
export function mutationsOf(schema: JsonSchema, body: unknown): Mutation[] {
  return mistakes(schema, body).map(({ what, path, change }) => {
    const copy = { root: structuredClone(body) }
    change(copy)
    return { what: `${what} ${path}`, path, body: copy.root }
  })
}

interface Mistake {
  what: string
  path: string
  change: (copy: { root: unknown }) => void
}

function mistakes(schema: JsonSchema, body: unknown, keys: string[] = []): Mistake[] {
  const path = `/${keys.map((key) => key.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`
  const replaced = (value: unknown) => (copy: { root: unknown }) => set(copy, keys, value)
  const found: Mistake[] = []
  const wrong = wrongType(schema)
  if (wrong !== undefined) found.push({ what: 'wrong type at', path, change: replaced(wrong) })
  if (schema.enum || schema.const !== undefined) {
    found.push({ what: 'wrong value at', path, change: replaced('no-such-value') })
  }
  if (schema.minimum !== undefined) found.push({ what: 'too small', path, change: replaced(schema.minimum - 1) })
  if (schema.maximum !== undefined) found.push({ what: 'too large', path, change: replaced(schema.maximum + 1) })
  if (schema.maxLength !== undefined) {
    found.push({ what: 'too long', path, change: replaced('x'.repeat(schema.maxLength + 1)) })
  }
  if (schema.pattern !== undefined) found.push({ what: 'illegal text at', path, change: replaced('\u0000 ?') })
  if (schema.type === 'object') found.push(...inObject(schema, body as Plain, keys))
  if (schema.type === 'array' && schema.items) {
    const items = body as unknown[]
    for (const [at, item] of items.slice(0, 2).entries())
      found.push(...mistakes(schema.items, item, [...keys, `${at}`]))
  }
  return found
}

function inObject(schema: JsonSchema, body: Plain, keys: string[]): Mistake[] {
  const found: Mistake[] = []
  const at = (key: string) => `/${[...keys, key].map((k) => k.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`
  for (const key of schema.required ?? []) {
    found.push({ what: 'missing', path: at(key), change: (copy) => drop(copy, keys, key) })
  }
  if (schema.additionalProperties === false) {
    for (const key of ['extra', 'constructor', 'a/b~c']) {
      found.push({ what: 'unknown field', path: at(key), change: (copy) => set(copy, [...keys, key], 1) })
    }
  }
  const [records] = Object.values(schema.patternProperties ?? {})
  for (const [key, value] of Object.entries(body)) {
    const own = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : records
    if (own) found.push(...mistakes(own, value, [...keys, key]))
  }
  return found
}

function wrongType(schema: JsonSchema): unknown {
  if (schema.type === 'string' || schema.enum || schema.const !== undefined) return 7
  if (schema.type === 'integer') return 1.5
  if (schema.type === 'boolean' || schema.type === 'number') return 'true'
  if (schema.type === 'array') return {}
  if (schema.type === 'object') return []
  return undefined
}

function parentOf(copy: { root: unknown }, keys: string[]): Plain {
  let value = copy as Plain
  for (const key of ['root', ...keys].slice(0, -1)) value = value[key] as Plain
  return value
}

/** Defines rather than assigns, so that a field named `__proto__` becomes a field. */
function set(copy: { root: unknown }, keys: string[], value: unknown): void {
  const key = ['root', ...keys].at(-1) ?? 'root'
  const how = { value, enumerable: true, configurable: true, writable: true }
  Object.defineProperty(parentOf(copy, keys), key, how)
}

function drop(copy: { root: unknown }, keys: string[], key: string): void {
  delete parentOf(copy, [...keys, key])[key]
}
