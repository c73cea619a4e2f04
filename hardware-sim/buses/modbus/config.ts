import { type Static, Type } from 'typebox'

const strict = { additionalProperties: false }
const id = Type.String({ pattern: '^[a-z0-9-]{1,40}$' })
/** 1–247 (Modbus over serial line v1.02, §2.2). */
const unit = Type.Integer({ minimum: 1, maximum: 247 })
const address = Type.Integer({ minimum: 0, maximum: 0xffff })
/** From the end of a request to the start of the reply; as soon as the line has been silent if not given. */
const reply_ms = Type.Optional(Type.Number({ minimum: 0, maximum: 5000 }))

const block = (highest: number) =>
  Type.Object(
    {
      address,
      values: Type.Array(Type.Integer({ minimum: 0, maximum: highest }), { minItems: 1, maxItems: 2000 }),
    },
    strict,
  )
const Bits = Type.Optional(Type.Array(block(1), { maxItems: 100 }))
const Words = Type.Optional(Type.Array(block(0xffff), { maxItems: 100 }))

/** A unit with tables of its own, and nothing behind them. Coils and holding registers can be written. */
export const ModbusSlaveConfig = Type.Object(
  {
    kind: Type.Literal('modbus-slave'),
    id,
    unit,
    reply_ms,
    /** Function codes that it knows. */
    functions: Type.Optional(Type.Array(Type.Integer({ minimum: 1, maximum: 127 }), { maxItems: 20 })),
    coil: Bits,
    discrete: Bits,
    holding: Words,
    input: Words,
    /** A holding register of its own that holds the address; a write moves the unit, after its reply. */
    unit_register: Type.Optional(address),
  },
  strict,
)
export type ModbusSlaveConfig = Static<typeof ModbusSlaveConfig>

const channels = Type.Optional(Type.Integer({ minimum: 1, maximum: 64 }))

/** Relays, one coil each, from coil 0 on. */
export const RelayModuleConfig = Type.Object(
  {
    kind: Type.Literal('relay-module'),
    id,
    unit,
    reply_ms,
    /** 8 if not given. */
    channels,
    /** A holding register: when nobody has asked for its value times `unit_ms` (100), all relays let go. 0 switches that off. */
    fail_safe: Type.Optional(
      Type.Object({ register: address, unit_ms: Type.Optional(Type.Integer({ minimum: 1, maximum: 60_000 })) }, strict),
    ),
  },
  strict,
)
export type RelayModuleConfig = Static<typeof RelayModuleConfig>

/** Inputs, one discrete input each, from input 0 on: on while a contact pulls the terminal to ground. */
export const InputModuleConfig = Type.Object(
  { kind: Type.Literal('input-module'), id, unit, reply_ms, channels },
  strict,
)
export type InputModuleConfig = Static<typeof InputModuleConfig>

const CHANNELS = 8

/** How many channels a module has; 0 of anything else. */
export function channelsOf(config: { kind: string; channels?: number }): number {
  return config.kind === 'relay-module' || config.kind === 'input-module' ? (config.channels ?? CHANNELS) : 0
}
