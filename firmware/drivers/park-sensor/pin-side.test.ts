import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { momentNow } from '../../moment.ts'
import type { AnalogReport, DigitalReport, PinBoard, StatusReport } from '../../ports/pin-board.ts'
import { startVirtualTime, type VirtualTime } from '../../testing/virtual-time.ts'
import type { PollResult } from './belief/machine.ts'
import type { ParkOnBoard } from './config.ts'
import { createPinSide } from './pin-side.ts'
import type { ParkSide } from './side.ts'

/** A board whose voltages and contacts a test sets. */
class Pins implements PinBoard {
  readonly id = 'board-a'
  status: StatusReport = { status: 'starting', at: momentNow() }
  readonly outputs = new Map<number, boolean>()
  analog: (report: AnalogReport) => void = () => {}
  readonly digital = new Map<number, (report: DigitalReport) => void>()
  #listener: (report: StatusReport) => void = () => {}

  watchDigital(pin: number, listener: (report: DigitalReport) => void): void {
    this.digital.set(pin, listener)
  }
  watchAnalog(_channel: number, listener: (report: AnalogReport) => void): void {
    this.analog = listener
  }
  output(pin: number) {
    return {
      set: (on: boolean) => {
        if (this.status.status === 'ready') this.outputs.set(pin, on)
        return this.status.status === 'ready'
      },
    }
  }
  onConfirmed(): void {}
  onStatus(listener: (report: StatusReport) => void): void {
    this.#listener = listener
  }
  start(): void {}
  async close(): Promise<void> {}

  say(status: StatusReport['status']): void {
    this.status = { status, at: momentNow() }
    this.#listener(this.status)
  }
  contact(pin: number, closed: boolean, kind: DigitalReport['kind'] = 'edge'): void {
    this.digital.get(pin)?.({ high: !closed, kind, at: momentNow() })
  }
}

const device: ParkOnBoard = {
  kind: 'park-sensor',
  id: 'bed-1',
  place: {},
  board: 'board-a',
  sensors: [
    { name: 'soil-moisture', channel: 0, low: 0, high: 100, poll_ms: 1000 },
    { name: 'rain', pin: 2, step: 0.2, poll_ms: 1000 },
    {
      name: 'lid',
      pin: 3,
      kind: 'gauge',
      unit: '/',
      range: { min: 0, max: 1 },
      resolution: 1,
      noise: 0,
      poll_ms: 1000,
    },
  ],
  outputs: [{ name: 'valve', as: 'valve', pin: 8 }],
}

let time: VirtualTime
let board: Pins
let side: ParkSide
let results: PollResult[]
let contacts: boolean[]

beforeEach(() => {
  time = startVirtualTime(install)
  board = new Pins()
  side = createPinSide(board, device)
  results = []
  contacts = []
  side.start({
    results: (some) => {
      results = [...some]
    },
    contact: (ok) => contacts.push(ok),
    found: () => {},
  })
})
afterEach(() => {
  side.close()
  time.end()
})

const value = (name: string) => {
  const found = results.find(({ quantity }) => quantity === name)
  return found !== undefined && 'raw' in found ? found.raw : found?.fault
}

describe('sensors on a board', () => {
  it('say nothing before the board does, nor after it is gone', async () => {
    await time.pass(1000)
    expect(value('soil-moisture')).toBe('bus-error')
    board.say('ready')
    board.analog({ ratio: 0.25, kind: 'found', at: momentNow() })
    await time.pass(1000)
    expect(value('soil-moisture')).toBe(25)
    board.say('hung')
    await time.pass(1000)
    expect(value('soil-moisture')).toBe('bus-error')
  })

  it('count closings of a contact, and no bounces', async () => {
    board.say('ready')
    board.contact(2, true, 'found')
    for (let tip = 0; tip < 3; tip++) {
      await time.pass(200)
      for (const closed of [false, true, false, true]) board.contact(2, closed)
    }
    await time.pass(1000)
    expect(value('rain')).toBe(3)
    expect(side.quantities.find(({ name }) => name === 'rain')?.counter).toEqual({ bits: 32, step: 0.2 })
  })

  it('tell a contact as 1 and 0', async () => {
    board.say('ready')
    board.contact(3, true, 'found')
    await time.pass(1000)
    expect(value('lid')).toBe(1)
    board.contact(3, false)
    await time.pass(1000)
    expect(value('lid')).toBe(0)
  })

  it('come with outputs that fall off by themselves, and are off at the end', async () => {
    expect(side.outputs[0]).toMatchObject({ name: 'valve', fallsOff: true, rainLock: true })
    expect(await side.write('valve', true)).toBe('lost')
    board.say('ready')
    expect(contacts).toEqual([true])
    expect(await side.write('valve', true)).toBe('ok')
    expect(board.outputs.get(8)).toBe(true)
    side.close()
    expect(board.outputs.get(8)).toBe(false)
  })
})
