import fc from 'fast-check'
import { eventType } from '../../hub/contract/event.ts'
import { type MessageKind as Kind, messageKinds as kindsOfContract } from '../../hub/contract/messages.ts'
import { type Address, formatTopic, isRetained, sourceOf, type Topic } from '../../hub/contract/topic.ts'
import { addresses, anyOf, commandIds, type JsonSchema, jsonSchema } from './arbitrary.ts'

/** Valid messages of every kind that the contract knows, drawn from its schemas. */

export interface Sample {
  topic: Topic
  topicName: string
  retain: boolean
  /** What the payload says, as a JSON value. */
  body: Record<string, unknown>
}

export interface MessageKind {
  /** E.g. `alarm-button evt/pressed`. */
  name: string
  /** As in the published document, e.g. `alarm-button.evt.pressed`. */
  id: string
  schema: JsonSchema
  samples: fc.Arbitrary<Sample>
}

type Body = Record<string, unknown>

/** One entry per event type, command and channel of every class in the catalog. */
export const messageKinds: MessageKind[] = kindsOfContract().map((kind) => {
  const schema = jsonSchema(kind.schema)
  return {
    name: `${kind.class} ${kind.channel}${kind.name === undefined ? '' : `/${kind.name}`}`,
    id: kind.id,
    schema,
    samples: samplesOf(kind, schema),
  }
})

/** @param schema of the bodies; another one than the kind's own draws bodies of another version */
export function samplesOf(kind: Kind, schema: JsonSchema): fc.Arbitrary<Sample> {
  return fc.tuple(addresses(fc.constant(kind.class)), commandIds, anyOf(schema)).map(([address, id, drawn]) => {
    const [topic, body] = consistent(kind, address, id, drawn as Body)
    return { topic, topicName: formatTopic(topic), retain: isRetained(topic.channel), body }
  })
}

/** Makes a body say what its topic says, where the contract wants that. */
function consistent(kind: Kind, address: Address, id: string, body: Body): [Topic, Body] {
  const name = kind.name ?? 'telemetry'
  switch (kind.channel) {
    case 'evt':
    case 'tele': {
      const same = {
        id: `${address.gateway}:${body.bootid}:${body.sequence}`,
        source: sourceOf(address),
        type: eventType(address, name),
      }
      const topic: Topic =
        kind.channel === 'evt' ? { ...address, channel: 'evt', type: name } : { ...address, channel: 'tele' }
      return [topic, { ...body, ...same }]
    }
    case 'cmd':
      return [
        { ...address, channel: 'cmd', name, id },
        { ...body, id, name },
      ]
    case 'res':
      return [
        { ...address, channel: 'res', id },
        { ...body, id },
      ]
    case 'meta':
      return [
        { ...address, channel: 'meta' },
        { ...body, class: kind.class },
      ]
    default:
      return [{ ...address, channel: kind.channel }, body]
  }
}
