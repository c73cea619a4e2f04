import { describe, expect, it } from 'vitest'
import { crashingFolder, createDisk } from '../../hub/journal/test-support/crashing-folder.ts'
import { openReaderRecords } from './reader-records.ts'

const KEY = Uint8Array.from({ length: 16 }, (_, at) => 0xa0 + at)
const OTHER = KEY.map((one) => one ^ 0x0f)

describe('what is kept of a reader', () => {
  it('is there again after a restart, changes of one reader one after another', async () => {
    const folder = crashingFolder(createDisk())
    const records = await openReaderRecords(folder, ['r1', 'r2'], () => undefined)
    const unit = { vendor: 1, model: 2, serial: 3 }
    await Promise.all([
      records.update('r1', (before) => ({ ...before, pending: KEY })),
      records.update('r1', (before) => ({ ...before, key: OTHER })),
      records.update('r2', () => ({ unit })),
    ])
    const again = await openReaderRecords(folder, ['r1', 'r2', 'r3'], () => undefined)
    expect(['r1', 'r2', 'r3'].map((reader) => again.get(reader))).toEqual([
      { pending: Buffer.from(KEY), key: Buffer.from(OTHER) },
      { unit },
      {},
    ])
  })

  it('stays as it was when the disk refuses the change, and can be changed again', async () => {
    let isFull = false
    const before = () => {
      if (isFull) throw new Error('no space left')
    }
    const records = await openReaderRecords(crashingFolder(createDisk(), { before }), ['r1'], () => undefined)
    await records.update('r1', () => ({ key: KEY }))
    isFull = true
    await expect(records.update('r1', () => ({ key: OTHER }))).rejects.toMatchObject({ code: 'READER_RECORD_IO' })
    expect(records.get('r1')).toEqual({ key: KEY })
    isFull = false
    await records.update('r1', () => ({ key: OTHER }))
    expect(records.get('r1')).toEqual({ key: OTHER })
  })

  it.each(['{"key":', '{"key":"30"}', '{"pending":"303132333435363738393a3b3c3d3e3f"}'])(
    'is set aside and told when it is no record: %s',
    async (text) => {
      const disk = createDisk()
      const folder = crashingFolder(disk)
      await folder.write('r1.json', [text])
      const faults: string[] = []
      const records = await openReaderRecords(folder, ['r1'], ({ code }) => faults.push(code))
      expect([records.get('r1'), faults]).toEqual([{}, ['READER_RECORD_DAMAGED']])
      expect([...disk.names.keys()]).toEqual(['r1.damaged'])
    },
  )
})
