import type { PollResult } from '../../../firmware/drivers/park-sensor/belief/machine.ts'
import type { Profile, ProfileQuantity } from '../../../firmware/drivers/park-sensor/profile/load.ts'
import { readingOf } from '../../../firmware/drivers/park-sensor/profile/reading.ts'
import type { Quantity } from '../../../firmware/drivers/park-sensor/quantity.ts'
import type { Park, ParkQuantity } from '../../../hardware-sim/park/park.ts'
import type { Random } from '../../../hardware-sim/random.ts'
import { SENSOR_MODELS, type SensorModel, type SensorModelName } from '../../../hardware-sim/sensors/models.ts'
import { PROBES, Probe } from '../../../hardware-sim/sensors/probe.ts'
import { type Fault, type FaultKind, scheduleFaults } from '../detectors/faults.ts'

/** One sensor of the simulator with its labelled faults, read by its profile; the line between them is left out. */

/** A quantity of it, and what will be wrong with it. */
export interface Watched {
  quantity: Quantity
  faults: readonly Fault[]
}

export interface Unit {
  id: string
  watched: readonly Watched[]
  /** What a poll gives at this minute; nothing when none of its quantities is due. */
  poll(minute: number, time_ms: number): PollResult[]
  /** Quantities whose drift ended a moment ago, because somebody calibrated the sensor. */
  calibrated(minute: number): string[]
}

export interface UnitOptions {
  id: string
  model: SensorModelName
  profile: Profile
  park: Park
  seed: number
  minutes: number
  random: Random
  /** What goes wrong with each of its quantities; none: it stays sound. */
  kinds: (quantity: Quantity) => readonly FaultKind[]
  gap_h: number
}

const MINUTE_MS = 60_000
/** Steps of the sensor's own unit in one of the quantity's. */
const OWN_UNIT: Record<string, number> = { 'soil-ec': 10_000 }
/** Registers that makers mean as "no value". */
const CODES = { signed: [0x8000, 0x7fff], unsigned: [0xffff, 0x8000] }

interface Part extends Watched {
  field: ProfileQuantity
  probe: Probe
  words: (value: number) => number[]
  every: number
  /** Index into `faults` of the one that is on, or comes next. */
  next: number
  isOn: boolean
}

export function createUnit(options: UnitOptions): Unit {
  const parts = options.profile.quantities.map((field) => createPart(options, field))
  return {
    id: options.id,
    watched: parts,
    poll: (minute, time_ms) =>
      parts.filter(({ every }) => minute % every === 0).map((part) => sample(part, minute / part.every, time_ms)),
    calibrated: (minute) =>
      parts
        .filter(({ faults, every }) => faults.some(({ kind, to }) => kind === 'drift' && to * every === minute))
        .map(({ quantity }) => quantity.name),
  }
}

function createPart(options: UnitOptions, field: ProfileQuantity): Part {
  const { id, park, seed, minutes, random, kinds, gap_h } = options
  const model: SensorModel = SENSOR_MODELS[options.model]
  const { quantity } = field
  const name = quantity.name as ParkQuantity
  const register = model.registers.find(({ address }) => address === field.field.address)
  if (register?.quantity !== name) throw new Error(`${options.model} has no ${name} where its profile says`)
  const spec = { ...PROBES[name], ...model.probes?.[name] }
  const every = quantity.poll_ms / MINUTE_MS
  const some = kinds(quantity)
  return {
    quantity,
    faults: some.length === 0 ? [] : scheduleFaults(random, quantity, some, Math.floor(minutes / every), gap_h),
    field,
    probe: new Probe({ id: `${park.id} ${id}`, quantity: name, spec, park, seed, first_count: 0 }),
    words: register.words,
    every,
    next: 0,
    isOn: false,
  }
}

function sample(part: Part, index: number, time_ms: number): PollResult {
  const fault = turn(part, index, time_ms)
  if (fault?.kind === 'lost-replies') return { quantity: part.quantity.name, fault: 'bus-error' }
  const told = part.probe.read(time_ms)
  return readingOf(part.field, 'value' in told ? part.words(told.value) : part.words(0).map(() => told.raw))
}

/** Breaks and mends the sensor as its labels say. */
function turn(part: Part, index: number, time_ms: number): Fault | undefined {
  if (part.isOn && index >= (part.faults[part.next]?.to ?? 0)) {
    part.probe.break(undefined)
    part.isOn = false
    part.next++
  }
  const fault = part.faults[part.next]
  if (fault === undefined || index < fault.from) return undefined
  if (!part.isOn && fault.kind !== 'lost-replies') spoil(part, fault, time_ms)
  part.isOn = true
  return fault
}

function spoil({ probe, quantity, field }: Part, { kind, size }: Fault, time_ms: number): void {
  const told = probe.read(time_ms)
  const own = 'value' in told ? told.value : 0
  const per = OWN_UNIT[quantity.name] ?? 1
  const { min, max } = quantity.range
  const aside = own / per + size
  // To the side where the range check does not catch it at once.
  const step = (aside < min || aside > max ? -size : size) * per
  const common = { from_ms: time_ms, samples: 1 }
  if (kind === 'spike') probe.break({ how: 'spike', size: step, ...common })
  else if (kind === 'jump') probe.break({ how: 'offset', size: step, ...common })
  else if (kind === 'stuck') probe.break({ how: 'stuck', size: own, ...common })
  else if (kind === 'drift') probe.break({ how: 'drift', size: (size * per * 3_600_000) / quantity.poll_ms, ...common })
  else {
    const codes = field.field.type === 's16' ? CODES.signed : CODES.unsigned
    probe.break({ how: 'code', size: codes[Math.floor(size * codes.length)] ?? 0xffff, ...common })
  }
}
