import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createModbusMaster, frame, framed, type ModbusMaster } from '../../testing/modbus-master.ts'
import { door, startVirtualWorld, VIRTUAL_TIME, type VirtualWorld } from '../../testing/virtual-world.ts'

const BYTE_MS = 10_000 / 9600
const SILENCE_MS = 3.5 * BYTE_MS

const units = [
  { kind: 'modbus-slave', id: 's1', unit: 1, holding: [{ address: 0, values: [7, 8, 9] }], unit_register: 256 },
  { kind: 'modbus-slave', id: 's2', unit: 2, reply_ms: 30, input: [{ address: 4, values: [600] }] },
  { kind: 'relay-module', id: 'relays', unit: 11, fail_safe: { register: 5 } },
  { kind: 'input-module', id: 'inputs', unit: 12 },
]
const cabinet = {
  devices: [door('d1', { strikePin: 2, contactPin: 3, rexPin: 4, bounce_ms_max: 0 })],
  wires: { 2: 'relays/1', 3: 'inputs/0', 4: 'inputs/1' },
}

let virtual: VirtualWorld
let master: ModbusMaster

beforeEach(() => {
  virtual = startVirtualWorld(install(VIRTUAL_TIME), {
    boards: [],
    buses: [{ id: 'bus', baud: 9600, port: '/sim/bus', devices: units }],
    cabinets: [cabinet],
  })
  master = createModbusMaster(virtual.world.endpoint('bus'), virtual.clock)
})
afterEach(() => virtual.end())

const apply = (step: object) => virtual.world.apply(step as Parameters<VirtualWorld['world']['apply']>[0])

describe('a slave on its line', () => {
  it('answers what is for it, after the silence that ends the request', () => {
    const asked_ms = performance.now()
    expect(master.ask('01 03 0000 0002')).toBe(framed('01 03 04 0007 0008'))
    const answered_ms = asked_ms + 8 * BYTE_MS + SILENCE_MS + 9 * BYTE_MS
    expect(master.last_ms - answered_ms).toBeGreaterThanOrEqual(0)
    expect(master.last_ms - answered_ms).toBeLessThanOrEqual(1)
  })

  it('takes its time where it is slow', () => {
    const asked_ms = performance.now()
    expect(master.ask('02 04 0004 0001')).toBe(framed('02 04 02 0258'))
    expect(master.last_ms - asked_ms).toBeGreaterThanOrEqual(8 * BYTE_MS + 30 + 7 * BYTE_MS)
  })

  it('says nothing to others, to a wrong check, and to all at once', () => {
    expect(master.ask('03 03 0000 0001')).toBe('')
    master.write(frame('01 03 0000 0001').map((byte, index) => (index === 3 ? byte ^ 1 : byte)))
    virtual.clock.tick(100)
    expect(master.take()).toBe('')
    expect(master.ask('00 06 0001 0063')).toBe('')
    expect(master.ask('01 03 0001 0001')).toBe(framed('01 03 02 0063'))
  })

  it('drops a frame that pauses inside', () => {
    const whole = frame('01 03 0000 0001')
    master.write(whole.subarray(0, 4))
    virtual.clock.tick(4 * BYTE_MS + 2.5 * BYTE_MS)
    master.write(whole.subarray(4))
    virtual.clock.tick(100)
    expect(master.take()).toBe('')
    expect(master.ask('01 03 0000 0001')).toBe(framed('01 03 02 0007'))
  })

  it('hears no request in what another one follows without silence', () => {
    master.write(frame('01 03 0000 0001'))
    virtual.clock.tick(9 * BYTE_MS)
    master.write(frame('01 03 0000 0001'))
    virtual.clock.tick(200)
    expect(master.take()).toBe('')
  })

  it('moves to another address when told so, by the line or by hand', () => {
    expect(master.ask('01 06 0100 0005')).toBe(framed('01 06 0100 0005'))
    expect(master.ask('01 03 0000 0001')).toBe('')
    expect(master.ask('05 03 0000 0001')).toBe(framed('05 03 02 0007'))
    expect(master.ask('05 06 0100 00f8')).toBe(framed('05 86 03'))
    apply({ do: 'set-unit', slave: 's1', unit: 9 })
    expect(master.ask('09 03 0100 0001')).toBe(framed('09 03 02 0009'))
  })

  it('holds what somebody at the unit sets, input registers too', () => {
    apply({ do: 'set-registers', slave: 's2', table: 'input', address: 4, values: [601] })
    expect(master.ask('02 04 0004 0001')).toBe(framed('02 04 02 0259'))
    expect(() => apply({ do: 'set-registers', slave: 's2', table: 'input', address: 5, values: [1] })).toThrow(
      'slave "s2" has no input 5…5 that could be set',
    )
  })
})

