import { LinliError } from '../../hub/contract/errors.ts'
import { isSegment, Segment } from '../../hub/contract/topic.ts'
import { type Static, Type } from '../../hub/contract/type.ts'
import {
  type CardFormat,
  checkCardFormats,
  H10301,
  H10302,
  H10304,
  H10306,
} from '../drivers/access-gate/card-format.ts'
import { scheduleSchema } from '../drivers/access-gate/schedule-config.ts'

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
    /**
     * `secure` (the default) speaks through OSDP's secure channel only, and until the reader has a key of this site it is
     * not installed. `plain` is for readers without it, and cannot tell a forged card from a real one.
     */
    security: Type.Optional(Type.Enum(['secure', 'plain'])),
    /** 16 bytes that the reader has been given elsewhere; `reader-install` replaces it for good. */
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

const CardFormatConfig = Type.Object(
  {
    /** A built-in one, or a new one with a layout. */
    name: Segment,
    layout: Type.Optional(
      Type.String({ maxLength: 512, description: 'one of F C P . 0 1 for each bit, first bit first' }),
    ),
    parity: Type.Optional(
      Type.Array(
        Type.Object(
          {
            kind: Type.Enum(['even', 'odd']),
            mask: Type.String({ maxLength: 512, description: 'X or . for each bit' }),
          },
          { additionalProperties: false },
        ),
        { maxItems: 8 },
      ),
    ),
  },
  { additionalProperties: false },
)

const GateRules = Type.Object(
  {
    /** Gates of one area share their anti-passback; all of the estate, if not given. */
    area: Type.Optional(Segment),
    /** A plate that the camera is less sure of decides nothing. */
    plateConfidence_min: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
  },
  { additionalProperties: false },
)

export const CredentialsConfig = Type.Object(
  {
    /** 32 bytes: the site's key, the same as the hub's. */
    keyFile: KeyFile,
    /** The one before it, until the hub has told all credentials anew. */
    previousKeyFile: Type.Optional(KeyFile),
    gates: Type.Optional(Type.Record(Type.String(), GateRules)),
    /** When credentials of a schedule may come in; credentials name them. */
    schedules: Type.Optional(Type.Record(Type.String(), scheduleSchema(['open', 'shut'] as const))),
    /** What cards here look like, the likeliest first; of two that fit one card the first is believed. */
    cardFormats: Type.Optional(Type.Array(CardFormatConfig, { minItems: 1, maxItems: 16 })),
  },
  { additionalProperties: false },
)
export type CredentialsConfig = Static<typeof CredentialsConfig>

const BUILT_IN = [H10301, H10306, H10304, H10302]

/** The formats of this site's cards. Without a list of its own: 26, 34 and 37 bits. */
export function cardFormatsOf({ cardFormats }: Pick<CredentialsConfig, 'cardFormats'>): CardFormat[] {
  if (!cardFormats) return BUILT_IN
  return cardFormats.map(
    ({ name, layout, parity }) =>
      (layout === undefined ? BUILT_IN.find((one) => one.name === name) : undefined) ?? {
        name,
        layout: layout ?? '',
        parity: parity ?? [],
      },
  )
}

interface AccessPart {
  readerBuses?: ReaderBusConfig[]
  credentials?: CredentialsConfig
}

/** What no schema of one part can see about access: gates that are not there, names that are none, formats that read nothing. */
export function accessFault(
  { readerBuses = [], credentials = { keyFile: '' } }: AccessPart,
  gates: ReadonlySet<string>,
): { path: string; message: string } | undefined {
  for (const [bus, { readers }] of readerBuses.entries())
    for (const [index, { security, keyFile }] of readers.entries())
      if (security === 'plain' && keyFile !== undefined)
        return {
          path: `/readerBuses/${bus}/readers/${index}/keyFile`,
          message: 'a plain reader has no key; leave out one of security and keyFile',
        }
  const strange = Object.keys(credentials.gates ?? {}).find((gate) => !gates.has(gate))
  if (strange !== undefined)
    return {
      path: `/credentials/gates/${strange}`,
      message: `there is no gate ${strange}; gates: ${[...gates].join(', ') || 'none'}`,
    }
  const unnamed = Object.keys(credentials.schedules ?? {}).find((name) => !isSegment(name))
  if (unnamed !== undefined)
    return { path: `/credentials/schedules/${unnamed}`, message: 'a schedule has a name of 1–40 of a–z, 0–9 and -' }
  return cardFormatFault(credentials)
}

function cardFormatFault({ cardFormats = [] }: CredentialsConfig): { path: string; message: string } | undefined {
  const path = '/credentials/cardFormats'
  for (const [index, { name, layout, parity }] of cardFormats.entries()) {
    const isBuiltIn = BUILT_IN.some((one) => one.name === name)
    const names = BUILT_IN.map((one) => one.name).join(', ')
    if (layout === undefined && !isBuiltIn)
      return { path: `${path}/${index}/name`, message: `there is no built-in format ${name}; built in: ${names}` }
    if (layout === undefined && parity)
      return { path: `${path}/${index}/parity`, message: 'parity needs the layout that it belongs to' }
    if (layout !== undefined && isBuiltIn)
      return { path: `${path}/${index}/name`, message: `${name} is built in; give a format of your own another name` }
  }
  try {
    checkCardFormats(cardFormatsOf({ cardFormats }))
  } catch (error) {
    if (error instanceof LinliError) return { path: `${path}${error.path ?? ''}`, message: error.message }
    throw error
  }
  return undefined
}
