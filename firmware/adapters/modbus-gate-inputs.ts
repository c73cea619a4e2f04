import type { Moment } from '../moment.ts'
import type { ReadResult, RegisterBus } from '../ports/register-bus.ts'
import type { BusGateInput } from './modbus-gate-io.ts'

/** The inputs of a gate, read from Modbus modules as often as the line allows. */

/**
 * An obstruction is seen this late at most on a line with time to spare. On a slower one reads come as fast as it
 * carries them, and inputs still pass everything but writes.
 */
const EVERY_MS = 50
/** Inputs further apart than this are read by requests of their own. */
const GAP_MAX = 16

export interface BusInputs {
  /** @returns how to stop */
  start(): () => void
  /** What was read before counts no more. */
  forget(): void
}

export function createBusInputs(
  bus: RegisterBus,
  inputs: Readonly<Record<string, BusGateInput>>,
  on: {
    /** Levels of a fresh, good reply. */
    levels(levels: Record<string, boolean | undefined>, at: Moment): void
    alive(unit: number): void
  },
): BusInputs {
  /** The level that counts, and one that was read but has not held long enough, by input. */
  const known = new Map<
    string,
    { level: boolean | undefined; next?: { level: boolean | undefined; since_ms: number } }
  >()

  /** Undefined while a change settles: not confirmed, not denied. */
  function settled(
    name: string,
    level: boolean | undefined,
    at_ms: number,
  ): { level: boolean | undefined } | undefined {
    const { settle_ms = 0 } = inputs[name] as BusGateInput
    const before = known.get(name)
    const changing = before?.next
    const since_ms = changing && changing.level === level ? changing.since_ms : at_ms
    const counts = !before || before.level === level || at_ms - since_ms >= settle_ms
    known.set(name, counts || !before ? { level } : { level: before.level, next: { level, since_ms } })
    return counts ? { level } : undefined
  }

  function onResult(unit: number, first: number, names: readonly string[], result: ReadResult): void {
    if (!result.ok) return
    on.alive(unit)
    const { values, at } = result
    const levels: Record<string, boolean | undefined> = {}
    for (const name of names) {
      const { input, pairInput, onWhen } = inputs[name] as BusGateInput
      const is = values[input - first]
      const contradicts = pairInput !== undefined && values[pairInput - first] === is
      const taken = settled(name, contradicts ? undefined : (is === 1) === (onWhen === 'on'), at.monotonic_ms)
      if (taken) levels[name] = taken.level
    }
    if (Object.keys(levels).length > 0) on.levels(levels, at)
  }

  return {
    start() {
      const stops = rangesOf(inputs).map(({ unit, address, count, names }) =>
        bus.poll({ unit, table: 'discrete', address, count, every_ms: EVERY_MS, urgent: true }, (result) =>
          onResult(unit, address, names, result),
        ),
      )
      return () => {
        for (const stop of stops) stop()
      }
    },
    forget: () => known.clear(),
  }
}

interface Range {
  unit: number
  address: number
  count: number
  names: string[]
}

/** The inputs of a sensor, pair included, always come in one reply. */
function rangesOf(inputs: Readonly<Record<string, BusGateInput>>): Range[] {
  const spans = Object.entries(inputs)
    .map(([name, { unit, input, pairInput = input }]) => ({
      name,
      unit,
      first: Math.min(input, pairInput),
      last: Math.max(input, pairInput),
    }))
    .sort((left, right) => left.unit - right.unit || left.first - right.first)
  const ranges: Range[] = []
  for (const { name, unit, first, last } of spans) {
    const range = ranges.at(-1)
    if (range?.unit === unit && first - (range.address + range.count) <= GAP_MAX) {
      range.count = Math.max(range.count, last - range.address + 1)
      range.names.push(name)
    } else ranges.push({ unit, address: first, count: last - first + 1, names: [name] })
  }
  return ranges
}
