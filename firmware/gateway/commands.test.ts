import { install } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isFinal, type Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import type { TimeQuality } from '../../hub/contract/event.ts'
import { type Address, addressPath } from '../../hub/contract/topic.ts'
import type { Entry } from '../../hub/journal/types.ts'
import type { Driver, DriverCommand, Outcome } from '../drivers/driver.ts'
import { silentLogger } from '../ports/logger.ts'
import { startVirtualTime, type VirtualTime } from '../testing/virtual-time.ts'
import { type MemoryAppend, REMEMBERED_MAX, RESERVED } from './command-memory.ts'
import { Commands, KEEP_MS_MAX, UNSYNCED_TTL_MS_MAX } from './commands.ts'

const address: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'alarm-button',
  device: 'b1',
}

type Behaviour =
  | 'succeeds'
  | 'fails'
  | 'throws'
  | 'answers twice'
  | 'answers later'
  | 'never answers'
  | 'answers and throws'
const behaviours: Behaviour[] = [
  'succeeds',
  'fails',
  'throws',
  'answers twice',
  'answers later',
  'never answers',
  'answers and throws',
]

describe('commands', () => {
  let time: VirtualTime
  let results: Result[]
  /** What is on disk, by key. */
  let memory: Map<string, Entry>
  let disk: 'good' | 'failing' | 'slow' | 'stuck'
  let quality: TimeQuality
  let executed: DriverCommand[]
  let behaviour: Behaviour
  let commands: Commands

  beforeEach(() => {
    time = startVirtualTime(install)
    start()
  })
  afterEach(() => {
    commands.close()
    time.end()
  })

  function start(): void {
    results = []
    memory = new Map()
    disk = 'good'
    quality = 'synced'
    executed = []
    behaviour = 'succeeds'
    commands = make()
  }

  function make(): Commands {
    const driver = { address, execute: act } as unknown as Driver
    return new Commands({
      drivers: new Map([[addressPath(address), driver]]),
      outbox: {
        result: (_address, result) => results.push(result),
        remember: keep,
      },
      timeQuality: () => quality,
      log: silentLogger,
    })
  }

  async function keep(append: MemoryAppend): Promise<void> {
    if (disk === 'slow') {
      const { promise, resolve } = Promise.withResolvers<void>()
      setTimeout(resolve, 700)
      await promise
    }
    if (disk === 'stuck') await new Promise(() => undefined)
    if (disk === 'failing') throw new Error('the disk is gone')
    const { key = '' } = append
    if (append.payload.length === 0) memory.delete(key)
    else memory.set(key, { ...append, time_ms: Date.now(), position: 1 })
  }
  /** As at a new start, with what is on disk. */
  function restart(): void {
    const kept = [...memory.values()]
    commands.close()
    results = []
    executed = []
    commands = make()
    commands.restore(kept)
  }

  function act(command: DriverCommand, answer: (outcome: Outcome) => void): void {
    executed.push(command)
    const failed: Outcome = { status: 'failed', code: 'BOARD_ABSENT', message: 'gone' }
    if (behaviour === 'fails') answer(failed)
    if (/^(succeeds|answers twice|answers and throws)$/.test(behaviour)) answer({ status: 'succeeded' })
    if (behaviour === 'answers twice') answer(failed)
    if (behaviour === 'answers later') setTimeout(() => answer({ status: 'succeeded' }), 500)
    if (behaviour.endsWith('throws')) throw new Error('a bug')
  }

  interface Sent {
    id?: string
    name?: string
    args?: unknown
    device?: string
    retain?: boolean
    expiresIn_ms?: number
    issuedAgo_ms?: number
  }
  async function send(sent: Sent = {}): Promise<void> {
    post(sent)
    await time.pass(0)
  }
  function post({
    id = 'c-1',
    name = 'reset',
    args = {},
    device = 'b1',
    retain = false,
    expiresIn_ms = 5000,
    issuedAgo_ms = 0,
  }: Sent = {}) {
    const command = {
      id,
      name,
      issuedat: new Date(Date.now() - issuedAgo_ms).toISOString(),
      expiresat: new Date(Date.now() + expiresIn_ms).toISOString(),
      actor: { kind: 'person', id: 'li' },
      args,
    }
    commands.onMessage(`${addressPath({ ...address, device })}/cmd/${name}/${id}`, encodeJson(command), retain)
  }
  const statuses = () => results.map(({ status }) => status)

  it('are accepted, executed and answered', async () => {
    await send({ name: 'siren', args: { on: true, for_ms: 500 } })
    expect(statuses()).toEqual(['accepted', 'executing', 'succeeded'])
    expect(executed).toMatchObject([{ id: 'c-1', name: 'siren', args: { on: true, for_ms: 500 } }])
  })

  it.each<[string, Sent, string, string]>([
    ['retained', { retain: true }, 'refused', 'RETAIN_FORBIDDEN'],
    ['expired', { expiresIn_ms: -1 }, 'expired', 'COMMAND_EXPIRED'],
    ['unknown', { name: 'dance' }, 'refused', 'COMMAND_UNKNOWN'],
    ['of bad arguments', { name: 'siren', args: { on: 'yes' } }, 'refused', 'SCHEMA_VIOLATION'],
    ['for nobody', { device: 'b9' }, 'refused', 'DEVICE_UNKNOWN'],
  ])('%s are answered once and not executed', async (_name, sent, status, code) => {
    await send(sent)
    expect(results).toMatchObject([{ id: 'c-1', status, code }])
    expect(executed).toEqual([])
  })

  it('that cannot be read are refused by the id of their topic; what is no command is ignored', () => {
    const topic = `${addressPath(address)}/cmd/reset/c-9`
    commands.onMessage(topic, Buffer.from('{nonsense'), false)
    commands.onMessage(topic.replace('c-9', 'c-8'), Buffer.alloc(0), true)
    commands.onMessage('some/other/topic', Buffer.from('{}'), false)
    expect(results).toMatchObject([{ id: 'c-9', status: 'refused', code: 'PAYLOAD_NOT_JSON' }])
  })

  it('that a device has not finished when it is started anew end as failed, once', async () => {
    behaviour = 'answers later'
    await send()
    commands.abandon('another/device')
    expect(statuses()).toEqual(['accepted', 'executing'])
    commands.abandon(addressPath(address))
    await time.pass(600)
    expect(statuses()).toEqual(['accepted', 'executing', 'failed'])
    expect(results.at(-1)).toMatchObject({ code: 'GATEWAY_RESTARTED' })
  })

  it('of the same id act once and get the same answer again', async () => {
    behaviour = 'fails'
    await send()
    behaviour = 'succeeds'
    await send()
    await send({ retain: true })
    const finals = results.filter(({ status }) => isFinal(status))
    expect(finals).toHaveLength(3)
    expect(new Set(finals.map((result) => JSON.stringify(result))).size).toBe(1)
    expect(executed).toHaveLength(1)
  })

  it('are remembered over a restart: not executed again, and not left without an end', async () => {
    await send({ id: 'done' })
    behaviour = 'never answers'
    await send({ id: 'cut-off' })
    restart()
    expect(results).toMatchObject([{ id: 'cut-off', status: 'failed', code: 'GATEWAY_RESTARTED' }])
    await send({ id: 'done' })
    await send({ id: 'cut-off' })
    expect(executed).toEqual([])
    expect(statuses()).toEqual(['failed', 'succeeded', 'failed'])
    // And the end that was given at that restart holds at the next one.
    restart()
    expect(results).toEqual([])
  })

  it('are on disk before anything moves, and expire while they wait for it', async () => {
    disk = 'slow'
    await send({ id: 'waits' })
    expect(statuses()).toEqual(['accepted'])
    expect(executed).toEqual([])
    await time.pass(700)
    expect(executed.map(({ id }) => id)).toEqual(['waits'])
    await send({ id: 'too-late', expiresIn_ms: 600 })
    await time.pass(700)
    expect(results.at(-1)).toMatchObject({ id: 'too-late', status: 'expired', code: 'COMMAND_EXPIRED' })
    expect(executed).toHaveLength(1)
  })

  it.each(['failing', 'stuck'] as const)('are executed although the disk is %s', async (how) => {
    disk = how
    await send({ name: 'siren', args: { on: true } })
    await time.pass(KEEP_MS_MAX)
    expect(statuses()).toEqual(['accepted', 'executing', 'succeeded'])
    await send({ name: 'siren', args: { on: true } })
    expect(executed).toHaveLength(1)
  })

  it('that wait when the gateway is closed are not executed', async () => {
    disk = 'slow'
    await send()
    commands.close()
    await time.pass(60_000, 1_000)
    expect(executed).toEqual([])
  })

  it('remembered are bounded; what has not expired is not forgotten for something new', async () => {
    for (let count = 0; count < REMEMBERED_MAX; count++) post({ id: `c-${count}` })
    await time.pass(0)
    await send({ id: 'one-more' })
    expect(results.at(-1)).toMatchObject({ id: 'one-more', status: 'refused', code: 'COMMANDS_BUSY' })
    await send({ id: 'c-0' })
    expect(executed).toHaveLength(REMEMBERED_MAX)
    await time.pass(6_000, 1_000)
    await send({ id: 'later' })
    expect(executed.at(-1)).toMatchObject({ id: 'later' })
    expect(memory.size).toBe(REMEMBERED_MAX + 1)
    expect(RESERVED).toBeGreaterThan(0)
  })

  it('that were forgotten do not act again, also when the clock is put back, and get no other answer', async () => {
    const topic = `${addressPath(address)}/cmd/reset/first`
    await send({ id: 'first' })
    const bytes = encodeJson({
      id: 'first',
      name: 'reset',
      issuedat: new Date(Date.now()).toISOString(),
      expiresat: new Date(Date.now() + 5_000).toISOString(),
      actor: { kind: 'person', id: 'li' },
      args: {},
    })
    await time.pass(6_000, 1_000)
    for (let count = 0; count < REMEMBERED_MAX; count++) post({ id: `c-${count}` })
    await time.pass(0)
    expect([...memory.keys()].some((key) => key.endsWith('/first'))).toBe(false)
    for (const again of [() => undefined, restart]) {
      again()
      time.clock.setSystemTime(Date.now() - 6_000)
      const before = results.length
      commands.onMessage(topic, bytes, false)
      await time.pass(0)
      expect(results.slice(before)).toEqual([])
      expect(executed.filter(({ id }) => id === 'first').length).toBeLessThanOrEqual(1)
      time.clock.setSystemTime(Date.now() + 6_000)
    }
  })

  describe('on a gateway whose clock was never set', () => {
    beforeEach(() => {
      quality = 'unsynced'
    })

    it.each<[string, Sent, boolean]>([
      ['by a clock far ahead', { issuedAgo_ms: -1e12, expiresIn_ms: 1e12 + 5_000 }, true],
      ['by a clock far behind', { issuedAgo_ms: 1e12 + 5_000, expiresIn_ms: -1e12 }, true],
      ['that are worth nothing', { issuedAgo_ms: 5_000, expiresIn_ms: -5_000 }, false],
    ])('count for as long as they are worth from when they came: %s', async (_name, sent, isExecuted) => {
      await send(sent)
      expect(executed).toHaveLength(isExecuted ? 1 : 0)
      expect(results.at(-1)).toMatchObject({ status: isExecuted ? 'succeeded' : 'expired' })
    })

    it('are worth a bounded time, also for the driver', async () => {
      await send({ expiresIn_ms: 3_600_000 })
      expect(Date.parse(executed[0]?.expiresat ?? '')).toBe(Date.now() + UNSYNCED_TTL_MS_MAX)
    })

    it('do not move anything late because the clock is set meanwhile', async () => {
      disk = 'slow'
      await send()
      time.clock.setSystemTime(Date.now() + 1e12)
      await time.pass(700)
      expect(executed).toEqual([])
      expect(results.at(-1)).toMatchObject({ status: 'expired' })
    })
  })

  it('get exactly one final result each, whatever the driver does, in whatever order they come', async () => {
    const sent = fc.record({
      id: fc.constantFrom('a', 'b', 'c', 'd'),
      behaviour: fc.constantFrom(...behaviours),
      retain: fc.boolean(),
      expiresIn_ms: fc.constantFrom(-1, 5000),
      wait_ms: fc.constantFrom(0, 100, 1000),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(sent, { maxLength: 12 }), async (all) => {
        commands.close()
        start()
        for (const { wait_ms, behaviour: next, ...one } of all) {
          behaviour = next
          await send(one)
          await time.pass(wait_ms, 100)
        }
        await time.pass(61_000, 1000)
        for (const id of new Set(all.map((one) => one.id))) {
          const finals = results.filter((result) => result.id === id && isFinal(result.status))
          expect(finals.length).toBeGreaterThan(0)
          expect(new Set(finals.map((result) => JSON.stringify(result))).size).toBe(1)
          expect(executed.filter((command) => command.id === id).length).toBeLessThanOrEqual(1)
          const own = results.filter((result) => result.id === id).map(({ status }) => status)
          expect(own.slice(0, own.findIndex(isFinal))).toEqual(
            own.includes('accepted') ? ['accepted', 'executing'] : [],
          )
        }
      }),
      { numRuns: 60 },
    )
  })
})
