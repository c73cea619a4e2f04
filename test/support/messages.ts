import fc from 'fast-check'
import { Availability } from '../../hub/contract/availability.ts'
import { catalog } from '../../hub/contract/catalog.ts'
import { commandSchema, Result } from '../../hub/contract/command.ts'
import { eventSchema, eventType } from '../../hub/contract/event.ts'
import { Meta } from '../../hub/contract/meta.ts'
import { PlateReading } from '../../hub/contract/plate.ts'
import { SenmlPack } from '../../hub/contract/senml.ts'
import { type DeviceClass, formatTopic, isRetained, sourceOf, type Topic } from '../../hub/contract/topic.ts'
import { addresses, anyOf, commandIds, type JsonSchema, jsonSchema, knownClasses } from './arbitrary.ts'

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
  schema: JsonSchema
  samples: fc.Arbitrary<Sample>
}

type Body = Record<string, unknown>

function kind(deviceClass: DeviceClass, name: string, schema: JsonSchema, samples: fc.Arbitrary<[Topic, Body]>) {
  const complete = samples.map(([topic, body]): Sample => {
    return { topic, topicName: formatTopic(topic), retain: isRetained(topic.channel), body }
  })
  return { name: `${deviceClass} ${name}`, schema, samples: complete } satisfies MessageKind
}

function envelopes(deviceClass: DeviceClass, type: string, schema: JsonSchema): fc.Arbitrary<[Topic, Body]> {
  return fc.tuple(addresses(fc.constant(deviceClass)), anyOf(schema)).map(([address, drawn]) => {
    const body = drawn as Body
    const topic: Topic = { ...address, ...(type === 'telemetry' ? { channel: 'tele' } : { channel: 'evt', type }) }
    const id = `${address.gateway}:${body.bootid}:${body.sequence}`
    return [topic, { ...body, id, source: sourceOf(address), type: eventType(address, type) }]
  })
}

/** Bodies that need not agree with their topic. */
function plain(
  deviceClass: DeviceClass,
  channel: 'state' | 'avail' | 'plate',
  schema: JsonSchema,
): fc.Arbitrary<[Topic, Body]> {
  return fc
    .tuple(addresses(fc.constant(deviceClass)), anyOf(schema))
    .map(([address, body]) => [{ ...address, channel }, body as Body])
}

function metas(deviceClass: DeviceClass, schema: JsonSchema): fc.Arbitrary<[Topic, Body]> {
  return fc.tuple(addresses(fc.constant(deviceClass)), anyOf(schema)).map(([address, body]) => [
    { ...address, channel: 'meta' },
    { ...(body as Body), class: deviceClass },
  ])
}

function commands(deviceClass: DeviceClass, name: string, schema: JsonSchema): fc.Arbitrary<[Topic, Body]> {
  return fc.tuple(addresses(fc.constant(deviceClass)), commandIds, anyOf(schema)).map(([address, id, body]) => [
    { ...address, channel: 'cmd', name, id },
    { ...(body as Body), id, name },
  ])
}

function results(deviceClass: DeviceClass, schema: JsonSchema): fc.Arbitrary<[Topic, Body]> {
  return fc.tuple(addresses(fc.constant(deviceClass)), commandIds, anyOf(schema)).map(([address, id, body]) => [
    { ...address, channel: 'res', id },
    { ...(body as Body), id },
  ])
}

/** One entry per event type, command and channel of every class in the catalog. */
export const messageKinds: MessageKind[] = knownClasses.flatMap((one) => {
  const contract = catalog[one]
  if (!contract) return []
  const telemetry = jsonSchema(eventSchema(SenmlPack))
  const availability = jsonSchema(Availability)
  const state = jsonSchema(contract.state)
  const plate = jsonSchema(PlateReading)
  return [
    ...Object.entries(contract.events).map(([type, data]) => {
      const schema = jsonSchema(eventSchema(data))
      return kind(one, `evt/${type}`, schema, envelopes(one, type, schema))
    }),
    ...Object.entries(contract.commands).map(([name, args]) => {
      const schema = jsonSchema(commandSchema(args))
      return kind(one, `cmd/${name}`, schema, commands(one, name, schema))
    }),
    kind(one, 'tele', telemetry, envelopes(one, 'telemetry', telemetry)),
    kind(one, 'state', state, plain(one, 'state', state)),
    kind(one, 'avail', availability, plain(one, 'avail', availability)),
    kind(one, 'meta', jsonSchema(Meta), metas(one, jsonSchema(Meta))),
    kind(one, 'res', jsonSchema(Result), results(one, jsonSchema(Result))),
    ...(one === 'camera' ? [kind(one, 'plate', plate, plain(one, 'plate', plate))] : []),
  ]
})
