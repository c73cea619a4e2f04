import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPinGateIo } from '../../adapters/pin-gate-io.ts'
import { deviceKinds } from '../../gateway/kinds.ts'
import { type Moment, momentNow } from '../../moment.ts'
import { silentLogger } from '../../ports/logger.ts'
import type { DigitalReport, PinBoard, StatusReport } from '../../ports/pin-board.ts'
import { startVirtualTime, type VirtualTime } from '../../testing/virtual-time.ts'
import type { DriverEvent, DriverHost, Outcome } from '../driver.ts'
import { createParks } from '../park-sensor/park.ts'
import type { AccessGateDriver } from './access.ts'

/** A board whose pins a test sets, with everything that was ever written to it. */
class PinsOfTest implements PinBoard {
  readonly id = 'board-a'
  status: StatusReport = { status: 'starting', at: momentNow() }
  readonly written: string[] = []
  readonly pins = new Map<number, boolean>()
  readonly #watches = new Map<number, (report: DigitalReport) => void>()
  /** Whether the pins that are watched are read again. */
  confirms = true
  readonly #listeners: Array<(report: StatusReport) => void> = []

  watchDigital(pin: number, listener: (report: DigitalReport) => void): void {
    this.#watches.set(pin, listener)
  }
  watchAnalog(): void {}
  output(pin: number) {
    return {
      set: (on: boolean) => {
        if (this.status.status === 'ready') this.written.push(`${pin} ${on}`)
        return this.status.status === 'ready'
      },
    }
  }
  onConfirmed(listener: (pins: ReadonlySet<number>, at: Moment) => void): void {
    setInterval(() => {
      if (this.status.status === 'ready' && this.confirms) listener(new Set(this.pins.keys()), momentNow())
    }, 250)
  }
  onStatus(listener: (report: StatusReport) => void): void {
    this.#listeners.push(listener)
  }
  start(): void {}
  async close(): Promise<void> {}

