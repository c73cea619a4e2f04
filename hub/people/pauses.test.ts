import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPeopleDesk, type LoginAnswer } from './desk.ts'
import { peopleFile, sessionsFile, throttleFile } from './files.ts'
import { newEpoch, openPeople } from './people.ts'
import { openSessions } from './sessions.ts'
import { openThrottle } from './throttle.ts'
import { FORGET_MS, NAME_FREE, PAUSE_MAX_MS, PAUSE_MIN_MS } from './throttle-machine.ts'

/** Pauses over restarts, on a real disk. */

const root = mkdtempSync(join(tmpdir(), 'linli-pauses-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let dir: string
let now_ms = 0
const ends: Array<() => Promise<void>> = []
const pass = (ms: number) => {
  now_ms += ms
}
const onError = (error: unknown) => {
  throw error
}
beforeEach(() => {
  dir = mkdtempSync(join(root, 'x-'))
  now_ms = 1_800_000_000_000
})
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

/** @param booted_ms when the box was: its monotonic clock begins there */
async function throttleAt(booted_ms = 0) {
  const clocks = { now_ms: () => now_ms, monotonic_ms: () => now_ms - booted_ms }
  const throttle = await openThrottle({ file: throttleFile(dir), ...clocks, onError })
  ends.push(throttle.close)
  return throttle
}

async function open(booted_ms = 0) {
  const people = await openPeople(peopleFile(dir, () => undefined))
  if (!people.get('li')) await people.put('li', { role: 'viewer', language: 'zh', secret: 'right', epoch: newEpoch() })
  const sessions = await openSessions({ people, file: sessionsFile(dir), now_ms: () => now_ms, onError })
  ends.push(sessions.close)
  const throttle = await throttleAt(booted_ms)
  const audit = { record: async () => undefined, note: () => undefined }
  const verify = async (secret: string, stored: string) => secret === stored
  const desk = createPeopleDesk({ people, sessions, verify, audit, throttle })
  const login = (name = 'li', secret = 'right', address = '192.0.2.1') => desk.login({ name, secret, address })
  return { throttle, login }
}
type Hub = Awaited<ReturnType<typeof open>>

function tokenOf(answer: LoginAnswer): string {
  if (!answer.ok) throw new Error(answer.code)
  return answer.token
}

describe('a pause', () => {
  const wrong = async (hub: Hub, name = 'li', address?: string) => {
    const answer = await hub.login(name, 'wrong', address)
    return 'for_ms' in answer ? answer.for_ms : 0
  }

  it('goes on after a restart of the hub or the box, for names that nobody has too, and gives away none', async () => {
    const hub = await open()
    for (const name of ['li', 'my secret']) for (let n = 0; n < NAME_FREE; n++) await hub.login(name, 'wrong')
    pass(10_000)
    await hub.throttle.close()
    const onDisk = readFileSync(join(dir, 'throttle.json'), 'utf8')
    expect(statSync(join(dir, 'throttle.json')).mode & 0o777).toBe(0o600)
    for (const text of ['my secret', '"li', ' li']) expect(onDisk).not.toContain(text)
    for (const booted_ms of [0, now_ms]) {
      const next = await open(booted_ms)
      expect(await next.login()).toMatchObject({ code: 'LOGIN_PAUSED', for_ms: PAUSE_MIN_MS - 10_000 })
      expect(await wrong(next, 'my secret')).toBe(PAUSE_MIN_MS - 10_000)
    }
    // The next wrong one counts on.
    pass(PAUSE_MIN_MS)
    const later = await open(now_ms)
    expect([await wrong(later), await wrong(later)]).toEqual([0, 2 * PAUSE_MIN_MS])
    pass(PAUSE_MAX_MS + FORGET_MS)
    await later.throttle.close()
    const muchLater = await open()
    for (let n = 0; n < NAME_FREE; n++) expect(await wrong(muchLater)).toBe(0)
  })

  it('of a stranger keeps nobody out where they logged in before, over a restart', async () => {
    const hub = await open()
    tokenOf(await hub.login())
    for (let n = 0; n < NAME_FREE; n++) await wrong(hub, 'li', '198.51.100.9')
    await hub.throttle.close()
    const next = await open()
    expect(await wrong(next, 'li', '198.51.100.9')).toBeGreaterThan(0)
    tokenOf(await next.login())
  })

  it('is no longer than any pause where the clock was wrong, and none where its file is damaged', async () => {
    const hub = await open()
    for (let n = 0; n < NAME_FREE; n++) await wrong(hub)
    await hub.throttle.close()
    now_ms -= 365 * 24 * 3_600_000
    expect(await wrong(await open(now_ms))).toBe(PAUSE_MAX_MS)
    writeFileSync(join(dir, 'throttle.json'), '{"version":1,"entries":[["na')
    expect(await wrong(await open())).toBe(0)
  })

  it('is on disk soon, not only when the hub is closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const hub = await throttleAt()
      for (let n = 0; n < NAME_FREE; n++) hub.step({ type: 'attempt', name: 'li', address: '192.0.2.1' })
      vi.advanceTimersByTime(1_000)
    } finally {
      vi.useRealTimers()
    }
    await vi.waitFor(() => expect(readFileSync(join(dir, 'throttle.json'), 'utf8')).toContain('at 192.0.2.1'))
  })
})
