import { expect, it } from 'vitest'
import { createMemoryDisk } from './journal/memory-backend.ts'
import { openMemoryLog } from './journal/open.ts'
import { journalHealth } from './journal-health.ts'
import { JOURNAL_LANES } from './journal-lanes.ts'

it('a full disk is a problem while it lasts, alarms are taken last of all, and what was refused stays counted', async () => {
  const disk = createMemoryDisk()
  const log = await openMemoryLog(disk, { lanes: JOURNAL_LANES, stream_hold_ms: 1 })
  const append = (lane: string) =>
    log.append({ lane, topic: 't', payload: Buffer.from('x'), time_ms: 0, ...(lane === 'state' ? { key: 'k' } : {}) })
  expect(journalHealth(log)).toEqual({
    problems: [],
    details: { fault: undefined, refused: {}, dropped: {}, recovered: undefined },
  })
  disk.full = 'reserve'
  await expect(append('telemetry')).rejects.toMatchObject({ code: 'JOURNAL_FULL' })
  await append('state')
  await append('alarm')
  disk.full = 'last'
  await expect(append('telemetry')).rejects.toMatchObject({ code: 'JOURNAL_FULL' })
  await expect(append('state')).rejects.toMatchObject({ code: 'JOURNAL_FULL' })
  await append('alarm')
  const { problems, details } = journalHealth(log)
  expect(problems).toEqual([expect.stringMatching(/^JOURNAL_FULL: the disk is full/)])
  expect(details).toMatchObject({ fault: 'JOURNAL_FULL', refused: { telemetry: 2, state: 1 } })
  disk.full = 'no'
  await append('telemetry')
  expect(journalHealth(log)).toMatchObject({ problems: [], details: { refused: { telemetry: 2, state: 1 } } })
  log.kill()
})
