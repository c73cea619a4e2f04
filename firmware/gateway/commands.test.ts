import { install } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isFinal, type Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { type Address, addressPath } from '../../hub/contract/topic.ts'
import type { Entry } from '../../hub/journal/types.ts'
import type { Driver, DriverCommand, Outcome } from '../drivers/driver.ts'
import { silentLogger } from '../ports/logger.ts'
import { startVirtualTime, type VirtualTime } from '../testing/virtual-time.ts'
import { Commands, HANDLED_MAX } from './commands.ts'

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
  let memory: Entry[]
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
    memory = []
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
        remember: (topic, value) =>
          memory.push({ lane: 'handled', topic, payload: encodeJson(value), time_ms: 0, position: memory.length + 1 }),
      },
      log: silentLogger,
    })
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
  }
  function send({
    id = 'c-1',
    name = 'reset',
    args = {},
    device = 'b1',
    retain = false,
    expiresIn_ms = 5000,
  }: Sent = {}) {
    const command = {
      id,
      name,
      issuedat: new Date().toISOString(),
      expiresat: new Date(Date.now() + expiresIn_ms).toISOString(),
      actor: { kind: 'person', id: 'li' },
      args,
    }
    commands.onMessage(`${addressPath({ ...address, device })}/cmd/${name}/${id}`, encodeJson(command), retain)
  }
  const statuses = () => results.map(({ status }) => status)

  it('are accepted, executed and answered', () => {
    send({ name: 'siren', args: { on: true, for_ms: 500 } })
    expect(statuses()).toEqual(['accepted', 'executing', 'succeeded'])
    expect(executed).toMatchObject([{ id: 'c-1', name: 'siren', args: { on: true, for_ms: 500 } }])
  })

  it.each<[string, Sent, string, string]>([
    ['retained', { retain: true }, 'refused', 'RETAIN_FORBIDDEN'],
    ['expired', { expiresIn_ms: -1 }, 'expired', 'COMMAND_EXPIRED'],
    ['unknown', { name: 'dance' }, 'refused', 'COMMAND_UNKNOWN'],
    ['of bad arguments', { name: 'siren', args: { on: 'yes' } }, 'refused', 'SCHEMA_VIOLATION'],
    ['for nobody', { device: 'b9' }, 'refused', 'DEVICE_UNKNOWN'],
  ])('%s are answered once and not executed', (_name, sent, status, code) => {
    send(sent)
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

  it('of the same id act once and get the same answer again', () => {
    behaviour = 'fails'
    send()
    behaviour = 'succeeds'
    send()
    send({ retain: true })
    const finals = results.filter(({ status }) => isFinal(status))
    expect(finals).toHaveLength(3)
    expect(new Set(finals.map((result) => JSON.stringify(result))).size).toBe(1)
    expect(executed).toHaveLength(1)
  })

  it('are remembered over a restart: not executed again, and not left without an end', () => {
    send({ id: 'done' })
    behaviour = 'never answers'
    send({ id: 'cut-off' })
    const kept = memory
    commands.close()
    start()
    commands.restore(kept)
    expect(results).toMatchObject([{ id: 'cut-off', status: 'failed', code: 'GATEWAY_RESTARTED' }])
    send({ id: 'done' })
    send({ id: 'cut-off' })
    expect(executed).toEqual([])
    expect(statuses()).toEqual(['failed', 'succeeded', 'failed'])
    // And the end that was given at that restart holds at the next one.
    commands.close()
    const again = [...kept, ...memory]
    start()
    commands.restore(again)
    expect(results).toEqual([])
  })

  it('remembered are bounded', () => {
    for (let count = 0; count <= HANDLED_MAX; count++) send({ id: `c-${count}` })
    send({ id: 'c-0' })
    expect(executed).toHaveLength(HANDLED_MAX + 2)
    send({ id: `c-${HANDLED_MAX}` })
    expect(executed).toHaveLength(HANDLED_MAX + 2)
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
          send(one)
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
