import type { Audit } from '../audit/audit.ts'
import { LinliError } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import { Contact, LANGUAGES, NAME_PATTERN, newEpoch, type People, unknownPerson } from './people.ts'
import { ROLES } from './roles.ts'

/** What `linli user` asks: of a hub that runs at its counter, of one that stands still directly. Secrets come hashed. */

const Name = Type.String({ pattern: NAME_PATTERN, description: 'a name: 1–40 letters, digits, . _ -' })
const Secret = Type.String({ pattern: '^scrypt\\$', maxLength: 300 })
const of = <T extends string>(type: T) => Type.Literal(type)
const requests = {
  'person-add': Type.Object({
    type: of('person-add'),
    name: Name,
    role: Type.Enum([...ROLES]),
    language: Type.Enum([...LANGUAGES]),
    contact: Type.Optional(Contact),
    secret: Secret,
    mustChange: Type.Boolean(),
  }),
  'person-secret': Type.Object({ type: of('person-secret'), name: Name, secret: Secret, mustChange: Type.Boolean() }),
  'person-role': Type.Object({ type: of('person-role'), name: Name, role: Type.Enum([...ROLES]) }),
  'person-remove': Type.Object({ type: of('person-remove'), name: Name }),
  'person-unlock': Type.Object({ type: of('person-unlock'), name: Name }),
  'person-list': Type.Object({ type: of('person-list') }),
} as const
export type PersonRequest = { [T in keyof typeof requests]: Static<(typeof requests)[T]> }[keyof typeof requests]

export interface ListedPerson {
  name: string
  role: (typeof ROLES)[number]
  language: (typeof LANGUAGES)[number]
  contact?: string
  mustChange: boolean
}
export type PersonAnswer = { type: 'person-changed' } | { type: 'people'; people: ListedPerson[] }

const checkers = new Map(Object.entries(requests).map(([type, schema]) => [type, checker(schema, 'PERSON_INVALID')]))

/** Undefined: the request is about something else. @throws {LinliError} PERSON_INVALID */
export function personRequest(value: unknown): PersonRequest | undefined {
  const check = checkers.get(String((value as { type?: unknown } | null)?.type))
  if (!check) return undefined
  const checked = check(value)
  if (!checked.ok) throw checked.error
  return checked.value as PersonRequest
}

export interface PeopleDoor {
  people: People
  audit: Pick<Audit, 'record'>
  unlock?: (name: string) => void
}

/** Resolves when it is on disk, with a line in the audit log before and one about how it went. */
export async function atPeople(door: PeopleDoor, request: PersonRequest): Promise<PersonAnswer> {
  if (request.type === 'person-list') return { type: 'people', people: listOf(door.people) }
  const entry = {
    kind: 'access',
    action: request.type,
    actor: 'installer:linli-user',
    source: 'command-line',
    target: `person:${request.name}`,
    ...('role' in request ? { detail: { role: request.role } } : {}),
  } as const
  await door.audit.record({ ...entry, outcome: 'asked' })
  try {
    await change(door, request)
    await door.audit.record({ ...entry, outcome: 'succeeded' })
  } catch (error) {
    const code = error instanceof LinliError ? error.code : 'PEOPLE_IO'
    await door.audit.record({ ...entry, outcome: 'failed', code })
    throw error
  }
  return { type: 'person-changed' }
}

async function change(
  { people, unlock }: PeopleDoor,
  request: Exclude<PersonRequest, { type: 'person-list' }>,
): Promise<void> {
  const { name } = request
  const before = people.get(name)
  if (request.type === 'person-add') {
    if (before)
      throw new LinliError('PERSON_KNOWN', `${name} is there already: linli user passwd, or linli user role`, {
        kind: 'caller',
      })
    const { type: _type, name: _name, mustChange, ...entry } = request
    return people.put(name, { ...entry, epoch: newEpoch(), ...(mustChange ? { mustChange } : {}) })
  }
  if (!before) throw unknownPerson(name)
  const { mustChange: _before, ...kept } = before
  switch (request.type) {
    case 'person-secret': {
      const { secret, mustChange } = request
      await people.put(name, { ...kept, secret, epoch: newEpoch(), ...(mustChange ? { mustChange } : {}) })
      // Whoever forgot it has tried.
      return unlock?.(name)
    }
    case 'person-role':
      return people.put(name, { ...before, role: request.role, epoch: newEpoch() })
    case 'person-remove':
      return people.remove(name)
    case 'person-unlock':
      return unlock?.(name)
  }
}

function listOf(people: People): ListedPerson[] {
  return people.all().map(([name, { role, language, contact, mustChange }]) => ({
    name,
    role,
    language,
    ...(contact === undefined ? {} : { contact }),
    mustChange: mustChange === true,
  }))
}
