import FakeTimers from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LinliError } from '../contract/errors.ts'
import { createMemoryDisk, type MemoryDisk } from './memory-backend.ts'
import { openMemoryLog } from './open.ts'
import type { LaneConfig } from './types.ts'

/**
 * Senders that pipeline, notice refusals late and go back to the first sequence without an answer, against a log that is
 * killed, fails, fills up and is overloaded. However it went: each stream is in the log once, whole and in order.
 */

const LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  {
    name: 'telemetry',
    kind: 'queue',
    evict: { oldest: { entries_max: 100_000, bytes_max: 100_000_000, age_ms_max: 3_600_000_000 } },
  },
]
const CONFIG = { lanes: LANES, batch_entries_max: 4, pending_max: 12, trim_entries: 3, streams_max: 4 }
/** A sender that was refused sends on for less than the log's stream_hold_ms of 1,000. */
const NOTICE_MS_MAX = 900

interface Sender {
  lane: string
  stream: string
  next: number
  /** Lowest sequence without an answer. */
  base: number
  answered: Set<number>
  refusedAt_ms: number | undefined
}

type Action =
  | { kind: 'send'; sender: number; count: number }
  | { kind: 'notice'; sender: number }
  | { kind: 'wait'; ms: number }
  | { kind: 'kill' }
  | { kind: 'close' }
  | { kind: 'fail'; commits: number }
  | { kind: 'full'; level: MemoryDisk['full'] }

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('send' as const),
      sender: fc.nat(2),
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('notice' as const), sender: fc.nat(2) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 3, 7, 50, 600, 3_000) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'kill' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'close' as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fail' as const), commits: fc.integer({ min: 1, max: 3 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('full' as const),
      level: fc.constantFrom('no' as const, 'reserve' as const, 'last' as const, 'all' as const),
    }),
  },
)

