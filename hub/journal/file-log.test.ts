import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { LinliError } from '../contract/errors.ts'
import { createLog } from './log.ts'
import { type FileLogConfig, openFileLog } from './open.ts'
import { APPENDER_LANES } from './test-support/appender.ts'
import type { Append, LaneConfig, Log } from './types.ts'
import { createWorkerBackend } from './worker-backend.ts'

const LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  { name: 'state', kind: 'compacted' },
  { name: 'telemetry', kind: 'queue', evict: { oldest: { entries_max: 100_000 } } },
]

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'linli-journal-'))
  cleanups.push(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function open(where: string, more: Partial<FileLogConfig> = {}): Promise<Log> {
  const log = await openFileLog(where, { lanes: LANES, reserve_bytes: 0, ...more })
  cleanups.push(() => log.close())
  return log
}

const alarm = (text: string, more: Partial<Append> = {}): Append => ({
  lane: 'alarm',
  topic: 't',
  payload: Buffer.from(text),
  time_ms: 1,
  ...more,
})
const texts = async (log: Log, lane = 'alarm'): Promise<string[]> =>
  (await log.list(lane)).map(({ payload }) => Buffer.from(payload).toString())

describe('a log in a folder', () => {
  it('gives everything back after it was closed, byte for byte', async () => {
    const where = join(folder(), 'made', 'on', 'the', 'way')
    const log = await open(where)
    const bytes = Uint8Array.from({ length: 70_000 }, (_, n) => n % 256)
    const full: Append = {
      lane: 'alarm',
      topic: 'linli/v1/开元',
      payload: bytes,
      time_ms: 1_764_000_000_123,
      stream: 'gw:boot',
      sequence: 9_007_199_254_740_991,
    }
    await log.append(full)
    await log.append({ lane: 'state', topic: 'k', key: 'k', payload: Buffer.from('on'), time_ms: 2 })
    await log.append(alarm(''))
    const telemetry = { lane: 'telemetry', topic: 't', payload: bytes, time_ms: 3 }
    await log.append(telemetry)
    await log.append(telemetry)
    log.cursor('upstream', ['telemetry']).advance('telemetry', 1)
    await log.close()
    expect(readdirSync(where)).toEqual(['journal.db'])
    const next = await open(where)
    const [first, second] = await next.list('alarm')
    expect(first).toEqual({ ...full, position: 1, payload: expect.anything() })
    expect(Buffer.from(first?.payload ?? []).equals(bytes)).toBe(true)
    expect(second?.payload.length).toBe(0)
    expect(await texts(next, 'state')).toEqual(['on'])
    expect(next.cursor('upstream', ['telemetry']).durable('telemetry')).toBe(1)
    expect((await next.read('telemetry', 0, 10)).map(({ position }) => position)).toEqual([2])
    await expect(next.append(full)).resolves.toEqual({ duplicate: true })
    await expect(next.append(alarm('x'))).resolves.toEqual({ position: 3 })
  })

  it('refuses what cannot be appended, with the reason', async () => {
    const log = await open(folder(), { payload_bytes_max: 10 })
    const bad: [Append, RegExp][] = [
      [alarm('x', { lane: 'nowhere' }), /no lane nowhere; there are alarm, state, telemetry/],
      [alarm('x'.repeat(11)), /11 bytes; 10 are allowed/],
      [alarm('x', { topic: '' }), /topic is empty/],
      [alarm('x', { time_ms: Number.NaN }), /time_ms/],
      [alarm('x', { key: 'k' }), /have no key/],
      [alarm('x', { lane: 'state' }), /need a key/],
      [alarm('x', { stream: 's' }), /go together/],
      [alarm('x', { stream: 's', sequence: 1.5 }), /integer from 0/],
    ]
    for (const [append, message] of bad) {
      await expect(log.append(append)).rejects.toMatchObject({
        code: 'JOURNAL_APPEND_INVALID',
        kind: 'caller',
        message: expect.stringMatching(message),
      })
    }
    await log.close()
    await expect(log.append(alarm('x'))).rejects.toMatchObject({ code: 'JOURNAL_CLOSED' })
  })

  it('refuses a second opener, naming the folder, and a lane that changed its kind', async () => {
    const where = folder()
    const log = await open(where)
    await log.append(alarm('x'))
    await expect(open(where)).rejects.toMatchObject({ code: 'JOURNAL_LOCKED', message: expect.stringContaining(where) })
    const other = spawn(
      process.execPath,
      [fileURLToPath(new URL('./test-support/appender.ts', import.meta.url)), where, '0'],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    let said = ''
    other.stderr.on('data', (chunk) => {
      said += chunk
    })
    const [code] = await once(other, 'exit')
    expect(code).not.toBe(0)
    expect(said).toContain('JOURNAL_LOCKED')
    expect(said).toContain(where)
    await log.close()
    const changed = LANES.map(
      (lane): LaneConfig => (lane.name === 'state' ? { name: 'state', kind: 'queue', evict: 'never' } : lane),
    )
    await expect(open(where, { lanes: changed })).rejects.toMatchObject({
      code: 'JOURNAL_CONFIG',
      message: expect.stringContaining('lane state'),
    })
  })

  it('says so when its place cannot be a folder', async () => {
    const file = join(folder(), 'file')
    writeFileSync(file, '')
    await expect(open(join(file, 'below'))).rejects.toMatchObject({
      code: 'JOURNAL_IO',
      message: expect.stringContaining(file),
    })
  })

  it('refuses everything when its thread dies, and says so once', async () => {
    const faults: LinliError[] = []
    const backend = createWorkerBackend({ folder: folder(), reserve_bytes: 0 })
    const log = await createLog({ backend, onFault: (fault) => faults.push(fault) }, { lanes: LANES })
    await log.append(alarm('1'))
    const outcome = Promise.allSettled([log.append(alarm('2')), log.append(alarm('3'))])
    backend.terminate()
    const late = (await outcome).filter(({ status }) => status === 'rejected')
    for (const one of late) expect(one).toMatchObject({ reason: { code: 'JOURNAL_IO' } })
    await vi.waitFor(() => expect(faults.length).toBe(1))
    await expect(log.append(alarm('4'))).rejects.toMatchObject({ code: 'JOURNAL_IO' })
    expect(log.stats().fault?.code).toBe('JOURNAL_IO')
    await log.close()
    expect(faults.length).toBe(1)
  })

  it('gives the room back when everything has been passed on', async () => {
    const where = folder()
    const log = await open(where, { trim_idle_ms: 100 })
    const cursor = log.cursor('upstream', ['alarm'])
    const appends = Array.from({ length: 8_000 }, () =>
      log.append({ lane: 'alarm', topic: 't', payload: randomBytes(1_000), time_ms: 0 }),
    )
    await Promise.all(appends)
    expect(log.stats().bytes).toBeGreaterThan(8_000_000)
    cursor.advance('alarm', 8_000)
    await cursor.flush()
    await vi.waitFor(() => expect(statSync(join(where, 'journal.db')).size).toBeLessThan(500_000), { timeout: 10_000 })
    await vi.waitFor(() => expect(statSync(join(where, 'journal.db-wal')).size).toBeLessThan(2_000_000))
    await expect(log.append(alarm('next'))).resolves.toEqual({ position: 8_001 })
  })
})

describe('a log whose process is killed', () => {
  it('has everything it acknowledged, in order and once, after each of six kills', { timeout: 60_000 }, async () => {
    const where = folder()
    const script = fileURLToPath(new URL('./test-support/appender.ts', import.meta.url))
    const said = new Map<number, string>()
    for (let life = 0; life < 6; life += 1) {
      const acks = join(where, `acks-${life}`)
      const output = openSync(acks, 'w')
      const child: ChildProcess = spawn(process.execPath, [script, where, String(life)], {
        stdio: ['ignore', output, 'inherit'],
      })
      closeSync(output)
      // Each life is killed at another point of its write-ahead log.
      const bytes_min = 5_000 + life * 7_001
      await vi.waitFor(() => expect(statSync(acks).size).toBeGreaterThan(bytes_min), { timeout: 20_000, interval: 5 })
      child.kill('SIGKILL')
      await once(child, 'close')
      // The last line may be cut.
      for (const line of readFileSync(acks, 'utf8').split('\n').slice(0, -1)) {
        const [sequence, position] = line.split(' ')
        // A position is never given twice, not over lives either.
        expect(said.has(Number(position))).toBe(false)
        said.set(Number(position), `${life}:${sequence}`)
      }
    }
    const log = await openFileLog(where, { lanes: APPENDER_LANES, reserve_bytes: 0 })
    cleanups.push(() => log.close())
    const held = await log.list('alarm')
    const byPosition = new Map(held.map((entry) => [entry.position, Buffer.from(entry.payload).toString()]))
    const missing = [...said].filter(([position, text]) => byPosition.get(position) !== text)
    expect(missing).toEqual([])
    expect(held.map(({ position }) => position)).toEqual(held.map((_, index) => index + 1))
    for (let life = 0; life < 6; life += 1) {
      const sequences = held.filter(({ stream }) => stream === `life-${life}`).map(({ sequence }) => sequence)
      expect(sequences).toEqual(sequences.map((_, index) => index + 1))
    }
    // What was on disk and not acknowledged before the kill is at most what was under way.
    expect(held.length - said.size).toBeLessThanOrEqual(6 * 20)
  })
})
