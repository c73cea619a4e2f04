import { randomBytes } from 'node:crypto'
import { LinliError } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import { ROLES } from './roles.ts'

/** Who may log in at this hub. Kept of a person: name, role, how to reach them, language, and what proves their secret. */

export const LANGUAGES = ['zh', 'en'] as const
/** Letters of any script, so that a name can be 李明; nothing that a header, a line of a log or a path could trip over. */
export const NAME_PATTERN = '^[\\p{L}\\p{N}._-]{1,40}$'
/** An estate with more staff than this is none. */
const PEOPLE_MAX = 500

export const Contact = Type.String({ maxLength: 120, pattern: '^[^\\p{Cc}]*$' })

const Entry = Type.Object(
  {
    role: Type.Enum([...ROLES]),
    /** scrypt parameters, salt and hash, see auth/secret.ts. */
    secret: Type.String({ maxLength: 300 }),
    language: Type.Enum([...LANGUAGES]),
    contact: Type.Optional(Contact),
    /** Another one with each new secret, role or person of this name: a session counts while it has the same. */
    epoch: Type.String({ minLength: 1, maxLength: 60 }),
    /** The secret was made for them: they may do nothing before they have chosen their own. */
    mustChange: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
)
export type PersonEntry = Static<typeof Entry>

const Data = Type.Object({
  version: Type.Literal(1),
  people: Type.Record(Type.String({ pattern: NAME_PATTERN }), Entry, {
    maxProperties: PEOPLE_MAX,
    additionalProperties: false,
  }),
})
export type PeopleData = Static<typeof Data>
const checkData = checker(Data, 'PEOPLE_INVALID')

/** Where people are kept between runs. */
export interface PeopleFile {
  read(): Promise<PeopleData | null>
  write(data: PeopleData): Promise<void>
}

export interface People {
  get(name: string): PersonEntry | undefined
  all(): ReadonlyArray<[name: string, entry: PersonEntry]>
  /** Holds at once; resolves when it is on disk. @throws {LinliError} PEOPLE_TOO_MANY, PEOPLE_LAST_ADMIN */
  put(name: string, entry: PersonEntry): Promise<void>
  /** @throws {LinliError} PERSON_UNKNOWN, PEOPLE_LAST_ADMIN */
  remove(name: string): Promise<void>
  /** Told of each name whose entry is another one now, or gone. */
  onChange(listener: (name: string) => void): void
}

/** @throws {LinliError} PEOPLE_INVALID, and what the file throws */
export async function openPeople(file: PeopleFile): Promise<People> {
  const read = checkData((await file.read()) ?? { version: 1, people: {} })
  if (!read.ok)
    throw new LinliError('PEOPLE_INVALID', `the people of this hub: ${read.error.message}`, { kind: 'fault' })
  const people = new Map(Object.entries(read.value.people))
  const listeners: Array<(name: string) => void> = []
  let writing: Promise<void> = Promise.resolve()

  /** One write at a time, each of what holds when its turn comes. */
  function changed(name: string): Promise<void> {
    for (const listener of listeners) listener(name)
    const written = writing.then(() => file.write({ version: 1, people: Object.fromEntries(people) }))
    writing = written.catch(() => undefined)
    return written
  }

  function keepsAdmin(name: string, next: PersonEntry | undefined): void {
    if (people.get(name)?.role !== 'admin' || next?.role === 'admin') return
    if ([...people].some(([other, { role }]) => other !== name && role === 'admin')) return
    throw caller('PEOPLE_LAST_ADMIN', `${name} is the only admin: give this role to somebody else first`)
  }

  return {
    get: (name) => people.get(name),
    all: () => [...people],
    async put(name, entry) {
      keepsAdmin(name, entry)
      if (!people.has(name) && people.size >= PEOPLE_MAX)
        throw caller('PEOPLE_TOO_MANY', `there are ${PEOPLE_MAX} people already: remove somebody first`)
      people.set(name, entry)
      await changed(name)
    },
    async remove(name) {
      if (!people.has(name)) throw unknownPerson(name)
      keepsAdmin(name, undefined)
      people.delete(name)
      await changed(name)
    },
    onChange: (listener) => {
      listeners.push(listener)
    },
  }
}

export function newEpoch(): string {
  return randomBytes(12).toString('base64url')
}

export function unknownPerson(name: string): LinliError {
  return caller('PERSON_UNKNOWN', `there is no ${name}; linli user list names everybody`)
}

function caller(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'caller' })
}
