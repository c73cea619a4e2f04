import type { AsyncApi } from './published.ts'

/**
 * What within one major version of the contract would break somebody: an older platform that reads what a newer estate
 * sends, or an older platform whose commands a newer estate gets. By comparison of the two published documents.
 */

export const RULE = [
  'Within v1 only optional fields, event types, commands, classes and codes are added. Nothing is removed, renamed, retyped,',
  'made optional, or given new values where the schema lists them all. What needs more becomes v2, published beside v1',
  '(hub/contract/README.md, "Versions"). While the version of package.json is given to nobody yet, npm run contract:release',
  'keeps it anew.',
].join(' ')

/** `sent`: whatever the new one sends, the old schema takes. `received`: whatever the old one took, the new one takes. */
type Direction = 'sent' | 'received'

interface Schema {
  $ref?: string
  allOf?: Schema[]
  type?: string
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: boolean
  patternProperties?: Record<string, Schema>
  items?: Schema
  enum?: unknown[]
  const?: unknown
  [keyword: string]: unknown
}

export function breakingChanges(old: AsyncApi, now: AsyncApi): string[] {
  return Object.entries(old.channels).flatMap(([id, { address }]) => {
    const channel = now.channels[id]
    if (!channel) return [`${id} is gone`]
    if (channel.address !== address) return [`${id} moved from ${address} to ${channel.address}`]
    const [before, after] = [old.operations[id], now.operations[id]]
    if (before?.action !== after?.action) return [`${id} runs the other way`]
    const found = settings(id, before?.bindings, after?.bindings)
    const direction = before?.action === 'receive' ? 'received' : 'sent'
    return [...found, ...compare(payloadOf(old, id), payloadOf(now, id), id, direction)]
  })
}

function settings(id: string, before: unknown, after: unknown): string[] {
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [`${id} has another QoS or retain flag`]
}

/** The payload of a channel with every reference resolved. */
function payloadOf(document: AsyncApi, channel: string): Schema {
  const nameIn = (reference = '') => reference.slice(reference.lastIndexOf('/') + 1)
  const [message] = Object.values(document.channels[channel]?.messages ?? {})
  const schemas = document.components.schemas as Record<string, Schema>
  const resolved = (schema: Schema): Schema => {
    const { $ref, allOf, ...own } = schema.$ref === undefined ? schema : (schemas[nameIn(schema.$ref)] ?? {})
    return (allOf ?? []).map(resolved).reduce((sum, part) => merged(sum, part), own)
  }
  return resolved({ $ref: document.components.messages[nameIn(message?.$ref)]?.payload.$ref ?? '' })
}

function merged(a: Schema, b: Schema): Schema {
  const required = [...new Set([...(a.required ?? []), ...(b.required ?? [])])]
  return { ...a, ...b, required, properties: { ...a.properties, ...b.properties } }
}

function compare(old: Schema, now: Schema, at: string, direction: Direction): string[] {
  return [
    ...types(old, now, at, direction),
    ...values(old, now, at, direction),
    ...limits(old, now, at, direction),
    ...fields(old, now, at, direction),
    ...(old.items && now.items ? compare(old.items, now.items, `${at}[]`, direction) : []),
    ...records(old, now, at, direction),
  ]
}

function types(old: Schema, now: Schema, at: string, direction: Direction): string[] {
  const [narrow, wide] = direction === 'sent' ? [now, old] : [old, now]
  const fits =
    wide.type === undefined || wide.type === narrow.type || (wide.type === 'number' && narrow.type === 'integer')
  return fits ? [] : [`${at} was ${old.type ?? 'anything'} and is ${now.type ?? 'anything'}`]
}

/** All values that a schema lists. */
const listed = (schema: Schema) => schema.enum ?? (schema.const === undefined ? undefined : [schema.const])

function values(old: Schema, now: Schema, at: string, direction: Direction): string[] {
  const [narrow, wide] = direction === 'sent' ? [listed(now), listed(old)] : [listed(old), listed(now)]
  if (wide === undefined) return []
  if (narrow === undefined)
    return [`${at} ${direction === 'sent' ? 'had' : 'has'} a list of values, which is new or gone`]
  const beyond = narrow.filter((value) => !wide.includes(value))
  return beyond.map(
    (value) => `${at} ${direction === 'sent' ? 'has the new' : 'lost the'} value ${JSON.stringify(value)}`,
  )
}

const LEAST = ['minimum', 'minLength', 'minItems']
const MOST = ['maximum', 'maxLength', 'maxItems']

function limits(old: Schema, now: Schema, at: string, direction: Direction): string[] {
  const [narrow, wide] = direction === 'sent' ? [now, old] : [old, now]
  const beyond = [...LEAST, ...MOST].filter((keyword) => {
    const [inner, outer] = [narrow[keyword], wide[keyword]]
    if (outer === undefined) return false
    if (inner === undefined) return true
    return LEAST.includes(keyword) ? Number(inner) < Number(outer) : Number(inner) > Number(outer)
  })
  const patterns = ['pattern', 'format'].filter(
    (keyword) => wide[keyword] !== undefined && wide[keyword] !== narrow[keyword],
  )
  return [...beyond, ...patterns].map(
    (keyword) => `${at} has ${keyword} ${JSON.stringify(now[keyword])}, it had ${JSON.stringify(old[keyword])}`,
  )
}

function fields(old: Schema, now: Schema, at: string, direction: Direction): string[] {
  const [before, after] = [old.properties ?? {}, now.properties ?? {}]
  const [was, is] = [old.required ?? [], now.required ?? []]
  const inside = Object.entries(before).flatMap(([name, schema]) => {
    const field = after[name]
    return field ? compare(schema, field, `${at}/${name}`, direction) : [`${at}/${name} is gone`]
  })
  const added = Object.keys(after).filter((name) => !Object.hasOwn(before, name))
  const unwelcome = direction === 'sent' && old.additionalProperties === false ? added : []
  const closed = direction === 'received' && now.additionalProperties === false && old.additionalProperties !== false
  return [
    ...inside,
    ...unwelcome.map((name) => `${at}/${name} is new where the old schema takes no other fields`),
    ...(closed && Object.keys(before).length > 0 ? [`${at} takes no other fields any more`] : []),
    ...(direction === 'sent'
      ? was
          .filter((name) => after[name] && !is.includes(name))
          .map((name) => `${at}/${name} is not always there any more`)
      : is.filter((name) => !was.includes(name)).map((name) => `${at}/${name} must be there now`)),
  ]
}

function records(old: Schema, now: Schema, at: string, direction: Direction): string[] {
  const [before] = Object.values(old.patternProperties ?? {})
  const [after] = Object.values(now.patternProperties ?? {})
  return before && after ? compare(before, after, `${at}/*`, direction) : []
}
