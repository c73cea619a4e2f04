import { createHmac, hash } from 'node:crypto'
import { type Decoded, LinliError, refuse } from './errors.ts'
import { checker } from './schema.ts'
import { Segment } from './topic.ts'
import { type Static, type TSchema, Type } from './type.ts'

/**
 * Who may pass, as the hub tells its gateways: snapshots in numbered parts, and the changes between two versions. A
 * credential is a keyed hash and rights; there is no number, no plate, no name in it. Here too is what gets hashed,
 * because hub and gateway must come to the same bytes.
 */

/** Why a gateway did not take an update, or what is wrong with its copy. */
export const CREDENTIAL_CODES = {
  CREDENTIALS_GAP: 'the changes do not begin at what the gateway has: it needs a snapshot',
  CREDENTIALS_DIGEST: 'what came is not what the digest says: it needs a snapshot',
  CREDENTIALS_STALE: 'older than what the gateway has',
  CREDENTIALS_KEY: 'hashed with a site key that the gateway does not have',
  CREDENTIALS_LIMIT: 'more credentials, lists of gates or schedules than a gateway holds',
  CREDENTIALS_BUSY: 'too many updates are waiting',
  CREDENTIALS_DAMAGED: 'a file was damaged: the last good one is in use',
  CREDENTIALS_IO: 'the disk failed: what came holds until the next restart',
} as const
export type CredentialCode = keyof typeof CREDENTIAL_CODES

export const CREDENTIAL_KINDS = ['card', 'pin', 'plate'] as const
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number]
export const CREDENTIAL_CLASSES = ['resident', 'visitor', 'staff', 'emergency'] as const
export const ANTIPASSBACK = ['none', 'soft', 'hard'] as const

/** Of one gateway. */
export const CREDENTIALS_MAX = 100_000
/** Bytes of one update: the command that carries it (at most 3 KiB more) must fit into PAYLOAD_BYTES_MAX of decode.ts. */
export const PART_BYTES_MAX = 60 * 1024
/** HMAC-SHA-256 cut to 128 bits (NIST SP 800-107r1 §5.3.3): among 100,000 credentials two the same in 10^28 sites. */
const HASH_BYTES = 16

const KeyedHash = Type.String({
  pattern: '^[A-Za-z0-9_-]{21}[AQgw]$',
  description: 'the first 16 bytes of an HMAC-SHA-256 with the key of the site, base64url',
})
/** In the range of 32 bits with room at both ends. */
const Second = (description: string) => Type.Integer({ minimum: 1, maximum: 4_294_967_294, description })

/** A field that an older gateway does not know could be a restriction: it is refused, never ignored. */
const closed = { additionalProperties: false }

export const Credential = Type.Object(
  {
    id: KeyedHash,
    kind: Type.Enum([...CREDENTIAL_KINDS]),
    class: Type.Enum([...CREDENTIAL_CLASSES]),
    gates: Type.Array(Type.String({ pattern: '^([a-z0-9-]{1,40}|\\*)$' }), {
      minItems: 1,
      maxItems: 64,
      description: 'device ids of access gates; * for all',
    }),
    from_s: Type.Optional(Second('valid from then, Unix time')),
    until_s: Type.Optional(Second('valid until before then, Unix time')),
    schedule: Type.Optional(Segment),
    antipassback: Type.Enum([...ANTIPASSBACK]),
    limits: Type.Optional(
      Type.Object(
        {
          uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535, description: 'times to come in' })),
          for_s: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_622_400, description: 's after the first use' })),
        },
        closed,
      ),
    ),
    pin: Type.Optional(KeyedHash),
    duresspin: Type.Optional(KeyedHash),
    duress: Type.Optional(Type.Boolean({ description: 'this PIN says: I am being forced' })),
  },
  closed,
)
export type Credential = Static<typeof Credential>

const Digest = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'of all credentials together, see SetDigest' })
const Version = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Epoch = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'begins anew when the hub has lost its history; versions of different epochs do not compare',
})
const KeyId = Type.String({ pattern: '^[0-9a-f]{8}$', description: 'which site key the hashes were made with' })
/** The smallest credential has about 100 bytes. */
const ITEMS_MAX = 1000

export const SnapshotPart = Type.Object(
  {
    type: Type.Literal('snapshot'),
    key: KeyId,
    epoch: Epoch,
    version: Version,
    digest: Digest,
    count: Type.Integer({ minimum: 0, maximum: CREDENTIALS_MAX, description: 'credentials of the whole snapshot' }),
    part: Type.Integer({ minimum: 1, maximum: 10_000 }),
    parts: Type.Integer({ minimum: 1, maximum: 10_000 }),
    put: Type.Array(Credential, { maxItems: ITEMS_MAX }),
  },
  closed,
)
export type SnapshotPart = Static<typeof SnapshotPart>

