import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Estate, WAIT } from '../support/estate.ts'

/** Boards that go away, hang, or speak nonsense: they come back by themselves and are never shown as alive meanwhile. */

describe('a board', () => {
  const estate = new Estate({ boards: [['b1'], ['b2']] })
  beforeAll(() => estate.start())
  afterAll(() => estate.end())

  const availability = (gateway: string, device: string) => estate.retained(`${gateway}/alarm-button/${device}/avail`)

  /** How often it was told as online: what it was before says nothing of now. */
  const timesOnline = (gateway: string, device: string) =>
    estate
      .received()
      .filter(
        ({ topic, payload }) =>
          topic.endsWith(`${gateway}/alarm-button/${device}/avail`) && payload.status === 'online',
      ).length

  /** @param was how often it had been told as online before it was disturbed */
  async function worksAgain(device: string, gateway: string, was: number): Promise<void> {
    await vi.waitFor(() => expect(timesOnline(gateway, device)).toBeGreaterThan(was), WAIT)
    const before = estate.events('pressed').length
    estate.press(device, 100)
    await vi.waitFor(() => expect(estate.events('pressed')).toHaveLength(before + 1), WAIT)
    expect(estate.events('pressed').at(-1)).toMatchObject({ device, data: { atstart: false } })
  }

  it('that is unplugged is offline, and works again when it is back', async () => {
    const was = timesOnline('gw-1', 'b1')
    estate.sim.send({ do: 'unplug', board: 'board-1' })
    await vi.waitFor(
      () => expect(availability('gw-1', 'b1')).toMatchObject({ status: 'offline', reason: 'board-absent' }),
      WAIT,
    )
    expect(availability('gw-2', 'b2')).toMatchObject({ status: 'online' })
    estate.sim.send({ do: 'replug', board: 'board-1' })
    await worksAgain('b1', 'gw-1', was)
    expect(estate.events('board-lost').length).toBeGreaterThanOrEqual(1)
  })

  it('that hangs is noticed and reset', async () => {
    const was = timesOnline('gw-1', 'b1')
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
    await worksAgain('b1', 'gw-1', was)
  })

  it('that browns out comes back with its outputs off', async () => {
    const was = timesOnline('gw-2', 'b2')
    const lost = estate.events('board-lost').length
    estate.sim.send({ do: 'reset', board: 'board-2' })
    await vi.waitFor(() => expect(estate.events('board-lost').length).toBeGreaterThan(lost), WAIT)
    await worksAgain('b2', 'gw-2', was)
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

describe('a board on a bad plug', () => {
  const estate = new Estate({ boards: [['b1']] })
  beforeAll(() => estate.start())
  afterAll(() => estate.end())

  it('is told as flapping instead of at each change, and what is pressed while it works arrives', async () => {
    const shown = () => estate.received().filter(({ topic, retain }) => retain && topic.endsWith('b1/avail'))
    const told = () => shown().map(({ payload }) => payload.reason ?? payload.status)
    const ready = () => estate.events('board-ready').length
    const lost = () => estate.events('board-lost').length
    for (let n = 1; n <= 8; n++) {
      const before = { ready: ready(), lost: lost(), pressed: estate.events('pressed').length }
      estate.sim.send({ do: 'unplug', board: 'board-1' })
      await vi.waitFor(() => expect(lost()).toBeGreaterThan(before.lost), WAIT)
      estate.sim.send({ do: 'replug', board: 'board-1' })
      await vi.waitFor(() => expect(ready()).toBeGreaterThan(before.ready), WAIT)
      // Longer than any debounce of what is found: this press is a new one.
      estate.sim.send({ do: 'scenario', steps: [{ at_ms: 500, do: 'press', device: 'b1', for_ms: 100 }] })
      await vi.waitFor(() => expect(estate.events('pressed').length).toBeGreaterThan(before.pressed), WAIT)
    }
    expect(told().filter((one) => one === 'flapping')).toHaveLength(1)
    expect(shown().at(-1)?.payload).toMatchObject({ status: 'fault', reason: 'flapping' })
    expect(told().filter((one) => one === 'online').length).toBeLessThanOrEqual(6)
    estate.expectConformity()
  })
})

describe('a line at the wrong speed', () => {
  const estate = new Estate({ boards: [['b1']], gatewayBaud: 9600 })
  afterAll(() => estate.end())

  it('is told with its likely cause, and its button is never shown as alive', async () => {
    await estate.startProcesses()
    await vi.waitFor(() => {
      const state = estate.retained('gateway/gw-1/state') as { boards?: unknown[] } | undefined
      expect(state?.boards).toMatchObject([{ id: 'board-1', status: 'hung', reason: expect.stringContaining('baud') }])
    }, WAIT)
    expect(
      estate
        .received()
        .filter(({ topic }) => topic.endsWith('b1/avail'))
        .map(({ payload }) => payload.status),
    ).not.toContain('online')
    estate.expectConformity()
  })
})

describe('a gateway whose hub connection breaks', () => {
  const estate = new Estate({ boards: [['b1']] })
  beforeAll(() => estate.start())
  afterAll(() => estate.end())

  it('takes its devices along when it dies, and brings them back', async () => {
    await estate.gateway('gw-1').kill()
    await vi.waitFor(
      () =>
        expect(estate.retained('gw-1/alarm-button/b1/avail')).toMatchObject({
          status: 'offline',
          reason: 'gateway-offline',
        }),
      WAIT,
    )
    // Its will is spoken by the broker, and may come behind what the hub concludes of its devices.
    await vi.waitFor(
      () =>
        expect(estate.retained('gateway/gw-1/avail')).toMatchObject({
          status: 'offline',
          reason: 'connection-lost',
          since: expect.any(String),
        }),
      WAIT,
    )
    await estate.startGateway('gw-1')
    await estate.online()
  })

  it('is heard again after a hub that was away, devices included', async () => {
    await estate.hub.kill()
    await estate.startHub()
    await estate.online()
    estate.press('b1', 100)
    await vi.waitFor(() => expect(estate.events('pressed')).toHaveLength(1), WAIT)
  })
})
