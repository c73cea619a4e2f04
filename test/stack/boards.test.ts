import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Estate, WAIT } from '../support/estate.ts'

/** Boards that go away, hang, or speak nonsense: they come back by themselves and are never shown as alive meanwhile. */

describe('a board', () => {
  const estate = new Estate({ boards: [['b1'], ['b2']] })
  beforeAll(() => estate.start())
  afterAll(() => estate.end())

  const availability = (gateway: string, device: string) => estate.retained(`${gateway}/alarm-button/${device}/avail`)

  async function worksAgain(device: string, gateway: string): Promise<void> {
    await vi.waitFor(() => expect(availability(gateway, device)).toMatchObject({ status: 'online' }), WAIT)
    const before = estate.events('pressed').length
    estate.press(device, 100)
    await vi.waitFor(() => expect(estate.events('pressed')).toHaveLength(before + 1), WAIT)
    expect(estate.events('pressed').at(-1)).toMatchObject({ device, data: { atstart: false } })
  }

  it('that is unplugged is offline, and works again when it is back', async () => {
    estate.sim.send({ do: 'unplug', board: 'board-1' })
    await vi.waitFor(
      () => expect(availability('gw-1', 'b1')).toMatchObject({ status: 'offline', reason: 'board-absent' }),
      WAIT,
    )
    expect(availability('gw-2', 'b2')).toMatchObject({ status: 'online' })
    estate.sim.send({ do: 'replug', board: 'board-1' })
    await worksAgain('b1', 'gw-1')
    expect(estate.events('board-lost').length).toBeGreaterThanOrEqual(1)
  })

  it('that hangs is noticed and reset', async () => {
    estate.sim.send({ do: 'hang', board: 'board-1' })
    await vi.waitFor(
      () =>
        expect(availability('gw-1', 'b1')).toMatchObject({
          status: 'offline',
          reason: expect.stringMatching(/board-(hung|absent)/),
        }),
      WAIT,
    )
    estate.sim.send({ do: 'reset', board: 'board-1' })
    await worksAgain('b1', 'gw-1')
  })

  it('that browns out comes back with its outputs off', async () => {
    const lost = estate.events('board-lost').length
    estate.sim.send({ do: 'reset', board: 'board-2' })
    await vi.waitFor(() => expect(estate.events('board-lost').length).toBeGreaterThan(lost), WAIT)
    await worksAgain('b2', 'gw-2')
    expect(estate.retained('gw-2/alarm-button/b2/state')).toMatchObject({ lamp: false, siren: false })
  })

  it('with noise on its line goes on: what is pressed after the noise counts', async () => {
    const before = estate.events('pressed').length
    const steps = [
      { at_ms: 0, do: 'noise', board: 'board-2', for_ms: 200 },
      { at_ms: 2_500, do: 'press', device: 'b2', for_ms: 100 },
    ]
    estate.sim.send({ do: 'scenario', steps })
    await vi.waitFor(() => expect(estate.events('pressed').length).toBeGreaterThan(before), WAIT)
    await vi.waitFor(() => expect(availability('gw-2', 'b2')).toMatchObject({ status: 'online' }), WAIT)
    estate.expectConformity()
  })
})
