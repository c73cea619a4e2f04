import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Estate, WAIT } from '../support/estate.ts'
import {
  duplicatesOf,
  edges,
  expectEveryPress,
  expectNoHoles,
  expectOrder,
  pressEvery,
  pressed,
  unique,
} from '../support/story.ts'

/** kill -9 while presses go on: nothing lost, order kept, duplicates only with the same id and within the window. */

/** What one kill may send twice per lane: messages whose cursor is not on disk (hub/upstream/forwarder.ts). */
const WINDOW = 1_000
const DEVICES = ['b1', 'b2', 'b3', 'b4']

let estate: Estate
beforeEach(async () => {
  estate = await new Estate({ boards: [DEVICES.slice(0, 2), DEVICES.slice(2)] }).start()
})
afterEach(() => estate.end())

describe('kill -9', () => {
  it('of the hub, five times', async () => {
    estate.sim.send(pressEvery(DEVICES, 100, 100))
    for (let kill = 1; kill <= 5; kill++) {
      await pressed(estate, kill * 18 + (kill % 3))
      await estate.hub.kill()
      await estate.startHub()
    }
    await expectEveryPress(estate, 100)
    expectOrder(estate.events())
    expectNoHoles(estate)
    expect(duplicatesOf(estate.events())).toBeLessThanOrEqual(5 * WINDOW)
    estate.expectConformity()
  })

  it('of the upstream, four times', async () => {
    estate.sim.send(pressEvery(DEVICES, 100, 80))
    for (let kill = 1; kill <= 4; kill++) {
      await pressed(estate, kill * 17 + (kill % 4))
      await estate.district.kill()
      await estate.startDistrict()
    }
    await expectEveryPress(estate, 80)
    expectOrder(estate.events())
    expectNoHoles(estate)
    expect(duplicatesOf(estate.events())).toBeLessThanOrEqual(4 * WINDOW)
  })

  it('of the gateways, eight times: what was pressed while one ran arrives', async () => {
    estate.sim.send(pressEvery(DEVICES, 120, 200))
    const downs: Array<{ gateway: string; from_ms: number; until_ms: number }> = []
    for (let kill = 1; kill <= 8; kill++) {
      await pressed(estate, kill * 20 + (kill % 5))
      const gateway = `gw-${1 + (kill % 2)}`
      const from_ms = Date.now()
      await estate.gateway(gateway).kill()
      await estate.startGateway(gateway)
      const boots = kill < 3 ? 2 : 1 + Math.ceil(kill / 2)
      await vi.waitFor(
        () =>
          expect(
            unique(estate.events('board-ready')).filter((event) => event.gateway === gateway).length,
          ).toBeGreaterThanOrEqual(boots),
        WAIT,
      )
      downs.push({ gateway, from_ms, until_ms: Date.now() })
    }
    await pressed(estate, 200)
    await vi.waitFor(
      () => expect(unique(estate.events('released')).length).toBeGreaterThanOrEqual(200 - lostToDowntime().length),
      WAIT,
    )
    const found = unique(estate.events('pressed')).length
    expect(found).toBeGreaterThanOrEqual(200 - lostToDowntime().length)
    // A restart never fires a press again: there are at most as many events as presses.
    expect(found).toBeLessThanOrEqual(200)
    expectOrder(estate.events())
    expectNoHoles(estate)

    /** Presses nobody could see: the contact closed and opened while the gateway was dead, or in the moment of its death. */
    function lostToDowntime() {
      const MOMENT_MS = 150
      return edges(estate).filter(({ device, at_ms }) => {
        const gateway = device === 'b1' || device === 'b2' ? 'gw-1' : 'gw-2'
        return downs.some(
          (down) => down.gateway === gateway && at_ms > down.from_ms - MOMENT_MS && at_ms < down.until_ms + MOMENT_MS,
        )
      })
    }
  })
})

describe('an upstream that is away', () => {
  it('for 1,000 events: all arrive, in order, marked as replayed', async () => {
    await estate.district.kill()
    estate.sim.send(pressEvery(DEVICES, 35, 500, 50))
    await pressed(estate, 500)
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`${estate.httpUrl}/metrics`)).text()
      expect(
        Number(/linli_upstream_lag_entries\{upstream="upstream",lane="alarm"\} (\d+)/.exec(metrics)?.[1]),
      ).toBeGreaterThanOrEqual(1000)
    }, WAIT)
    await estate.startDistrict()
    await expectEveryPress(estate, 500)
    expectOrder(estate.events())
    expectNoHoles(estate)
    expect(estate.events('pressed').filter(({ replayed }) => replayed).length).toBeGreaterThan(400)
  })
})
