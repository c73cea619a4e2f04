import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { AuditEntry } from '../audit/chain.ts'
import { createLoginQueue } from '../auth/login-queue.ts'
import { hashSecret, verifySecret } from '../auth/secret.ts'
import { atPeople, personRequest } from './counter.ts'
import { createPeopleDesk, type LoginAnswer } from './desk.ts'
import { peopleFile, sessionsFile, throttleFile } from './files.ts'
import { openPeople } from './people.ts'
import { IDLE_MS, LIFE_MS, openSessions, PER_PERSON_MAX } from './sessions.ts'
import { openPeopleSide } from './side.ts'
import { openThrottle } from './throttle.ts'

/** People, their secrets and their sessions, on a real disk. */

const root = mkdtempSync(join(tmpdir(), 'linli-people-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const SECRET = 'four unrelated words here'
const hash = await hashSecret(SECRET)
let dir: string
let now_ms = 0
let lines: AuditEntry[] = []
const audit = {
  record: async (entry: AuditEntry) => {
    lines.push(entry)
  },
  note: (entry: AuditEntry) => {
    lines.push(entry)
  },
}
const pass = (ms: number) => {
  now_ms += ms
}
const told = () => lines.map(({ action, actor, outcome }) => `${action} ${actor} ${outcome}`)
const ends: Array<() => Promise<void>> = []

beforeEach(() => {
  dir = mkdtempSync(join(root, 'x-'))
  now_ms = 1_800_000_000_000
  lines = []
})
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function open() {
  const fellBack: object[] = []
  const people = await openPeople(peopleFile(dir, (details) => fellBack.push(details)))
  const sessions = await openSessions({
    people,
    file: sessionsFile(dir),
    now_ms: () => now_ms,
    onError: (error) => {
      throw error
    },
  })
  ends.push(sessions.close)
  const verify = createLoginQueue(verifySecret)
  const throttle = await throttleAt()
  const desk = createPeopleDesk({ people, sessions, verify, audit, throttle })
  const ask = (request: object) => atPeople({ people, audit, unlock: desk.unlock }, personRequest(request) as never)
  const login = (name = 'li', secret = SECRET, address = '192.0.2.1') => desk.login({ name, secret, address })
  return { people, sessions, desk, ask, login, fellBack }
}

async function throttleAt() {
  const clocks = { now_ms: () => now_ms, monotonic_ms: () => now_ms }
  const onError = (error: unknown) => {
    throw error
  }
  const throttle = await openThrottle({ file: throttleFile(dir), ...clocks, onError })
  ends.push(throttle.close)
  return throttle
}

const ADD = { type: 'person-add', name: 'li', role: 'operator', language: 'zh', secret: hash, mustChange: false }

function tokenOf(answer: LoginAnswer): string {
  if (!answer.ok) throw new Error(answer.code)
  return answer.token
}

describe('a session', () => {
  it('outlives the hub, and nothing on disk opens one', async () => {
    const first = await open()
    await first.ask(ADD)
    const token = tokenOf(await first.login())
    const onDisk = ['people.json', 'sessions.json'].map((file) => {
      expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600)
      return readFileSync(join(dir, file), 'utf8')
    })
    for (const text of onDisk) for (const secret of [token, SECRET]) expect(text).not.toContain(secret)
    const second = await open()
    expect(second.desk.find(token)).toEqual({ name: 'li', role: 'operator', language: 'zh', mustChange: false })
    expect(second.desk.find('')).toBeUndefined()
    expect(second.desk.find('__proto__')).toBeUndefined()
  })

  it.each([
    ['a day without use', async () => pass(IDLE_MS)],
    ['another secret', (hub) => hub.ask({ type: 'person-secret', name: 'li', secret: hash, mustChange: false })],
    ['another role', (hub) => hub.ask({ type: 'person-role', name: 'li', role: 'viewer' })],
    ['a removal', (hub) => hub.ask({ type: 'person-remove', name: 'li' })],
    [
      'a removal, and somebody else of the same name',
      async (hub) => {
        await hub.ask({ type: 'person-remove', name: 'li' })
        await hub.ask(ADD)
      },
    ],
    ['a logout', (hub, token) => hub.desk.logout(token, '192.0.2.1')],
    [
      'their own new secret',
      (hub) =>
        hub.desk.changeSecret({ name: 'li', secret: SECRET, next: 'other words entirely', address: '192.0.2.1' }),
    ],
  ] satisfies Array<[string, (hub: Awaited<ReturnType<typeof open>>, token: string) => Promise<unknown>]>)(
    'ends with %s, for this run, the next one, and what is open',
    async (_why, end) => {
      const hub = await open()
      await hub.ask(ADD)
      const token = tokenOf(await hub.login())
      const closed = vi.fn()
      hub.desk.whenEnded(token, closed)
      expect(hub.desk.find(token)).toBeDefined()
      await end(hub, token)
      expect(hub.desk.find(token)).toBeUndefined()
      expect(closed).toHaveBeenCalledOnce()
      expect((await open()).desk.find(token)).toBeUndefined()
    },
  )

  it('ends a week after the login however much it is used', async () => {
    const { ask, login, desk } = await open()
    await ask(ADD)
    const token = tokenOf(await login())
    for (let used_ms = 0; used_ms < LIFE_MS; used_ms += IDLE_MS / 2) {
      expect(desk.find(token)).toBeDefined()
      pass(IDLE_MS / 2)
    }
    expect(desk.find(token)).toBeUndefined()
  })

  it('ends when its person was changed while the hub stood still', async () => {
    const hub = await open()
    await hub.ask(ADD)
    const token = tokenOf(await hub.login())
    await hub.sessions.close()
    const people = await openPeople(peopleFile(dir, () => undefined))
    const request = { type: 'person-role', name: 'li', role: 'admin' } as const
    await atPeople({ people, audit }, request)
    expect((await open()).desk.find(token)).toBeUndefined()
  })

  it('is one of twenty of a person: the oldest makes room', async () => {
    const { ask, login, desk } = await open()
    await ask(ADD)
    const tokens = []
    for (let n = 0; n <= PER_PERSON_MAX; n++) tokens.push(tokenOf(await login()))
    expect(new Set(tokens).size).toBe(PER_PERSON_MAX + 1)
    expect(tokens.map((token) => desk.find(token) !== undefined)).toEqual([false, ...Array(PER_PERSON_MAX).fill(true)])
  })

  it('is nobody’s when the file is damaged', async () => {
    const hub = await open()
    await hub.ask(ADD)
    const token = tokenOf(await hub.login())
    await hub.sessions.close()
    writeFileSync(join(dir, 'sessions.json'), '{"version":1,"sessions":{"x":')
    const next = await open()
    expect(next.desk.find(token)).toBeUndefined()
    expect((await next.login()).ok).toBe(true)
  })
})

describe('a login', () => {
  it('gives the same answer for a wrong secret and for a name that nobody has, after the same work', async () => {
    const people = await openPeople(peopleFile(dir, () => undefined))
    const sessions = await openSessions({ people, file: sessionsFile(dir), now_ms: () => now_ms, onError: () => {} })
    ends.push(sessions.close)
    const checked: string[] = []
    const verify = (secret: string, stored: string) => {
      checked.push(stored.split('$').slice(0, 4).join('$'))
      return verifySecret(secret, stored)
    }
    const desk = createPeopleDesk({ people, sessions, verify, audit, throttle: await throttleAt() })
    await atPeople({ people, audit }, personRequest(ADD) as never)
    const answers: Array<[string, LoginAnswer]> = []
    for (let n = 0; n < 8; n++)
      for (const name of ['li', 'nobody'])
        answers.push([name, await desk.login({ name, secret: 'wrong', address: `192.0.2.${n}` })])
    const of = (name: string) => answers.filter(([whose]) => whose === name).map(([, answer]) => answer)
    expect(of('li')).toEqual(of('nobody'))
    expect(of('li').at(-1)).toMatchObject({ code: 'LOGIN_PAUSED' })
    // scrypt with the same cost, as often.
    expect(new Set(checked).size).toBe(1)
    expect(checked).toHaveLength(10)
  })

  it('is refused with a secret that was changed while it was checked', async () => {
    const { people, sessions, ask } = await open()
    await ask(ADD)
    const verify = async () => {
      await ask({ type: 'person-secret', name: 'li', secret: await hashSecret('x'), mustChange: false })
      return true
    }
    const desk = createPeopleDesk({ people, sessions, verify, audit, throttle: await throttleAt() })
    expect(await desk.login({ name: 'li', secret: SECRET, address: '::1' })).toEqual({
      ok: false,
      code: 'LOGIN_REFUSED',
    })
  })

  it('is in the audit log with its end, wrong ones rarely, and no text that may be a secret', async () => {
    const { ask, login, desk } = await open()
    await ask(ADD)
    lines = []
    const token = tokenOf(await login())
    await desk.logout(token, '192.0.2.1')
    for (let n = 0; n < 12; n++) await login('li', 'wrong', '192.0.2.2')
    await login('my secret by mistake', 'wrong', '192.0.2.3')
    expect(told()).toEqual([
      'login person:li succeeded',
      'logout person:li succeeded',
      'login person:li refused',
      'lock-out person:li succeeded',
      'login person:li refused',
      'login unknown: refused',
    ])
    expect(lines.map(({ source }) => source)).toContain('web:192.0.2.2')
    for (const text of ['mistake', 'wrong', SECRET, token]) expect(JSON.stringify(lines)).not.toContain(text)
  })

  it.each(['short', 'aaaaaaaaaaaaaaaa', 'li li li li li li', 'x'.repeat(201), SECRET])(
    'does not take %s for a new secret',
    async (next) => {
      const { ask, login, desk } = await open()
      await ask(ADD)
      const token = tokenOf(await login())
      const change = desk.changeSecret({ name: 'li', secret: SECRET, next, address: '192.0.2.1' })
      await expect(change).rejects.toMatchObject({ code: 'SECRET_WEAK' })
      expect(desk.find(token)).toBeDefined()
    },
  )

  it('counts wrong present secrets of a change like wrong logins', async () => {
    const { ask, desk } = await open()
    await ask(ADD)
    const change = { name: 'li', secret: 'wrong', next: 'other words entirely', address: '192.0.2.1' }
    const answers = []
    for (let n = 0; n < 6; n++) answers.push(await desk.changeSecret(change))
    expect(answers.at(-1)).toMatchObject({ code: 'LOGIN_PAUSED' })
  })
})

describe('the people', () => {
  it('always have an admin', async () => {
    const { ask, people } = await open()
    await ask({ ...ADD, role: 'admin' })
    for (const request of [{ type: 'person-remove' }, { type: 'person-role', role: 'viewer' }])
      await expect(ask({ ...request, name: 'li' })).rejects.toMatchObject({ code: 'PEOPLE_LAST_ADMIN' })
    await ask({ ...ADD, name: '王芳', role: 'admin' })
    await ask({ type: 'person-remove', name: 'li' })
    expect(people.all().map(([name]) => name)).toEqual(['王芳'])
    expect(told().slice(0, 4)).toEqual([
      'person-add installer:linli-user asked',
      'person-add installer:linli-user succeeded',
      'person-remove installer:linli-user asked',
      'person-remove installer:linli-user failed',
    ])
  })

  it.each([
    [{ ...ADD, name: 'a b' }, '/name'],
    [{ ...ADD, name: 'a\nb' }, '/name'],
    [{ ...ADD, role: 'king' }, '/role'],
    [{ ...ADD, secret: 'plain' }, '/secret'],
    [{ ...ADD, contact: 'a\u0000b' }, '/contact'],
  ])('are not asked for with a bad field (%#)', (request, path) => {
    expect(() => personRequest(request)).toThrow(expect.objectContaining({ code: 'PERSON_INVALID', path }))
  })

  it('can be called __proto__ without harm', async () => {
    const { ask } = await open()
    await ask({ ...ADD, name: '__proto__' })
    expect((await open()).people.get('__proto__')).toMatchObject({ role: 'operator' })
  })

  it('come from the last good copy when their file is torn, and the hub says so', async () => {
    const hub = await open()
    await hub.ask({ ...ADD, role: 'admin' })
    await hub.ask({ ...ADD, name: 'wang' })
    writeFileSync(join(dir, 'people.json'), readFileSync(join(dir, 'people.json'), 'utf8').slice(0, 200))
    const { people, fellBack } = await open()
    expect(people.all().map(([name]) => name)).toEqual(['li'])
    expect(fellBack).toHaveLength(1)
  })
})

describe('the first start', () => {
  const logger = { error: vi.fn(), warn: vi.fn() }
  const start = async (terminal: ((text: string) => void) | undefined) => {
    const verify = createLoginQueue(verifySecret)
    const deps = {
      dataDir: dir,
      dev: false,
      language: 'zh',
      audit,
      verify,
      logger,
      terminal,
      devPeople: undefined,
    } as const
    const side = await openPeopleSide(deps)
    ends.push(side.close)
    return side
  }

  it('makes an admin, tells the secret to the terminal once, and lets them do nothing but choose another', async () => {
    let said = ''
    const { desk } = await start((text) => {
      said += text
    })
    const [, secret = ''] = /secret: +(\S+)/.exec(said) ?? []
    expect(secret).toMatch(/^([0-9a-f]{5}-){3}[0-9a-f]{5}$/)
    expect(JSON.stringify([logger.error.mock.calls, logger.warn.mock.calls, lines])).not.toContain(secret)
    const login = { name: 'admin', secret, address: '192.0.2.1' }
    expect(await desk.login(login)).toMatchObject({ ok: true, person: { role: 'admin', mustChange: true } })
    const changed = await desk.changeSecret({ ...login, next: 'four unrelated words' })
    expect(changed).toMatchObject({ ok: true, person: { mustChange: false } })
    said = ''
    await start((text) => {
      said += text
    })
    expect(said).toBe('')
  })

  it('of a service makes nobody, and says what to do', async () => {
    const { at } = await start(undefined)
    expect(await at({ type: 'person-list' })).toEqual({ type: 'people', people: [] })
    expect(JSON.stringify(logger.warn.mock.calls)).toContain('linli user add')
  })
})