  say(status: StatusReport['status']): void {
    this.status = { status, at: momentNow() }
    for (const listener of this.#listeners) listener(this.status)
    if (status !== 'ready') return
    for (const [pin, high] of this.pins) this.#watches.get(pin)?.({ high, kind: 'found', at: momentNow() })
  }
  set(pin: number, high: boolean): void {
    this.pins.set(pin, high)
    if (this.status.status === 'ready') this.#watches.get(pin)?.({ high, kind: 'edge', at: momentNow() })
  }
}

const door = {
  kind: 'door',
  id: 'd1',
  board: 'board-a',
  place: { building: '3' },
  strike: 'fail-secure',
  inputs: { contact: { pin: 2 }, rex: { pin: 3 } },
  outputs: { strike: 8 },
}
const barrier = {
  kind: 'barrier',
  id: 'g1',
  board: 'board-a',
  place: { spot: 'gate 1' },
  inputs: { up: { pin: 2 }, down: { pin: 3 }, safety: { pin: 4, pairPin: 5 }, beam: { pin: 6 } },
  outputs: { raise: 8, lower: 9, stop: 10 },
  direction: 'in',
}

let time: VirtualTime
let board: PinsOfTest
let said: { events: DriverEvent[]; states: unknown[]; availability: unknown[]; errors: unknown[] }
let driver: AccessGateDriver
let outcomes: Outcome[]

function start(device: typeof door | typeof barrier, restored?: unknown): void {
  board = new PinsOfTest()
  said = { events: [], states: [], availability: [], errors: [] }
  outcomes = []
  const host: DriverHost = {
    event: (event) => said.events.push(event),
    state: (state) => said.states.push(state),
    telemetry: () => {},
    availability: (one) => said.availability.push(one),
    failed: (error) => said.errors.push(error),
    log: silentLogger,
  }
  const address = {
    street: 's',
    community: 'c',
    estate: 'e',
    gateway: 'gw',
    class: 'access-gate',
    device: device.id,
  } as const
  const pins = board
  const hardware = {
    board: () => pins,
    bus() {
      throw new Error('no bus here')
    },
    chip() {
      throw new Error('no chip here')
    },
  }
  const kind = deviceKinds.get(device.kind)
  if (!kind) throw new Error(`no kind ${device.kind}`)
  const deps = { host, hardware, profiles: new Map(), parks: createParks(), address, version: '1', restored }
  driver = kind.create(deps, device) as AccessGateDriver
  driver.start()
}

function command(name: string, args: unknown = {}, expires_in_ms = 10_000): void {
  const expiresat = new Date(Date.now() + expires_in_ms).toISOString()
  const actor = { kind: 'person', id: 'p1' } as const
  driver.execute({ id: `c${outcomes.length}${name}`, name, args, actor, expiresat }, (outcome) =>
    outcomes.push(outcome),
  )
}

beforeEach(() => {
  time = startVirtualTime(install)
})
afterEach(() => {
  driver?.close()
  time.end()
})

describe('a door on the pins of a board', () => {
  beforeEach(async () => {
    start(door)
    board.set(2, false)
    board.set(3, true)
    board.say('ready')
    await time.pass(1000, 50)
  })

  it('unlocks for a decision, tells the passage, and locks', async () => {
    expect(said.states.at(-1)).toMatchObject({ kind: 'door', position: 'closed', lock: 'locked' })
    driver.access({ granted: true, direction: 'in', by: 'card', credential: 'k1' }, momentNow())
    expect(board.written).toEqual(['8 true'])
    await time.pass(300, 50)
    board.set(2, true)
    // A contact that bounces is believed when it has settled.
    expect(board.written).toEqual(['8 true'])
    await time.pass(50)
    expect(board.written).toEqual(['8 true', '8 false'])
    expect(said.events).toMatchObject([{ type: 'passage', severity: 'notice', data: { credential: 'k1' } }])
  })

  it('locks by its own timer', async () => {
    command('open')
    expect(outcomes).toEqual([{ status: 'succeeded' }])
    await time.pass(4900, 50)
    expect(board.written).toEqual(['8 true'])
    await time.pass(200, 50)
    expect(board.written).toEqual(['8 true', '8 false'])
  })

  it('goes on being closed for as long as the board is there, and no longer', async () => {
    await time.pass(60_000, 250)
    expect(said.states.at(-1)).toMatchObject({ position: 'closed' })
    board.say('hung')
    expect(said.states.at(-1)).toMatchObject({ position: 'unknown', lock: 'unknown' })
    expect(said.availability.at(-1)).toEqual({ status: 'offline', reason: 'board-hung' })
    command('open')
    expect(outcomes).toMatchObject([{ status: 'failed', code: 'GATE_OFFLINE' }])
    board.say('ready')
    await time.pass(10_000, 250)
    expect(board.written).toEqual([])
    expect(said.errors).toEqual([])
  })

  it('does not say that it opened when the write was dropped', () => {
    board.status = { status: 'hung', at: momentNow() }
    command('open')
    expect(outcomes).toMatchObject([{ status: 'failed', code: 'GATE_OFFLINE' }])
  })
})

describe('a barrier on the pins of a board', () => {
  beforeEach(async () => {
    start(barrier)
    // Down, and nobody in the way: the loop's two contacts are opposite, a broken cable would read as occupied.
    for (const [pin, high] of [
      [2, true],
      [3, false],
      [4, false],
      [5, true],
      [6, false],
    ] as const)
      board.set(pin, high)
    board.say('ready')
    await time.pass(500, 50)
  })

  /** A limit switch is believed when it has settled. */
  const settled = () => time.pass(30, 10)
  async function boomUp(): Promise<void> {
    board.set(3, true)
    board.set(2, false)
    await settled()
  }

  it('answers when the boom has arrived', async () => {
    command('open')
    await time.pass(1000, 50)
    expect([outcomes, board.written]).toEqual([[], ['8 true']])
    await boomUp()
    expect([outcomes, board.written]).toEqual([[{ status: 'succeeded' }], ['8 true', '8 false']])
  })

  it('takes a limit switch that bounces for one arrival, and for no hand at the boom', async () => {
    command('open')
    await boomUp()
    for (const high of [true, false, true, false]) board.set(2, high)
    await settled()
    expect(said.events.filter(({ type }) => type === 'forced' || type === 'fault')).toEqual([])
    expect(board.written).toEqual(['8 true', '8 false'])
  })

  it('turns a closing at once when the contacts of a sensor contradict each other', async () => {
    command('open')
    await boomUp()
    await time.pass(1500, 50)
    command('close')
    board.set(2, true)
    await settled()
    expect(board.written.at(-1)).toBe('9 true')
    board.set(5, false)
    expect(board.written.slice(-2)).toEqual(['9 false', '8 true'])
    expect(outcomes.at(-1)).toMatchObject({ status: 'failed', code: 'GATE_SAFETY_UNKNOWN' })
    expect(said.events.map(({ type }) => type)).toEqual(['reversed'])
  })

  it('fails what is under way when the board is lost or the gateway stops, and moves nothing afterwards', async () => {
    command('open')
    board.say('absent')
    expect(outcomes).toMatchObject([{ status: 'failed', code: 'GATE_OFFLINE' }])
    board.say('ready')
    await time.pass(5000, 250)
    expect(board.written).toEqual(['8 true'])
    command('open')
    driver.close()
    expect(outcomes).toHaveLength(2)
    await time.pass(20_000, 1000)
    expect(outcomes).toHaveLength(2)
  })

  it('does not close, and does not go on closing, on levels that nobody has read again', async () => {
    command('open')
    await boomUp()
    await time.pass(1500, 50)
    command('close')
    board.set(2, true)
    await settled()
    expect(board.written.at(-1)).toBe('9 true')
    board.confirms = false
    await time.pass(1100, 50)
    expect(board.written.slice(-2)).toEqual(['9 false', '8 true'])
    expect(outcomes.at(-1)).toMatchObject({ status: 'failed', code: 'GATE_POSITION_UNKNOWN' })
    board.written.length = 0
    command('close')
    await time.pass(5000, 50)
    expect(board.written).not.toContain('9 true')
    expect(outcomes.at(-1)).not.toMatchObject({ status: 'succeeded' })
  })

  it('does not execute what has expired', () => {
    command('open', {}, -1)
    expect(outcomes).toMatchObject([{ status: 'expired', code: 'COMMAND_EXPIRED' }])
    expect(board.written).toEqual([])
  })
})

describe('a gate that starts again', () => {
  const kept = {
    kind: 'barrier',
    mode: 'evacuate',
    modeby: 'evacuation',
    position: 'open',
    held: false,
    alarm: 'none',
    faults: [],
    tamper: [],
  }

  it('goes on with an evacuation', async () => {
    start(barrier, kept)
    expect(said.states).toMatchObject([{ mode: 'evacuate', position: 'unknown' }])
    for (const [pin, high] of [
      [2, true],
      [3, false],
      [4, false],
      [5, true],
      [6, false],
    ] as const)
      board.set(pin, high)
    board.say('ready')
    await time.pass(100, 50)
    expect(board.written).toEqual(['8 true'])
  })

  it('ignores what another kind of gate has said', () => {
    start(door, kept)
    expect(said.states).toMatchObject([{ kind: 'door', mode: 'card' }])
    start(door, { nonsense: true })
    expect(said.states).toMatchObject([{ kind: 'door', mode: 'card' }])
  })
})

describe('inputs on pins', () => {
  const wiring = {
    inputs: {
      beam: { pin: 2, onWhen: 'high' },
      safety: { pin: 4, pairPin: 5, onWhen: 'high' },
      contact: { pin: 6, onWhen: 'low', settle_ms: 300 },
    },
    outputs: { raise: 8 },
  } as const

  it('are confirmed only when the board has read them again, both of a pair, and settled', async () => {
    board = new PinsOfTest()
    const io = createPinGateIo(board, wiring)
    const told: string[] = []
    io.onLevels(({ levels }) => told.push(...Object.entries(levels).map(([name, level]) => `${name} ${level}`)))
    io.start()
    for (const [pin, high] of [
      [2, true],
      [4, true],
      [5, false],
      [6, true],
    ] as const)
      board.set(pin, high)
    await time.pass(1000, 250)
    expect(told).toEqual([])
    board.say('ready')
    told.length = 0
    await time.pass(250, 250)
    expect(told).toEqual(['beam true', 'safety true', 'contact false'])
    told.length = 0
    board.set(6, false)
    board.pins.delete(5)
    await time.pass(250, 250)
    expect(told).toEqual(['beam true'])
    await time.pass(50)
    expect(told).toEqual(['beam true', 'contact true'])
    told.length = 0
    board.confirms = false
    await time.pass(1000, 250)
    board.say('hung')
    expect([told, io.set('raise', true), io.set('none', true)]).toEqual([[], false, false])
    io.close()
    start(door)
  })
})
