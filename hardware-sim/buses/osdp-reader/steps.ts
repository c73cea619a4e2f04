import { Type } from 'typebox'
import { at_ms, duration_ms, id, oneOf, strict } from '../../scenario/fields.ts'

const onReader = <Name extends string>(name: Name) => Type.Object({ do: Type.Literal(name), reader: id, at_ms }, strict)

/** What can happen to a card reader. */
export const OSDP_READER_STEPS = {
  /** A card of `bits`, or one of 26 bits (H10301) with `facility` (1) and `number`. */
  card: Type.Object(
    {
      do: Type.Literal('card'),
      reader: id,
      at_ms,
      bits: Type.Optional(Type.String({ pattern: '^[01]{1,256}$' })),
      facility: Type.Optional(Type.Integer({ minimum: 0, maximum: 0xff })),
      number: Type.Optional(Type.Integer({ minimum: 0, maximum: 0xffff })),
    },
    strict,
  ),
  /** Keys, one after the other every 200 ms, or sent in one report. */
  keypad: Type.Object(
    {
      do: Type.Literal('keypad'),
      reader: id,
      at_ms,
      digits: Type.String({ pattern: '^[0-9*#]{1,16}$' }),
      together: Type.Optional(Type.Boolean()),
    },
    strict,
  ),
  /** The reader is taken off the wall (or put back, with `on` false). */
  tamper: Type.Object({ do: Type.Literal('tamper'), reader: id, at_ms, on: Type.Optional(Type.Boolean()) }, strict),
  /** Without power for `off_ms` (500): session and queue are gone, the site key is not. */
  'power-cycle': Type.Object({ do: Type.Literal('power-cycle'), reader: id, at_ms, off_ms: duration_ms }, strict),
  /** Another reader at the same address: another serial number, and the key given, or none: install mode. */
  swap: Type.Object(
    {
      do: Type.Literal('swap'),
      reader: id,
      at_ms,
      scbk: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{32}$' })),
    },
    strict,
  ),
  /** Its wire comes off, until `reconnect`. */
  disconnect: onReader('disconnect'),
  reconnect: onReader('reconnect'),
  /** The next `count` (1) commands are answered with BUSY. */
  busy: Type.Object(
    {
      do: Type.Literal('busy'),
      reader: id,
      at_ms,
      count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    },
    strict,
  ),
  /**
   * The next `count` (1) replies are cut short, replaced by an earlier one or by a plain ACK, forged in their MAC (the checksum
   * right again), not sent at all, or 500 ms late.
   */
  misreply: Type.Object(
    {
      do: Type.Literal('misreply'),
      reader: id,
      at_ms,
      how: oneOf('truncate', 'replay', 'plain', 'forge', 'silent', 'late'),
      count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
    },
    strict,
  ),
} as const
