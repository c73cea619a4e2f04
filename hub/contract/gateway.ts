import { type Static, Type } from 'typebox'
import { CredentialsHave, credentialCommands } from './credentials.ts'
import { Instant } from './event.ts'

/** What a gateway says of itself. */

export const BOARD_STATUSES = ['starting', 'ready', 'hung', 'absent'] as const
const Board = Type.Object({
  board: Type.String({ maxLength: 40 }),
  reason: Type.Optional(Type.String({ maxLength: 200 })),
})

export const gatewayEvents = {
  started: Type.Object({ version: Type.String({ maxLength: 40 }) }),
  'board-ready': Board,
  'board-lost': Board,
  'telemetry-dropped': Type.Object({
    count: Type.Integer({ minimum: 1, description: 'readings evicted from the full spool since the last report' }),
  }),
} as const

export const GatewayState = Type.Object({
  version: Type.String({ maxLength: 40 }),
  bootid: Type.String({ maxLength: 32 }),
  startedat: Instant,
  boards: Type.Array(
    Type.Object({
      id: Type.String({ maxLength: 40 }),
      status: Type.Enum([...BOARD_STATUSES]),
      reason: Type.Optional(Type.String({ maxLength: 200 })),
    }),
  ),
  credentials: Type.Optional(CredentialsHave),
})
export type GatewayState = Static<typeof GatewayState>

/** How a gateway gets the credentials that it decides by; see credentials.ts. */
export const gatewayCommands = credentialCommands
