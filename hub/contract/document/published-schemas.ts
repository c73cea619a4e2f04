import { eventType } from '../event.ts'
import { type MessageKind, messageKinds } from '../messages.ts'
import type { Prose } from './prose.ts'

/** The JSON Schemas (draft 7, which AsyncAPI 3 and every validator read) of the payloads, with the page's words in them. */

/** The part of JSON Schema that the contract uses and this room writes. */
export interface JsonSchema {
  [keyword: string]: unknown
  description?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
}

export interface PublishedSchema {
  /** File name without ending, and key in the document: the id of its message, or the channel where all classes share it. */
  name: string
  /** The first of those that it belongs to. */
  kind: MessageKind
  schema: JsonSchema
  /** An event or a pack: everything but its data stands in the envelope. */
  enveloped: boolean
}

/** `alarm-button` is explained under "Alarm button". */
export function sectionOf(deviceClass: string): string {
  const words = deviceClass.replaceAll('-', ' ')
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}

const ENVELOPE = ['Envelope of events and telemetry', 'field'] as const

/** By the id of the message; messages with the same payload share one. */
export function publishedSchemas(prose: Prose): Map<string, PublishedSchema> {
  const kinds = messageKinds()
  const found = new Map<string, PublishedSchema>()
  for (const kind of kinds) {
    const twins = kinds.filter((other) => other.schema === kind.schema)
    const known = found.get(twins[0]?.id ?? kind.id)
    found.set(kind.id, known ?? publish(twins.length > 1 ? kind.channel : kind.id, kind, prose))
  }
  return found
}

function publish(name: string, kind: MessageKind, prose: Prose): PublishedSchema {
  const section = sectionOf(kind.class)
  const schema = structuredClone(JSON.parse(JSON.stringify(kind.schema)) as JsonSchema)
  const explain = (inSection: string, table: string) => explained(schema, (field) => prose.say(inSection, table, field))
  const titled = (made: JsonSchema, enveloped = false): PublishedSchema => {
    const description = meaningOf(kind, prose)
    return { name, kind, enveloped, schema: { title: name, ...(description ? { description } : {}), ...made } }
  }
  switch (kind.channel) {
    case 'evt':
      return titled(narrowed(explain(...ENVELOPE), 'type', eventType(kind, kind.name ?? '')), true)
    case 'tele':
      return titled(withRecords(explain(...ENVELOPE), prose), true)
    case 'cmd':
      return titled(narrowed(explain('Commands and results', 'command'), 'name', kind.name ?? ''))
    case 'res':
      return titled(explain('Commands and results', 'result'))
    case 'avail':
      return titled(explain('Availability', 'field'))
    case 'meta':
      return titled(explain('Meta', 'field'))
    case 'state':
      return titled(explain(section, 'state'))
    case 'plate':
      return titled(explain(section, 'field'))
  }
}

/** What the page says of an event or a command. */
export function meaningOf(kind: MessageKind, prose: Prose): string | undefined {
  if (kind.name === undefined) return undefined
  return prose.say(sectionOf(kind.class), kind.channel === 'evt' ? 'event' : 'command', kind.name)
}

/** The page's words where it has some, else what the schema says itself. */
function explained(schema: JsonSchema, say: (field: string) => string | undefined): JsonSchema {
  const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => {
    const description = say(name) ?? field.description
    return [name, description === undefined ? field : { ...field, description }] as const
  })
  return { ...schema, properties: Object.fromEntries(fields) }
}

/** The decoder holds `type` and `name` against the topic; here they stand as the one value that passes there. */
function narrowed(schema: JsonSchema, field: string, value: string): JsonSchema {
  const { description } = schema.properties?.[field] ?? {}
  const only: JsonSchema = { ...(description ? { description } : {}), const: value }
  return { ...schema, properties: { ...schema.properties, [field]: only } }
}

function withRecords(schema: JsonSchema, prose: Prose): JsonSchema {
  const data = schema.properties?.data ?? {}
  const items = explained(data.items as JsonSchema, (field) => prose.say('Telemetry', 'record', field))
  return { ...schema, properties: { ...schema.properties, data: { ...data, items } } }
}
