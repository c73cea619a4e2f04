import { instant } from './event.ts'
import { type Static, Type } from './type.ts'

/** What an access gate says and is told: a pedestrian door or a vehicle barrier, told apart by `kind` in its state. */

export const GATE_KINDS = ['door', 'barrier'] as const
export type GateKind = (typeof GATE_KINDS)[number]

/** `evacuate` ends every other: the way is free until staff end it by name. */
export const DOOR_MODES = ['locked', 'card', 'card-and-pin', 'free', 'lockdown', 'evacuate'] as const
export type DoorMode = (typeof DOOR_MODES)[number]
export const BARRIER_MODES = ['normal', 'free-flow', 'tidal', 'closed', 'evacuate'] as const
export type BarrierMode = (typeof BARRIER_MODES)[number]
export const GATE_MODES = [...DOOR_MODES, ...BARRIER_MODES.filter((mode) => mode !== 'evacuate')] as const
export type GateMode = (typeof GATE_MODES)[number]

/** Who set the mode: the schedule, a command, or the evacuation that stands above both. */
export const MODE_SOURCES = ['schedule', 'command', 'evacuation'] as const
export const POSITIONS = ['open', 'closed', 'opening', 'closing', 'stopped', 'unknown'] as const
export type Position = (typeof POSITIONS)[number]

/** By what right somebody passed; `none` is no right at all. */
export const PASSAGE_RIGHTS = ['card', 'card-and-pin', 'pin', 'plate', 'request', 'command', 'mode', 'none'] as const
export type PassageRight = (typeof PASSAGE_RIGHTS)[number]
export const DIRECTIONS = ['in', 'out', 'unknown'] as const
export type PassageDirection = (typeof DIRECTIONS)[number]

/** `reset` takes back the first two; the others end when their cause ends. */
export const GATE_FAULTS = [
  'motion-timeout',
  'sensor-failed',
  'sensor-stuck',
  'limits-contradict',
  'sensor-unknown',
  'position-unknown',
] as const
export type GateFault = (typeof GATE_FAULTS)[number]

/** Why a gate refuses or fails a command; beside the codes of the contract itself (`COMMAND_EXPIRED`). */
export const GATE_CODES = {
  GATE_SAFETY_OCCUPIED: 'something is, or a moment ago was, in the way: the gate does not close',
  GATE_SAFETY_UNKNOWN: 'a safety input is failed, unread or stale, which counts as occupied',
  GATE_POSITION_UNKNOWN: 'the limit switches do not say where the gate is',
  GATE_EVACUATING: 'an evacuation is on: only set-mode with endevacuation ends it',
  GATE_LOCKED_DOWN: 'the door is in lockdown: set another mode first',
  GATE_MODE_FORBIDS: 'the mode that holds does not allow this',
  GATE_MODE_UNKNOWN: 'this kind of gate has no such mode',
  GATE_FAULT: 'a fault stands: look at the gate, then reset it',
  GATE_MOTION_TIMEOUT: 'the limit was not reached in time',
  GATE_SUPERSEDED: 'a later command or an evacuation took its place',
  GATE_OFFLINE: 'the inputs and outputs of the gate cannot be reached',
} as const
export type GateCode = keyof typeof GATE_CODES

const Milliseconds = Type.Integer({ minimum: 0, description: 'ms' })
const Name = (description: string) => Type.String({ pattern: '^[a-z0-9-]{1,40}$', description })
const Direction = Type.Enum([...DIRECTIONS], { description: 'into the estate or out of it' })
const Credential = Type.Optional(
  Type.String({ maxLength: 80, description: 'reference to the credential (a keyed hash), never its number or a name' }),
)
const Actor = Type.Optional(Type.String({ maxLength: 120, description: 'kind:id of who asked' }))
const Mode = Type.Enum([...GATE_MODES])