export const CredentialsDelta = Type.Object(
  {
    type: Type.Literal('delta'),
    key: KeyId,
    epoch: Epoch,
    from: Version,
    fromdigest: Digest,
    version: Version,
    digest: Digest,
    put: Type.Array(Credential, { maxItems: ITEMS_MAX }),
    gone: Type.Array(KeyedHash, { maxItems: 2 * ITEMS_MAX }),
  },
  closed,
)
export type CredentialsDelta = Static<typeof CredentialsDelta>
export type CredentialsUpdate = SnapshotPart | CredentialsDelta

/** What a gateway has, and so what it needs. */
export const CredentialsHave = Type.Object(
  {
    key: KeyId,
    epoch: Epoch,
    version: Version,
    digest: Digest,
    need: Type.Enum(['changes', 'snapshot']),
    code: Type.Optional(Type.Enum(Object.keys(CREDENTIAL_CODES) as CredentialCode[])),
  },
  closed,
)
export type CredentialsHave = Static<typeof CredentialsHave>

const checks = { snapshot: checker(SnapshotPart), delta: checker(CredentialsDelta) }
const checkCredential = checker(Credential)
export const checkHave = checker(CredentialsHave)

/** A value from outside → an update, its credentials in normal form. Never throws. */
export function checkUpdate(value: unknown): Decoded<CredentialsUpdate> {
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined
  if (type !== 'snapshot' && type !== 'delta')
    return refuse('SCHEMA_VIOLATION', '/type is neither "snapshot" nor "delta"', '/type')
  const checked: Decoded<CredentialsUpdate> = checks[type](value)
  if (!checked.ok) return checked
  const update = checked.value
  const named = new Set<string>(update.type === 'delta' ? update.gone : [])
  if (update.type === 'snapshot' && update.part > update.parts)
    return refuse('SCHEMA_VIOLATION', `/part is ${update.part} of ${update.parts}`, '/part')
  const put: Credential[] = []
  for (const [at, credential] of update.put.entries()) {
    const wrong = contradiction(credential)
    if (wrong) return refuse('SCHEMA_VIOLATION', wrong.message, `/put/${at}${wrong.path}`)
    if (named.has(credential.id))
      return refuse('SCHEMA_VIOLATION', `/put/${at}/id is named twice in one message`, `/put/${at}/id`)
    named.add(credential.id)
    put.push(normalForm(credential))
  }
  return { ok: true, value: { ...update, put } }
}

/** One credential, checked and in normal form. */
export function decodeCredential(value: unknown): Decoded<Credential> {
  const checked = checkCredential(value)
  if (!checked.ok) return checked
  const wrong = contradiction(checked.value)
  return wrong ? refuse('SCHEMA_VIOLATION', wrong.message, wrong.path) : { ok: true, value: normalForm(checked.value) }
}

/** What a schema cannot say. */
function contradiction(credential: Credential): { path: string; message: string } | undefined {
  const { kind, from_s, until_s, pin, duresspin, duress } = credential
  if (from_s !== undefined && until_s !== undefined && from_s >= until_s)
    return { path: '/until_s', message: 'until_s is not after from_s' }
  if (kind !== 'card' && (pin ?? duresspin) !== undefined)
    return { path: pin === undefined ? '/duresspin' : '/pin', message: 'only a card has a PIN beside it' }
  if (duresspin !== undefined && (pin === undefined || duresspin === pin))
    return { path: '/duresspin', message: 'a duress PIN stands beside another, ordinary PIN' }
  if (kind !== 'pin' && duress) return { path: '/duress', message: 'only a PIN by itself can be one of duress' }
  return undefined
}

/** Fields in one order, gates sorted and each once, nothing that says nothing: so that one credential is one text. */
export function normalForm(credential: Credential): Credential {
  const { id, kind, class: klass, gates, from_s, until_s, schedule, antipassback, limits, pin, duresspin } = credential
  const { uses, for_s } = limits ?? {}
  return {
    id,
    kind,
    class: klass,
    gates: gates.includes('*') ? ['*'] : [...new Set(gates)].sort(),
    ...(from_s === undefined ? {} : { from_s }),
    ...(until_s === undefined ? {} : { until_s }),
    ...(schedule === undefined ? {} : { schedule }),
    antipassback,
    ...(uses === undefined && for_s === undefined
      ? {}
      : { limits: { ...(uses === undefined ? {} : { uses }), ...(for_s === undefined ? {} : { for_s }) } }),
    ...(pin === undefined ? {} : { pin }),
    ...(duresspin === undefined ? {} : { duresspin }),
    ...(credential.duress ? { duress: true } : {}),
  }
}

