import { createHash } from 'node:crypto'
import { type Decoded, LinliError } from '../contract/errors.ts'
import { Instant, TIME_QUALITIES } from '../contract/event.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import { canonical } from './canonical.ts'

/** One line of the audit log: what was done, by whom, from where, and the hash of the line before. */

export const AUDIT_KINDS = ['command', 'login', 'access', 'configuration', 'credential', 'picture', 'audit'] as const
/** `asked`: let through, and about to be done; how it ended is a line of its own. */
export const AUDIT_OUTCOMES = ['asked', 'succeeded', 'failed', 'refused', 'expired'] as const

const TEXT_CHARS_MAX = 200
const Text = Type.String({ maxLength: TEXT_CHARS_MAX })
const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' })

export const AuditRecord = Type.Object(
  {
    sequence: Type.Integer({ minimum: 1 }),
    time: Instant,
    timequality: Type.Enum([...TIME_QUALITIES]),
    kind: Type.Enum([...AUDIT_KINDS]),
    action: Text,
    /** `kind:id`. */
    actor: Text,
    source: Text,
    target: Type.Optional(Text),
    outcome: Type.Enum([...AUDIT_OUTCOMES]),
    code: Type.Optional(Text),
    detail: Type.Optional(Type.Unknown()),
    prev: Hash,
    hash: Hash,
  },
  { additionalProperties: false },
)
export type AuditRecord = Static<typeof AuditRecord>
/** What somebody has to say to the log; the rest is the log's own. */
export type AuditEntry = Omit<AuditRecord, 'sequence' | 'time' | 'timequality' | 'prev' | 'hash'>

/** A place in the chain: whoever knows it can tell that nothing before it was changed or cut off. */
export interface Head {
  sequence: number
  hash: string
}

/** What comes before the first line. */
export const ORIGIN: Head = { sequence: 0, hash: '0'.repeat(64) }

/** A longer detail is kept as its hash and its length, so that nobody can fill the log with one line. */
const DETAIL_CHARS_MAX = 2_048

const checkRecord = checker(AuditRecord)

export interface Stamp {
  time: string
  timequality: AuditRecord['timequality']
}

/** The line that follows `before`. */
export function seal(entry: AuditEntry, stamp: Stamp, before: Head): { head: Head; line: string } {
  const { target, code, detail } = entry
  const body = {
    ...stamp,
    sequence: before.sequence + 1,
    kind: entry.kind,
    action: cut(entry.action),
    actor: cut(entry.actor),
    source: cut(entry.source),
    outcome: entry.outcome,
    ...(target === undefined ? {} : { target: cut(target) }),
    ...(code === undefined ? {} : { code: cut(code) }),
    ...(detail === undefined ? {} : { detail: bounded(detail) }),
    prev: before.hash,
  }
  const hash = hashOf(body)
  return { head: { sequence: body.sequence, hash }, line: canonical({ ...body, hash }) }
}

/** A line as it was read; its own hash is not looked at. */
export function readLine(line: string): Decoded<AuditRecord> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return unreadable('it is not JSON')
  }
  const checked = checkRecord(value)
  if (!checked.ok) return unreadable(checked.error.message)
  return canonical(checked.value) === line ? checked : unreadable('it is not in its canonical form')
}

export function isIntact({ hash, ...body }: AuditRecord): boolean {
  return hashOf(body) === hash
}

function hashOf(body: object): string {
  return createHash('sha256').update(canonical(body), 'utf8').digest('hex')
}

/** Well formed as well: half of a surrogate pair would not come back from UTF-8 as it went in. */
function cut(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX).toWellFormed()
}

function bounded(detail: unknown): unknown {
  const text = canonical(detail)
  if (text.length <= DETAIL_CHARS_MAX) return JSON.parse(text.toWellFormed())
  return { chars: text.length, sha256: createHash('sha256').update(text, 'utf8').digest('hex') }
}

function unreadable(why: string): Decoded<never> {
  return { ok: false, error: new LinliError('AUDIT_LINE_UNREADABLE', why, { kind: 'fault' }) }
}
