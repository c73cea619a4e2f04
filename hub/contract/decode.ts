import { isUtf8 } from 'node:buffer'
import { Availability } from './availability.ts'
import { catalog } from './catalog.ts'
import { AnyCommand, type Command, commandSchema, Result } from './command.ts'
import { type Decoded, refuse } from './errors.ts'
import { eventSchema, eventType, type LinliEvent } from './event.ts'
import { Meta } from './meta.ts'
import { checkPlateReading, type PlateReading } from './plate.ts'
import { type Checker, checker } from './schema.ts'
import { type SenmlPack, SenmlPack as SenmlPackSchema } from './senml.ts'
import { type DeviceClass, isRetained, parseTopic, sourceOf, type Topic } from './topic.ts'
import type { TSchema } from './type.ts'

/** Largest payload of any message: events are small, and a gateway must hold thousands of them. */
export const PAYLOAD_BYTES_MAX = 64 * 1024

/** A message of the contract, decoded. An empty retained payload clears what was retained (MQTT 3.1.1 §3.3.1.3). */
export type Message =
  | { kind: 'event'; topic: Topic & { channel: 'evt' }; event: LinliEvent }
  | { kind: 'telemetry'; topic: Topic & { channel: 'tele' }; event: LinliEvent<SenmlPack> }
  | { kind: 'state'; topic: Topic & { channel: 'state' }; state: unknown }
  | { kind: 'availability'; topic: Topic & { channel: 'avail' }; availability: Availability }
  | { kind: 'meta'; topic: Topic & { channel: 'meta' }; meta: Meta }
  | { kind: 'command'; topic: Topic & { channel: 'cmd' }; command: Command }
  | { kind: 'result'; topic: Topic & { channel: 'res' }; result: Result }
  | { kind: 'plate'; topic: Topic & { channel: 'plate' }; reading: PlateReading }
  | { kind: 'cleared'; topic: Topic }

const checkTelemetry = checker(eventSchema(SenmlPackSchema))
const checkAvailability = checker(Availability)
const checkMeta = checker(Meta)
const checkResult = checker(Result)
const checkAnyCommand = checker(AnyCommand)

interface ClassCheckers {
  events: Map<string, Checker<unknown>>
  state: Checker<unknown>
  commands: Map<string, Checker<unknown>>
}
const classCheckers = new Map<DeviceClass, ClassCheckers>()

/** Compiled once per class, at first use: a hub without park sensors never compiles their schemas. */
function checkersOf(deviceClass: DeviceClass): ClassCheckers {
  const known = classCheckers.get(deviceClass)
  if (known) return known
  const contract = catalog[deviceClass]
  const each = (schemas: Readonly<Record<string, TSchema>>, wrap: (schema: TSchema) => TSchema) =>
    new Map(Object.entries(schemas).map(([name, schema]) => [name, checker(wrap(schema)) as Checker<unknown>]))
  const made = {
    events: each(contract.events, eventSchema),
    state: checker(contract.state),
    commands: each(contract.commands, commandSchema),
  }
  classCheckers.set(deviceClass, made)
  return made
}

/** A device says the same few topics all its life; those with an id of their own come once. */
const topics = new Map<string, Decoded<Topic> & { ok: true }>()
const TOPICS_MAX = 4_096

/** The parsed topic; one that is on a channel without ids is parsed once, and frozen because it is shared. */
export function knownTopic(name: string): Decoded<Topic> {
  const known = topics.get(name)
  if (known) return known
  const parsed = parseTopic(name)
  if (!parsed.ok || parsed.value.channel === 'cmd' || parsed.value.channel === 'res') return parsed
  if (topics.size >= TOPICS_MAX) topics.clear()
  const made = { ok: true, value: Object.freeze(parsed.value) } as const
  topics.set(name, made)
  return made
}

/**
 * Decodes one MQTT message of the contract. Never throws.
 * @param retain the retain flag it was published with
 */
export function decodeMessage(topicName: string, payload: Uint8Array, retain: boolean): Decoded<Message> {
  const parsed = knownTopic(topicName)
  if (!parsed.ok) return parsed
  const topic = parsed.value
  const checkers = checkersOf(topic.class)
  if (payload.length > PAYLOAD_BYTES_MAX) {
    return refuse('PAYLOAD_TOO_LARGE', `payload is ${payload.length} bytes; at most ${PAYLOAD_BYTES_MAX}`)
  }
  if (retain !== isRetained(topic.channel)) {
    return retain
      ? refuse('RETAIN_FORBIDDEN', `messages on ${topic.channel} are never retained; publish without the retain flag`)
      : refuse('RETAIN_REQUIRED', `messages on ${topic.channel} are always retained; publish with the retain flag`)
  }
  if (retain && payload.length === 0) return { ok: true, value: { kind: 'cleared', topic } }
  const json = decodeJson(payload)
  if (!json.ok) return json
  return decodeChannel(checkers, topic, json.value)
}

