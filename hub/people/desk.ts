import { isIP } from 'node:net'
import type { Audit } from '../audit/audit.ts'
import type { AuditEntry } from '../audit/chain.ts'
import { createRarely } from '../audit/rarely.ts'
import type { Verify } from '../auth/login-queue.ts'
import { hashSecret, unfittingHash } from '../auth/secret.ts'
import { LinliError } from '../contract/errors.ts'
import { newEpoch, type People, type PersonEntry, unknownPerson } from './people.ts'
import type { Role } from './roles.ts'
import { checkSecret, normalSecret } from './secret-rules.ts'
import type { Sessions } from './sessions.ts'
import type { Throttle } from './throttle.ts'
import type { Attempt } from './throttle-machine.ts'

/** Where people log in: it holds secrets, pauses, sessions and the audit log together, and knows nothing of HTTP. */
export interface PeopleDesk {
  login(attempt: LoginAttempt): Promise<LoginAnswer>
  /** Who a token belongs to. */
  find(token: string): Person | undefined
  logout(token: string, source: string): Promise<void>
  /**
   * Their own secret, with the old one. Everybody's sessions of this name end, this one too; the answer has a new one.
   * @throws {LinliError} SECRET_WEAK
   */
  changeSecret(change: LoginAttempt & { next: string }): Promise<LoginAnswer>
  /** @throws {LinliError} PERSON_UNKNOWN */
  unlock(name: string): void
  /** Somebody asked for what their role may not. */
  noteDenied(person: Pick<Person, 'name'>, route: string, address: string): void
  /** What somebody has changed, or tried to, in the flows. */
  noteEdit(person: Pick<Person, 'name'>, what: string, status: number, address: string): void
  readonly whenEnded: Sessions['whenEnded']
}

export interface LoginAttempt {
  name: string
  secret: string
  /** IP address. */
  address: string
}

export interface Person {
  name: string
  role: Role
  language: PersonEntry['language']
  mustChange: boolean
}

export type LoginAnswer =
  | { ok: true; token: string; person: Person }
  | { ok: false; code: 'LOGIN_REFUSED' }
  | { ok: false; code: 'LOGIN_PAUSED' | 'LOGIN_BUSY'; for_ms: number }

const BUSY_MS = 5_000

export interface PeopleDeskDeps {
  people: People
  sessions: Sessions
  verify: Verify
  audit: Pick<Audit, 'record' | 'note'>
  throttle: Pick<Throttle, 'step'>
}