describe('what goes wrong on it', () => {
  const reply = framed('01 03 02 0007')

  it.each([
    ['silent', ''],
    ['exception', framed('01 83 04')],
    ['foreign', framed('02 03 02 0007')],
    ['twice', reply + reply],
  ])('%s: the next replies, and then no more', (how, heard) => {
    apply({ do: 'misreply', slave: 's1', how, count: 2 })
    expect(master.ask('01 03 0000 0001')).toBe(heard)
    expect(master.ask('01 03 0000 0001')).toBe(heard)
    expect(master.ask('01 03 0000 0001')).toBe(reply)
  })

  it('cuts, spoils and prefixes replies', () => {
    apply({ do: 'misreply', slave: 's1', how: 'truncate' })
    const cut = master.ask('01 03 0000 0001')
    expect(reply.startsWith(cut) && cut.length < reply.length).toBe(true)
    apply({ do: 'misreply', slave: 's1', how: 'corrupt' })
    const spoilt = master.ask('01 03 0000 0001')
    expect(spoilt).toHaveLength(reply.length)
    expect(spoilt).not.toBe(reply)
    apply({ do: 'misreply', slave: 's1', how: 'babble' })
    expect(master.ask('01 03 0000 0001')).toMatch(new RegExp(`^[0-9a-f]{2,16}${reply}$`))
  })

  it('an exception is told and nothing is done', () => {
    apply({ do: 'misreply', slave: 's1', how: 'exception', exception: 6 })
    expect(master.ask('01 06 0000 0001')).toBe(framed('01 86 06'))
    expect(master.ask('01 03 0000 0001')).toBe(reply)
  })

  it('late replies come late, into whatever is said then', () => {
    apply({ do: 'misreply', slave: 's1', how: 'late', late_ms: 500 })
    expect(master.ask('01 03 0000 0001', 400)).toBe('')
    virtual.clock.tick(200)
    expect(master.take()).toBe(reply)
  })

  it('two on one address destroy each other', () => {
    apply({ do: 'set-unit', slave: 's2', unit: 1 })
    apply({ do: 'misreply', slave: 's2', how: 'late', late_ms: 2 })
    const heard = master.ask('01 03 0000 0001')
    expect(heard).not.toBe('')
    expect(heard).not.toBe(reply)
  })

  it('an adapter may repeat what it sends', () => {
    apply({ do: 'echo', bus: 'bus' })
    expect(master.ask('01 03 0000 0001')).toBe(framed('01 03 0000 0001') + reply)
    apply({ do: 'echo', bus: 'bus', on: false })
    expect(master.ask('01 03 0000 0001')).toBe(reply)
  })

  it('a unit may be off the line, or without power for a while', () => {
    apply({ do: 'disconnect', slave: 's1' })
    expect(master.ask('01 03 0000 0001')).toBe('')
    apply({ do: 'reconnect', slave: 's1' })
    expect(master.ask('01 03 0000 0001')).toBe(reply)
    apply({ do: 'power-cycle', slave: 's1' })
    expect(master.ask('01 03 0000 0001')).toBe('')
    virtual.clock.tick(1000)
    expect(master.ask('01 03 0000 0001')).toBe(reply)
  })

  it('who speaks while a unit answers is not understood, and destroys the answer', () => {
    master.write(frame('01 03 0000 0003'))
    virtual.clock.tick(8 * BYTE_MS + SILENCE_MS + 3 * BYTE_MS)
    master.write(frame('01 06 0000 0063'))
    virtual.clock.tick(200)
    expect(master.take()).not.toContain(framed('01 03 06 0007 0008 0009'))
    expect(master.ask('01 03 0000 0001')).toBe(reply)
  })
})

describe('a door on modules', () => {
  const strike = () => virtual.events.filter((event) => event.type === 'output')

  it('a relay moves the strike, and contacts are read as inputs', () => {
    expect(master.ask('0c 02 0000 0008')).toBe(framed('0c 02 01 01'))
    expect(master.ask('0b 05 0001 ff00')).toBe(framed('0b 05 0001 ff00'))
    expect(strike().map(({ on }) => on)).toEqual([true])
    expect(virtual.events).toContainEqual(
      expect.objectContaining({ type: 'relay', device: 'relays', channel: 1, on: true }),
    )
    apply({ do: 'open-door', device: 'd1' })
    apply({ do: 'rex', device: 'd1', for_ms: 1000 })
    expect(master.ask('0c 02 0000 0002')).toBe(framed('0c 02 01 02'))
  })

  it('relays stay on when the adapter is pulled', () => {
    master.ask('0b 05 0001 ff00')
    apply({ do: 'unplug', bus: 'bus' })
    virtual.clock.tick(60_000)
    expect(strike().map(({ on }) => on)).toEqual([true])
  })

  it('relays let go when nobody asks any more, where the module watches', () => {
    master.ask('0b 06 0005 000a')
    master.ask('0b 05 0001 ff00')
    for (let turn = 0; turn < 10; turn++) master.ask('0b 01 0000 0008')
    expect(strike()).toHaveLength(1)
    virtual.clock.tick(1000)
    expect(strike().map(({ on }) => on)).toEqual([true, false])
  })

  it('relays let go without power', () => {
    master.ask('0b 05 0001 ff00')
    apply({ do: 'power-cycle', slave: 'relays' })
    expect(strike().map(({ on }) => on)).toEqual([true, false])
  })
})
