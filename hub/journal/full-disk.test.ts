import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { needsThat } from '../../test/support/needs.ts'
import type { LinliError } from '../contract/errors.ts'
import { openFileLog } from './open.ts'
import type { LaneConfig, Log } from './types.ts'

/** A disk of 15 MiB: 4 in reserve for what is never evicted, 2 for alarms alone, 2.5 for the housekeeping. */

const LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  { name: 'telemetry', kind: 'queue', evict: { oldest: { entries_max: 1_000_000 } } },
]
/** Some ten thousand fsyncs. */
const STORY = { timeout: 120_000 }
const DISK_BYTES = 15 * 1024 * 1024
/** 1,000 bytes that do not compress, each another. */
function payloadOf(serial: number): Buffer {
  const parts = Array.from({ length: 32 }, (_, part) => createHash('sha256').update(`${serial} ${part}`).digest())
  return Buffer.concat([Buffer.from(String(serial).padStart(8, '0')), ...parts]).subarray(0, 1_000)
}
const isIntact = (payload: Uint8Array): boolean =>
  payloadOf(Number(Buffer.from(payload).toString('latin1', 0, 8))).equals(payload)
let serial = 0
function next(): Buffer {
  serial += 1
  return payloadOf(serial)
}

function mount(): string | undefined {
  const at = mkdtempSync(join(tmpdir(), 'linli-full-'))
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', at])
  if (status === 0) return at
  rmSync(at, { recursive: true })
  return undefined
}

function unmount(at: string): void {
  expect(spawnSync('umount', [at]).status).toBe(0)
  rmSync(at, { recursive: true })
}

const probe = mount()
if (probe !== undefined) unmount(probe)

needsThat(
  probe !== undefined,
  'the right to mount a tmpfs',
  'run as root',
)('a full disk', () => {
  let disk = ''
  let log: Log | undefined
  let faults: LinliError[] = []
  beforeAll(() => {
    disk = mount() ?? ''
  })
  afterAll(() => unmount(disk))
  afterEach(async () => {
    await log?.close()
    for (const name of readdirSync(disk)) rmSync(join(disk, name), { recursive: true })
    faults = []
  })

  async function open(): Promise<Log> {
    log = await openFileLog(join(disk, 'journal'), {
      lanes: LANES,
      trim_idle_ms: 50,
      cursor_flush_ms: 50,
      onFault: (fault) => faults.push(fault),
    })
    return log
  }

  /** Appends until it is refused; how many were taken. */
  async function fill(into: Log, lane: string, at_most = 20_000): Promise<number> {
    for (let taken = 0; taken < at_most; taken += 1) {
      try {
        await into.append({ lane, topic: 't', payload: next(), time_ms: 0 })
      } catch (error) {
        expect(error).toMatchObject({ code: 'JOURNAL_FULL', kind: 'fault' })
        return taken
      }
    }
    return at_most
  }

  const canAppend = async (to: Log, lane: string): Promise<void> => {
    await to.append({ lane, topic: 't', payload: next(), time_ms: 0 })
  }

  it(
    'refuses telemetry first, then takes thousands of alarms on the reserve, and loses nothing it took',
    STORY,
    async () => {
      let now = await open()
      const telemetry = await fill(now, 'telemetry')
      expect(telemetry).toBeGreaterThan(1_000)
      expect(faults).toMatchObject([{ code: 'JOURNAL_FULL' }])
      const alarms = await fill(now, 'alarm')
      expect(alarms).toBeGreaterThan(2_000)
      await expect(canAppend(now, 'telemetry')).rejects.toMatchObject({ code: 'JOURNAL_FULL' })
      expect(now.stats().lanes.telemetry?.refused).toBe(2)
      expect(now.stats().fault?.code).toBe('JOURNAL_FULL')
      for (const round of ['as it is', 'opened again']) {
        for (const [lane, taken] of [
          ['telemetry', telemetry],
          ['alarm', alarms],
        ] as const) {
          const held = await now.list(lane)
          expect([round, lane, held.length]).toEqual([round, lane, taken])
          expect(held.every(({ payload }) => isIntact(payload))).toBe(true)
        }
        await now.close()
        now = await open()
      }
    },
  )

  it('works again by itself when its readers catch up, though nobody else makes room', async () => {
    const now = await open()
    const reader = now.cursor('upstream', ['alarm', 'telemetry'])
    await reader.flush()
    const telemetry = await fill(now, 'telemetry')
    const alarms = await fill(now, 'alarm')
    expect(statfsSync(disk).bavail * statfsSync(disk).bsize).toBeLessThan(100_000)
    reader.advance('telemetry', telemetry)
    await vi.waitFor(() => canAppend(now, 'alarm'), { timeout: 10_000, interval: 100 })
    reader.advance('alarm', alarms)
    await vi.waitFor(() => canAppend(now, 'telemetry'), { timeout: 10_000, interval: 100 })
    await vi.waitFor(() => expect(now.stats().fault).toBeUndefined())
    await vi.waitFor(async () => {
      await canAppend(now, 'alarm')
      expect(readdirSync(join(disk, 'journal'))).toEqual(expect.arrayContaining(['reserve-entries', 'reserve-tidying']))
    })
    // The same again: the reserve does its work a second time.
    expect(await fill(now, 'telemetry')).toBeGreaterThan(500)
    expect(await fill(now, 'alarm')).toBeGreaterThan(2_000)
  })

  it('works again by itself when somebody else makes room, and refuses with nothing half written meanwhile', async () => {
    const now = await open()
    await canAppend(now, 'telemetry')
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(3_500_000, 1))
    const before = now.last('telemetry')
    const taken = await fill(now, 'telemetry')
    const batch = await Promise.allSettled(Array.from({ length: 100 }, () => canAppend(now, 'telemetry')))
    expect(batch.filter(({ status }) => status === 'fulfilled')).toEqual([])
    rmSync(join(disk, 'ballast'))
    await canAppend(now, 'telemetry')
    expect(now.last('telemetry')).toBe(before + taken + 1)
    expect((await now.list('telemetry')).length).toBe(before + taken + 1)
    expect(now.stats().fault).toBeUndefined()
  })
})
