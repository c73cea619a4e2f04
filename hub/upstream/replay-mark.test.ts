import { describe, expect, it } from 'vitest'
import { encodeJson } from '../contract/encode.ts'
import { markReplayed } from './replay-mark.ts'

const read = (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown

describe('replay mark', () => {
  it('marks an event and changes nothing else', () => {
    expect(read(markReplayed(encodeJson({ id: '1', data: { note: '"replayed":false' } })))).toEqual({
      id: '1',
      data: { note: '"replayed":false' },
      replayed: true,
    })
  })

  it.each(['', 'no json', '[1]', 'null', '"text"'])('passes what is no object unchanged: %j', (text) => {
    const payload = Buffer.from(text)
    expect(markReplayed(payload)).toBe(payload)
  })
})
