import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { momentNow } from '../../moment.ts'
import { silentLogger } from '../../ports/logger.ts'
import type { AnalogReport, DigitalReport, PinBoard, StatusReport } from '../../ports/pin-board.ts'
import { startVirtualTime, type VirtualTime } from '../../testing/virtual-time.ts'
import type { Driver, DriverEvent, Outcome } from '../driver.ts'
import type { AlarmButtonConfig } from './config.ts'
import { createAlarmButton } from './driver.ts'

class FakeBoard implements PinBoard {
  readonly id = 'board-a'
  status: StatusReport = { status: 'starting', at: momentNow() }
  readonly switched: string[] = []
  takesWrites = true
  #digital: (report: DigitalReport) => void = () => {}
  #analog: (report: AnalogReport) => void = () => {}
  #status: (report: StatusReport) => void = () => {}

  watchDigital(_pin: number, listener: (report: DigitalReport) => void): void {
    this.#digital = listener
  }
  watchAnalog(_channel: number, listener: (report: AnalogReport) => void): void {
    this.#analog = listener
  }
  output(pin: number) {
    return {
      set: (on: boolean) => {
        if (this.takesWrites) this.switched.push(`${pin} ${on}`)
        return this.takesWrites
      },
    }
  }
  onConfirmed(): void {}
  onStatus(listener: (report: StatusReport) => void): void {
    this.#status = listener
  }
  start(): void {}
  async close(): Promise<void> {}

  say(status: StatusReport['status']): void {
    this.#status({ status, at: momentNow() })
  }
  contact(closed: boolean, kind: 'found' | 'edge' = 'edge', ago_ms = 0): void {
    const { wall_ms, monotonic_ms } = momentNow()
    this.#digital({ high: !closed, kind, at: { wall_ms: wall_ms - ago_ms, monotonic_ms: monotonic_ms - ago_ms } })
  }
  loop(ratio: number): void {
    this.#analog({ ratio, kind: 'change', at: momentNow() })
  }
}

const config: AlarmButtonConfig = {
  kind: 'alarm-button',
  id: 'b1',
  board: 'board-a',
  place: { building: '3' },
  contactPin: 2,
  loopPin: 0,
  lampPin: 5,
}

describe('the driver of an alarm button', () => {
  let time: VirtualTime
  let board: FakeBoard
  let driver: Driver
  let events: DriverEvent[]
  let states: unknown[]
  let availabilities: Array<{ status: string; reason?: string }>
  let failures: unknown[]
  let breakOn: string | undefined

  beforeEach(() => {
    time = startVirtualTime(install)
    make()
  })
  afterEach(() => {
    driver.close()
    time.end()
  })

  function make(restored?: unknown): void {
    board = new FakeBoard()
    events = []
    states = []
    availabilities = []
    failures = []
    breakOn = undefined
    driver = createAlarmButton(
      {
        host: {
          event(event) {
            if (event.type === breakOn) throw new Error('the outbox broke')
            events.push(event)
          },
          state: (state) => states.push(state),
          telemetry: () => {},
          availability: ({ status, reason }) =>
            availabilities.push(reason === undefined ? { status } : { status, reason }),
          failed: (error) => failures.push(error),
          log: silentLogger,
        },
        board,
        address: { street: 's', community: 'c', estate: 'e', gateway: 'gw-1', class: 'alarm-button', device: 'b1' },
        version: '1.2.3',
        restored,
      },
      config,
    )
    driver.start()
  }
  function becomeReady(): void {
    board.say('ready')
    board.contact(false, 'found')
  }
  function command(name: string, args: unknown = {}): Outcome | undefined {
    const outcomes: Outcome[] = []
    driver.execute({ id: 'c-1', name, args, actor: { kind: 'flow', id: 'night' } }, (one) => outcomes.push(one))
    expect(outcomes).toHaveLength(1)
    return outcomes[0]
  }
  const types = () => events.map(({ type }) => type)

  it('says what it is and what holds, before the board does anything', () => {
    expect(driver.meta).toMatchObject({
      class: 'alarm-button',
      driver: { name: 'alarm-button', version: '1.2.3' },
      capabilities: ['contact', 'reset', 'loop', 'lamp'],
    })
    expect(states).toMatchObject([{ alarm: false, loop: 'unknown' }])
    expect(availabilities).toEqual([{ status: 'offline', reason: 'board-starting' }])
  })

  it('turns edges and time into events', async () => {
    becomeReady()
    board.contact(true)
    await time.pass(14)
    expect(types()).toEqual([])
    await time.pass(1)
    expect(types()).toEqual(['pressed'])
    await time.pass(3000)
    expect(types()).toEqual(['pressed', 'cancelled'])
  })

  it('tells the lost board by its reason', () => {
    becomeReady()
    board.say('hung')
    board.say('absent')
    expect(availabilities.slice(1)).toEqual([
      { status: 'online' },
      { status: 'offline', reason: 'board-hung' },
      { status: 'offline', reason: 'board-absent' },
    ])
  })

  it('performs commands, and says when the board did not take the write', async () => {
    becomeReady()
    expect(command('lamp', { on: true, for_ms: 200 })).toEqual({ status: 'succeeded' })
    await time.pass(200)
    expect(board.switched).toEqual(['5 true', '5 false'])
    board.takesWrites = false
    expect(command('lamp', { on: true })).toMatchObject({ status: 'failed', code: 'BOARD_ABSENT' })
    expect(command('siren', { on: true })).toMatchObject({ status: 'refused', code: 'CAPABILITY_MISSING' })
    expect(command('reset')).toEqual({ status: 'succeeded' })
    expect(events.at(-1)).toMatchObject({ type: 'reset', data: { actor: 'flow:night' } })
  })

  it('held up while a glitch passed, waits for what is still unread before it believes in a press', async () => {
    becomeReady()
    board.contact(true)
    // The process stands still for 100 ms; the timer comes first, the report of the opening after it.
    time.clock.jump(100)
    board.contact(false, 'edge', 92)
    await time.pass(100)
    expect(types()).toEqual([])
  })

  it('held up during a press, still counts it', async () => {
    becomeReady()
    time.clock.jump(500)
    board.contact(true, 'edge', 300)
    board.contact(false, 'edge', 200)
    await time.pass(100)
    expect(events).toMatchObject([
      { type: 'pressed', data: { press: 1 } },
      { type: 'released', data: { held_ms: 100 } },
    ])
  })

  it('keeps an error of its own to itself and goes on', async () => {
    becomeReady()
    breakOn = 'pressed'
    board.contact(true)
    await time.pass(100)
    expect(failures).toHaveLength(1)
    breakOn = undefined
    board.contact(false)
    await time.pass(100)
    board.contact(true)
    await time.pass(100)
    expect(events.at(-1)).toMatchObject({ type: 'pressed', data: { press: 2 } })
  })

  it.each([
    ['nothing', undefined],
    ['something else', { presses: 'many' }],
  ])('starts from %s when that is what was restored', (_name, restored) => {
    driver.close()
    make(restored)
    expect(states).toMatchObject([{ alarm: false, presses: 0 }])
  })

  it('does nothing any more once closed', async () => {
    becomeReady()
    board.contact(true)
    driver.close()
    await time.pass(5000)
    board.contact(false)
    await time.pass(100)
    expect(types()).toEqual([])
    expect(command('lamp', { on: true })).toMatchObject({ status: 'failed', code: 'DRIVER_FAILED' })
  })
})
