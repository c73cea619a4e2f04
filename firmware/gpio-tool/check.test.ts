import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGpioChip } from '../adapters/gpio/chip.ts'
import { silentLogger } from '../ports/logger.ts'
import { TestGpio } from '../testing/test-gpio.ts'
import { startVirtualTime, type VirtualTime } from '../testing/virtual-time.ts'
import { checkLines } from './check.ts'

const CHECK = { watch: [17, 27], switch: [24], time_ms: 5000, on_ms: 1000 }

describe('a check of lines', () => {
  let time: VirtualTime
  let kernel: TestGpio
  let said: string[]
  let result: Promise<boolean>

  beforeEach(() => {
    time = startVirtualTime(install)
    kernel = new TestGpio(54)
    said = []
  })
  afterEach(() => {
    expect(kernel.openCount).toBe(0)
    time.end()
  })

  const begin = async () => {
    const deps = { openKernel: async () => kernel, random: () => 0, log: silentLogger }
    const chip = createGpioChip(deps, { id: 'gpiochip0' })
    result = checkLines(chip, CHECK, (line) => void said.push(line))
    await time.pass(10)
  }

  it('tells levels and edges, switches outputs, and is good when all moved', async () => {
    await begin()
    expect(kernel.outputIsHigh(24)).toBe(true)
    await time.pass(1000)
    expect(kernel.outputIsHigh(24)).toBe(false)
    kernel.drive(17, false)
    await time.pass(25)
    kernel.drive(17, true)
    kernel.drive(27, false)
    await time.pass(5000)
    expect(await result).toBe(true)
    expect(said).toEqual([
      'line 17 is high',
      'line 27 is high',
      'line 24 is switched on for 1000 ms',
      'move each input now; 5 s',
      'line 17 went low',
      'line 17 went high, 25.0 ms after the last edge',
      'line 27 went low, 0.0 ms after the last edge',
      'line 17: 2 edges',
      'line 27: 1 edge',
    ])
  })

  it('is not good when an input never moved', async () => {
    await begin()
    kernel.drive(17, false)
    await time.pass(7000, 50)
    expect(await result).toBe(false)
    expect(said.at(-1)).toBe('line 27: no edge: check its wire')
  })

  it('says why there are no lines', async () => {
    kernel.permitted = false
    await begin()
    await time.pass(1000)
    expect(await result).toBe(false)
    expect(said).toEqual([expect.stringContaining('add the user to group gpio')])
  })
})
