import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { IncidentRoom, settled } from '../../test/support/incident-room.ts'
import { incidentGauges } from './incident-gauges.ts'
import type { AddGauge } from './metrics-page.ts'

let clock: Clock
beforeEach(() => {
  clock = FakeTimers.install({
    now: Date.parse('2026-11-23T12:00:00Z'),
    toFake: ['setTimeout', 'clearTimeout', 'Date'],
  })
})
afterEach(() => void clock.uninstall())

/** As `/metrics` would show them. */
async function shown(room: IncidentRoom | undefined): Promise<Record<string, number>> {
  const values: Record<string, number> = {}
  const under = (name: string, labels: object) =>
    `${name.slice('linli_incidents_'.length)} ${Object.values(labels).join(' ')}`.trim()
  const asked: Array<void | Promise<void>> = []
  const gauge: AddGauge = (name, _help, _labels, collect) =>
    void asked.push(
      collect((labels, value) => {
        values[under(name, labels)] = value
      }),
    )
  incidentGauges(gauge, () => room?.incidents)
  await Promise.all(asked)
  return values
}

it('incidents are shown open by kind and tier, overdue, and as the shares of this month', async () => {
  const room = await new IncidentRoom().open()
  await room.press()
  await clock.tickAsync(0)
  await settled()
  await room.do('new', 'raise', { text: '漏水', kind: 'shared' })
  await room.do('2', 'acknowledge')
  await room.do('2', 'resolve')
  expect(await shown(room)).toMatchObject({ 'open major none': 1, 'open shared none': 0, 'overdue acknowledge': 0 })
  await clock.tickAsync(61_000)
  await settled()
  expect(await shown(room)).toEqual({
    ...{ 'open major building': 1, 'open major none': 0, 'open shared none': 0, 'open private none': 0 },
    ...{ 'overdue acknowledge': 1, 'overdue dispatch': 0, 'overdue resolve': 0, 'overdue answer': 0 },
    ...{ month_raised: 2, 'month_share inTime': 0.5, 'month_share resolved': 0.5, 'month_share answered': 0 },
    ...{ 'month_goal inTime': 0.95, 'month_goal resolved': 0.95, 'month_goal answered': 1 },
    ...{ behind_events: 0, set_aside: 0 },
  })
  await room.incidents.close()
})

it('a hub that still starts, and an archive that cannot be read, leave the page whole', async () => {
  expect(await shown(undefined)).toMatchObject({ month_raised: 0, 'overdue resolve': 0 })
  const room = await new IncidentRoom().open()
  await room.press()
  await clock.tickAsync(0)
  await settled()
  room.incidents.archive.months = () => Promise.reject(new Error('broken'))
  expect(await shown(room)).toMatchObject({ 'open major none': 1, month_raised: 0 })
  await room.incidents.close()
})
