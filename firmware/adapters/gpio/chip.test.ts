import { install } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LinliError } from '../../../hub/contract/errors.ts'
import type { LineChip } from '../../ports/line-chip.ts'
import { type Logger, silentLogger } from '../../ports/logger.ts'
import type { DigitalOutput, DigitalReport } from '../../ports/pin-board.ts'
import { TestGpio } from '../../testing/test-gpio.ts'
import { startVirtualTime, type VirtualTime } from '../../testing/virtual-time.ts'
import { createGpioChip } from './chip.ts'

let time: VirtualTime
let kernel: TestGpio
let chip: LineChip
let seen: Array<{ line: number; kind: string; high: boolean; at_ms: number }>
let said: string[]
let confirmed: number[]
let warnings: string[]

beforeEach(() => {
  time = startVirtualTime(install)
  kernel = new TestGpio(54)
  seen = []
  said = []
  confirmed = []
  warnings = []
  chip = makeChip()
})

afterEach(async () => {
  void chip.close()
  await time.pass(1)
  expect(kernel.openCount).toBe(0)
  time.end()
})

function makeChip(openKernel = async () => kernel, id = 'gpiochip0'): LineChip {
  const log: Logger = { ...silentLogger, warn: (_fields, message) => void warnings.push(message) }
  const made = createGpioChip({ openKernel, random: () => 0, log }, { id })
  made.onStatus(({ status, reason }) => said.push(reason === undefined ? status : `${status}: ${reason}`))
  return made
}

function watch(...lines: number[]): void {
  for (const line of lines)
    chip.watchDigital(line, ({ high, kind, at }: DigitalReport) =>
      seen.push({ line, kind, high, at_ms: at.monotonic_ms }),
    )
}

async function start(): Promise<number> {
  chip.start()
  await time.pass(1)
  const edges = performance.now()
  seen.length = 0
  return edges
}

describe('the lines of a chip', () => {
  it('are found as they are, pulled up where nothing drives them, or as wired', async () => {
    watch(17, 4, 5)
    chip.setInput(4, { bias: 'pull-down', settle_ms: 0 })
    chip.setInput(5, { bias: 'disabled', settle_ms: 0 })
    kernel.drive(5, true)
    chip.start()
    await time.pass(1)
    expect(said).toEqual(['ready'])
    expect(seen.map(({ line, kind, high }) => [line, kind, high])).toEqual([
      [17, 'found', true],
      [4, 'found', false],
      [5, 'found', true],
    ])
  })

  it('report edges with the kernel’s time, however late they are read', async () => {
    watch(17)
    const start_ms = await start()
    kernel.drive(17, false)
    time.clock.tick(30)
    kernel.drive(17, true)
    time.clock.tick(500)
    await time.pass(1)
    expect(seen.map(({ high }) => high)).toEqual([false, true])
    expect(seen.map(({ at_ms }) => Math.round(at_ms - start_ms))).toEqual([0, 30])
  })

  it('settle in the kernel where told so', async () => {
    watch(17)
    chip.setInput(17, { bias: 'pull-up', settle_ms: 30 })
    const start_ms = await start()
    for (const level of [false, true, false, true, false]) {
      kernel.drive(17, level)
      await time.pass(4)
    }
    await time.pass(400)
    expect(seen.map(({ high, at_ms }) => [high, Math.round(at_ms - start_ms)])).toEqual([[false, 46]])
  })

  it('are believed again when edges were lost', async () => {
    watch(17, 18)
    await start()
    for (let count = 0; count < 1500; count++) kernel.drive(17, count % 2 === 1)
    kernel.drive(18, false)
    for (let count = 0; count < 1500; count++) kernel.drive(17, count % 2 === 1)
    await time.pass(250)
    expect(seen.filter(({ line }) => line === 18).map(({ high }) => high)).toEqual([false])
    expect(seen.findLast(({ line }) => line === 17)?.high).toBe(true)
    expect(warnings).toEqual(['edges came faster than they were read; some are lost'])
  })

  it('are read again all the time: a change without an interrupt is found, and what holds is confirmed', async () => {
    watch(17)
    chip.onConfirmed((lines, at) => {
      expect([...lines]).toEqual([17])
      confirmed.push(Math.round(at.monotonic_ms))
    })
    const start_ms = await start()
    await time.pass(1000)
    expect(confirmed.map((at_ms) => at_ms - Math.round(start_ms - 1))).toEqual([200, 400, 600, 800, 1000])
    kernel.driveSilently(17, false)
    await time.pass(200)
    expect(seen.map(({ kind, high }) => [kind, high])).toEqual([['edge', false]])
    kernel.unplug()
    await time.pass(2000)
    expect(confirmed).toHaveLength(6)
  })

  it('may tell two edges at once in the wrong order: that is no loss', async () => {
    watch(17, 18)
    await start()
    kernel.drive(17, false)
    kernel.drive(18, false)
    kernel.swapWaiting()
    await time.pass(10)
    expect(seen.map(({ line, high }) => [line, high])).toEqual([
      [18, false],
      [17, false],
    ])
    expect(warnings).toEqual([])
  })

  it('have no analog channel, and are declared before the start', () => {
    expect(() => chip.watchAnalog(0, () => {})).toThrow(expect.objectContaining({ code: 'GPIO_NO_ANALOG' }))
    chip.start()
    for (const late of [
      () => watch(1),
      () => chip.output(2),
      () => chip.setInput(1, { bias: 'disabled', settle_ms: 0 }),
    ])
      expect(late).toThrow(expect.objectContaining({ code: 'BOARD_STARTED' }))
  })
})

