import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Estate, WAIT } from '../support/estate.ts'
import { duplicatesOf } from '../support/story.ts'

describe.each(['protocol', 'firmware'] as const)('a press on the %s board', (boardKind) => {
  const estate = new Estate({ boards: [['b1', 'b2']], boardKind })
  beforeAll(() => estate.start())
  afterAll(() => estate.end())

  it('travels from the pin to the district, once, by the contract', async () => {
    estate.press('b1', 120)
    await vi.waitFor(() => expect(estate.events('released')).toHaveLength(1), WAIT)
    const [event] = estate.events('pressed')
    expect(event).toMatchObject({ device: 'b1', gateway: 'gw-1', data: { press: 1, atstart: false }, replayed: false })
    expect(estate.events('pressed')).toHaveLength(1)
    // A state is less urgent than an event, and may come behind it.
    await vi.waitFor(
      () => expect(estate.retained('alarm-button/b1/state')).toMatchObject({ alarm: true, presses: 1, pressed: false }),
      WAIT,
    )
    expect(duplicatesOf(estate.events())).toBe(0)
    estate.expectConformity()
  })

  it('counts a repeated press instead of folding it away', async () => {
    estate.press('b1', 120)
    // Released, not just open: a contact that closes again within the debounce is the same press.
    await vi.waitFor(() => expect(estate.events('released')).toHaveLength(2), WAIT)
    estate.press('b1', 120)
    await vi.waitFor(() => expect(estate.events('pressed').map(({ data }) => data.press)).toEqual([1, 2, 3]), WAIT)
  })

  it('says tamper when the cable is cut, and that it is mended', async () => {
    estate.sim.send({ do: 'cut', device: 'b2' })
    await vi.waitFor(
      () => expect(estate.events('tamper')).toMatchObject([{ device: 'b2', data: { loop: 'open' } }]),
      WAIT,
    )
    await vi.waitFor(
      () => expect(estate.retained('alarm-button/b2/avail')).toMatchObject({ status: 'fault', reason: 'loop-open' }),
      WAIT,
    )
    estate.sim.send({ do: 'heal', device: 'b2' })
    await vi.waitFor(() => expect(estate.retained('alarm-button/b2/avail')).toMatchObject({ status: 'online' }), WAIT)
    expect(estate.events('tamper-cleared')).toHaveLength(1)
  })
})
