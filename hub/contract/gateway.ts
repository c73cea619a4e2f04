import { ConfigurationHave, configurationCommands } from './configuration.ts'
import { CredentialsHave, credentialCommands } from './credentials.ts'
import { Instant, TIME_QUALITIES } from './event.ts'
import { Segment } from './topic.ts'
import { type Static, Type } from './type.ts'

/** What a gateway says of itself. */

export const BOARD_STATUSES = ['starting', 'ready', 'hung', 'absent'] as const
const Board = Type.Object({
  board: Type.String({ maxLength: 40 }),
  reason: Type.Optional(Type.String({ maxLength: 200 })),
})

/** `not-installed`: it is there, and there is no key yet for its secure channel; no card is read until it is installed. */
export const READER_STATUSES = ['secure', 'plain', 'installing', 'not-installed', 'offline'] as const
export type ReaderStatus = (typeof READER_STATUSES)[number]

/** Why a card reader was not installed; beside the codes of the contract itself. */
export const READER_CODES = {
  READER_UNKNOWN: 'this gateway has no such reader',
  READER_BUSY: 'this reader is being installed already',
  READER_OFFLINE: 'the reader did not answer, or not to the end: look at its wiring and address, then install again',
  READER_KEY_REFUSED: 'the reader has a key of somebody else: reset it to its factory state, then install again',
  READER_KEY_NOT_TAKEN: 'the reader kept its old key, which still works: install again',
  READER_RECORD_IO: 'the gateway could not write to its disk: put that right, then install again',
} as const
export type ReaderCode = keyof typeof READER_CODES

const Reader = Type.Object({
  id: Segment,
  gate: Segment,
  status: Type.Enum([...READER_STATUSES]),
  since: Instant,
  reason: Type.Optional(Type.String({ pattern: '^[a-z0-9-]{1,60}$', description: 'e.g. no-reply, reader-swapped' })),
  unit: Type.Optional(Type.String({ maxLength: 40, description: 'which one it is: vendor (IEEE OUI), model, serial' })),
})
export type ReaderState = Static<typeof Reader>

export const gatewayEvents = {
  started: Type.Object({ version: Type.String({ maxLength: 40 }) }),
  'board-ready': Board,
  'board-lost': Board,
  'clock-set': Type.Object({
    stepped_ms: Type.Integer({ description: 'how far the clock was moved since this boot began' }),
  }),
  'telemetry-dropped': Type.Object({
    count: Type.Integer({ minimum: 1, description: 'readings evicted from the full spool since the last report' }),
  }),
  /** Proves the way of alarms when nothing else goes it. Never an alarm. */
  'self-test': Type.Object({}),
} as const

export const GatewayState = Type.Object({
  version: Type.String({ maxLength: 40 }),
  bootid: Type.String({ maxLength: 32 }),
  startedat: Instant,
  timequality: Type.Optional(Type.Enum([...TIME_QUALITIES], { description: 'of the clock, now' })),
  boards: Type.Array(
    Type.Object({
      id: Type.String({ maxLength: 40 }),
      status: Type.Enum([...BOARD_STATUSES]),
      reason: Type.Optional(Type.String({ maxLength: 200 })),
    }),
  ),
  configuration: Type.Optional(ConfigurationHave),
  credentials: Type.Optional(CredentialsHave),
  readers: Type.Optional(Type.Array(Reader, { maxItems: 256 })),
})
export type GatewayState = Static<typeof GatewayState>

/** How a gateway gets its configuration, the credentials that it decides by, and its readers their keys. */
export const gatewayCommands = {
  ...configurationCommands,
  ...credentialCommands,
  /** The key is made on the gateway and never leaves it, but for the reader. */
  'reader-install': Type.Object({ reader: Segment }, { additionalProperties: false }),
} as const
