import { type MessageKind, messageKinds } from '../messages.ts'
import { type DeviceClass, formatTopic, parseTopic, type Topic } from '../topic.ts'
import { CHANNEL_WORDS, CLASS_WORDS, type Words, wordsOf } from '../words.ts'
import type { Prose } from './prose.ts'
import { type JsonSchema, meaningOf, type PublishedSchema, publishedSchemas, sectionOf } from './published-schemas.ts'

/**
 * The AsyncAPI 3.0 document, from the point of view of the estate: it sends what devices say, and receives commands. Every
 * channel, message and field comes from the catalog; nothing is listed here by hand.
 */

type Json = Record<string, unknown>

const ref = (kind: string, name: string) => ({ $ref: `#/components/${kind}/${name}` })
const both = ({ zh, en }: Words) => `${en} / ${zh}`

export function asyncApiDocument(version: string, prose: Prose): Json {
  const kinds = messageKinds()
  const schemas = publishedSchemas(prose)
  const published = [...new Set(schemas.values())]
  const nameOf = (kind: MessageKind) => schemas.get(kind.id)?.name ?? kind.id
  return {
    asyncapi: '3.0.0',
    id: 'urn:linli:v1',
    info: infoOf(version),
    defaultContentType: 'application/json',
    servers: serversOf(),
    channels: keyed(kinds, (kind) => [kind.id, channelOf(kind, nameOf(kind), prose)]),
    operations: keyed(kinds, (kind) => [kind.id, operationOf(kind, nameOf(kind))]),
    components: {
      messages: keyed(published, (one) => [one.name, messageOf(one, prose)]),
      schemas: { envelope: envelopeOf(published), ...keyed(published, (one) => [one.name, payloadOf(one)]) },
      parameters: PARAMETERS,
      securitySchemes: { account: { type: 'userPassword', description: 'made by `linli client add`' } },
    },
  }
}

/** The topic with its variable segments in braces, e.g. `linli/v1/{street}/…/{gateway}/alarm-button/{device}/evt/pressed`. */
export function addressOf(kind: MessageKind): string {
  const address = {
    street: '{street}',
    community: '{community}',
    estate: '{estate}',
    gateway: '{gateway}',
    class: kind.class,
    device: '{device}',
  }
  return formatTopic({ ...address, channel: kind.channel, type: kind.name, name: kind.name, id: '{id}' } as Topic)
}

function infoOf(version: string): Json {
  return {
    title: 'Linli 邻里',
    version,
    description: [
      'What the edge of a smart community says over MQTT 3.1.1, and what it can be told. Delivery is at least once: drop',
      'duplicates of events by `source` + `id`. `replayed: true` is history. Within `v1` only optional fields, event types,',
      'commands and classes are added: ignore what you do not know.',
      '\n\n智慧社区边缘通过 MQTT 3.1.1 发布的消息及可接收的命令。消息至少送达一次:按 `source` + `id` 去重;`replayed: true`',
      '表示补发的历史数据。`v1` 内只会新增可选字段、事件、命令与设备类别:请忽略不认识的内容。',
    ].join(' '),
    license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
  }
}

function serversOf(): Json {
  const variables = {
    host: { description: 'address of the hub, or of the district broker it forwards to / 枢纽或上级平台的地址' },
  }
  const protocol = { host: '{host}:1883', protocol: 'mqtt', protocolVersion: '3.1.1', variables }
  return {
    hub: { ...protocol, description: 'the hub of an estate / 小区枢纽', security: [ref('securitySchemes', 'account')] },
    district: { ...protocol, description: 'the broker of the district / 上级平台' },
  }
}

const segment = (en: string, zh: string) => ({ description: `${en} / ${zh}; 1–40 of a–z, 0–9 and -` })
const PARAMETERS = {
  street: segment('street', '街道'),
  community: segment('community', '社区'),
  estate: segment('estate', '小区'),
  gateway: segment('gateway; `hub` for the hub itself', '网关;枢纽自身为 `hub`'),
  device: segment('device', '设备'),
  id: { description: 'id of the command, chosen by its sender / 命令编号,由发送方给出; 1–64 letters, digits and -' },
}

