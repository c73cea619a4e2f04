import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { IncidentRoom, settled } from '../../test/support/incident-room.ts'
import type { Availability } from '../contract/availability.ts'
import { incidentConfig } from './config.ts'

const BEGIN_MS = Date.parse('2026-11-23T12:00:00Z')

let clock: Clock
let room: IncidentRoom
beforeEach(async () => {
  clock = FakeTimers.install({ now: BEGIN_MS, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  room = await new IncidentRoom().open()
})
afterEach(async () => {
  expect(room.faults).toEqual([])
  await room.incidents.close()
  clock.uninstall()
})

async function pass(ms: number): Promise<void> {
  await clock.tickAsync(ms)
  await settled()
}
const since = () => new Date().toISOString()
const fault = (reason: string): Availability => ({ status: 'fault', reason, since: since() })
const offline = (reason: string): Availability => ({ status: 'offline', reason, since: since() })
const online = (): Availability => ({ status: 'online', since: since() })
const raised = () =>
  [...room.incidents.live()].map(({ incident }) => `${incident.cause} ${incident.device} ${incident.count}`)
const story = async (id = '1') =>
  (await room.incidents.get(id))?.story
    .filter(({ what }) => ['raised', 'repeated', 'followed'].includes(what))
    .map(({ what, type }) => `${what} ${type}`)

describe('a device that reports a fault or is gone', () => {
  it('raises an incident when it lasts, tells that it is back, and counts when it goes again', async () => {
    room.shows('b1', fault('contact-stuck'))
    await pass(59_000)
    expect(raised()).toEqual([])
    await pass(2_000)
    expect(raised()).toEqual(['unavailable gw-1/alarm-button/b1 1'])
    expect(await room.state('1')).toMatchObject({ kind: 'shared', source: 'event', device: 'gw-1/alarm-button/b1' })
    room.shows('b1', online())
    await pass(1_000)
    // Said again by its gateway, as at each connection.
    room.shows('b1', online())
    await pass(1_000)
    room.shows('b1', offline('no-contact'))
    await pass(61_000)
    expect(raised()).toEqual(['unavailable gw-1/alarm-button/b1 2'])
    expect(await story()).toEqual(['raised contact-stuck', 'followed online', 'repeated no-contact'])
    // No camera is touched for that.
    expect(room.wanted).toEqual([])
  })

  it('raises none for what was over in time, and one for all that flapping hides', async () => {
    for (let n = 0; n < 5; n++) {
      room.shows('b1', offline('no-contact'))
      await pass(50_000)
      room.shows('b1', online())
      await pass(5_000)
    }
    await pass(120_000)
    expect(raised()).toEqual([])
    const flapping = fault('flapping')
    room.shows('b1', flapping)
    for (let n = 0; n < 10; n++) {
      await pass(30_000)
      room.shows('b1', flapping)
    }
    expect(raised()).toEqual(['unavailable gw-1/alarm-button/b1 1'])
  })

  it('is told once over restarts, also of an outage that began before, and once more when staff have closed it and it goes again', async () => {
    room.shows('d1', fault('position-unknown'), 'access-gate')
    await pass(30_000)
    await room.kill()
    await pass(61_000)
    expect(raised()).toEqual(['unavailable gw-1/access-gate/d1 1'])
    await room.kill()
    await pass(3_600_000)
    expect(raised()).toEqual(['unavailable gw-1/access-gate/d1 1'])
    await room.do('1', 'false-alarm', { reason: 'x' })
    await pass(3_600_000)
    // The same outage is not raised anew while its incident can still be opened again.
    expect(raised()).toHaveLength(1)
    room.shows('d1', online(), 'access-gate')
    await pass(1_000)
    room.shows('d1', offline('no-contact'), 'access-gate')
    await pass(61_000)
    expect(raised()).toEqual(['unavailable gw-1/access-gate/d1 1', 'unavailable gw-1/access-gate/d1 1'])
  })

  it('raises none where something else says it already: its gateway, its board, an event of its own', async () => {
    room.shows('b1', offline('gateway-offline'))
    room.shows('b2', offline('board-absent'))
    await room.say('tamper', { loop: 'open' }, 'b3')
    room.shows('b3', fault('loop-open'))
    room.shows('gw-1', offline('connection-lost'), 'gateway')
    await pass(120_000)
    expect(raised().sort()).toEqual(['tamper gw-1/alarm-button/b3 1', 'unavailable gw-1/gateway/gw-1 1'])
  })

  it('is a matter of the site: which classes, after how long, or none', async () => {
    room.config = () => incidentConfig({ unavailable: { classes: ['park-sensor'], after_s: 600 } })
    room.shows('air-1', offline('bus-error'), 'park-sensor')
    room.shows('b1', fault('contact-stuck'))
    await pass(590_000)
    expect(raised()).toEqual([])
    await pass(20_000)
    expect(raised()).toEqual(['unavailable gw-1/park-sensor/air-1 1'])
  })
})
