import {
  ANTIPASSBACK,
  CREDENTIAL_CLASSES,
  CREDENTIAL_KINDS,
  type Credential,
  type CredentialKind,
  cardPinHash,
  credentialId,
  decodeCredential,
  normalPlate,
} from '../../contract/credentials.ts'
import { LinliError } from '../../contract/errors.ts'

/** What somebody wrote about a credential → the credential, in which it can no longer be read. */

export interface Written {
  kind: string
  text: string
  class: string
  gates?: string
  from?: string
  until?: string
  uses?: string
  schedule?: string
  antipassback?: string
  pin?: string
  duressPin?: string
}

/** As a reader names a card: format, facility or `-`, number (firmware/drivers/access-gate/card-format.ts). */
const CARD = /^[a-z0-9-]{1,20}:(-|\d{1,20}):\d{1,20}$/
/** As many digits as keypads take; fewer than four are guessed in an evening. */
const PIN = /^\d{4,8}$/

/** @throws {LinliError} OPTION_INVALID, naming the option and what is allowed; the text itself is never repeated */
export function credentialOf(siteKey: Uint8Array, written: Written): Credential {
  const kind = oneOf('--kind', CREDENTIAL_KINDS, written.kind)
  const id = idOf(siteKey, kind, written.text)
  const { pin, duressPin } = written
  const value = {
    id,
    kind,
    class: oneOf('--class', CREDENTIAL_CLASSES, written.class),
    gates: written.gates === undefined ? ['*'] : written.gates.split(',').map((gate) => gate.trim()),
    ...optional('from_s', written.from, (text) => secondOf('--from', text)),
    ...optional('until_s', written.until, (text) => secondOf('--until', text)),
    ...optional('schedule', written.schedule, (text) => text),
    antipassback: oneOf('--antipassback', ANTIPASSBACK, written.antipassback ?? 'none'),
    ...optional('limits', written.uses, (text) => ({ uses: Number(text) })),
    ...optional('pin', pin, (text) => cardPinHash(siteKey, id, pinOf('--pin', text))),
    ...optional('duresspin', duressPin, (text) => cardPinHash(siteKey, id, pinOf('--duress-pin', text))),
  }
  const credential = decodeCredential(value)
  if (!credential.ok) throw invalid(credential.error.message)
  return credential.value
}

/** @throws {LinliError} OPTION_INVALID */
export function idOf(siteKey: Uint8Array, kind: CredentialKind, text: string): string {
  return credentialId(siteKey, kind, normalText(kind, text.trim()))
}

export function kindOf(text: string): CredentialKind {
  return oneOf('--kind', CREDENTIAL_KINDS, text)
}

function normalText(kind: CredentialKind, text: string): string {
  if (kind === 'pin') return pinOf('--text', text)
  if (kind === 'card') {
    if (CARD.test(text)) return text
    throw invalid('--text of a card is format:facility:number as its reader names it, e.g. h10301:17:5123')
  }
  const plate = normalPlate(text)
  if (plate) return plate.text
  throw invalid('--text is no number plate')
}

function pinOf(option: string, text: string): string {
  if (PIN.test(text)) return text
  throw invalid(`${option} is not a PIN: 4 to 8 digits`)
}

/** RFC 3339 with a zone: a time without one would mean another moment on another machine. */
function secondOf(option: string, text: string): number {
  const time_ms = Date.parse(text)
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/.test(text) || Number.isNaN(time_ms))
    throw invalid(`${option} is ${text}; allowed: RFC 3339 with a zone, e.g. 2027-05-01T08:00:00+08:00`)
  return Math.floor(time_ms / 1000)
}

function oneOf<T extends string>(option: string, allowed: readonly T[], text: string): T {
  const found = allowed.find((one) => one === text)
  if (found === undefined) throw invalid(`${option} is ${text}; allowed: ${allowed.join(', ')}`)
  return found
}

function optional<K extends string, V>(
  name: K,
  text: string | undefined,
  value: (text: string) => V,
): { [k in K]?: V } {
  return text === undefined || text === '' ? {} : ({ [name]: value(text) } as { [k in K]: V })
}

function invalid(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
