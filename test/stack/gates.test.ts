import { mkdirSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type LinliEvent, TIME_QUALITIES } from '../../hub/contract/event.ts'
import { REPLAYED_AFTER_MS } from '../../hub/contract/replayed.ts'
import { WAIT } from '../support/estate.ts'
import { GateEstate } from '../support/gate-estate.ts'
import { linli } from '../support/linli.ts'

/** Gates on real serial lines: a door and a barrier on a board, a card reader on RS-485. */

describe('an estate entrance', () => {
  const estate = new GateEstate()
  beforeAll(async () => {
    // The site's key, which the hub makes at its first use; here the gateway starts first.
    mkdirSync(estate.hubData, { recursive: true })
    writeFileSync(estate.siteKeyFile, '11'.repeat(32), { mode: 0o600 })
    await estate.start()
    await vi.waitFor(() => {
      expect(estate.availability('d1')?.status).toBe('online')
      expect(estate.availability('v1')?.status).toBe('online')
    }, WAIT)
  })
  afterAll(() => estate.end())

  async function final(id: string) {
    await vi.waitFor(() => expect(estate.results(id).at(-1)?.status).toMatch(/succeeded|failed|refused|expired/), WAIT)
    return estate.results(id).at(-1)
  }

  it('opens the door by a command; somebody walks in and the door locks behind them', async () => {
    const id = await estate.command('d1', 'open')
    await vi.waitFor(() => expect(estate.physical('lock').at(-1)).toMatchObject({ device: 'd1', locked: false }), WAIT)
    estate.sim.send({ do: 'walk-through', device: 'd1', direction: 'in' })
    await vi.waitFor(() => expect(estate.events('d1', 'passage')).toMatchObject([{ granted: true }]), WAIT)
    expect(await final(id)).toMatchObject({ status: 'succeeded' })
    expect(estate.results(id).map(({ status }) => status)).toEqual(['accepted', 'executing', 'succeeded'])
    await vi.waitFor(() => expect(estate.physical('lock').at(-1)).toMatchObject({ locked: true }), WAIT)
  })

  it('says forced when the door is broken open', async () => {
    await vi.waitFor(() => expect(estate.physical('door').at(-1)).toMatchObject({ leaf: 'closed' }), WAIT)
    await vi.waitFor(() => expect(estate.state('d1')).toMatchObject({ position: 'closed' }), WAIT)
    estate.sim.send({ do: 'force', device: 'd1', for_ms: 500 })
    await vi.waitFor(() => expect(estate.events('d1', 'forced')).toHaveLength(1), WAIT)
    await vi.waitFor(() => expect(estate.events('d1', 'forced-cleared')).toHaveLength(1), WAIT)
  })

  it('refuses a card that nobody knows, and shows it at the reader', async () => {
    await vi.waitFor(
      () => expect(estate.physical('reader').at(-1)).toMatchObject({ device: 'r1', state: 'secure' }),
      WAIT,
    )
    estate.sim.send({ do: 'card', reader: 'r1', facility: 17, number: 5123 })
    await vi.waitFor(
      () => expect(estate.events('d1', 'denied')).toMatchObject([{ direction: 'in', reason: 'unknown' }]),
      WAIT,
    )
    await vi.waitFor(() => expect(estate.physical('led').some(({ color }) => color === 'red')).toBe(true), WAIT)
    expect(estate.physical('lock').at(-1)).toMatchObject({ locked: true })
  })

  it('opens for a card that was added at the hub, also with the hub away', async () => {
    const args = ['add', '--data', estate.hubData, '--kind', 'card', '--text', 'h10301:17:5123', '--class', 'resident']
    await linli('credential', args)
    await vi.waitFor(() => {
      const state = estate.told.findLast(({ topic }) => topic.endsWith('/gateway/gw-1/state'))?.payload
      expect((state?.credentials as { version?: number } | undefined)?.version).toBeGreaterThan(0)
    }, WAIT)
    const unlocked = () => estate.physical('lock').filter(({ locked }) => locked === false).length
    const before = unlocked()
    estate.sim.send({ do: 'card', reader: 'r1', facility: 17, number: 5123 })
    await vi.waitFor(() => expect(unlocked()).toBe(before + 1), WAIT)
    await vi.waitFor(() => expect(estate.physical('lock').at(-1)).toMatchObject({ locked: true }), WAIT)
    await estate.hub.kill()
    const card_ms = Date.now()
    estate.sim.send({ do: 'card', reader: 'r1', facility: 17, number: 5123 })
    await vi.waitFor(() => expect(unlocked()).toBe(before + 2), WAIT)
    estate.sim.send({ do: 'walk-through', device: 'd1', direction: 'in' })
    const passed_ms = await vi.waitFor(() => {
      const person = estate.physical('person').findLast(({ state }) => state === 'passed')
      expect(person?.at_ms).toBeGreaterThan(card_ms)
      return Number(person?.at_ms)
    }, WAIT)
    // Away for longer than what still counts as live (hub/contract/replayed.ts).
    await vi.waitFor(() => expect(Date.now() - passed_ms).toBeGreaterThan(REPLAYED_AFTER_MS), WAIT)
    await estate.startHub()
    const late = await vi.waitFor(() => {
      const { payload } = estate.told.findLast(({ topic }) => topic.endsWith('/d1/evt/passage')) ?? {}
      expect(payload?.data).toMatchObject({ granted: true, by: 'card' })
      return payload as unknown as LinliEvent
    }, WAIT)
    expect(late.replayed).toBe(true)
    // When it happened, not when it was told: between the card and the end of the walk.
    expect(Date.parse(late.time)).toBeGreaterThanOrEqual(card_ms)
    expect(Date.parse(late.time)).toBeLessThan(passed_ms + REPLAYED_AFTER_MS)
    expect(TIME_QUALITIES).toContain(late.timequality)
  })

  it('tells that a reader is taken off the wall', async () => {
    estate.sim.send({ do: 'tamper', reader: 'r1' })
    await vi.waitFor(() => expect(estate.events('d1', 'tamper').length).toBeGreaterThan(0), WAIT)
    estate.sim.send({ do: 'tamper', reader: 'r1', on: false })
  })

  it('raises and lowers the boom by command, and never onto a car', async () => {
    expect(await final(await estate.command('v1', 'hold-open', { for_ms: 60_000 }))).toMatchObject({
      status: 'succeeded',
    })
    await vi.waitFor(() => expect(estate.physical('boom').at(-1)).toMatchObject({ device: 'v1', state: 'up' }), WAIT)
    // Comes fast, and stands under the boom for a while.
    estate.sim.send({ do: 'vehicle', device: 'v1', plate: '沪A12345', speed_m_s: 15, stalls_ms: 1_000 })
    await vi.waitFor(() => expect(estate.physical('vehicle').some(({ state }) => state === 'entered')).toBe(true), WAIT)
    // Refused or waited for, but never carried out while the car is there.
    await final(await estate.command('v1', 'close', {}, 2_000))
    await vi.waitFor(() => expect(estate.physical('vehicle').some(({ state }) => state === 'passed')).toBe(true), WAIT)
    await vi.waitFor(async () => {
      if (estate.physical('boom').at(-1)?.state !== 'down')
        expect(await final(await estate.command('v1', 'close', {}, 2_000))).toMatchObject({ status: 'succeeded' })
    }, WAIT)
    await vi.waitFor(() => expect(estate.physical('boom').at(-1)).toMatchObject({ state: 'down' }), WAIT)
    expect(estate.physical('violation')).toEqual([])
  })

  it('opens everything in an evacuation, and stays open over kill -9 of the gateway', async () => {
    for (const gate of ['d1', 'v1']) await estate.command(gate, 'release-all')
    await vi.waitFor(() => {
      expect(estate.state('d1')).toMatchObject({ mode: 'evacuate' })
      expect(estate.state('v1')).toMatchObject({ mode: 'evacuate' })
      expect(estate.physical('boom').at(-1)).toMatchObject({ state: 'up' })
      expect(estate.physical('lock').at(-1)).toMatchObject({ locked: false })
    }, WAIT)
    await estate.gateway.kill()
    await estate.startGateway()
    await vi.waitFor(() => expect(estate.availability('v1')?.status).toBe('online'), WAIT)
    await vi.waitFor(() => expect(estate.physical('lock').at(-1)).toMatchObject({ locked: false }), WAIT)
    expect(estate.state('v1')).toMatchObject({ mode: 'evacuate' })
    expect(estate.physical('boom').at(-1)).toMatchObject({ state: 'up' })
  })

  it('refuses an expired command without moving anything', async () => {
    const moved = estate.physical('boom').length
    const result = await final(await estate.command('v1', 'close', {}, -1))
    expect(result).toMatchObject({ status: 'expired', code: 'COMMAND_EXPIRED' })
    expect(estate.physical('boom')).toHaveLength(moved)
  })
})