export function createPeopleDesk(deps: PeopleDeskDeps): PeopleDesk {
  const { people, sessions, audit } = deps
  // Checked for a name that nobody has, so that it takes as long as any other.
  const nobody = unfittingHash()
  const rarely = createRarely()
  const { step } = deps.throttle

  function noteRefused(action: string, code: string, { name, address }: Attempt): void {
    // What is typed for a name may be a secret: only one that exists goes into the log.
    const actor = people.get(name) ? `person:${name}` : 'unknown:'
    const count = rarely(`${action} ${code} ${actor} ${address}`)
    if (count !== undefined)
      audit.note({ ...entryOf(action, actor, address), outcome: 'refused', code, detail: { count } })
  }

  /** The entry whose secret this is, or the answer. */
  async function prove(action: string, { name, secret, address }: LoginAttempt): Promise<PersonEntry | LoginAnswer> {
    const attempt = { name, address }
    const [pause] = step({ type: 'attempt', ...attempt })
    if (pause) {
      noteRefused(action, 'LOGIN_PAUSED', attempt)
      return { ok: false, code: 'LOGIN_PAUSED', for_ms: pause.for_ms }
    }
    const entry = people.get(name)
    let isRight = false
    try {
      isRight = await deps.verify(normalSecret(secret), entry?.secret ?? nobody)
    } catch (error) {
      step({ type: 'withdrawn', ...attempt })
      if (!(error instanceof LinliError) || error.code !== 'LOGIN_BUSY') throw error
      return { ok: false, code: 'LOGIN_BUSY', for_ms: BUSY_MS }
    }
    // Removed or changed while it was checked: not this one any more.
    if (entry && isRight && people.get(name) === entry) {
      step({ type: 'succeeded', ...attempt })
      return entry
    }
    noteRefused(action, 'LOGIN_REFUSED', attempt)
    for (const { for_ms } of step({ type: 'failed', ...attempt })) {
      const seconds = Math.ceil(for_ms / 1000)
      const actor = people.get(name) ? `person:${name}` : 'unknown:'
      const count = rarely(`lock-out ${actor} ${address}`)
      if (count !== undefined)
        audit.note({ ...entryOf('lock-out', actor, address), outcome: 'succeeded', detail: { seconds, count } })
    }
    return { ok: false, code: 'LOGIN_REFUSED' }
  }

  async function opened(action: string, name: string, entry: PersonEntry, address: string): Promise<LoginAnswer> {
    await audit.record({ ...entryOf(action, `person:${name}`, address), outcome: 'succeeded' })
    return { ok: true, token: await sessions.open(name, entry), person: personOf(name, entry) }
  }

  return {
    async login(attempt) {
      const proven = await prove('login', attempt)
      return 'ok' in proven ? proven : opened('login', attempt.name, proven, attempt.address)
    },
    find(token) {
      const found = sessions.find(token)
      return found && personOf(found.name, found.entry)
    },
    async logout(token, address) {
      const found = sessions.find(token)
      await sessions.end(token)
      if (found) audit.note({ ...entryOf('logout', `person:${found.name}`, address), outcome: 'succeeded' })
    },
    async changeSecret({ next, ...attempt }) {
      const { name, address } = attempt
      const wanted = normalSecret(next)
      checkSecret(wanted, name)
      const proven = await prove('secret-change', attempt)
      if ('ok' in proven) return proven
      if (wanted === normalSecret(attempt.secret))
        throw new LinliError('SECRET_WEAK', 'that is the one you have / 新密码与旧密码相同', { kind: 'caller' })
      const { mustChange: _done, ...kept } = proven
      const entry = { ...kept, secret: await hashSecret(wanted), epoch: newEpoch() }
      // Removed or given another secret meanwhile, on the command line.
      if (people.get(name) !== proven) return { ok: false, code: 'LOGIN_REFUSED' }
      await people.put(name, entry)
      return opened('secret-change', name, entry, address)
    },
    unlock(name) {
      if (!people.get(name)) throw unknownPerson(name)
      step({ type: 'unlock', name })
    },
    noteDenied({ name }, route, address) {
      const count = rarely(`${name} ${route}`)
      const entry = { ...entryOf('route', `person:${name}`, address), kind: 'access', target: route } as const
      if (count !== undefined) audit.note({ ...entry, outcome: 'refused', code: 'ROLE_TOO_LOW', detail: { count } })
    },
    noteEdit({ name }, what, status, address) {
      const outcome = status < 400 ? 'succeeded' : status === 401 || status === 403 ? 'refused' : 'failed'
      const [entry, count] = [entryOf('flows', `person:${name}`, address), rarely(`${name} ${what} ${outcome}`)]
      // A deploy each time; the same press of a button again and again seldom.
      const isDeploy = what.startsWith('POST /editor/flow')
      if (isDeploy || count !== undefined)
        audit.note({ ...entry, kind: 'configuration', target: what.slice(0, 200), outcome, detail: { status } })
    },
    whenEnded: sessions.whenEnded,
  }
}

function entryOf(action: string, actor: string, address: string): Omit<AuditEntry, 'outcome'> {
  return { kind: 'login', action, actor, source: `web:${isIP(address) ? address : 'unknown'}` }
}

function personOf(name: string, { role, language, mustChange }: PersonEntry): Person {
  return { name, role, language, mustChange: mustChange === true }
}
