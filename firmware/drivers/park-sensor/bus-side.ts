import { type Moment, momentNow } from '../../moment.ts'
import type { BusFailure, ReadResult, RegisterBus } from '../../ports/register-bus.ts'
import type { Outcome } from '../driver.ts'
import type { PollResult } from './belief/machine.ts'
import { adjusted, outputOf, type ParkOnBus } from './config.ts'
import { createFaultWatch } from './fault-watch.ts'
import { encodeField, placesOf } from './profile/field.ts'
import type { PlacedField, Profile, ProfileQuantity } from './profile/load.ts'
import { readingOf } from './profile/reading.ts'
import type { ParkSide, SideListener } from './side.ts'

/** A park sensor that is a slave on a Modbus line, read by its profile. */

/** Outputs are read back this often: a module that restarted, or was switched by somebody else, is found out. */
const READ_BACK_MS = 5000
/** A module that lets go when its master is silent is never silent for longer than this. */
const READ_BACK_GUARDED_MS = 500

/** The holding register of a module that lets its outputs go when its master is silent, and what to write there. */
export interface UnitFailSafe {
  unit: number
  register: number
  value: number
}

interface BusSideDeps {
  bus: RegisterBus
  failSafes: readonly UnitFailSafe[]
  profile: Profile
}

export function createBusSide(deps: BusSideDeps, device: ParkOnBus): ParkSide {
  return new BusSide(deps, device)
}

class BusSide implements ParkSide {
  readonly quantities
  readonly outputs
  readonly settings
  readonly #bus: RegisterBus
  readonly #unit: number
  readonly #profile: Profile
  readonly #fields: readonly ProfileQuantity[]
  readonly #coils: ReadonlyMap<string, number>
  readonly #failSafe: UnitFailSafe | undefined
  readonly #faults
  #listener: SideListener | undefined
  #stops: Array<() => void> = []
  /** What was heard within this turn of the event loop: the bus asks for neighbouring registers in one request. */
  #heard = new Map<string, PollResult>()
  #heardAt: Moment | undefined
  #contact = false

