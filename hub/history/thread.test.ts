import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { needsThat } from '../../test/support/needs.ts'
import { makeEvent } from '../contract/event.ts'
import { type Address, formatTopic } from '../contract/topic.ts'
import { createThreadBackend } from './thread.ts'
import { type Pack, RETENTION } from './types.ts'

/** The thread over a real file, where the disk is full and where the file breaks. */

const AIR: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'park-sensor',
  device: 'air-1',
}
const NOW_MS = Date.parse('2026-11-23T12:00:00Z')
const PER_PACK = 500
const DISK_BYTES = 6 * 1024 * 1024
const slice = { from_ms: 0, to_ms: NOW_MS }

function packOf(number: number): Pack {
  const wall_ms = NOW_MS - number * PER_PACK * 1000
  const data = Array.from({ length: PER_PACK }, (_, index) => ({
    n: `q${index % 7}`,
    u: 'Cel',
    t: -index - 1,
    v: index,
  }))
  const stamp = { wall_ms, monotonic_ms: 1, quality: 'synced' } as const
  const event = makeEvent({ address: AIR, bootid: 'b', sequence: number }, 'telemetry', 'notice', stamp, data)
  return { topic: formatTopic({ ...AIR, channel: 'tele' }), text: JSON.stringify(event), arrived_ms: wall_ms }
}

function mount(): string | undefined {
  const at = mkdtempSync(join(tmpdir(), 'linli-full-'))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', at]).status === 0) return at
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
  beforeAll(() => {
    disk = mount() ?? ''
  })
  afterAll(() => unmount(disk))

  it('takes nothing of a batch, answers questions, and takes it when there is room', async () => {
    const balloon = join(disk, 'balloon')
    writeFileSync(balloon, Buffer.alloc(DISK_BYTES - 1024 * 1024))
    const backend = createThreadBackend({ folder: join(disk, 'history'), retention: RETENTION })
    await backend.open()
    let number = 0
    const fill = async () => {
      for (; number < 1_000; number++) await backend.append([packOf(number)])
    }
    await expect(fill()).rejects.toMatchObject({ code: 'HISTORY_FULL', kind: 'fault' })
    const kept = await backend.count(slice)
    expect(kept).toBe(number * PER_PACK)
    rmSync(balloon)
    expect(await backend.append([packOf(number)])).toMatchObject({ added: PER_PACK, repeated: 0 })
    expect(await backend.append([packOf(number)])).toMatchObject({ added: 0, repeated: PER_PACK })
    await backend.close()
  })
})

describe('a file that breaks', () => {
  it.each([
    ['at its begin', 0.2],
    ['where only questions find it', 0.6],
  ])('%s is set aside, said, and followed by a new one', async (_where, share) => {
    const folder = mkdtempSync(join(tmpdir(), 'linli-history-'))
    const filled = createThreadBackend({ folder, retention: RETENTION })
    await filled.append(Array.from({ length: 10 }, (_, number) => packOf(number)))
    await filled.close()
    const file = join(folder, 'history.db')
    const size = Number(spawnSync('stat', ['-c', '%s', file]).stdout)
    const begin = Math.floor((size / 1024) * share)
    spawnSync('dd', [
      'if=/dev/urandom',
      `of=${file}`,
      'bs=1024',
      `seek=${begin}`,
      `count=${size / 1024 - begin}`,
      'conv=notrunc',
    ])
    const backend = createThreadBackend({ folder, retention: RETENTION })
    const results: unknown[] = []
    for (const ask of [
      () => backend.count(slice),
      () => backend.append([packOf(0)]),
      () => backend.append([packOf(0)]),
    ])
      results.push(await ask().catch((error: { code: string }) => error.code))
    expect(results).toContain('HISTORY_DAMAGED')
    expect(results.at(-1)).toMatchObject({ unplaced: 0 })
    expect(await backend.count(slice)).toBe(PER_PACK)
    await backend.close()
    expect(readdirSync(folder).some((name) => name.includes('.damaged-'))).toBe(true)
    rmSync(folder, { recursive: true })
  })
})
