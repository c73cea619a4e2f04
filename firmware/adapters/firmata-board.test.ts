import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../ports/logger.ts'
import type { AnalogReport, DigitalReport, StatusReport } from '../ports/pin-board.ts'
import { TestBoard } from '../testing/test-board.ts'
import { startVirtualTime, type VirtualTime } from '../testing/virtual-time.ts'
import { loadLibraries } from './firmata/libraries.ts'
import { createFirmataBoard, type FirmataBoard } from './firmata-board.ts'

const CONTACT = 2
const LAMP = 5
const OTHER_PORT = 9
const LOOP = 0
const START_MS = 200

describe('a Firmata board', () => {
  let time: VirtualTime
  let hardware: TestBoard
  let board: FirmataBoard
  let digital: DigitalReport[]
  let analog: AnalogReport[]
  let status: StatusReport[]
  let lamp: { set(on: boolean): boolean }

  beforeAll(async () => {
    // Loading from disk would escape virtual time.
    await loadLibraries()
  })
  beforeEach(() => {
    time = startVirtualTime(install)
    hardware = new TestBoard()
    board = make(hardware)
    digital = []
    analog = []
    status = []
    board.watchDigital(CONTACT, (report) => digital.push(report))
    board.watchAnalog(LOOP, (report) => analog.push(report))
    lamp = board.output(LAMP)
    board.onStatus((report) => status.push(report))
  })
  afterEach(async () => {
    const closing = board.close()
    await time.pass(100)
    await closing
    time.end()
  })

  const make = (on: TestBoard) =>
    createFirmataBoard(
      { port: on.port, random: () => 0.5, log: silentLogger },
      { id: 'board-a', watchdog_ms: 2000, handshake_ms: 3000, sampling_ms: 10 },
    )
  const statuses = () => status.map((report) => report.status)

  it('becomes ready and gives the levels that it finds', async () => {
    hardware.setLevel(CONTACT, false)
    board.start()
    await time.pass(START_MS)
    expect(statuses()).toEqual(['ready'])
    expect(digital).toMatchObject([{ high: false, kind: 'found' }])
    expect(analog).toMatchObject([{ kind: 'found', ratio: expect.closeTo(0.68, 2) }])
    expect(hardware.modes.get(CONTACT)).toBe(0)
    expect(hardware.modes.get(LAMP)).toBe(1)
  })

  it('reports edges with their time on both clocks', async () => {
    board.start()
    await time.pass(START_MS)
    digital.length = 0
    const sent_ms = time.clock.now
    const sentMonotonic_ms = performance.now()
    hardware.setLevel(CONTACT, false)
    await time.pass(5)
    hardware.setLevel(CONTACT, true)
    await time.pass(5)
    expect(digital).toMatchObject([
      { high: false, kind: 'edge', at: { wall_ms: sent_ms + 1, monotonic_ms: sentMonotonic_ms + 1 } },
      { high: true, kind: 'edge', at: { wall_ms: sent_ms + 6, monotonic_ms: sentMonotonic_ms + 6 } },
    ])
  })

  it('keeps the length of a press that is read in one go', async () => {
    board.start()
    await time.pass(START_MS)
    digital.length = 0
    const samples = Array.from({ length: 6 }, () => hardware.analogReport(LOOP))
    hardware.sendInOneGo(hardware.levelReport(CONTACT, false), ...samples, hardware.levelReport(CONTACT, true))
    expect(digital.map((report) => report.high)).toEqual([false, true])
    const [closed, opened] = digital.map((report) => report.at.monotonic_ms)
    expect((opened ?? 0) - (closed ?? 0)).toBe(50)
  })

  it('switches an output without touching pull-ups, and has it off after every start', async () => {
    board.start()
    expect(lamp.set(true)).toBe(false)
    await time.pass(START_MS)
    expect(hardware.outputIsOn(LAMP)).toBe(false)
    expect(lamp.set(true)).toBe(true)
    expect(hardware.outputIsOn(LAMP)).toBe(true)
    // The contact's pin is high and in the same port; a 1 for it would turn on its pull-up.
    expect(hardware.writes.every(({ bits }) => (bits & (1 << CONTACT)) === 0)).toBe(true)
    hardware.unplug()
    await time.pass(10)
    expect(lamp.set(true)).toBe(false)
    hardware.replug()
    await time.pass(1000)
    expect(statuses().at(-1)).toBe('ready')
    expect(hardware.outputIsOn(LAMP)).toBe(false)
  })

  it('is absent while unplugged, and finds what changed meanwhile', async () => {
    board.start()
    await time.pass(START_MS)
    hardware.unplug()
    await time.pass(1)
    expect(board.status).toMatchObject({ status: 'absent', reason: 'the device went away' })
    hardware.levels.set(CONTACT, false)
    await time.pass(20_000)
    expect(board.status).toMatchObject({ status: 'absent', reason: expect.stringContaining('/dev/test-board') })
    digital.length = 0
    hardware.replug()
    await time.pass(6000)
    expect(board.status.status).toBe('ready')
    expect(digital).toMatchObject([{ high: false, kind: 'found' }])
  })

  describe('whose pins somebody wants confirmed', () => {
    let confirmed: number[][]
    beforeEach(async () => {
      confirmed = []
      board.watchDigital(OTHER_PORT, () => {})
      board.onConfirmed((pins) => confirmed.push([...pins]))
      board.start()
      await time.pass(START_MS)
    })

    it('reads them again four times a second', async () => {
      await time.pass(1010)
      expect(confirmed).toEqual(Array(4).fill([CONTACT, OTHER_PORT]))
      expect(statuses()).toEqual(['ready'])
    })

    it('confirms nothing while it is silent, and nothing that its firmware does not report', async () => {
      hardware.hung = true
      await time.pass(2000)
      expect(confirmed).toEqual([])
      hardware.hung = false
      hardware.mutePort = OTHER_PORT >> 3
      await time.pass(1000)
      expect(new Set(confirmed.map(String))).toEqual(new Set([`${CONTACT}`]))
    })

    it('tells a change before it confirms it', async () => {
      const order: string[] = []
      board.onConfirmed((pins) => order.push(`confirmed ${pins.has(CONTACT)}`))
      await time.pass(240)
      digital.length = 0
      order.length = 0
      // Lost on the line: only the next reading shows it.
      hardware.levels.set(CONTACT, false)
      await time.pass(270)
      expect(digital).toMatchObject([{ high: false, kind: 'edge' }])
      expect(order).toContain('confirmed true')
    })

    it('does not take an old answer that waited somewhere for a new one', async () => {
      await time.pass(210)
      confirmed.length = 0
      hardware.holdAnswers()
      await time.pass(60)
      const old = hardware.heldAnswers()
      // This process stands still; when it goes on it asks anew, and only then reads what was answered long ago.
      hardware.levels.set(CONTACT, false)
      time.clock.jump(3000)
      hardware.sendInOneGo(...old)
      expect([old.length > 1, confirmed]).toEqual([true, []])
      hardware.sendInOneGo(...hardware.heldAnswers())
      expect(digital.at(-1)).toMatchObject({ high: false })
      expect(confirmed).toEqual([[CONTACT, OTHER_PORT]])
    })

    it('notices in a few seconds that any pin lost its mode', async () => {
      hardware.modes.set(OTHER_PORT, 1)
      await time.pass(6000)
      expect(statuses()).toEqual(['ready', 'starting', 'ready'])
      expect(hardware.modes.get(OTHER_PORT)).toBe(0)
    })
  })

  it('is hung when it answers nothing for two rounds, and is opened again', async () => {
    board.start()
    await time.pass(START_MS)
    hardware.hung = true
    await time.pass(5700)
    expect(statuses()).toEqual(['ready'])
    await time.pass(300)
    expect(statuses()).toEqual(['ready', 'hung'])
    await time.pass(1000)
    expect(hardware.openings).toBe(2)
    hardware.reboot()
    await time.pass(10_000)
    expect(statuses().at(-1)).toBe('ready')
  })

  it.each([
    ['says so', true, 300],
    ['says nothing (its report was lost)', false, 2300],
  ])('that restarts and %s is initialised again', async (_name, announced, within_ms) => {
    board.start()
    await time.pass(START_MS)
    hardware.reboot(announced)
    await time.pass(within_ms)
    expect(statuses()).toEqual(['ready', 'starting', 'ready'])
    expect(hardware.openings).toBe(1)
    digital.length = 0
    hardware.setLevel(CONTACT, false)
    await time.pass(5)
    expect(digital).toMatchObject([{ high: false, kind: 'edge' }])
  })

  it('heals a level that a disturbed line made up', async () => {
    board.start()
    await time.pass(START_MS)
    digital.length = 0
    // A port report with all levels low that the board never sent.
    hardware.disturb([0x90, 0, 0])
    await time.pass(5)
    expect(digital.map((report) => report.high)).toEqual([false, true])
  })

  it('lives through any bytes, and works afterwards', async () => {
    board.start()
    await time.pass(START_MS)
    for (let seed = 1; seed < 40; seed++) {
      const noise = Array.from({ length: 50 }, (_, index) => (seed * 7919 + index * seed * 104_729) & 0xff)
      // Answers about pins that do not exist, a message without end, and a mapping out of the blue.
      hardware.disturb([...noise, 0xf0, 0x6e, 99, 1, 0xf7, 0xf0, 0x6a, ...Array(60).fill(0), 0xf7, 0xf0, ...noise])
      await time.pass(20)
    }
    await time.pass(10_000)
    expect(board.status.status).toBe('ready')
    digital.length = 0
    hardware.setLevel(CONTACT, !hardware.isHigh(CONTACT))
    await time.pass(5)
    expect(digital.at(-1)).toMatchObject({ high: hardware.isHigh(CONTACT), kind: 'edge' })
  })

  it('says which pin it does not have', async () => {
    const other = make(hardware)
    const told: StatusReport[] = []
    other.watchDigital(44, () => {})
    other.onStatus((report) => told.push(report))
    other.start()
    await time.pass(START_MS)
    expect(told).toMatchObject([{ status: 'hung', reason: expect.stringContaining('no pin 44') }])
    const closing = other.close()
    await time.pass(10)
    await closing
  })

  it('keeps reporting when one listener throws', async () => {
    const other = new TestBoard()
    const pair = make(other)
    const heard: boolean[] = []
    pair.watchDigital(3, () => {
      throw new Error('a driver failed')
    })
    pair.watchDigital(4, ({ high }) => heard.push(high))
    pair.start()
    await time.pass(START_MS)
    expect(heard).toEqual([true])
    const closing = pair.close()
    await time.pass(10)
    await closing
  })

  it('leaves nothing behind over 200 reconnects', async () => {
    board.start()
    await time.pass(START_MS)
    hardware.unplug()
    await time.pass(10)
    hardware.replug()
    await time.pass(1000)
    const listeners = board.listenerCounts()
    for (let round = 0; round < 200; round++) {
      hardware.unplug()
      await time.pass(10, 5)
      hardware.replug()
      // Every third time it is pulled in the middle of its handshake.
      await time.pass(round % 3 === 0 ? 254 : 700, 5)
    }
    await time.pass(10_000, 5)
    expect(board.status.status).toBe('ready')
    expect(hardware.openings).toBeGreaterThan(200)
    expect(board.listenerCounts()).toEqual(listeners)
  })

  it('turns its outputs off when it is closed', async () => {
    board.start()
    await time.pass(START_MS)
    lamp.set(true)
    expect(hardware.outputIsOn(LAMP)).toBe(true)
    const closing = board.close()
    await time.pass(50)
    await closing
    expect(hardware.outputIsOn(LAMP)).toBe(false)
    expect(hardware.open).toBe(false)
  })
})
