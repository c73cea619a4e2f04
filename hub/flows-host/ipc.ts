import type { Result } from '../contract/command.ts'
import { type Decoded, LinliError } from '../contract/errors.ts'
import { Instant, type LinliEvent, SEVERITIES } from '../contract/event.ts'
import type { Place } from '../contract/meta.ts'
import { type Checker, checker } from '../contract/schema.ts'
import { type Address, COMMAND_ID_PATTERN, DEVICE_CLASSES, SEGMENT_PATTERN, Segment } from '../contract/topic.ts'
import { type Static, type TSchema, Type } from '../contract/type.ts'
import type { DeviceSnapshot, Notice, UpstreamStatus } from './hub-port.ts'

/**
 * What hub and flows process say to each other over the IPC channel of the child. The flows side keeps its own copy of
 * these types (`flows/parent/messages.ts`): the two are separate programs, and the real-runtime tests hold them together.
 */

/** The first message: everything the flows process needs to start. Secrets go this way, never on a command line. */
export interface StartMessage {
  type: 'start'
  /** Folder of the site's own flows and credentials, and of the socket on which it listens. */
  data_dir: string
  /** What every request of the hub carries in this run. */
  secret: string
  /** How the process before this one was lost: a deploy on trial pays for it. */
  lost?: string
  language: 'zh-CN' | 'en-US'
}

export interface EventMessage {
  type: 'event'
  /** Order of delivery; comes back in `seen`. */
  seq: number
  address: Address
  /** The event type as in the topic, e.g. `pressed`. */
  name: string
  event: LinliEvent
  place: Place | null
  /** Not live any more: delayed on the way to the hub or between hub and flows. */
  replayed: boolean
}

/** One thing that holds for one device has changed; `null` means it was cleared. */
export interface DeviceMessage {
  type: 'device'
  address: Address
  field: 'meta' | 'state' | 'availability' | 'readings'
  value: unknown
}

export type ToFlows =
  | StartMessage
  | EventMessage
  | DeviceMessage
  | { type: 'snapshot'; devices: DeviceSnapshot[] }
  | { type: 'notice'; notice: Notice }
  | { type: 'upstream'; upstream: UpstreamStatus }
  | { type: 'ping'; n: number }
  | { type: 'command-result'; id: string; result: Result }
  /** The newest version of the flows is another one: read it, and answer `reloaded`. */
  | { type: 'reload'; id: string }
  /** That a deploy was left is in the journal. */
  | { type: 'fell-back-told' }
  | { type: 'stop' }

const AddressSchema = Type.Object(
  {
    street: Segment,
    community: Segment,
    estate: Segment,
    gateway: Segment,
    class: Type.Enum([...DEVICE_CLASSES]),
    device: Segment,
  },
  { additionalProperties: false },
)

/** Longest life of a command from a flow: a gate must not open on what somebody wanted an hour ago. */
export const TTL_MS_MAX = 3_600_000

/** How the flows are. */
const standing = {
  flows: Type.Enum(['started', 'stopped']),
  reason: Type.Optional(Type.String({ maxLength: 400 })),
  fell_back: Type.Optional(
    Type.Object(
      {
        from: Type.Integer({ minimum: 1 }),
        to: Type.Integer({ minimum: 0, description: '0: the shipped flows' }),
        user: Type.String({ maxLength: 120 }),
        cause: Type.String({ maxLength: 60 }),
        at: Instant,
        told: Type.Boolean({ description: 'it need not be said again' }),
      },
      { description: 'a deploy lost two processes, and no later one is good yet' },
    ),
  ),
}

const fromFlows = {
  ready: Type.Object({ type: Type.Literal('ready'), boot_ms: Type.Number({ minimum: 0 }), ...standing }),
  standing: Type.Object({ type: Type.Literal('standing'), ...standing }),
  reloaded: Type.Object({ type: Type.Literal('reloaded'), id: Type.String({ maxLength: 40 }), ok: Type.Boolean() }),
  pong: Type.Object({
    type: Type.Literal('pong'),
    n: Type.Integer({ minimum: 0 }),
    rss_bytes: Type.Number({ minimum: 0 }),
  }),
  seen: Type.Object({
    type: Type.Literal('seen'),
    seq: Type.Integer({ minimum: 0, description: 'every event up to this one has had its turn' }),
  }),
  command: Type.Object({
    type: Type.Literal('command'),
    id: Type.String({ pattern: COMMAND_ID_PATTERN }),
    address: AddressSchema,
    name: Type.String({ pattern: SEGMENT_PATTERN }),
    args: Type.Unknown(),
    ttl_ms: Type.Integer({ minimum: 100, maximum: TTL_MS_MAX }),
    flow: Type.String({ minLength: 1, maxLength: 80, description: 'the node that asks' }),
    reason: Type.Optional(Type.String({ maxLength: 200 })),
    event: Type.Optional(Type.String({ maxLength: 200, description: 'id of the event that led to it' })),
  }),
  report: Type.Object({
    type: Type.Literal('report'),
    id: Type.String({ pattern: COMMAND_ID_PATTERN }),
    flow: Type.String({ minLength: 1, maxLength: 80, description: 'the node that says it' }),
    name: Type.String({ pattern: SEGMENT_PATTERN }),
    text: Type.String({ minLength: 1, maxLength: 2_000 }),
    severity: Type.Enum([...SEVERITIES]),
    data: Type.Optional(Type.Record(Type.String({ maxLength: 80 }), Type.Unknown())),
  }),
  delivery: Type.Object({
    type: Type.Literal('delivery'),
    notice: Type.String({ minLength: 1, maxLength: 80 }),
    person: Segment,
    delivery: Type.Enum(['sent', 'delivered', 'failed']),
    error: Type.Optional(Type.String({ maxLength: 400 })),
  }),
} as const

export type FromFlows = { [T in keyof typeof fromFlows]: Static<(typeof fromFlows)[T]> }[keyof typeof fromFlows]
export type CommandMessage = Static<(typeof fromFlows)['command']>
export type ReportMessage = Static<(typeof fromFlows)['report']>

const checkers = new Map<string, Checker<unknown>>(
  Object.entries(fromFlows).map(([type, schema]) => [type, checker(schema as TSchema, 'FLOWS_MESSAGE_INVALID')]),
)

/** Decodes what the flows process sent; it runs the staff's code, so nothing is believed. Never throws. */
export function decodeFromFlows(message: unknown): Decoded<FromFlows> {
  const type =
    typeof message === 'object' && message !== null
      ? Reflect.get(message as Record<string, unknown>, 'type')
      : undefined
  const check = typeof type === 'string' ? checkers.get(type) : undefined
  if (!check) {
    const allowed = [...checkers.keys()].join(', ')
    return {
      ok: false,
      error: new LinliError('FLOWS_MESSAGE_INVALID', `unknown message type; allowed: ${allowed}`, {
        kind: 'caller',
        path: '/type',
      }),
    }
  }
  return check(message) as Decoded<FromFlows>
}