/** What the envelope of an event says that has passed the door before. */
export function envelopeOf(payload: Uint8Array): Pick<LinliEvent, 'id' | 'time' | 'replayed'> | undefined {
  const json = decodeJson(payload)
  if (!json.ok || typeof json.value !== 'object' || json.value === null) return undefined
  const { id, time, replayed } = json.value as Record<string, unknown>
  if (typeof id !== 'string' || typeof time !== 'string') return undefined
  return { id, time, ...(replayed === true ? { replayed } : {}) }
}

/** Bytes → JSON value, with typed errors. */
export function decodeJson(payload: Uint8Array): Decoded<unknown> {
  // A check and a conversion of their own are a third of the price of a TextDecoder that does both.
  if (!isUtf8(payload)) return refuse('PAYLOAD_NOT_UTF8', 'payload is not valid UTF-8')
  try {
    const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
    return { ok: true, value: JSON.parse(text) as unknown }
  } catch (error) {
    return refuse('PAYLOAD_NOT_JSON', `payload is not JSON: ${(error as Error).message}`)
  }
}

function decodeChannel(checkers: ClassCheckers, topic: Topic, json: unknown): Decoded<Message> {
  switch (topic.channel) {
    case 'evt': {
      const check = checkers.events.get(topic.type)
      if (!check) {
        return refuse(
          'TOPIC_UNKNOWN',
          `${topic.class} has no event ${topic.type}; allowed: ${namesOf(checkers.events)}`,
          '/type',
        )
      }
      const event = checkEnvelope(check, topic, topic.type, json)
      return event.ok ? { ok: true, value: { kind: 'event', topic, event: event.value } } : event
    }
    case 'tele': {
      const event = checkEnvelope(checkTelemetry as Checker<unknown>, topic, 'telemetry', json)
      return event.ok
        ? { ok: true, value: { kind: 'telemetry', topic, event: event.value as LinliEvent<SenmlPack> } }
        : event
    }
    case 'cmd':
      return decodeCommand(checkers, topic, json)
    case 'state':
      return mapped(checkers.state(json), (state) => ({ kind: 'state', topic, state }))
    case 'avail':
      return mapped(checkAvailability(json), (availability) => ({ kind: 'availability', topic, availability }))
    case 'meta': {
      const meta = checkMeta(json)
      if (meta.ok && meta.value.class !== topic.class)
        return refuse('ENVELOPE_MISMATCH', `/class is "${meta.value.class}"; the topic says "${topic.class}"`, '/class')
      return mapped(meta, (value) => ({ kind: 'meta', topic, meta: value }))
    }
    case 'plate':
      return topic.class === 'camera'
        ? mapped(checkPlateReading(json), (reading) => ({ kind: 'plate', topic, reading }))
        : refuse('TOPIC_UNKNOWN', `${topic.class} has no channel plate; only cameras have`, '/channel')
    case 'res': {
      const result = checkResult(json)
      if (result.ok && result.value.id !== topic.id)
        return refuse('ENVELOPE_MISMATCH', `result id ${result.value.id} is not the topic's ${topic.id}`, '/id')
      return mapped(result, (value) => ({ kind: 'result', topic, result: value }))
    }
  }
}

function namesOf(checkers: ReadonlyMap<string, unknown>): string {
  return [...checkers.keys()].join(', ') || 'none'
}

function mapped<T>(decoded: Decoded<T>, wrap: (value: T) => Message): Decoded<Message> {
  return decoded.ok ? { ok: true, value: wrap(decoded.value) } : decoded
}

/** The envelope must agree with the topic: a platform that stores only the payload still knows whose event it is. */
function checkEnvelope(check: Checker<unknown>, topic: Topic, type: string, json: unknown): Decoded<LinliEvent> {
  const checked = check(json)
  if (!checked.ok) return checked
  const event = checked.value as LinliEvent
  return (
    mismatch('source', event.source, sourceOf(topic)) ??
    mismatch('type', event.type, eventType(topic, type)) ??
    mismatch('id', event.id, `${topic.gateway}:${event.bootid}:${event.sequence}`) ?? { ok: true, value: event }
  )
}

function mismatch(field: string, found: string, expected: string): Decoded<never> | undefined {
  if (found === expected) return undefined
  const message = `/${field} is ${JSON.stringify(found)}; the topic says ${JSON.stringify(expected)}`
  return refuse('ENVELOPE_MISMATCH', message, `/${field}`)
}

function decodeCommand(checkers: ClassCheckers, topic: Topic & { channel: 'cmd' }, json: unknown): Decoded<Message> {
  const check = checkers.commands.get(topic.name)
  if (!check) {
    const allowed = namesOf(checkers.commands)
    return refuse('COMMAND_UNKNOWN', `${topic.class} has no command ${topic.name}; allowed: ${allowed}`, '/name')
  }
  const envelope = checkAnyCommand(json)
  if (!envelope.ok) return envelope
  const checked = check(json)
  if (!checked.ok) return checked
  const command = checked.value as Command
  if (command.id !== topic.id)
    return refuse('ENVELOPE_MISMATCH', `command id ${command.id} is not the topic's ${topic.id}`, '/id')
  if (command.name !== topic.name)
    return refuse('ENVELOPE_MISMATCH', `command name ${command.name} is not the topic's ${topic.name}`, '/name')
  return { ok: true, value: { kind: 'command', topic, command } }
}