/** The text of a credential in normal form: what is digested, kept and sent. */
export function textOf(credential: Credential): string {
  return JSON.stringify(credential)
}

/**
 * The digest of a set of texts: the SHA-256 of each, combined by exclusive or, so that a change costs one text and not
 * fifty thousand, and order does not matter. It finds loss, damage and confusion. It is no defence against somebody who
 * may write the set; the connection's login is.
 */
export class SetDigest {
  readonly #bytes: Uint8Array

  constructor(hex = '') {
    this.#bytes = new Uint8Array(32)
    this.#bytes.set(Buffer.from(hex, 'hex').subarray(0, 32))
  }

  /** Adds a text that is not in the set, removes one that is. */
  toggle(text: string): void {
    const digest = hash('sha256', text, 'buffer')
    for (let at = 0; at < digest.length; at++) this.#bytes[at] = (this.#bytes[at] ?? 0) ^ (digest[at] ?? 0)
  }

  get hex(): string {
    return Buffer.from(this.#bytes).toString('hex')
  }
}

/** @throws {LinliError} CREDENTIALS_KEY: a key shorter than the hash it keys is guessed sooner than a card */
function keyed(siteKey: Uint8Array, label: string, text: string): Buffer {
  if (siteKey.length < 32)
    throw new LinliError('CREDENTIALS_KEY', 'a site key has at least 32 bytes (RFC 2104 §3)', { kind: 'caller' })
  return createHmac('sha256', siteKey).update(`linli-credential-1\0${label}\0${text}`).digest()
}

/** Tells site keys apart without giving them away. */
export function keyId(siteKey: Uint8Array): string {
  return keyed(siteKey, 'key-id', '').subarray(0, 4).toString('hex')
}

/**
 * The id of a credential.
 * @param text of a card its reference (`h10301:17:5123`), of a PIN its digits, of a plate its normal form
 */
export function credentialId(siteKey: Uint8Array, kind: CredentialKind, text: string): string {
  return keyed(siteKey, kind, text).subarray(0, HASH_BYTES).toString('base64url')
}

/** The hash of the PIN beside a card. The card is in it: two holders of the same PIN cannot be told from the hashes. */
export function cardPinHash(siteKey: Uint8Array, cardId: string, pin: string): string {
  return keyed(siteKey, 'card-pin', `${cardId}\0${pin}`).subarray(0, HASH_BYTES).toString('base64url')
}

/** Updates come to a gateway as commands: argument schemas by name. */
export const credentialCommands = {
  'credentials-part': SnapshotPart,
  'credentials-delta': CredentialsDelta,
} as const satisfies Record<string, TSchema>

export const PLATE_KINDS = ['ordinary', 'new-energy', 'embassy', 'police', 'other'] as const
export interface Plate {
  /** In normal form: what is hashed. */
  text: string
  kind: (typeof PLATE_KINDS)[number]
}

const PROVINCE = '京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼'
/** Serial numbers have neither I nor O (GA 36-2018): who reads one has read 1 or 0. */
const SERIAL = 'A-HJ-NP-Z0-9'
const PLATES: ReadonlyArray<[Plate['kind'], RegExp]> = [
  // Small cars: a letter first, then a letter or digit, then digits; large ones: the letter last (GA 36-2018 §5).
  ['new-energy', new RegExp(`^[${PROVINCE}][A-HJ-Z]([A-HJK][${SERIAL}][0-9]{4}|[0-9]{5}[A-HJK])$`)],
  // The letter of the city may be O: plates of public security organs once were.
  ['ordinary', new RegExp(`^[${PROVINCE}][A-Z][${SERIAL}]{4}[${SERIAL}学警港澳挂领试超]$`)],
  ['embassy', /^使[0-9]{6}$/],
  ['police', new RegExp(`^WJ[${PROVINCE}]?[0-9]{4}[0-9A-Z]$`)],
  ['other', /^[A-Z0-9]{4,10}$/],
]

/** A plate as a camera or a clerk wrote it → its normal form; undefined when it cannot be a plate. */
export function normalPlate(written: string): Plate | undefined {
  if (written.length > 40) return undefined
  const clean = written
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s·•・‧.\-_—–]/gu, '')
  const text = new RegExp(`^[${PROVINCE}]`).test(clean)
    ? clean.slice(0, 2) + clean.slice(2).replaceAll('I', '1').replaceAll('O', '0')
    : clean
  const kind = PLATES.find(([, pattern]) => pattern.test(text))?.[0]
  return kind === undefined ? undefined : { text, kind }
}
