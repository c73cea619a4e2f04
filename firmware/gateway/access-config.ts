import { type Static, Type } from 'typebox'
import { Segment } from '../../hub/contract/topic.ts'

/** Readers on RS-485 lines and the credentials that decide at them: the part of the configuration about access. */

/** OSDP's usual rates (SIA OSDP v2 §5.2). */
const BAUDS = [9600, 19_200, 38_400, 57_600, 115_200] as const

const KeyFile = Type.String({
  minLength: 1,
  maxLength: 500,
  description: 'file with one key in hex, readable by the gateway only',
})

export const ReaderConfig = Type.Object(
  {
    id: Segment,
    /** 0–126, as set on the reader. */
    address: Type.Integer({ minimum: 0, maximum: 126 }),
    gate: Segment,
    direction: Type.Enum(['in', 'out']),
    /** 16 bytes; a reader without a key file is spoken to in the clear, which cannot tell a forged card from a real one. */
    keyFile: Type.Optional(KeyFile),
  },
  { additionalProperties: false },
)
export type ReaderConfig = Static<typeof ReaderConfig>

export const ReaderBusConfig = Type.Object(
  {
    id: Segment,
    port: Type.String({ minLength: 1, maxLength: 500, description: 'prefer /dev/serial/by-id/…' }),
    baud: Type.Optional(Type.Enum([...BAUDS])),
    readers: Type.Array(ReaderConfig, { minItems: 1, maxItems: 32 }),
  },
  { additionalProperties: false },
)
export type ReaderBusConfig = Static<typeof ReaderBusConfig>

export const CredentialsConfig = Type.Object(
  {
    /** 32 bytes: the site's key, the same as the hub's. */
    keyFile: KeyFile,
  },
  { additionalProperties: false },
)
export type CredentialsConfig = Static<typeof CredentialsConfig>
