import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Severity } from '../contract/event.ts'
import { createChannel, WINDOW } from './channel.ts'
import type { DeviceMessage, EventMessage, ToFlows } from './ipc.ts'
import { OUTBOX_DEFAULTS, Outbox } from './outbox.ts'

const address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'g',
  class: 'alarm-button' as const,
  device: 'b1',
}

/** Only what the outbox looks at is filled in. */
function event(name: string, severity: Severity = 'alarm', replayed = false): Omit<EventMessage, 'seq'> {
  return { type: 'event', address, name, place: null, replayed, event: { severity } as EventMessage['event'] }
}
const state = (value: unknown): DeviceMessage => ({ type: 'device', address, field: 'state', value })

function drain(outbox: Outbox, now = 0): ToFlows[] {
  const all: ToFlows[] = []
  for (let next = outbox.next(now); next; next = outbox.next(now)) all.push(next)
  return all
}
const names = (messages: ToFlows[]) =>
  messages.map((message) => (message.type === 'event' ? message.name : message.type === 'device' ? message.value : '?'))

describe('outbox', () => {
  it('gives events and states in the order they came, and of a state only the latest', () => {
    const outbox = new Outbox(OUTBOX_DEFAULTS)
    outbox.addDevice('b1', state(1))
    outbox.addEvent(event('pressed'), 0)
    outbox.addDevice('b2', state(2))
    outbox.addEvent(event('released', 'notice'), 0)
    outbox.addDevice('b1', state(3))
    expect(names(drain(outbox))).toEqual(['pressed', 2, 'released', 3])
    expect(outbox.waiting).toBe(0)
  })

  it('drops routine events before alarms when full, counts them, and asks for a snapshot once', () => {
    const outbox = new Outbox({ ...OUTBOX_DEFAULTS, events_max: 3 })
    for (const name of ['a1', 'a2']) outbox.addEvent(event(name), 0)
    for (const name of ['r1', 'r2']) outbox.addEvent(event(name, 'notice'), 0)
    for (const name of ['a3', 'a4']) outbox.addEvent(event(name), 0)
    expect(names(drain(outbox))).toEqual(['a2', 'a3', 'a4'])
    expect(outbox.dropped).toEqual({ state: 0, routine: 2, alarm: 1 })
    expect([outbox.takeGap(), outbox.takeGap()]).toEqual([true, false])
  })

  it('drops the oldest state when too many devices wait', () => {
    const outbox = new Outbox({ ...OUTBOX_DEFAULTS, states_max: 2 })
    for (const key of ['b1', 'b2', 'b3']) outbox.addDevice(key, state(key))
    expect(names(drain(outbox))).toEqual(['b2', 'b3'])
    expect(outbox.dropped.state).toBe(1)
  })

  it('gives an event as replayed when it waited too long to be live', () => {
    const outbox = new Outbox(OUTBOX_DEFAULTS)
    outbox.addEvent(event('old'), 0)
    outbox.addEvent(event('new'), 25_000)
    expect(drain(outbox, 30_001)).toMatchObject([
      { name: 'old', replayed: true },
      { name: 'new', replayed: false },
    ])
  })

  it('gives what a lost child had not dealt with to the next one, before everything newer', () => {
    const outbox = new Outbox(OUTBOX_DEFAULTS)
    for (const name of ['one', 'two', 'three']) outbox.addEvent(event(name), 0)
    drain(outbox)
    outbox.seen(1)
    outbox.addEvent(event('four'), 0)
    outbox.childLost()
    const given = [...names(drain(outbox))]
    for (const seq of [2, 3]) {
      outbox.seen(seq)
      given.push(...names(drain(outbox)))
    }
    expect(given).toEqual(['two', 'three', 'four'])
    expect(outbox.dropped).toEqual({ state: 0, routine: 0, alarm: 0 })
  })

  it('gives up the event that loses a second child, and no other', () => {
    const outbox = new Outbox(OUTBOX_DEFAULTS)
    for (const name of ['before', 'poison', 'after']) outbox.addEvent(event(name), 0)
    expect(names(drain(outbox))).toEqual(['before', 'poison', 'after'])
    outbox.childLost()
    expect(names(drain(outbox))).toEqual(['before'])
    outbox.seen(1)
    expect(names(drain(outbox))).toEqual(['poison'])
    outbox.addDevice('b1', state('still told'))
    expect(names(drain(outbox))).toEqual(['still told'])
    outbox.childLost()
    expect(names(drain(outbox))).toEqual(['after'])
    expect(outbox.dropped).toEqual({ state: 0, routine: 0, alarm: 1 })
  })

  it('keeps the order of events, loses none within its bounds, and ends with any number of lost children', () => {
    const actions = fc.array(fc.constantFrom('alarm', 'notice', 'next', 'seen', 'lost'), { maxLength: 200 })
    fc.assert(
      fc.property(actions, (all) => {
        const outbox = new Outbox(OUTBOX_DEFAULTS)
        let added = 0
        const given = new Set<number>()
        let last = 0
        for (const action of all) {
          if (action === 'alarm' || action === 'notice') {
            added += 1
            outbox.addEvent(event(String(added), action), 0)
          } else if (action === 'next') {
            const message = outbox.next(0)
            if (message?.type !== 'event') continue
            expect(message.seq).toBeGreaterThan(last)
            last = message.seq
            given.add(message.seq)
          } else if (action === 'seen') outbox.seen(last)
          else {
            outbox.childLost()
            last = 0
          }
        }
        // Every event was given at least once, however many children were lost.
        for (let left = added; left >= 0; left -= 1) {
          for (const message of drain(outbox)) if (message.type === 'event') given.add(message.seq)
          outbox.seen(Number.MAX_SAFE_INTEGER)
        }
        expect(given.size).toBe(added)
      }),
    )
  })
})

describe('channel', () => {
  const clock = () => 0
  const filled = (count: number) => {
    const outbox = new Outbox(OUTBOX_DEFAULTS)
    for (let n = 0; n < count; n += 1) outbox.addEvent(event(String(n)), 0)
    return outbox
  }

  it('hands over only a window, and more as it is written', () => {
    const outbox = filled(200)
    const written: Array<(ok: boolean) => void> = []
    const channel = createChannel({ outbox, clock, send: (_m, sent) => written.push(sent), onCaughtUpAfterGap() {} })
    channel.pump()
    expect(written).toHaveLength(WINDOW)
    for (const sent of written.slice(0, 10)) sent(true)
    expect(written).toHaveLength(WINDOW + 10)
  })

  it('does not empty the outbox into a channel that is gone', () => {
    const outbox = filled(200)
    const channel = createChannel({ outbox, clock, send: (_m, sent) => sent(false), onCaughtUpAfterGap() {} })
    channel.pump()
    channel.pump()
    expect(outbox.waiting).toBe(199)
    outbox.childLost()
    expect(outbox.waiting).toBe(200)
  })

  it('asks for a snapshot when it caught up after something was dropped', () => {
    const outbox = new Outbox({ ...OUTBOX_DEFAULTS, events_max: 1 })
    for (const name of ['one', 'two']) outbox.addEvent(event(name), 0)
    let snapshots = 0
    const channel = createChannel({
      outbox,
      clock,
      send: (_m, sent) => sent(true),
      onCaughtUpAfterGap: () => {
        snapshots += 1
      },
    })
    channel.pump()
    channel.pump()
    expect(snapshots).toBe(1)
  })
})
