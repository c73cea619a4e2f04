import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { GateIo } from '../ports/gate-io.ts'
import type { LineChip } from '../ports/line-chip.ts'
import { silentLogger } from '../ports/logger.ts'
import { TestGpio } from '../testing/test-gpio.ts'
import { startVirtualTime, type VirtualTime } from '../testing/virtual-time.ts'
import { createGpioChip } from './gpio/chip.ts'
import { createGpioGateIo } from './gpio-gate-io.ts'

const wiring = {
  inputs: {
    down: { line: 17, onWhen: 'low', bias: 'pull-up' },
    safety: { line: 22, onWhen: 'high', bias: 'pull-up', pairLine: 23 },
    contact: { line: 27, onWhen: 'low', bias: 'pull-up', settle_ms: 30 },
  },
  outputs: { raise: 24, lower: 25 },
} as const

describe('a gate on GPIO lines', () => {
  let time: VirtualTime
  let kernel: TestGpio
  let chip: LineChip
  let io: GateIo
  let told: string[]

  beforeEach(async () => {
    time = startVirtualTime(install)
    kernel = new TestGpio(54)
    told = []
    const deps = { openKernel: async () => kernel, random: () => 0, log: silentLogger }
    chip = createGpioChip(deps, { id: 'gpiochip0' })
    io = createGpioGateIo(chip, wiring)
    io.onStatus(({ ready, reason }) => told.push(ready ? 'ready' : `lost ${reason}`))
    io.onLevels(({ levels }) => told.push(...Object.entries(levels).map(([name, level]) => `${name} ${level}`)))
    kernel.drive(22, false)
    io.start()
    chip.start()
    await time.pass(1)
  })
  afterEach(async () => {
    io.close()
    void chip.close()
    await time.pass(1)
    time.end()
  })

  it('reads a cut cable as the boom not being down, and equal contacts as nothing', async () => {
    expect(told).toEqual(['ready', 'down false', 'safety undefined', 'safety false', 'contact false'])
    told.length = 0
    kernel.drive(17, false)
    kernel.drive(23, false)
    await time.pass(1)
    expect(told).toEqual(['down true', 'safety undefined'])
  })

  it('has a contact settle, and a safety input tell at once', async () => {
    told.length = 0
    for (const level of [false, true, false]) {
      kernel.drive(27, level)
      await time.pass(5)
    }
    kernel.drive(22, true)
    await time.pass(1)
    expect(told).toEqual(['safety undefined'])
    await time.pass(40)
    expect(told).toEqual(['safety undefined', 'contact true'])
  })

  it('confirms what it has read again, several times within a second, and nothing of a chip that is gone', async () => {
    told.length = 0
    await time.pass(1000)
    expect(told.filter((one) => one === 'safety false')).toHaveLength(5)
    told.length = 0
    kernel.unplug()
    await time.pass(2000)
    expect(told[0]).toBe('lost board-absent')
    expect(told.filter((one) => one.startsWith('safety'))).toEqual([])
    expect(io.set('raise', true)).toBe(false)
  })

  it('switches its outputs', () => {
    expect(io.set('raise', true)).toBe(true)
    expect([kernel.outputIsHigh(24), kernel.outputIsHigh(25)]).toEqual([true, false])
    expect(io.set('stop', true)).toBe(false)
  })
})
