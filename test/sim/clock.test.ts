import { afterEach, describe, expect, it } from 'vitest'
import { type DistrictMessage, VirtualEstate } from '../support/virtual-estate.ts'
import { createVirtualTime, type VirtualTime } from '../support/virtual-time.ts'

/**
 * Boxes without a battery clock: they come up in 1970, or in the year they were switched off, and their clocks are set at some later
 * time by years at once. What happened before that arrives with its true time where that can be known, and marked where not.
 */

const TRUE_MS = Date.parse('2026-11-23T08:00:00Z')
const SEED = 5

let time: VirtualTime | undefined
let isSynced = false
afterEach(() => {
  time?.restore()
  isSynced = false
})

async function begin(clock: string): Promise<{ estate: VirtualEstate; virtual: VirtualTime }> {
  const virtual = createVirtualTime(clock)
  time = virtual
  const estate = new VirtualEstate(virtual, SEED, () => isSynced)
  await estate.start()
  return { estate, virtual }
}

/** The time source is reached. @returns by how much the clock is moved */
function setClock(virtual: VirtualTime): number {
  const step_ms = TRUE_MS - Date.now()
  virtual.clock.setSystemTime(TRUE_MS)
  isSynced = true
  return step_ms
}

const pressed = (estate: VirtualEstate) => eventsOf(estate, 'b1/evt/pressed')
function eventsOf(estate: VirtualEstate, ending: string): DistrictMessage[] {
  const byId = new Map(
    estate.received.filter(({ topic }) => topic.endsWith(ending)).map((message) => [message.payload.id, message]),
  )
  return [...byId.values()]
}
function timesOf(messages: DistrictMessage[]): number[] {
  return messages.map(({ payload }) => Date.parse(String(payload.time)))
}
function expectNear(found: number[], expected: number[], tolerance_ms = 50): void {
  expect(found).toHaveLength(expected.length)
  for (const [index, time_ms] of found.entries())
    expect(Math.abs(time_ms - (expected[index] ?? Number.NaN)), `event ${index}`).toBeLessThanOrEqual(tolerance_ms)
}

async function pressThrice(estate: VirtualEstate, virtual: VirtualTime): Promise<void> {
  for (let n = 0; n < 3; n++) {
    estate.press('b1', 100)
    await virtual.advance(3 * 60_000)
  }
}

describe.each(['1970-01-01T00:00:12Z', '2020-02-29T23:59:00Z'])('a gateway that comes up at %s', (clock) => {
  it('sends what it kept back with its true times, once the clock is set', async () => {
    const { estate, virtual } = await begin(clock)
    estate.uplink('gw-1').partition()
    await pressThrice(estate, virtual)
    const step_ms = setClock(virtual)
    await virtual.advance(15_000)
    estate.press('b1', 100)
    await virtual.advance(1000)
    await estate.heal()
    const events = pressed(estate)
    // The simulator's own clock was never set.
    expectNear(
      timesOf(events),
      estate.presses.map(({ at_ms }) => at_ms + step_ms),
    )
    expect(events.map(({ payload }) => payload.timequality)).toEqual(['unsynced', 'unsynced', 'unsynced', 'synced'])
    expect(events.map(({ payload }) => 'clocktime' in payload)).toEqual([true, true, true, false])
    expectNear(
      events.slice(0, 3).map(({ payload }) => Date.parse(String(payload.clocktime))),
      estate.presses.slice(0, 3).map(({ at_ms }) => at_ms),
    )
    const [set, ...more] = eventsOf(estate, 'gw-1/evt/clock-set')
    expect(more).toEqual([])
    expect(set?.payload).toMatchObject({ timequality: 'synced', data: { stepped_ms: step_ms } })
    await estate.close()
  })

  it('tells enough to date what was sent before, and tells again since when its devices are there', async () => {
    const { estate, virtual } = await begin(clock)
    await pressThrice(estate, virtual)
    expect(pressed(estate).map(({ payload }) => payload.timequality)).toEqual(['unsynced', 'unsynced', 'unsynced'])
    const step_ms = setClock(virtual)
    await virtual.advance(15_000)
    const [set] = eventsOf(estate, 'gw-1/evt/clock-set')
    const worked = pressed(estate).map(({ payload }) => {
      expect(payload.bootid).toBe(set?.payload.bootid)
      const ago_ms = Number(set?.payload.monotonicms) - Number(payload.monotonicms)
      return Date.parse(String(set?.payload.time)) - ago_ms
    })
    expectNear(
      worked,
      estate.presses.map(({ at_ms }) => at_ms + step_ms),
    )
    const last = (ending: string) => estate.received.findLast(({ topic }) => topic.endsWith(ending))?.payload
    for (const ending of ['gateway/gw-1/avail', 'alarm-button/b1/avail']) {
      const since_ms = Date.parse(String(last(ending)?.since))
      expect(last(ending)?.status).toBe('online')
      expect(TRUE_MS - since_ms).toBeGreaterThan(9 * 60_000)
      expect(TRUE_MS - since_ms).toBeLessThan(11 * 60_000)
    }
    expect(last('gateway/gw-1/state')).toMatchObject({ timequality: 'synced' })
    expect(TRUE_MS - Date.parse(String(last('gateway/gw-1/state')?.startedat))).toBeLessThan(11 * 60_000)
    await estate.close()
  })

  it('leaves what happened before a reboot marked: nobody knows how long the box was dark', async () => {
    const { estate, virtual } = await begin(clock)
    estate.uplink('gw-1').partition()
    estate.press('b1', 100)
    await virtual.advance(60_000)
    const before = estate.presses.length
    await estate.killGateway('gw-1')
    await virtual.advance(1000)
    await estate.startGateway('gw-1')
    estate.press('b1', 100)
    await virtual.advance(60_000)
    const step_ms = setClock(virtual)
    await virtual.advance(15_000)
    await estate.heal()
    const events = pressed(estate)
    expect(before).toBe(1)
    expect(events.map(({ payload }) => payload.timequality)).toEqual(['unsynced', 'unsynced'])
    expect(events.map(({ payload }) => 'clocktime' in payload)).toEqual([false, true])
    expectNear(
      timesOf(events),
      estate.presses.map(({ at_ms }, index) => (index < before ? at_ms : at_ms + step_ms)),
    )
    await estate.close()
  })
})
