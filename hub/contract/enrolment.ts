import { createHash } from 'node:crypto'
import { LinliError } from './errors.ts'
import { Segment } from './topic.ts'
import { type Static, Type } from './type.ts'

/**
 * What an installer carries from the hub to a gateway, as text or QR: where the hub is, the code, and the fingerprint of the
 * site's authority, so that the gateway tells the true hub from a false one before it says anything.
 *
 * `linli://enrol/{host}:{port}/{gateway}?code={code}&ca={fingerprint}`
 */
export interface Enrolment {
  host: string
  port: number
  gateway: string
  code: string
  /** SHA-256 of the authority's certificate (DER), base64url without padding. */
  fingerprint: string
}

/**
 * A gateway checks the hub's certificate for this name, whatever address it is reached under: addresses in an estate
 * come from DHCP. `.internal` is reserved for private use (ICANN resolution 2024.07.29.06).
 */
export const HUB_HOST = 'hub.linli.internal'

/** `GET`: the certificate of the site's authority, PEM. `POST`, with a code; `POST`, with the certificate to be renewed. */
export const ENROL_PATHS = { authority: '/enrol/authority', claim: '/enrol', renew: '/enrol/renew' } as const

const Csr = Type.String({ maxLength: 6_000, description: 'PKCS #10 (RFC 2986), PEM, key on the curve P-256' })
export const EnrolRequest = Type.Object(
  { code: Type.String({ maxLength: 40 }), csr: Csr },
  { additionalProperties: false },
)
export const RenewRequest = Type.Object({ csr: Csr }, { additionalProperties: false })
export const EnrolAnswer = Type.Object({
  gateway: Segment,
  certificate: Type.String({ maxLength: 8_000, description: 'PEM' }),
  authority: Type.String({ maxLength: 8_000, description: 'PEM' }),
  mqttsPort: Type.Integer({ minimum: 1, maximum: 65_535, description: 'where the hub speaks MQTT over TLS' }),
})
export type EnrolAnswer = Static<typeof EnrolAnswer>

/** Crockford's base32: no I, L, O, U, so that nothing can be misread on a printed label. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** 12 × 5 = 60 bits. */
const CODE_LENGTH = 12
const CODE_PATTERN = /^[0-9A-HJKMNP-TV-Z]{12}$/
const FINGERPRINT_PATTERN = /^[A-Za-z0-9_-]{43}$/

/** @param random one byte for each character */
export function newCode(random: (bytes: number) => Uint8Array): string {
  return [...random(CODE_LENGTH)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('')
}

/** As people read it out: in groups of four. */
export function spokenCode(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1-')
}

/** What people type: hyphens, blanks and small letters do not matter, and Crockford's look-alikes are read as meant. */
export function normalCode(typed: string): string {
  return typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
}

export function hashOfCode(code: string): string {
  return createHash('sha256').update(normalCode(code)).digest('hex')
}

export function formatEnrolment({ host, port, gateway, code, fingerprint }: Enrolment): string {
  const bracketed = host.includes(':') ? `[${host}]` : host
  return `linli://enrol/${bracketed}:${port}/${gateway}?code=${code}&ca=${fingerprint}`
}

/** @throws {LinliError} ENROL_TEXT_INVALID that says what is missing */
export function parseEnrolment(text: string): Enrolment {
  const parts = /^linli:\/\/enrol\/(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})\/([a-z0-9-]{1,40})\?(.*)$/.exec(
    text.trim(),
  )
  if (!parts) throw invalid('it has to look like linli://enrol/HOST:PORT/GATEWAY?code=…&ca=…; was it copied whole?')
  const [, host = '', portText = '', gateway = '', query = ''] = parts
  const port = Number(portText)
  const values = new URLSearchParams(query)
  const code = normalCode(values.get('code') ?? '')
  const fingerprint = values.get('ca') ?? ''
  if (port < 1 || port > 65_535) throw invalid(`port ${portText} is none`)
  if (!CODE_PATTERN.test(code)) throw invalid('code= is missing or not 12 characters')
  if (!FINGERPRINT_PATTERN.test(fingerprint)) throw invalid('ca= is missing or not a fingerprint of 43 characters')
  return { host: host.replace(/^\[|\]$/g, ''), port, gateway, code, fingerprint }
}

function invalid(why: string): LinliError {
  return new LinliError('ENROL_TEXT_INVALID', `this is not an enrolment text: ${why}`, { kind: 'caller' })
}