describe('outputs', () => {
  let relay: DigitalOutput
  beforeEach(() => {
    relay = chip.output(24)
    chip.output(25)
  })

  it('are low from the first moment, follow, and are low before they are let go', async () => {
    expect(relay.set(true)).toBe(false)
    await start()
    expect(kernel.written).toEqual(['24 low', '25 low'])
    expect(relay.set(true)).toBe(true)
    expect([kernel.outputIsHigh(24), kernel.outputIsHigh(25)]).toEqual([true, false])
    void chip.close()
    await time.pass(1)
    expect(kernel.written).toEqual(['24 low', '25 low', '24 high', '24 low', '25 low'])
    expect(relay.set(true)).toBe(false)
  })

  it('are low again after the chip was away, and what could not be written is said', async () => {
    await start()
    expect(relay.set(true)).toBe(true)
    kernel.present = false
    expect(relay.set(false)).toBe(false)
    await time.pass(10)
    expect(said).toEqual(['ready', 'absent: /dev/gpiochip0 went away; plug it in again'])
    kernel.present = true
    await time.pass(6000)
    expect(said.at(-1)).toBe('ready')
    expect(kernel.outputIsHigh(24)).toBe(false)
  })

  it('that a crash would leave on are warned of', async () => {
    kernel.parameters.set('pinctrl_rp1.persist_gpio_outputs', 'Y')
    await start()
    expect(warnings).toEqual([expect.stringContaining('dtparam=strict_gpiod')])
  })
})

