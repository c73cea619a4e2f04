import FakeTimers from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SimEvent } from '../events.ts'
import {
  board,
  button,
  type Listener,
  listenTo,
  startVirtualWorld,
  VIRTUAL_TIME,
  type VirtualWorld,
} from '../testing/virtual-world.ts'

/** One conversation in raw bytes, held with both boards: the hand-written responder answers as the real firmware does. */

const BOARDS = [
  { kind: 'protocol', minor: 5, boot_ms: 50 },
  { kind: 'firmware', minor: 4, boot_ms: 2200 },
] as const

const NAME = [...Buffer.from('StandardFirmata.ino')].flatMap((letter) => [letter, 0])
/** Longer than any answer takes at 57600 baud. */
const ANSWER_MS = 60
const CONTACT_BIT = 0x04

describe.each(BOARDS)('the $kind board', { timeout: 60_000 }, ({ kind, minor, boot_ms }) => {
  let sim: VirtualWorld
  let host: Listener

  beforeEach(() => {
    const calm = { loopPin: 0, bounce_ms_max: 0 }
    sim = startVirtualWorld(FakeTimers.install(VIRTUAL_TIME), {
      boards: [board('a', { kind, devices: [button('b1', calm)] })],
    })
    host = listenTo(sim.world.endpoint('a'))
    sim.clock.tick(boot_ms + ANSWER_MS)
  })
  afterEach(() => sim.end())

  function ask(...bytes: number[]): number[] {
    host.take()
    host.connection.write(Uint8Array.from(bytes))
    sim.clock.tick(ANSWER_MS)
    return host.take()
  }

  function outputs(): [string, boolean][] {
    return sim.events
      .filter((event): event is SimEvent & { type: 'output' } => event.type === 'output')
      .map(({ output, on }) => [output, on])
  }

  /** Contact as digital input, reported. */
  function watchContact(): number[] {
    return ask(0xf4, 2, 0, 0xd0, 1)
  }

  /** Readings of channel 0 while some time passes; what began before or ends after is left out. */
  function readings(for_ms: number): number[] {
    host.take()
    sim.clock.tick(for_ms)
    const bytes = host.take()
    const values: number[] = []
    for (let index = bytes.indexOf(0xe0); index >= 0 && index + 2 < bytes.length; index += 3) {
      const [command, low = 0, high = 0] = bytes.slice(index)
      expect(command).toBe(0xe0)
      values.push(low | (high << 7))
    }
    return values
  }

  it('introduces itself once it has booted', () => {
    const states = sim.events.flatMap((event) => (event.type === 'board' ? [event.state] : []))
    expect(states).toEqual(['booting', 'running'])
    expect(host.take().slice(-(NAME.length + 5))).toEqual([0xf0, 0x79, 2, minor, ...NAME, 0xf7])
  })

  it('answers what it is', () => {
    expect(ask(0xf9)).toEqual([0xf9, 2, minor])
    expect(ask(0xf0, 0x79, 0xf7)).toEqual([0xf0, 0x79, 2, minor, ...NAME, 0xf7])
  })

  it('tells the modes of its twenty pins', () => {
    const answer = ask(0xf0, 0x6b, 0xf7)
    expect(answer.slice(0, 2)).toEqual([0xf0, 0x6c])
    const pins = answer.slice(2, -1).reduce<number[][]>(
      (all, byte) => {
        if (byte === 127) all.push([])
        else all.at(-1)?.push(byte)
        return all
      },
      [[]],
    )
    pins.pop()
    expect(pins.length).toBe(20)
    // What only 2.5 has is left out: the pull-up mode, 11.
    const modes = pins.map((pin) => pin.filter((_, index) => index % 2 === 0).filter((mode) => mode !== 11))
    expect(modes[0]).toEqual([])
    expect(modes[2]).toEqual([0, 1, 4])
    expect(modes[3]).toEqual([0, 1, 3, 4])
    expect(modes[14]).toEqual([0, 1, 2, 4])
    expect(modes[18]).toEqual([0, 1, 2, 4, 6])
  })

  it('maps its analog channels', () => {
    expect(ask(0xf0, 0x69, 0xf7)).toEqual([0xf0, 0x6a, ...new Array(14).fill(127), 0, 1, 2, 3, 4, 5, 0xf7])
  })

  it('reports a contact at once when asked to, and at every change', () => {
    expect(watchContact().slice(-3)).toEqual([0x90, CONTACT_BIT, 0])
    sim.world.apply({ do: 'hold', device: 'b1' })
    sim.clock.tick(ANSWER_MS)
    expect(host.take()).toEqual([0x90, 0, 0])
    sim.world.apply({ do: 'release', device: 'b1' })
    sim.clock.tick(ANSWER_MS)
    expect(host.take()).toEqual([0x90, CONTACT_BIT, 0])
    expect(ask(0xd0, 0)).toEqual([])
    sim.world.apply({ do: 'press', device: 'b1', for_ms: 20 })
    sim.clock.tick(ANSWER_MS)
    expect(host.take()).toEqual([])
  })

  it('reads a port anew each time it is asked, and answers in order', () => {
    watchContact()
    for (const pin of [3, 13, 19]) {
      const answer = ask(0xd0, 1, 0xf0, 0x6d, pin, 0xf7)
      expect([answer.slice(0, 6), answer.at(-1)]).toEqual([[0x90, CONTACT_BIT, 0, 0xf0, 0x6e, pin], 0xf7])
    }
  })

  it('reports a press within three milliseconds', () => {
    watchContact()
    sim.world.apply({ do: 'hold', device: 'b1' })
    const pressed_ms = performance.now()
    sim.clock.tick(ANSWER_MS)
    const last = host.heard.at(-1)
    expect(last?.bytes.at(-1)).toBe(0)
    expect((last?.at_ms ?? Number.POSITIVE_INFINITY) - pressed_ms).toBeLessThanOrEqual(3)
  })

  it('sees a cut cable as open and a shorted one as pressed on the digital pin', () => {
    watchContact()
    sim.world.apply({ do: 'cut', device: 'b1' })
    sim.clock.tick(ANSWER_MS)
    expect(host.take()).toEqual([])
    sim.world.apply({ do: 'short', device: 'b1' })
    sim.clock.tick(ANSWER_MS)
    expect(host.take()).toEqual([0x90, 0, 0])
  })

  it('reads the four states of the supervised loop', () => {
    ask(0xf4, 14, 2, 0xc0, 1)
    const steps = [
      ['heal', 696],
      ['hold', 283],
      ['cut', 1023],
      ['short', 0],
    ] as const
    for (const [step, expected] of steps) {
      sim.world.apply({ do: step, device: 'b1' })
      sim.clock.tick(40)
      const values = readings(200)
      expect(values.length).toBeGreaterThan(5)
      for (const value of values) expect(Math.abs(value - expected)).toBeLessThanOrEqual(1)
    }
  })

  it('samples at the interval it is given', () => {
    ask(0xf4, 14, 2, 0xc0, 1)
    // Every 19 ms unless told otherwise; the firmware's millisecond clock may slip by one a turn.
    expect(readings(400).length).toBeGreaterThanOrEqual(18)
    ask(0xf0, 0x7a, 100, 0, 0xf7)
    const slower = readings(600).length
    expect(slower).toBeGreaterThanOrEqual(4)
    expect(slower).toBeLessThanOrEqual(6)
    ask(0xc0, 0)
    expect(readings(200)).toEqual([])
  })

  it('drives lamp and siren through port writes', () => {
    ask(0xf4, 5, 1, 0xf4, 6, 1)
    expect(outputs()).toEqual([])
    ask(0x90, 0x20, 0)
    ask(0x90, 0x60, 0)
    ask(0x90, 0x40, 0)
    expect(outputs()).toEqual([
      ['lamp', true],
      ['siren', true],
      ['lamp', false],
    ])
  })

  it('drives them through PWM and extended analog too', () => {
    ask(0xf4, 5, 3, 0xf4, 6, 3)
    ask(0xe5, 0x40, 0)
    ask(0xf0, 0x6f, 6, 0x7f, 1, 0xf7)
    ask(0xe5, 0, 0)
    expect(outputs()).toEqual([
      ['lamp', true],
      ['siren', true],
      ['lamp', false],
    ])
  })

  it('tells mode and state of a pin', () => {
    ask(0xf4, 5, 1, 0x90, 0x20, 0)
    expect(ask(0xf0, 0x6d, 5, 0xf7)).toEqual([0xf0, 0x6e, 5, 1, 1, 0xf7])
    ask(0xf4, 6, 3, 0xe6, 0x7f, 1)
    expect(ask(0xf0, 0x6d, 6, 0xf7)).toEqual([0xf0, 0x6e, 6, 3, 0x7f, 1, 0xf7])
    ask(0xf4, 9, 4)
    expect(ask(0xf0, 0x6d, 9, 0xf7).slice(0, 4)).toEqual([0xf0, 0x6e, 9, 4])
  })

  it('complains about a mode that no pin has', () => {
    const text = [...Buffer.from('Unknown pin mode')].flatMap((letter) => [letter, 0])
    expect(ask(0xf4, 5, 99)).toEqual([0xf0, 0x71, ...text, 0xf7])
  })

  it('stops reporting when it is reset by the host', () => {
    watchContact()
    ask(0xff)
    sim.world.apply({ do: 'press', device: 'b1', for_ms: 20 })
    sim.clock.tick(ANSWER_MS)
    expect(host.take()).toEqual([])
    expect(ask(0xf9)).toEqual([0xf9, 2, minor])
  })

  it('still answers after garbage and a message that never ended', () => {
    ask(0x12, 0x7f, 0x00, 0xf0, 0x01, 0x02, 0xf7, 0xf4)
    ask(0xff)
    expect(ask(0xf9)).toEqual([0xf9, 2, minor])
  })

  it('falls silent when it hangs, keeps its outputs, and boots again on a reset', () => {
    ask(0xf4, 6, 1, 0x90, 0x40, 0)
    sim.world.apply({ do: 'hang', board: 'a' })
    expect(ask(0xf9)).toEqual([])
    expect(outputs()).toEqual([['siren', true]])
    sim.world.apply({ do: 'reset', board: 'a' })
    expect(outputs()).toEqual([
      ['siren', true],
      ['siren', false],
    ])
    sim.clock.tick(boot_ms + ANSWER_MS)
    expect(ask(0xf9)).toEqual([0xf9, 2, minor])
    const states = sim.events.flatMap((event) => (event.type === 'board' ? [event.state] : []))
    expect(states).toEqual(['booting', 'running', 'hung', 'booting', 'running'])
  })

  it('loses power with the plug and comes back when it is plugged in again', () => {
    ask(0xf4, 6, 1, 0x90, 0x40, 0)
    const reasons: boolean[] = []
    host.connection.on('close', ({ disconnected }) => reasons.push(disconnected))
    sim.world.apply({ do: 'unplug', board: 'a' })
    expect(reasons).toEqual([true])
    expect(outputs().at(-1)).toEqual(['siren', false])
    sim.world.apply({ do: 'replug', board: 'a' })
    host = listenTo(sim.world.endpoint('a'))
    sim.clock.tick(boot_ms + ANSWER_MS)
    expect(ask(0xf9)).toEqual([0xf9, 2, minor])
  })

  it('does the same twice with the same seed', () => {
    sim.end()
    sim = startVirtualWorld(FakeTimers.install(VIRTUAL_TIME), {
      boards: [board('a', { kind, devices: [button('b1', { loopPin: 0 })] })],
      seed: 7,
    })
    const first = story()
    sim.end()
    sim = startVirtualWorld(FakeTimers.install(VIRTUAL_TIME), {
      boards: [board('a', { kind, devices: [button('b1', { loopPin: 0 })] })],
      seed: 7,
    })
    const second = story()
    expect(first.heard.length).toBeGreaterThan(20)
    expect(second).toEqual(first)
  })

  function story(): { heard: Listener['heard']; events: SimEvent[] } {
    host = listenTo(sim.world.endpoint('a'))
    sim.clock.tick(boot_ms)
    host.connection.write(Uint8Array.of(0xf4, 2, 0, 0xd0, 1, 0xf4, 14, 2, 0xc0, 1))
    sim.world.apply({ do: 'press', device: 'b1', for_ms: 80 })
    sim.world.apply({ do: 'glitch', device: 'b1', width_ms: 3, count: 3 })
    sim.world.apply({ do: 'noise', board: 'a', for_ms: 100, error_rate: 0.3, bytes: 3 })
    sim.clock.tick(400)
    return { heard: host.heard, events: sim.events }
  }
})
