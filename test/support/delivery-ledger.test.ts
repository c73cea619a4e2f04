import { describe, expect, it } from 'vitest'
import { type Delivered, judge, type Said } from './delivery-ledger.ts'

const said: Said[] = [1, 2, 3].map((sequence) => ({ id: `e${sequence}`, series: 'b1', sequence }))
const came = (...ids: string[]): Delivered[] => ids.map((id) => ({ id, content: id }))

describe('the ledger of deliveries', () => {
  it('is content when everything came in order, be it twice', () => {
    expect(judge(said, came('e1', 'e2', 'e1', 'e2', 'e3'))).toEqual({
      said: 3,
      delivered: 5,
      lost: [],
      phantom: [],
      disordered: [],
      duplicates: 2,
      changed: [],
    })
  })

  it('finds what is lost, what nobody said, what overtook, and what came again as something else', () => {
    expect(judge(said, came('e1', 'e3')).lost).toEqual(['e2'])
    expect(judge(said, came('e1', 'e2', 'e3', 'e9')).phantom).toEqual(['e9'])
    expect(judge(said, came('e2', 'e1', 'e3')).disordered).toEqual(['e1'])
    expect(judge(said, [...came('e1', 'e2', 'e3'), { id: 'e2', content: 'other' }]).changed).toEqual(['e2'])
  })
})
