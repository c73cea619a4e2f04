import { createHash, verify, X509Certificate } from 'node:crypto'
import { canonical } from '../audit/canonical.ts'
import { decodeJson } from '../contract/decode.ts'
import { type Decoded, LinliError, reasonOf } from '../contract/errors.ts'
import { Instant, TIME_QUALITIES } from '../contract/event.ts'
import { DEVICE_KINDS } from '../contract/kinds.ts'
import { Place } from '../contract/meta.ts'
import { checker } from '../contract/schema.ts'
import { Segment } from '../contract/topic.ts'
import { type Static, Type } from '../contract/type.ts'

/**
 * The acceptance record of a site: what was tried at each device, and what was measured. Its canonical form (RFC 8785) is signed
 * by the site's own authority.
 */

export const OUTCOMES = ['pass', 'fail', 'skip'] as const
export type Outcome = (typeof OUTCOMES)[number]

const strict = { additionalProperties: false } as const
const Milliseconds = Type.Integer({ description: 'ms' })
const Text = (maxLength: number) => Type.String({ maxLength })

/** Only what was really measured is there. */
const Measured = Type.Object(
  {
    /** From the edge at the pin to the hub's disk, the difference between the two clocks taken out, and how exact that is. */
    edgeToHub_ms: Type.Optional(Milliseconds),
    edgeToHub_uncertainty_ms: Type.Optional(Milliseconds),
    /** From the hub's disk to the acknowledgement of each upstream. */
    upstream_ms: Type.Optional(Type.Record(Type.String(), Milliseconds)),
    /** From the command at the hub to its final result. */
    command_ms: Type.Optional(Milliseconds),
    held_ms: Type.Optional(Milliseconds),
    quantity: Type.Optional(Text(40)),
    unit: Type.Optional(Text(20)),
    before: Type.Optional(Type.Number()),
    after: Type.Optional(Type.Number()),
  },
  strict,
)
export type Measured = Static<typeof Measured>

const Check = Type.Object(
  {
    check: Segment,
    outcome: Type.Enum([...OUTCOMES]),
    at: Instant,
    /** Why not passed: a code of the contract or of `linli commission`. */
    reason: Type.Optional(Text(80)),
    measured: Type.Optional(Measured),
  },
  strict,
)
export type Check = Static<typeof Check>

export const DeviceOutcome = Type.Object(
  {
    gateway: Segment,
    device: Segment,
    kind: Type.Enum(Object.keys(DEVICE_KINDS) as Array<keyof typeof DEVICE_KINDS>),
    place: Place,
    outcome: Type.Enum(['pass', 'fail', 'skip', 'open'], { description: 'open: not tried' }),
    at: Type.Optional(Instant),
    tries: Type.Integer({ minimum: 0, description: 'how often it was gone through' }),
    note: Type.Optional(Text(400)),
    model: Type.Optional(Text(80)),
    driver: Type.Optional(Text(130)),
    checks: Type.Array(Check, { maxItems: 20 }),
  },
  strict,
)
export type DeviceOutcome = Static<typeof DeviceOutcome>

/** What the installer brings; the hub adds what it knows better. */
const brought = {
  by: Type.String({ minLength: 1, maxLength: 80 }),
  startedat: Instant,
  devices: Type.Array(DeviceOutcome, { maxItems: 20_000 }),
}
export const Brought = Type.Object(brought, strict)
export type Brought = Static<typeof Brought>

const AcceptanceRecord = Type.Object(
  {
    type: Type.Literal('linli-acceptance-record'),
    version: Type.Literal(1),
    site: Type.String(),
    hub: Type.Object({ name: Segment, version: Text(40) }, strict),
    gateways: Type.Array(Type.Object({ gateway: Segment, version: Type.Optional(Text(80)) }, strict)),
    upstreams: Type.Array(Segment),
    signedat: Instant,
    timequality: Type.Enum([...TIME_QUALITIES]),
    ...brought,
  },
  strict,
)
export type AcceptanceRecord = Static<typeof AcceptanceRecord>

export interface SignedRecord {
  record: AcceptanceRecord
  /** ECDSA P-256 with SHA-256 over the canonical form, DER, base64: as openssl takes it. */
  signature: string
  /** Of the site's authority, PEM. */
  certificate: string
}

const checkRecord = checker(AcceptanceRecord, 'RECORD_INVALID')
const checkSigned = checker(
  Type.Object({ record: Type.Unknown(), signature: Text(200), certificate: Text(8_000) }, strict),
  'RECORD_INVALID',
)
export const checkBrought = checker(Brought, 'RECORD_INVALID')

/** What is signed, byte for byte. */
export function recordText(record: AcceptanceRecord): string {
  return canonical(record)
}

/** SHA-256 of what is signed, hex: printed on the paper, so that paper and file are known to belong together. */
export function recordHash(record: AcceptanceRecord): string {
  return createHash('sha256').update(recordText(record)).digest('hex')
}

/** Each part on a line of its own, so that `sed -n 2p` gives what was signed to tools that are not ours. */
export function formatSigned({ record, signature, certificate }: SignedRecord): string {
  return [
    '{"record":',
    recordText(record),
    ',"signature":',
    JSON.stringify(signature),
    ',"certificate":',
    JSON.stringify(certificate),
    '}\n',
  ].join('\n')
}

/** The error says what does not hold. Whether the authority is the site's own is for whoever knows its fingerprint to say. */
export function readSigned(bytes: Uint8Array): Decoded<SignedRecord> {
  const json = decodeJson(bytes)
  if (!json.ok) return json
  const signed = checkSigned(json.value)
  if (!signed.ok) return signed
  const record = checkRecord(signed.value.record)
  if (!record.ok) return record
  const { signature, certificate } = signed.value
  const why = unsigned(recordText(record.value), signature, certificate)
  if (why !== undefined) return { ok: false, error: new LinliError('RECORD_FORGED', why, { kind: 'fault' }) }
  return { ok: true, value: { record: record.value, signature, certificate } }
}

function unsigned(text: string, signature: string, certificate: string): string | undefined {
  try {
    const { publicKey } = new X509Certificate(certificate)
    const isSigned = verify('sha256', Buffer.from(text, 'utf8'), publicKey, Buffer.from(signature, 'base64'))
    return isSigned ? undefined : 'the signature does not fit: the record was changed, or is not of this authority'
  } catch (error) {
    return `the signature cannot be checked: ${reasonOf(error)}`
  }
}