describe('a chip that cannot be had', () => {
  const reasonAfter = async (time_ms: number) => {
    chip.start()
    await time.pass(time_ms)
    return said.at(-1)
  }

  it('says who holds a line, and takes it when it is free', async () => {
    watch(17, 18)
    chip.output(24)
    kernel.occupy(18, 'spi0 CS0')
    expect(await reasonAfter(10)).toMatch(/^absent: line 18 of \/dev\/gpiochip0 is in use by “spi0 CS0”; /)
    expect(kernel.openCount).toBe(0)
    kernel.occupy(18, undefined)
    await time.pass(6000)
    expect(said).toHaveLength(2)
    expect(said.at(-1)).toBe('ready')
  })

  it.each([
    ['is not there', () => kernel.unplug(), 'there is no /dev/gpiochip0; `ls /dev/gpiochip*`'],
    ['belongs to others', () => Object.assign(kernel, { permitted: false }), 'add the user to group gpio'],
    ['has fewer lines', () => watch(54), 'has no line 54; it has lines 0…53'],
    ['knows an older interface', () => Object.assign(kernel, { ioctl: () => -22 }), 'the kernel must be 5.10 or newer'],
    ['is none', () => Object.assign(kernel, { ioctl: () => -25 }), 'is no GPIO chip; name one of /dev/gpiochip*'],
  ])('that %s says what to do', async (_name, spoil, says) => {
    watch(17)
    spoil()
    expect(await reasonAfter(10)).toContain(says)
  })

  it('is found by its label, whatever its number; one that is not there is told with what is', async () => {
    kernel.label = 'pinctrl-rp1'
    chip = makeChip(async () => kernel, 'header')
    watch(17)
    expect(await reasonAfter(10)).toBe('ready')
    void chip.close()
    chip = makeChip(async () => kernel, 'pinctrl-bcm2711')
    watch(17)
    expect(await reasonAfter(10)).toBe(
      'absent: there is no GPIO chip pinctrl-bcm2711; there are: /dev/gpiochip0 (pinctrl-rp1)',
    )
    kernel.permitted = false
    await time.pass(6000)
    expect(said.at(-1)).toContain('may not be opened: group gpio?')
  })

  it('on a machine without it says so once and ends', async () => {
    const none = new LinliError('GPIO_UNSUPPORTED', 'GPIO lines need Linux', { kind: 'caller' })
    chip = makeChip(() => Promise.reject(none))
    expect(await reasonAfter(10_000)).toBe('absent: GPIO lines need Linux')
    expect(said).toHaveLength(1)
  })

  it('refuses more settings than one request can carry', async () => {
    watch(...Array.from({ length: 12 }, (_, line) => line))
    for (let line = 0; line < 12; line++) chip.setInput(line, { bias: 'pull-up', settle_ms: line + 1 })
    expect(await reasonAfter(10)).toContain('at most 10 different settings')
  })
})

it('comes back two hundred times and leaves nothing behind', async () => {
  watch(17)
  chip.start()
  await time.pass(1)
  for (let round = 0; round < 200; round++) {
    kernel.unplug()
    await time.pass(1)
    kernel.present = true
    await time.pass(600, 50)
  }
  expect(said.filter((status) => status === 'ready')).toHaveLength(201)
  expect(kernel.openCount).toBe(1)
})

it('ends with the truth about every line, and its edges in order, whatever happens', async () => {
  const act = fc.oneof(
    { weight: 8, arbitrary: fc.record({ line: fc.integer({ min: 2, max: 4 }), high: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ pass_ms: fc.integer({ min: 0, max: 90 }) }) },
    { weight: 2, arbitrary: fc.record({ stall_ms: fc.integer({ min: 1, max: 400 }) }) },
    { weight: 1, arbitrary: fc.record({ silent: fc.integer({ min: 2, max: 4 }) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
      kernel = new TestGpio(8)
      seen = []
      chip = makeChip(async () => kernel)
      watch(2, 3, 4)
      chip.setInput(4, { bias: 'pull-up', settle_ms: 20 })
      chip.start()
      await time.pass(1)
      for (const one of acts) {
        if ('line' in one) kernel.drive(one.line, one.high)
        else if ('pass_ms' in one) await time.pass(one.pass_ms)
        else if ('stall_ms' in one) time.clock.jump(one.stall_ms)
        else if (one.silent !== 4) kernel.driveSilently(one.silent, !kernel.level(one.silent))
      }
      await time.pass(300)
      for (const line of [2, 3, 4]) {
        const reports = seen.filter((report) => report.line === line)
        expect(reports.at(-1)?.high).toBe(kernel.level(line))
        for (const [index, { high, at_ms, kind }] of reports.entries()) {
          const before = reports[index - 1]
          expect(kind).toBe(before ? 'edge' : 'found')
          if (!before) continue
          expect(high).toBe(!before.high)
          expect(at_ms).toBeGreaterThanOrEqual(before.at_ms - 0.001)
        }
      }
      void chip.close()
      await time.pass(1)
    }),
    { numRuns: 150 },
  )
})