function channelOf(kind: MessageKind, message: string, prose: Prose): Json {
  const address = addressOf(kind)
  const parameters = [...address.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const words = wordsOf(kind)
  return {
    address,
    title: both({
      en: `${CLASS_WORDS[kind.class].en}: ${words.en}`,
      zh: `${CLASS_WORDS[kind.class].zh}:${words.zh}`,
    }),
    description: [both(CHANNEL_WORDS[kind.channel]), meaningOf(kind, prose)].filter(Boolean).join('. '),
    messages: { [message]: ref('messages', message) },
    parameters: keyed(parameters, (name) => [name, ref('parameters', name)]),
    tags: [{ name: kind.class }, { name: kind.channel }],
    ...(kind.channel === 'res' ? { 'x-codes': codesOf(kind.class, prose) } : {}),
  }
}

/** Why commands to this class are refused or fail: code → meaning. */
function codesOf(deviceClass: DeviceClass, prose: Prose): Json {
  const own = prose.table(sectionOf(deviceClass), 'code')
  const ofCommands = prose.table('Commands and results', 'code')
  return Object.fromEntries([...prose.table('Error codes', 'code'), ...ofCommands, ...own])
}

/** A command and a plate come in, everything else goes out. */
function operationOf(kind: MessageKind, message: string): Json {
  const isTold = kind.channel === 'cmd' || kind.channel === 'plate'
  const messageIn = (channel: string, name: string) => ({ $ref: `#/channels/${channel}/messages/${name}` })
  const reply = {
    channel: { $ref: `#/channels/${kind.class}.res` },
    messages: [messageIn(`${kind.class}.res`, 'res')],
  }
  return {
    action: isTold ? 'receive' : 'send',
    channel: { $ref: `#/channels/${kind.id}` },
    messages: [messageIn(kind.id, message)],
    bindings: { mqtt: { qos: 1, retain: kind.retained, bindingVersion: '0.2.0' } },
    ...(kind.channel === 'cmd' ? { reply } : {}),
  }
}

function messageOf({ name, kind, schema }: PublishedSchema, prose: Prose): Json {
  const examples = prose.examples.filter(({ topic }) => isOn(topic, name, kind))
  const correlated = kind.channel === 'cmd' || kind.channel === 'res'
  return {
    name,
    title: both(wordsOf(kind)),
    ...(schema.description === undefined ? {} : { summary: schema.description }),
    contentType: 'application/json',
    ...(correlated ? { correlationId: { location: '$message.payload#/id' } } : {}),
    payload: ref('schemas', name),
    ...(examples.length > 0 ? { examples: examples.map(({ payload }) => ({ payload })) } : {}),
  }
}

function isOn(topicName: string, schemaName: string, kind: MessageKind): boolean {
  const parsed = parseTopic(topicName)
  if (!parsed.ok || parsed.value.channel !== kind.channel) return false
  const topic = parsed.value
  const name = topic.channel === 'evt' ? topic.type : topic.channel === 'cmd' ? topic.name : undefined
  return schemaName === kind.channel || (topic.class === kind.class && name === kind.name)
}

/** What all events and packs have in common: a platform's generator makes one type of it. */
function envelopeOf(published: PublishedSchema[]): JsonSchema {
  const telemetry = published.find(({ kind }) => kind.channel === 'tele')
  if (!telemetry) throw new Error('the contract has no telemetry')
  const { data: _data, ...properties } = telemetry.schema.properties ?? {}
  const required = (telemetry.schema.required ?? []).filter((field) => field !== 'data')
  return { title: 'envelope', description: 'CloudEvents 1.0, structured mode', type: 'object', required, properties }
}

function payloadOf({ schema, enveloped, kind }: PublishedSchema): JsonSchema {
  if (!enveloped) return schema
  const { title, description, properties = {} } = schema
  const { data = {}, type = {} } = properties
  return {
    title,
    ...(description === undefined ? {} : { description }),
    allOf: [
      ref('schemas', 'envelope'),
      { type: 'object', required: ['data'], properties: kind.channel === 'evt' ? { type, data } : { data } },
    ],
  }
}

function keyed<T>(items: readonly T[], entry: (item: T) => [string, unknown]): Json {
  return Object.fromEntries(items.map(entry))
}
