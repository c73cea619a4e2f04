import { createHash, randomBytes } from 'node:crypto'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import type { People, PersonEntry } from './people.ts'

/**
 * Who is logged in. A session is a random token in a browser's cookie; what is kept of it, on disk too, is its hash. It counts
 * while the person has the epoch that they had at the login, so that a new secret, another role or a removal ends all of
 * theirs, whoever changed it and whether this hub ran or not.
 */
export interface Sessions {
  /** A new one for somebody who has just proven their secret. Resolves when it is on disk. */
  open(name: string, entry: PersonEntry): Promise<string>
  /** Who has this token, and that they are still there. */
  find(token: string): { name: string; entry: PersonEntry } | undefined
  /** Resolves when it is on disk. */
  end(token: string): Promise<void>
  /** Calls `close` once when the session ends, for what lasts longer than a request. Returns what gives that up. */
  whenEnded(token: string, close: () => void): () => void
  close(): Promise<void>
}

/** Longer than a shift. */
export const IDLE_MS = 12 * 3_600_000
export const LIFE_MS = 7 * 24 * 3_600_000
export const PER_PERSON_MAX = 20
const SWEEP_MS = 60_000
/** What use alone changes on disk: this late at most. */
const SEEN_EVERY_MS = 10 * 60_000

const Session = Type.Object({
  person: Type.String(),
  epoch: Type.String(),
  opened_ms: Type.Number(),
  seen_ms: Type.Number(),
})
type Session = Static<typeof Session>
const Data = Type.Object({ version: Type.Literal(1), sessions: Type.Record(Type.String(), Session) })
export type SessionsData = Static<typeof Data>
const checkData = checker(Data)

export interface SessionsDeps {
  people: Pick<People, 'get' | 'onChange'>
  file: { read(): Promise<unknown>; write(data: SessionsData): Promise<void> }
  now_ms: () => number
  onError: (error: unknown) => void
}

export async function openSessions({ people, file, now_ms, onError }: SessionsDeps): Promise<Sessions> {
  // What cannot be read is nobody's session: everybody logs in again.
  const read = checkData(await file.read())
  const sessions = new Map(read.ok ? Object.entries(read.value.sessions) : [])
  const closers = new Map<string, Set<() => void>>()
  let writing: Promise<void> = Promise.resolve()
  let written_ms = now_ms()

  function save(): Promise<void> {
    written_ms = now_ms()
    const written = writing.then(() => file.write({ version: 1, sessions: Object.fromEntries(sessions) }))
    writing = written.catch(onError)
    return written
  }

  function counts({ person, epoch, opened_ms, seen_ms }: Session): boolean {
    const now = now_ms()
    return people.get(person)?.epoch === epoch && now - seen_ms < IDLE_MS && now - opened_ms < LIFE_MS
  }

  function drop(key: string): void {
    sessions.delete(key)
    const those = closers.get(key)
    closers.delete(key)
    for (const close of those ?? []) close()
  }

  /** @returns whether something went */
  function sweep(): boolean {
    const ended = [...sessions].filter(([, session]) => !counts(session))
    for (const [key] of ended) drop(key)
    return ended.length > 0
  }

  function sweepAndSave(): void {
    if (sweep() || now_ms() - written_ms >= SEEN_EVERY_MS) save().catch(() => undefined)
  }

  people.onChange(sweepAndSave)
  sweep()
  const timer = setInterval(sweepAndSave, SWEEP_MS)

  return {
    async open(name, { epoch }) {
      const token = randomBytes(32).toString('base64url')
      const own = [...sessions].filter(([, { person }]) => person === name)
      for (const [key] of own.slice(0, Math.max(0, own.length - PER_PERSON_MAX + 1))) drop(key)
      sessions.set(keyOf(token), { person: name, epoch, opened_ms: now_ms(), seen_ms: now_ms() })
      await save()
      return token
    },
    find(token) {
      const key = keyOf(token)
      const session = sessions.get(key)
      if (!session) return undefined
      const entry = people.get(session.person)
      if (!entry || !counts(session)) {
        drop(key)
        return undefined
      }
      session.seen_ms = now_ms()
      return { name: session.person, entry }
    },
    async end(token) {
      const key = keyOf(token)
      if (!sessions.has(key)) return
      drop(key)
      await save()
    },
    whenEnded(token, close) {
      const key = keyOf(token)
      if (!sessions.has(key)) {
        close()
        return () => undefined
      }
      const those = closers.get(key) ?? new Set()
      closers.set(key, those.add(close))
      return () => {
        those.delete(close)
        if (those.size === 0) closers.delete(key)
      }
    },
    async close() {
      clearInterval(timer)
      for (const key of [...closers.keys()]) {
        for (const close of closers.get(key) ?? []) close()
        closers.delete(key)
      }
      await save().catch(() => undefined)
    },
  }
}

function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}
