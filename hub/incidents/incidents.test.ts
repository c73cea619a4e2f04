import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { IncidentRoom, settled } from '../../test/support/incident-room.ts'
import { incidentConfig } from './config.ts'

const BEGIN_MS = Date.parse('2026-11-23T12:00:00Z')

let clock: Clock
beforeEach(() => {
  clock = FakeTimers.install({ now: BEGIN_MS, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
})
afterEach(() => void clock.uninstall())

const SHIPPED = incidentConfig({}, 'Asia/Shanghai')

async function pass(ms: number): Promise<void> {
  await clock.tickAsync(ms)
  await settled()
}

describe('the incidents of a hub', () => {
  it('are raised by a press, worked by commands, told with each step, and go to the archive', async () => {
    const room = await new IncidentRoom().open()
    const event = await room.press()
    await pass(0)
    expect(await room.state('1')).toMatchObject({
      status: 'raised',
      kind: 'major',
      device: 'gw-1/alarm-button/b1',
      place: { building: '3' },
    })
    for (const [name, status] of [
      ['acknowledge', 'acknowledged'],
      ['dispatch', 'dispatched'],
      ['arrive', 'on-site'],
      ['resolve', 'resolved'],
      ['answer', 'answered'],
    ] as const)
      expect(await room.do('1', name)).toMatchObject({ status: 'succeeded', data: { incident: '1', status } })
    const types = ['raised', 'acknowledged', 'dispatched', 'on-site', 'resolved', 'answered']
    expect(await room.said()).toEqual(types.map((type) => `linli/v1/s/c/e/hub/incident/1/evt/${type}`))
    expect((await room.incidents.get('1'))?.story[0]).toMatchObject({ what: 'raised', event })
    await pass(SHIPPED.keepClosed_ms - 1000)
    expect(await room.state('1')).toMatchObject({ status: 'answered' })
    await pass(3_000)
    expect(await room.state('1')).toBeUndefined()
    expect(await room.log.list('incidents')).toHaveLength(1)
    expect((await room.incidents.get('1'))?.incident).toMatchObject({ status: 'answered' })
    expect(room.faults).toEqual([])
    await room.incidents.close()
  })

  it('are one for a device and cause while it is open: each press is counted, and after the end the next is another', async () => {
    const room = await new IncidentRoom().open()
    const ids = [await room.press(), await room.press(), await room.press()]
    await pass(100)
    await room.say('cancelled', { press: 3, held_ms: 5000 })
    await room.say('tamper', { loop: 'open' })
    await pass(100)
    expect(await room.state('1')).toMatchObject({ count: 3, status: 'raised' })
    expect(await room.state('2')).toMatchObject({ cause: 'tamper', kind: 'shared' })
    const story = (await room.incidents.get('1'))?.story ?? []
    expect(story.flatMap(({ event }) => event ?? []).slice(0, 3)).toEqual(ids)
    expect(story.map(({ what }) => what)).toContain('followed')
    await room.do('1', 'false-alarm', { reason: 'a child' })
    await room.press()
    await pass(100)
    expect(await room.state('3')).toMatchObject({ cause: 'button', count: 1 })
    await room.incidents.close()
  })

  it('are neither missed nor raised twice, whenever the hub is killed', async () => {
    const room = await new IncidentRoom().open()
    for (let kills = 0; kills < 30; kills++) {
      await room.say('pressed', { press: 1, atstart: false }, `b${kills}`)
      // In the middle of taking it, a little later each time.
      for (let hops = 0; hops < kills % 10; hops++) await new Promise<void>((resolve) => void setImmediate(resolve))
      await room.kill()
    }
    await pass(1_000)
    const raised = (await room.said()).filter((topic) => topic.endsWith('/evt/raised'))
    expect(new Set(raised).size).toBe(30)
    expect(raised).toHaveLength(30)
    expect([...room.incidents.live()].map(({ incident }) => [incident.device, incident.count])).toEqual(
      Array.from({ length: 30 }, (_, index) => [`gw-1/alarm-button/b${index}`, 1]),
    )
    await room.incidents.close()
  })

  it('ask again for the pictures that a killed hub was about to fetch, and for none that are an hour old', async () => {
    const room = await new IncidentRoom().open()
    const pressed_ms = Date.now()
    await room.press()
    await pass(100)
    expect(room.wanted).toEqual([{ incident: '1', place: { building: '3' }, at: pressed_ms }])
    room.incidents.pictured({
      type: 'picture',
      incident: '1',
      camera: 'gate',
      when: 'at',
      at: pressed_ms,
      error: 'CAMERA_AWAY',
    })
    await pass(100)
    await room.kill()
    await pass(100)
    const told = [expect.objectContaining({ camera: 'gate', when: 'at', error: 'CAMERA_AWAY' })]
    expect(room.wanted[1]).toEqual({ incident: '1', place: { building: '3' }, at: expect.any(Number), told })
    await pass(3_600_000)
    await room.kill()
    await pass(100)
    expect(room.wanted).toHaveLength(2)
    await room.incidents.close()
  })

  it('are made of an event that the rules of the site fail on, by the shipped ones, and the fault is told', async () => {
    const room = await new IncidentRoom().open()
    const { config } = room
    let failures = 0
    room.config = () => {
      if (failures++ < 1) throw new Error('a broken rule')
      return config()
    }
    await room.press()
    await pass(100)
    expect(await room.state('1')).toMatchObject({ cause: 'button' })
    expect(room.faults.join()).toContain('a broken rule')
    await room.incidents.close()
  })

  it('keep their clocks over a kill and a wall clock that jumps', async () => {
    const room = await new IncidentRoom().open()
    await room.press()
    await pass(20_000)
    room.jump_ms = -40 * 365 * 86_400_000
    await pass(10_000)
    await room.kill()
    room.jump_ms = 5 * 86_400_000
    await pass(29_000)
    expect((await room.incidents.get('1'))?.story.map(({ what }) => what)).not.toContain('escalated')
    await pass(2_000)
    const story = () =>
      room.incidents.get('1').then((found) => (found?.story ?? []).filter(({ what }) => what === 'escalated'))
    expect(await story()).toMatchObject([{ clock: 'acknowledge', tier: 'building' }])
    await pass(60_000)
    expect(await story()).toMatchObject([{ tier: 'building' }, { tier: 'estate' }])
    await room.incidents.close()
  })

  it('refuse what cannot be done, with what can', async () => {
    const room = await new IncidentRoom().open()
    expect(await room.do('9', 'acknowledge')).toMatchObject({ status: 'refused', code: 'INCIDENT_UNKNOWN' })
    const submitted = await room.do('new', 'submit', { text: '三号楼水管漏水', kind: 'private', reference: 'app-77' })
    expect(submitted).toMatchObject({ status: 'succeeded', data: { incident: '1', status: 'raised' } })
    expect(await room.do('1', 'resolve')).toMatchObject({ status: 'refused', code: 'INCIDENT_STEP' })
    expect(await room.state('1')).toMatchObject({ source: 'resident', kind: 'private', reference: 'app-77' })
    expect(JSON.stringify(await room.state('1'))).not.toContain('漏水')
    await room.incidents.close()
  })
})
