import { Type } from 'typebox'
import { at_ms, duration_ms, id, oneOf, strict } from '../../scenario/fields.ts'
import { TABLES } from './blocks.ts'
import { MISREPLIES } from './misreplies.ts'

const onSlave = <Name extends string>(name: Name) => Type.Object({ do: Type.Literal(name), slave: id, at_ms }, strict)
const unit = Type.Integer({ minimum: 1, maximum: 247 })

/** What can happen to a unit on a Modbus line. */
export const SLAVE_STEPS = {
  /** What the next `count` (1) replies are; see the README. */
  misreply: Type.Object(
    {
      do: Type.Literal('misreply'),
      slave: id,
      at_ms,
      how: oneOf(...MISREPLIES),
      count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
      late_ms: duration_ms,
      exception: Type.Optional(Type.Integer({ minimum: 1, maximum: 255 })),
      unit: Type.Optional(unit),
    },
    strict,
  ),
  /** What its registers hold from now on, where they can be written. */
  'set-registers': Type.Object(
    {
      do: Type.Literal('set-registers'),
      slave: id,
      at_ms,
      table: oneOf(...TABLES),
      address: Type.Integer({ minimum: 0, maximum: 0xffff }),
      values: Type.Array(Type.Integer({ minimum: 0, maximum: 0xffff }), { minItems: 1, maxItems: 2000 }),
    },
    strict,
  ),
  /** Another address: that of another unit, to have two on one. */
  'set-unit': Type.Object({ do: Type.Literal('set-unit'), slave: id, at_ms, unit }, strict),
  /** Without power for `off_ms` (500): relays let go. */
  'power-cycle': Type.Object({ do: Type.Literal('power-cycle'), slave: id, at_ms, off_ms: duration_ms }, strict),
  /** Its wire comes off, until `reconnect`; it keeps its power. */
  disconnect: onSlave('disconnect'),
  reconnect: onSlave('reconnect'),
} as const
