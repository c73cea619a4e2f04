import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it, vi } from 'vitest'
import { createBadDisk } from '../../test/support/bad-disk.ts'
import { needs } from '../../test/support/needs.ts'
import { openFileLog } from './open.ts'
import { SENDER_LANES, SENDER_STREAM, senderPayload } from './test-support/retrying-sender.ts'

/**
 * An fsync that fails, for real: the child's libc is told to, and what it had written since the last good one never reaches the
 * disk although it can be read back. What the child was told is on disk must be there after the power is cut.
 */

const SCRIPT = fileURLToPath(new URL('./test-support/retrying-sender.ts', import.meta.url))
const GENEROUS = { timeout: 60_000, interval: 10 }

let cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
  cleanups = []
})

function world() {
  const scratch = mkdtempSync(join(tmpdir(), 'linli-bad-disk-'))
  cleanups.push(() => rmSync(scratch, { recursive: true, force: true }))
  const folder = join(scratch, 'journal')
  const disk = createBadDisk(folder, scratch)
  const outputs: string[] = []

  function start(first: number, retry_ms = 5) {
    const output = join(scratch, `said-${outputs.length}`)
    outputs.push(output)
    const file = openSync(output, 'w')
    const child: ChildProcess = spawn(process.execPath, [SCRIPT, folder, String(first), String(retry_ms)], {
      stdio: ['ignore', file, 'inherit'],
      env: { ...process.env, ...disk.env },
    })
    closeSync(file)
    const ended = once(child, 'exit')
    const kill = async (): Promise<void> => {
      child.kill('SIGKILL')
      await ended
    }
    cleanups.push(kill)
    return { kill }
  }

  /** Complete lines of all lives. */
  const lines = (): string[] => outputs.flatMap((output) => readFileSync(output, 'utf8').split('\n').slice(0, -1))
  const acks = (): number[] =>
    lines()
      .filter((line) => line.startsWith('ack '))
      .map((line) => Number(line.slice(4)))
  const refusals = (): string[] => lines().filter((line) => line.startsWith('no '))
  const until = (met: () => boolean): Promise<void> => vi.waitFor(() => expect(met()).toBe(true), GENEROUS)

  async function more(of: () => unknown[], count: number): Promise<void> {
    const before = of().length
    await until(() => of().length >= before + count)
  }

  async function expectAllOnDisk(): Promise<void> {
    const rescued = join(scratch, 'rescued')
    disk.afterPowerCut(rescued)
    const log = await openFileLog(rescued, { lanes: SENDER_LANES, reserve_bytes: 0 })
    cleanups.push(() => log.close())
    expect(log.recovery()).toBeUndefined()
    const held = (await log.list('alarm')).filter(({ stream }) => stream === SENDER_STREAM)
    const newest = Math.max(...acks())
    expect(held.length).toBeGreaterThanOrEqual(newest)
    expect(held.map(({ sequence }) => sequence)).toEqual(held.map((_, index) => index + 1))
    expect(held.every(({ payload, sequence = 0 }) => senderPayload(sequence).equals(payload))).toBe(true)
  }

  return { disk, start, acks, refusals, more, expectAllOnDisk }
}

needs('cc', 'gcc libc6-dev')('a disk whose fsync fails', () => {
  it('has nothing acknowledged that is not on it, while it fails, and goes on by itself afterwards', async () => {
    const { disk, start, acks, refusals, more, expectAllOnDisk } = world()
    const child = start(1)
    await more(acks, 200)
    for (const round of [1, 2, 3]) {
      disk.fail('wal', true)
      await more(refusals, 3)
      const told = acks().length
      await more(refusals, 5)
      expect([round, acks().length]).toEqual([round, told])
      disk.fail('wal', false)
      await more(acks, 100)
    }
    expect(refusals().every((line) => line.endsWith(' JOURNAL_IO'))).toBe(true)
    await child.kill()
    await expectAllOnDisk()
  }, 120_000)

  it('is not believed by the next process either, which finds the failed commit in the page cache', async () => {
    const { disk, start, acks, refusals, more, expectAllOnDisk } = world()
    // It does not try again: nothing is written behind the commit that failed.
    const child = start(1, 3_600_000)
    await more(acks, 100)
    disk.fail('wal', true)
    await more(refusals, 1)
    await child.kill()
    disk.fail('wal', false)
    const next = start(Math.max(...acks()) + 1)
    await more(acks, 8)
    await next.kill()
    await expectAllOnDisk()
  }, 120_000)

  it('loses nothing either when it is the database that cannot be fsynced', async () => {
    const { disk, start, acks, more, expectAllOnDisk } = world()
    const child = start(1)
    await more(acks, 50)
    disk.fail('db', true)
    // More than the write-ahead log holds before it is copied into the database.
    await more(acks, 3_000)
    await child.kill()
    await expectAllOnDisk()
  }, 120_000)
})