let clock: ReturnType<typeof FakeTimers.install>
beforeEach(() => {
  clock = FakeTimers.install({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
})
afterEach(() => clock.uninstall())

async function world(commit_ms: number) {
  const disk = createMemoryDisk()
  const open = () => openMemoryLog(disk, { ...CONFIG, commit_ms })
  let log = await open()
  let life = 0
  /** What was acknowledged at a position, over all lives. */
  const acknowledged = new Map<string, string>()
  const senders: Sender[] = ['alarm', 'alarm', 'telemetry'].map((lane, index) => ({
    lane,
    stream: `gw-${index}:boot:${lane}`,
    next: 1,
    base: 1,
    answered: new Set<number>(),
    refusedAt_ms: undefined,
  }))

  function goBack(sender: Sender): void {
    while (sender.answered.has(sender.base)) sender.base += 1
    sender.next = sender.base
    sender.refusedAt_ms = undefined
  }

  function send(sender: Sender): void {
    if (sender.refusedAt_ms !== undefined && clock.now - sender.refusedAt_ms >= NOTICE_MS_MAX) goBack(sender)
    const sequence = sender.next
    sender.next += 1
    const ours = life
    const { lane, stream } = sender
    const payload = Buffer.from(`${stream}#${sequence}`)
    log.append({ lane, topic: 't', payload, time_ms: 0, stream, sequence }).then(
      (appended) => {
        if (ours !== life) return
        sender.answered.add(sequence)
        if ('position' in appended) acknowledged.set(`${lane}@${appended.position}`, payload.toString())
      },
      (_: LinliError) => {
        if (ours === life) sender.refusedAt_ms ??= clock.now
      },
    )
  }

  async function reopen(how: 'kill' | 'close'): Promise<void> {
    if (how === 'kill') log.kill()
    else {
      const closed = log.close()
      await clock.tickAsync(200)
      await closed
    }
    life += 1
    log = await open()
    for (const sender of senders) goBack(sender)
  }

  async function perform(step: Action): Promise<void> {
    if (step.kind === 'send') for (let n = 0; n < step.count; n += 1) send(senders[step.sender] as Sender)
    else if (step.kind === 'notice') goBack(senders[step.sender] as Sender)
    else if (step.kind === 'wait') await clock.tickAsync(step.ms)
    else if (step.kind === 'fail') disk.failures = step.commits
    else if (step.kind === 'full') disk.full = step.level
    else await reopen(step.kind)
  }

  async function heal(): Promise<void> {
    disk.full = 'no'
    disk.failures = 0
    for (let round = 0; round < 200; round += 1) {
      await clock.tickAsync(1_100)
      for (const sender of senders) goBack(sender)
      const open = senders.filter((sender) => sender.base < sender.answered.size + 1 || sender.base <= target(sender))
      if (open.length === 0) return
      for (const sender of open) for (let n = 0; n < 3 && sender.next <= target(sender); n += 1) send(sender)
    }
    throw new Error('the senders never finished')
  }
  const highest = new Map<Sender, number>()
  const target = (sender: Sender): number => highest.get(sender) ?? 0
  const noteTargets = (): void => {
    for (const sender of senders) highest.set(sender, Math.max(target(sender), sender.next - 1, ...sender.answered))
  }

  return { senders, acknowledged, perform, heal, noteTargets, target, log: () => log }
}

describe('the log under kills, faults, a full disk and overload', () => {
  it('holds every stream once, whole and in order', async () => {
    const runs = fc.asyncProperty(
      fc.constantFrom(0, 10),
      fc.array(action, { minLength: 5, maxLength: 60 }),
      async (commit_ms, actions) => {
        const { senders, acknowledged, perform, heal, noteTargets, target, log } = await world(commit_ms)
        for (const step of actions) {
          await perform(step)
          noteTargets()
        }
        await heal()
        const held = [...(await log().list('alarm')), ...(await log().list('telemetry'))]
        for (const sender of senders) {
          const sequences = held.filter((entry) => entry.stream === sender.stream).map((entry) => entry.sequence)
          expect(sequences).toEqual(Array.from({ length: target(sender) }, (_, index) => index + 1))
        }
        for (const entry of held) {
          const known = acknowledged.get(`${entry.lane}@${entry.position}`)
          if (known !== undefined) expect(Buffer.from(entry.payload).toString()).toBe(known)
        }
        for (const place of acknowledged.keys())
          expect(held.some((entry) => `${entry.lane}@${entry.position}` === place)).toBe(true)
        expect(log().stats().pending).toBe(0)
        log().kill()
      },
    )
    await fc.assert(runs, { numRuns: 150 })
  }, 60_000)
})

describe('what a stream has sent', () => {
  const from = (stream: string, sequence: number) => ({
    lane: 'alarm',
    topic: 't',
    payload: Buffer.from('x'),
    time_ms: 0,
    stream,
    sequence,
  })

  it('is known through a kill, a close, and any number of lives in which it was silent', async () => {
    const disk = createMemoryDisk()
    let log = await openMemoryLog(disk, CONFIG)
    await log.append(from('s', 7))
    log.kill()
    for (let life = 0; life < 3; life += 1) {
      log = await openMemoryLog(disk, CONFIG)
      await expect(log.append(from('s', 7))).resolves.toEqual({ duplicate: true })
      await log.append(from(`other-${life}`, 1))
      await log.close()
    }
  })

  it('is known after its entries were trimmed', async () => {
    const disk = createMemoryDisk()
    const log = await openMemoryLog(disk, CONFIG)
    const reader = log.cursor('reader', ['alarm'])
    for (const sequence of [1, 2, 3]) await log.append(from('s', sequence))
    reader.advance('alarm', 3)
    await reader.flush()
    await clock.tickAsync(5_000)
    expect(disk.db.prepare('SELECT count(*) AS count FROM queue_alarm').get()?.count).toBe(0)
    log.kill()
    const next = await openMemoryLog(disk, CONFIG)
    await expect(next.append(from('s', 3))).resolves.toEqual({ duplicate: true })
    await expect(next.append(from('s', 4))).resolves.toEqual({ position: 4 })
  })

  it('is remembered for the newest streams only', async () => {
    const disk = createMemoryDisk()
    const log = await openMemoryLog(disk, CONFIG)
    for (let n = 0; n < 20; n += 1) await log.append(from(`s-${n}`, 1))
    await expect(log.append(from('s-19', 1))).resolves.toEqual({ duplicate: true })
    await expect(log.append(from('s-0', 1))).resolves.toEqual({ position: 21 })
    await log.close()
    expect(disk.db.prepare('SELECT count(*) AS count FROM stream').get()?.count).toBe(CONFIG.streams_max)
  })

  it('counts per lane', async () => {
    const log = await openMemoryLog(createMemoryDisk(), CONFIG)
    await log.append(from('s', 1))
    await expect(log.append({ ...from('s', 1), lane: 'telemetry' })).resolves.toEqual({ position: 1 })
  })
})

describe('an append that is refused', () => {
  const append = (sequence: number, stream = 's') => ({
    lane: 'alarm',
    topic: 't',
    payload: Buffer.from('x'),
    time_ms: 0,
    stream,
    sequence,
  })

  it('takes everything queued behind it in its stream along, and nothing of another stream', async () => {
    const disk = createMemoryDisk()
    const log = await openMemoryLog(disk, { ...CONFIG, batch_entries_max: 1, commit_ms: 10 })
    disk.failures = 1
    const outcomes = Promise.allSettled(
      [1, 2, 3].map((n) => log.append(append(n))).concat(log.append(append(1, 'other'))),
    )
    await clock.tickAsync(100)
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled'])
    expect((await log.list('alarm')).map(({ stream }) => stream)).toEqual(['other'])
    expect(log.stats().lanes.alarm?.refused).toBe(3)
  })

  it('lets nothing later in until it is tried again or a second has passed', async () => {
    const disk = createMemoryDisk()
    const log = await openMemoryLog(disk, CONFIG)
    disk.failures = 1
    await expect(log.append(append(5))).rejects.toMatchObject({ code: 'JOURNAL_IO' })
    await expect(log.append(append(6))).rejects.toMatchObject({ code: 'JOURNAL_IO' })
    await expect(log.append(append(4))).resolves.toEqual({ position: 1 })
    await expect(log.append(append(6))).rejects.toMatchObject({ code: 'JOURNAL_IO' })
    await expect(log.append(append(5))).resolves.toEqual({ position: 2 })
    await expect(log.append(append(6))).resolves.toEqual({ position: 3 })
    disk.failures = 1
    await expect(log.append(append(7))).rejects.toMatchObject({ code: 'JOURNAL_IO' })
    await clock.tickAsync(1_001)
    await expect(log.append(append(8))).resolves.toEqual({ position: 4 })
  })

  it('a duplicate of one in flight shares its fate', async () => {
    const disk = createMemoryDisk()
    const log = await openMemoryLog(disk, { ...CONFIG, commit_ms: 10 })
    const first = log.append(append(1))
    let isAnswered = false
    const second = log.append(append(1)).finally(() => {
      isAnswered = true
    })
    await clock.tickAsync(9)
    expect(isAnswered).toBe(false)
    await clock.tickAsync(1)
    expect([await first, await second]).toEqual([{ position: 1 }, { duplicate: true }])
    disk.failures = 1
    const failing = Promise.allSettled([log.append(append(2)), log.append(append(2))])
    await clock.tickAsync(20)
    expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})