export const accessGateEvents = {
  passage: Type.Object({
    direction: Direction,
    granted: Type.Boolean({ description: 'false: without any right, and counted as such' }),
    by: Type.Enum([...PASSAGE_RIGHTS]),
    credential: Credential,
  }),
  denied: Type.Object({ direction: Direction, reason: Name('why, in kebab-case'), credential: Credential }),
  passback: Type.Object(
    { direction: Direction, credential: Credential },
    { description: 'soft anti-passback: let through, although it was inside (or outside) already' },
  ),
  unused: Type.Object(
    { direction: Direction, by: Type.Enum([...PASSAGE_RIGHTS]), credential: Credential },
    { description: 'the way was opened for somebody who did not come' },
  ),
  forced: Type.Object({
    atstart: Type.Boolean({ description: 'found so when the driver started or the board came back' }),
  }),
  'forced-cleared': Type.Object({ lasted_ms: Milliseconds }),
  'held-open-warning': Type.Object({ open_ms: Milliseconds }),
  'held-open': Type.Object({ open_ms: Milliseconds }),
  'held-open-cleared': Type.Object({ open_ms: Milliseconds }),
  duress: Type.Object({ direction: Direction, credential: Credential }),
  tamper: Type.Object({ part: Name('e.g. reader-in, enclosure, contact'), reason: Name('why, in kebab-case') }),
  'tamper-cleared': Type.Object({ part: Name('as in tamper'), lasted_ms: Milliseconds }),
  'mode-changed': Type.Object({ mode: Mode, previous: Mode, by: Type.Enum([...MODE_SOURCES]), actor: Actor }),
  reversed: Type.Object({ part: Name('the safety input that stopped the closing') }),
  tailgating: Type.Object({ direction: Direction }, { description: 'a vehicle passed on the right of another' }),
  fault: Type.Object({ fault: Type.Enum([...GATE_FAULTS]), part: Name('the input or motion concerned') }),
  'fault-cleared': Type.Object({
    fault: Type.Enum([...GATE_FAULTS]),
    part: Name('as in fault'),
    lasted_ms: Milliseconds,
  }),
} as const

const Count = Type.Integer({ minimum: 0 })

export const AccessGateState = Type.Object({
  kind: Type.Enum([...GATE_KINDS]),
  mode: Mode,
  modeby: Type.Enum([...MODE_SOURCES]),
  modeuntil: Type.Optional(instant('when a mode set by command gives way to the schedule again')),
  position: Type.Enum([...POSITIONS], { description: 'what the limits or the contact prove; unknown otherwise' }),
  held: Type.Boolean({ description: 'told to stay open' }),
  helduntil: Type.Optional(instant('until then; absent: until told otherwise')),
  alarm: Type.Enum(['none', 'forced', 'held-open-warning', 'held-open']),
  lock: Type.Optional(Type.Enum(['locked', 'unlocked', 'unknown'])),
  safety: Type.Optional(Type.Enum(['clear', 'occupied', 'unknown'])),
  direction: Type.Optional(Type.Enum(['in', 'out'])),
  waiting: Type.Optional(Type.Integer({ minimum: 0, description: 'vehicles in front of the boom' })),
  vehicles: Type.Optional(Type.Object({ in: Count, out: Count, withoutright: Count })),
  faults: Type.Array(Type.Enum([...GATE_FAULTS])),
  tamper: Type.Array(Name('part')),
})
export type AccessGateState = Static<typeof AccessGateState>

const empty = Type.Object({}, { additionalProperties: false })
/** A day: whatever is meant to last longer is a schedule. */
const For = Type.Optional(Type.Integer({ minimum: 1000, maximum: 86_400_000, description: 'ms' }))

export const accessGateCommands = {
  open: Type.Object(
    { direction: Type.Optional(Type.Enum(['in', 'out'])) },
    { additionalProperties: false, description: 'once, for one passage' },
  ),
  close: empty,
  'hold-open': Type.Object({ for_ms: For }, { additionalProperties: false }),
  lock: empty,
  unlock: empty,
  'set-mode': Type.Object(
    {
      mode: Type.Enum([...GATE_MODES, 'schedule']),
      for_ms: For,
      endevacuation: Type.Optional(Type.Boolean({ description: 'must be true to leave evacuate' })),
    },
    { additionalProperties: false },
  ),
  'release-all': empty,
  reset: empty,
} as const

export type SetModeArgs = Static<(typeof accessGateCommands)['set-mode']>
