import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Sessions } from './broker/persistence/sessions.ts'
import type { HubState } from './contract/hub.ts'
import { createMemoryDisk } from './journal/memory-backend.ts'
import { openMemoryLog } from './journal/open.ts'
import { journalState } from './journal-health.ts'
import { JOURNAL_LANES } from './journal-lanes.ts'
import { createOwnVoice } from './own-voice.ts'
import { createSelfState } from './self-state.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Longer than the hub waits before it looks at itself. */
const LOOK_MS = 11_000

/** The hub's own state over a real journal in memory; `said` is what passed the contract and is on disk. */
async function setUp() {
  const disk = createMemoryDisk()
  const log = await openMemoryLog(disk, { lanes: JOURNAL_LANES, stream_hold_ms: 1 })
  const said: HubState[] = []
  const faults: unknown[] = []
  const sessions: Pick<Sessions, 'append'> = { append: (append) => log.append(append) }
  const own = createOwnVoice(
    { sessions, logger: { error: (_: object, message: string) => expect.fail(message) }, now_ms: Date.now },
    (message) => {
      if (message.kind === 'state') said.push(message.state as HubState)
    },
    () => ({ publish: async () => undefined }) as never,
  )
  const self = createSelfState(
    { say: own.keep, onFault: (error) => faults.push(error), parts: [() => journalState(log)] },
    {
      address: { street: 's', community: 'c', estate: 'e', gateway: 'hub', class: 'hub', device: 'hub-1' },
      version: '1',
    },
  )
  self.start()
  await vi.advanceTimersByTimeAsync(0)
  const append = (lane: string) => log.append({ lane, topic: 't', payload: Buffer.from('x'), time_ms: 0 })
  const refusedOf = (lane: string) => said.at(-1)?.losses?.find((one) => one.lane === lane)?.refused
  return { disk, log, self, said, faults, append, refusedOf }
}

it('a full disk stands in what the hub says of itself while it lasts, and what was refused stays counted by lane', async () => {
  const { disk, log, self, said, append, refusedOf } = await setUp()
  expect(said).toHaveLength(1)
  expect(said[0]).not.toHaveProperty('journal')
  expect(refusedOf('telemetry')).toBe(0)
  disk.full = 'reserve'
  for (const lane of ['telemetry', 'telemetry', 'rejected'])
    await expect(append(lane)).rejects.toMatchObject({ code: 'JOURNAL_FULL' })
  await vi.advanceTimersByTimeAsync(LOOK_MS)
  expect(said.at(-1)?.journal).toEqual({ fault: { code: 'JOURNAL_FULL', message: expect.stringContaining('full') } })
  expect([refusedOf('telemetry'), refusedOf('rejected'), refusedOf('alarm')]).toEqual([2, 1, 0])
  disk.full = 'no'
  await append('telemetry')
  await vi.advanceTimersByTimeAsync(LOOK_MS)
  expect(said.at(-1)).not.toHaveProperty('journal')
  expect(refusedOf('telemetry')).toBe(2)
  const before = said.length
  await vi.advanceTimersByTimeAsync(10 * LOOK_MS)
  expect(said).toHaveLength(before)
  self.close()
  log.kill()
})

it('what the disk refused of it is said as soon as there is room, and the refusal is told once', async () => {
  const { disk, log, self, said, faults, append } = await setUp()
  disk.full = 'last'
  await expect(append('telemetry')).rejects.toMatchObject({ code: 'JOURNAL_FULL' })
  await vi.advanceTimersByTimeAsync(3 * LOOK_MS)
  expect(said).toHaveLength(1)
  expect(faults).toMatchObject([{ code: 'JOURNAL_FULL' }])
  disk.full = 'reserve'
  await vi.advanceTimersByTimeAsync(LOOK_MS)
  expect(said.at(-1)?.journal?.fault?.code).toBe('JOURNAL_FULL')
  self.close()
  log.kill()
})
