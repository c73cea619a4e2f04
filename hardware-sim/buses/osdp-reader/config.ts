import { type Static, Type } from 'typebox'

export const OsdpReaderConfig = Type.Object(
  {
    kind: Type.Literal('osdp-reader'),
    id: Type.String({ pattern: '^[a-z0-9-]{1,40}$' }),
    address: Type.Integer({ minimum: 0, maximum: 0x7e }),
    /** Site key, 16 bytes in hex. Without it the reader is in install mode. */
    scbk: Type.Optional(Type.String({ pattern: '^[0-9a-fA-F]{32}$' })),
    /** Whether it takes the default key; only without a site key if not given. */
    install: Type.Optional(Type.Boolean()),
    /** Whether a card goes out only over a secure channel; with a site key if not given. */
    secure_only: Type.Optional(Type.Boolean()),
    /** From the end of a command to the start of the reply; 2 ms if not given. */
    reply_ms: Type.Optional(Type.Number({ minimum: 0, maximum: 200 })),
  },
  { additionalProperties: false },
)
export type OsdpReaderConfig = Static<typeof OsdpReaderConfig>