  constructor({ bus, failSafes, profile }: BusSideDeps, device: ParkOnBus) {
    const { unit, without = [], outputs = [] } = device
    this.#bus = bus
    this.#unit = unit
    this.#profile = profile
    this.#failSafe = failSafes.find((one) => one.unit === unit)
    this.#fields = profile.quantities
      .filter(({ quantity }) => !without.includes(quantity.name))
      .map((one) => ({ ...one, quantity: adjusted(one.quantity, device) }))
    this.quantities = this.#fields.map(({ quantity }) => quantity)
    this.outputs = outputs.map(({ coil, ...fields }) => outputOf(fields, this.#failSafe !== undefined))
    this.settings = (profile.settings ?? []).map(({ name }) => name)
    this.#coils = new Map(outputs.map(({ name, coil }) => [name, coil]))
    this.#faults = createFaultWatch(profile.faults ?? [])
    bus.onStatus((status) => {
      const lost =
        status.type === 'line' ? !status.up : status.type === 'unit' && status.unit === unit && !status.online
      if (lost) this.#setContact(false)
    })
  }

  start(listener: SideListener): void {
    this.#listener = listener
    for (const one of this.#fields) {
      this.#poll(one.field, one.quantity.poll_ms, (result) => this.#hear(one, result))
    }
    const every_ms = Math.min(...this.quantities.map(({ poll_ms }) => poll_ms))
    this.#faults.fields.forEach((field, index) => {
      if (this.#fields.length === 0) return
      this.#poll(field, every_ms, (result) => {
        this.#faults.take(index, result)
        this.#flushSoon()
      })
    })
    const back_ms = this.#failSafe === undefined ? READ_BACK_MS : READ_BACK_GUARDED_MS
    for (const [output, address] of this.#coils) {
      this.#poll({ table: 'coil', address, type: 'bit' }, back_ms, (result) => this.#readBack(output, result))
    }
  }

  async read() {
    const faults = this.#faults.fields.map(async (field, index) => {
      this.#faults.take(index, await this.#bus.read(this.#range(field), { urgent: true }))
    })
    const reads = this.#fields.map(async (one) => {
      const result = await this.#bus.read(this.#range(one.field), { urgent: true })
      return this.#resultOf(one, result)
    })
    const [results] = await Promise.all([Promise.all(reads), Promise.all(faults)])
    return { results: results.map((result) => this.#faults.doubt(result)), at: momentNow() }
  }

  async write(output: string, on: boolean): Promise<'ok' | 'refused' | 'lost'> {
    const address = this.#coils.get(output)
    if (address === undefined) return 'refused'
    const result = await this.#bus.write(
      { unit: this.#unit, table: 'coil', address, values: [on ? 1 : 0] },
      { urgent: true },
    )
    if (result.ok) return 'ok'
    return result.code === 'BUS_EXCEPTION' ? 'refused' : 'lost'
  }

  async set(name: string, value: number): Promise<Outcome> {
    const setting = this.#profile.settings?.find((one) => one.name === name)
    if (setting === undefined || setting.table === 'input' || setting.table === 'discrete')
      return refused('PARK_SETTING_UNKNOWN', `settings of ${this.#profile.name}: ${this.settings.join(', ') || 'none'}`)
    const { table, address, min, max, scale = 1, multiple, unit = '' } = setting
    if (!(value >= min && value <= max))
      return refused('PARK_SETTING_RANGE', `${name} is ${min} to ${max} ${unit}`.trimEnd())
    const values = encodeField(setting, value / scale)
    const result = await this.#bus.write({
      unit: this.#unit,
      table,
      address,
      values,
      ...(multiple === undefined ? {} : { multiple }),
    })
    if (result.ok) return { status: 'succeeded' }
    const code = result.code === 'BUS_EXCEPTION' ? 'PARK_DEVICE_REFUSED' : 'PARK_OFFLINE'
    return { status: 'failed', code, message: result.message }
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#listener = undefined
    // Whoever closes the bus lets what waits go out.
    if (this.#bus.isReachable(this.#unit)) for (const output of this.#coils.keys()) void this.write(output, false)
  }

  #poll(field: PlacedField, every_ms: number, listener: (result: ReadResult) => void): void {
    this.#stops.push(this.#bus.poll({ ...this.#range(field), every_ms }, listener))
  }

  #range(field: PlacedField) {
    return { unit: this.#unit, table: field.table, address: field.address, count: placesOf(field) }
  }

  #hear(one: ProfileQuantity, result: ReadResult): void {
    this.#heard.set(one.quantity.name, this.#resultOf(one, result))
    this.#heardAt = result.ok ? result.at : momentNow()
    this.#flushSoon()
  }

  #resultOf(one: ProfileQuantity, result: ReadResult): PollResult {
    return result.ok ? readingOf(one, result.values) : busError(one.quantity.name, result)
  }

  #flushSoon(): void {
    queueMicrotask(() => {
      // Nothing is believed before the device has been asked whether it is well.
      if (this.#heardAt === undefined || this.#heard.size === 0 || !this.#faults.isKnown()) return
      const results = [...this.#heard.values()].map((result) => this.#faults.doubt(result))
      this.#heard = new Map()
      this.#listener?.results(results, this.#heardAt)
    })
  }

  #readBack(output: string, result: ReadResult): void {
    if (!result.ok) return
    this.#setContact(true)
    this.#listener?.found(output, result.values[0] === 1)
  }

  #setContact(contact: boolean): void {
    if (contact === this.#contact || this.#coils.size === 0) return
    this.#contact = contact
    if (contact && this.#failSafe !== undefined) {
      const { unit, register, value } = this.#failSafe
      void this.#bus.write({ unit, table: 'holding', address: register, values: [value] }, { urgent: true })
    }
    this.#listener?.contact(contact)
  }
}

function busError(quantity: string, { exception }: BusFailure): PollResult {
  return { quantity, fault: 'bus-error', ...(exception === undefined ? {} : { code: exception }) }
}

function refused(code: 'PARK_SETTING_UNKNOWN' | 'PARK_SETTING_RANGE', message: string): Outcome {
  return { status: 'refused', code, message }
}
