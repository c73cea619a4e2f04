import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readProfiles } from '../drivers/park-sensor/profile/folder.ts'
import type { RegisterTable, WriteResult } from '../ports/register-bus.ts'
import { createLineInMemory, type LineInMemory, type Mishap } from '../protocols/modbus/line-in-memory.ts'
import { openLine } from './line.ts'
import { recognise } from './recognise.ts'
import { scan } from './scan.ts'
import { setAddress } from './set-address.ts'

const profiles = readProfiles()
let clock: ReturnType<typeof install>
let line: LineInMemory

beforeEach(() => {
  clock = install({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
})
afterEach(() => clock.uninstall())

async function passing<T>(work: Promise<T>): Promise<T> {
  let isDone = false
  const end = () => {
    isDone = true
  }
  work.then(end, end)
  for (let waited_ms = 0; !isDone && waited_ms < 60_000; waited_ms += 10) await clock.tickAsync(10)
  return await work
}

function createLine(units: number[], mishap: (unit: number) => Mishap = () => 'none', echo = false): LineInMemory {
  line = createLineInMemory({ byte_ms: 1, mishap, echo })
  for (const unit of units) line.units.add(unit)
  return line
}

const SETTINGS = { path: '/memory', baud: 9600, parity: 'none', timeout_ms: 100 } as const

describe('a scan', () => {
  const run = () =>
    passing(
      scan(
        { openPort: () => line, profiles: new Map(), onProgress: () => {} },
        { path: '/memory', units: [1, 2, 3], bauds: [9600], parities: ['none'], timeout_ms: 100 },
      ),
    )

  it.each<[Mishap, object]>([
    ['none', { answer: 'reply' }],
    ['exception', { answer: 'exception' }],
    ['flipped', { answer: 'unreadable' }],
    ['doubled', { answer: 'reply', doubled: true }],
  ])('tells what answers where replies are: %s', async (mishap, expected) => {
    createLine([2], () => mishap)
    expect((await run()).found).toEqual([{ unit: 2, baud: 9600, parity: 'none', profiles: [], ...expected }])
  })

  it('hides nobody for one lost reply, whether others answer or nobody else is there', async () => {
    for (const [units, unit] of [
      [[1, 2], 2],
      [[3], 3],
    ] as const) {
      let lost = 0
      // Both tables, of the first round.
      createLine([...units], (asked) => (asked === unit && ++lost <= 2 ? 'silent' : 'none'))
      expect((await run()).found.map((one) => one.unit)).toEqual(units)
      expect(lost).toBeGreaterThan(2)
    }
  })

  it('tells that the adapter repeats what it sends', async () => {
    createLine([2], () => 'none', true)
    expect(await run()).toMatchObject({ echo: true, found: [{ unit: 2 }] })
  })

  it('costs a silent address two timeouts, and as many once more', async () => {
    createLine([])
    const began_ms = performance.now()
    await run()
    expect(performance.now() - began_ms).toBeLessThan(2 * (3 * 2 * 130 + 50))
  })

  it('says why there is no line', async () => {
    createLine([])
    line.plugged = false
    await expect(run()).rejects.toThrow('no serial device at /memory')
  })
})

describe('recognising', () => {
  const unitWith = (registers: Record<string, number>) => (_unit: number, table: RegisterTable, address: number) => {
    const value = registers[`${table} ${address}`]
    const at = { wall: '', monotonic_ms: 0 } as never
    return Promise.resolve(
      value === undefined
        ? ({ ok: false, code: 'BUS_EXCEPTION', message: '' } as const)
        : ({ ok: true, values: [value], at } as const),
    )
  }
  const signs = { 'input 1': 215, 'input 2': 480 }

  it('takes a profile whose signs all hold and whose register holds the address', async () => {
    const names = async (registers: Record<string, number>) =>
      (await recognise(unitWith(registers), 3, profiles)).map(({ name }) => name)
    expect(await names({ ...signs, 'holding 257': 3 })).toEqual(['xy-md02'])
    expect(await names({ ...signs, 'holding 257': 4 })).toEqual([])
    expect(await names({ ...signs, 'input 2': 1001, 'holding 257': 3 })).toEqual([])
    expect(await names(signs)).toEqual([])
  })

  it('asks again for a reply that was lost or damaged, three times at most, and not after an exception', async () => {
    const whole = unitWith({ ...signs, 'holding 257': 3 })
    let asked = 0
    const failing = (codes: string[]) => (unit: number, table: RegisterTable, address: number) => {
      const code = codes[asked++]
      return code === undefined
        ? whole(unit, table, address)
        : Promise.resolve({ ok: false, code, message: '' } as never)
    }
    const one = new Map([...profiles].filter(([name]) => name === 'xy-md02'))
    const names = async (codes: string[]) => {
      asked = 0
      return (await recognise(failing(codes), 3, one)).map(({ name }) => name)
    }
    expect(await names(['BUS_NO_REPLY', 'BUS_CORRUPT'])).toEqual(['xy-md02'])
    expect([await names(['BUS_NO_REPLY', 'BUS_TIMEOUT', 'BUS_TIMEOUT']), asked]).toEqual([[], 3])
    expect([await names(['BUS_EXCEPTION']), asked]).toEqual([[], 1])
  })
})

describe('another address', () => {
  /** Where the unit answers after the write. */
  async function change(after: number[], mishap: Mishap = 'none', written?: WriteResult) {
    createLine([3], () => mishap)
    const asked = await passing(openLine(() => line, SETTINGS))
    const write = asked.bus.write.bind(asked.bus)
    asked.bus.write = async (...args) => {
      const result = await write(...args)
      line.units.clear()
      for (const unit of after) line.units.add(unit)
      return written ?? result
    }
    const outcome = await passing(setAddress(asked, profiles, { from: 3, to: 5, register: 257 }))
    await passing(asked.close())
    return outcome
  }

  it.each([
    [[5], { ok: true, from: 3, to: 5, register: 257 }],
    [[3], { ok: false, reason: 'restart-needed' }],
    [[], { ok: false, reason: 'lost' }],
    [[3, 5], { ok: false, reason: 'two-at-from' }],
  ])('is proven: answers come from %j', async (after, outcome) => {
    expect(await change(after)).toEqual(outcome)
  })

  it('is not given where two units answer already, or none', async () => {
    expect(await change([5], 'flipped')).toEqual({ ok: false, reason: 'unreadable' })
    expect(await change([5], 'doubled')).toEqual({ ok: false, reason: 'unreadable' })
    expect(await change([5], 'silent')).toEqual({ ok: false, reason: 'nobody-at-from' })
    expect(line.executed.filter(({ code }) => code === 6)).toEqual([])
  })

  it('tells when the unit refuses', async () => {
    const refused: WriteResult = { ok: false, code: 'BUS_EXCEPTION', message: 'illegal data value' }
    expect(await change([3], 'none', refused)).toEqual({ ok: false, reason: 'refused', detail: 'illegal data value' })
  })
})
