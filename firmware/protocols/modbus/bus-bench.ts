import { silentLogger } from '../../ports/logger.ts'
import type { BusStatus, RegisterBus } from '../../ports/register-bus.ts'
import { createModbusBus } from './bus.ts'
import { createLineInMemory, type LineInMemory, type LineOptions } from './line-in-memory.ts'
import type { BusConfig } from './timing.ts'

/** A master and units on a line in memory, in virtual time, for tests. */

export const SETTINGS: BusConfig = { id: 'bus-1', baud: 9600, parity: 'none', stopBits: 1 }
const BYTE_MS = 10_000 / 9600

/** What fake timers offer; the tests themselves install them. */
interface Clock {
  tickAsync(ms: number): Promise<unknown>
}

export interface BusBench {
  line: LineInMemory
  bus: RegisterBus
  told: BusStatus[]
}

/** A line with these units; the master has found it. */
export async function startBench(
  clock: Clock,
  units: number[],
  options: Partial<LineOptions> = {},
  config: Partial<BusConfig> = {},
): Promise<BusBench> {
  const line = createLineInMemory({ byte_ms: BYTE_MS, ...options })
  for (const unit of units) line.units.add(unit)
  const told: BusStatus[] = []
  const bus = createModbusBus({ port: line, random: () => 0.5, log: silentLogger }, { ...SETTINGS, ...config })
  bus.onStatus((status) => told.push(status))
  bus.start()
  await clock.tickAsync(50)
  return { line, bus, told }
}

/** Lets time pass until the answer is there. */
export async function settled<T>(clock: Clock, promise: Promise<T>): Promise<T> {
  let result: { value: T } | undefined
  void promise.then((value) => {
    result = { value }
  })
  for (let waited_ms = 0; !result && waited_ms < 20_000; waited_ms += 10) await clock.tickAsync(10)
  if (!result) throw new Error('never answered')
  return result.value
}

export const holding = (unit: number, address: number, count: number) =>
  ({ unit, table: 'holding', address, count }) as const
export const coil = (unit: number, address: number, on: boolean) =>
  ({ unit, table: 'coil', address, values: [on ? 1 : 0] }) as const
