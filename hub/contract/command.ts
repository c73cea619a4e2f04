import { Instant, instant } from './event.ts'
import { COMMAND_ID_PATTERN, SEGMENT_PATTERN } from './topic.ts'
import { type Static, type TSchema, Type } from './type.ts'

/** Who asks. `flow` is local automation, `platform` a district system, `person` somebody logged in. */
export const ACTOR_KINDS = ['person', 'platform', 'flow', 'rule', 'installer'] as const

export const Actor = Type.Object(
  { kind: Type.Enum([...ACTOR_KINDS]), id: Type.String({ minLength: 1, maxLength: 80 }) },
  { additionalProperties: false },
)
export type Actor = Static<typeof Actor>

/** A command asks one device to act. It carries its own expiry because MQTT 3.1.1 has none. */
export function commandSchema<A extends TSchema>(args: A) {
  return Type.Object(
    {
      id: Type.String({
        pattern: COMMAND_ID_PATTERN,
        description: 'chosen by the caller, unique; the same id is never executed twice',
      }),
      name: Type.String({ pattern: SEGMENT_PATTERN }),
      issuedat: Instant,
      expiresat: instant('after this moment the command is never executed'),
      actor: Actor,
      reason: Type.Optional(Type.String({ maxLength: 200 })),
      args,
    },
    { additionalProperties: false },
  )
}

export const AnyCommand = commandSchema(Type.Unknown())
export type Command<A = unknown> = Omit<Static<typeof AnyCommand>, 'args'> & { args: A }

/** `accepted`, then `executing`, then exactly one of the final ones. */
export const RESULT_STATUSES = ['accepted', 'executing', 'succeeded', 'failed', 'refused', 'expired'] as const
export type ResultStatus = (typeof RESULT_STATUSES)[number]
export const FINAL_STATUSES = ['succeeded', 'failed', 'refused', 'expired'] as const
export type FinalStatus = (typeof FINAL_STATUSES)[number]

export function isFinal(status: ResultStatus): status is FinalStatus {
  return (FINAL_STATUSES as readonly string[]).includes(status)
}

/** Why a command was refused or failed before a device could say so; beside the codes of the contract and of each class. */
export const COMMAND_CODES = {
  GATEWAY_OFFLINE: 'the gateway of the device is not connected: it was not sent',
  COMMAND_EXPIRY_TOO_FAR: 'expiresat lies more than 24 hours after issuedat, or after the clock of the hub',
  COMMANDS_BUSY: 'too many commands are open or not yet expired: it was not carried out; send a new one later',
  RESULT_UNKNOWN:
    'no result came until 10 s after its expiry, or the record of it at the hub was damaged: look at the device, it may have acted',
  GATEWAY_RESTARTED:
    'the gateway, or the device on a new configuration, restarted while it was carried out: look at the device, it may have acted',
  DEVICE_UNKNOWN: 'the gateway has no such device',
  DRIVER_FAILED: 'the driver of the device failed on it',
  DRIVER_TIMEOUT: 'the driver of the device did not answer: look at the device, it may have acted',
} as const
export type CommandCode = keyof typeof COMMAND_CODES

export const Result = Type.Object({
  id: Type.String({ pattern: COMMAND_ID_PATTERN, description: 'the id of the command' }),
  name: Type.String({ pattern: SEGMENT_PATTERN }),
  status: Type.Enum([...RESULT_STATUSES]),
  at: Instant,
  code: Type.Optional(Type.String({ pattern: '^[A-Z][A-Z0-9_]{2,60}$', description: 'why it was refused or failed' })),
  message: Type.Optional(Type.String({ maxLength: 400 })),
  data: Type.Optional(Type.Unknown()),
})
export type Result = Static<typeof Result>
