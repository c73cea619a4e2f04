import FakeTimers from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  board,
  button,
  type Listener,
  listenTo,
  startVirtualWorld,
  VIRTUAL_TIME,
  type VirtualWorld,
} from '../../testing/virtual-world.ts'

/** What Firmata 2.5 has and the 2.4 firmware in the emulator has not. */

let sim: VirtualWorld
let host: Listener

beforeEach(() => {
  sim = startVirtualWorld(FakeTimers.install(VIRTUAL_TIME), {
    boards: [board('a', { devices: [button('b1', { bounce_ms_max: 0 })] })],
  })
  host = listenTo(sim.world.endpoint('a'))
  sim.clock.tick(200)
})
afterEach(() => sim.end())

function ask(...bytes: number[]): number[] {
  host.take()
  host.connection.write(Uint8Array.from(bytes))
  sim.clock.tick(60)
  return host.take()
}

function siren(): boolean[] {
  return sim.events.flatMap((event) => (event.type === 'output' && event.output === 'siren' ? [event.on] : []))
}

describe('a protocol board', () => {
  it('writes a single pin', () => {
    ask(0xf4, 6, 1)
    ask(0xf5, 6, 1)
    ask(0xf5, 5, 1)
    ask(0xf5, 6, 0)
    expect(siren()).toEqual([true, false])
  })

  it('pulls an open input up in the pull-up mode, and by writing to it', () => {
    expect(ask(0xf4, 4, 11, 0xd0, 1).slice(-3)).toEqual([0x90, 0x10, 0])
    expect(ask(0xf0, 0x6d, 4, 0xf7)).toEqual([0xf0, 0x6e, 4, 11, 1, 0xf7])
    expect(ask(0xf4, 4, 0)).toEqual([0x90, 0, 0])
    expect(ask(0xf5, 4, 1)).toEqual([0x90, 0x10, 0])
  })

  it('keeps an output on through a repeated pin mode and a reset message: only writing low switches it off', () => {
    ask(0xf4, 6, 1, 0xf5, 6, 1)
    ask(0xf4, 6, 1)
    ask(0xff)
    expect(siren()).toEqual([true])
    ask(0xf5, 6, 0)
    expect(siren()).toEqual([true, false])
  })

  it('ignores pins, ports and modes that it has not', () => {
    expect(ask(0xf4, 99, 1, 0xf4, 0, 1, 0xf4, 2, 2, 0xf5, 99, 1, 0x9f, 127, 1, 0xdf, 1, 0xcf, 1)).toEqual([])
    expect(ask(0xf9)).toEqual([0xf9, 2, 5])
  })

  it('finds nobody on the I2C bus', () => {
    const text = [...Buffer.from('I2C: Too few bytes received')].flatMap((letter) => [letter, 0])
    expect(ask(0xf0, 0x76, 0x48, 0x08, 2, 0, 0xf7)).toEqual([0xf0, 0x71, ...text, 0xf7])
  })

  it('boots as long as it is told', () => {
    sim.world.apply({ do: 'reset', board: 'a' })
    sim.clock.tick(49)
    expect(sim.events.at(-1)).toMatchObject({ state: 'booting' })
    sim.clock.tick(1)
    expect(sim.events.at(-1)).toMatchObject({ state: 'running' })
  })
})
