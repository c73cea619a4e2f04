import { VCC_V } from '../boards/board.ts'
import type { Device, DeviceDeps } from '../devices/device.ts'
import type { City } from '../park/city.ts'
import type { Park, ParkOutput, ParkQuantity } from '../park/park.ts'
import type { DeviceStep } from '../scenario/steps.ts'
import type { PinSensorConfig } from './config.ts'
import { PROBES, Probe } from './probe.ts'
import { createProbes } from './probes.ts'

const EVERY_MS = 1000
const PULSE_MS = 100
const FIRST_ANALOG_PIN = 14
const PER: Record<'rain' | 'people', number> = { rain: 0.2, people: 1 }
/** Registers that say nothing stand for a wire that does not either. */
const RAW_MAX = 0xffff

/** Sensors of a park on the pins of a board: voltages, contacts that pulse, and what the board switches there. */
export class PinSensor implements Device {
  readonly id: string
  readonly #deps: DeviceDeps & { city: City }
  readonly #config: PinSensorConfig
  readonly #park: Park
  readonly #probes = new Map<ParkQuantity, Probe>()
  readonly #all: ReturnType<typeof createProbes>
  readonly #pulsed = new Map<number, number>()

  constructor(deps: DeviceDeps & { city: City }, config: PinSensorConfig) {
    this.id = config.id
    this.#deps = deps
    this.#config = config
    this.#park = deps.city.park(config.park)
    const { city } = deps
    const measured = [...(config.analog ?? []), ...(config.pulses ?? [])]
    for (const { quantity, per } of measured.map((one) => ({ per: undefined, ...one }))) {
      const counts = quantity === 'rain' || quantity === 'people' ? { counts: per ?? PER[quantity] } : {}
      const spec = { ...PROBES[quantity], ...counts }
      const probe = new Probe({ id: this.id, quantity, spec, park: this.#park, seed: city.seed, first_count: 0 })
      this.#probes.set(quantity, probe)
    }
    this.#all = createProbes(this.id, [...this.#probes.values()], deps)
  }

  start(at_ms: number): void {
    for (const { pin } of this.#config.pulses ?? []) this.#deps.drive(pin, VCC_V, at_ms)
    this.#update(at_ms)
  }

  apply(step: DeviceStep, at_ms: number): void {
    if (step.do === 'fault' || step.do === 'mend' || step.do === 'measure') this.#all.apply(step, at_ms)
  }

  pinChanged(pin: number, level: number, at_ms: number): void {
    const { timeline, city, emit } = this.#deps
    const output: ParkOutput | undefined = this.#config.outputs?.find((one) => one.pin === pin)?.output
    if (output === undefined) return
    this.#park.switch(output, level > 0, city.time_ms(at_ms))
    emit({ type: 'park-output', park: this.#park.id, output, on: level > 0, at_ms: timeline.wall_ms(at_ms) })
  }

  #update(at_ms: number): void {
    const time_ms = this.#deps.city.time_ms(at_ms)
    for (const { channel, quantity, low, high } of this.#config.analog ?? []) {
      const told = this.#probes.get(quantity)?.read(time_ms) ?? { value: low }
      const share = 'value' in told ? (told.value - low) / (high - low) : told.raw / RAW_MAX
      this.#deps.drive(FIRST_ANALOG_PIN + channel, VCC_V * Math.min(1, Math.max(0, share)), at_ms)
    }
    for (const { pin, quantity } of this.#config.pulses ?? []) {
      const told = this.#probes.get(quantity)?.read(time_ms)
      if (told && 'value' in told) this.#pulse(pin, told.value, at_ms)
    }
    this.#deps.timeline.at(at_ms + EVERY_MS, (due_ms) => this.#update(due_ms))
  }

  /** At most as many as fit before the next look; the rest follows. */
  #pulse(pin: number, count: number, at_ms: number): void {
    const before = this.#pulsed.get(pin) ?? count
    const now = Math.min(Math.max(0, count - before), Math.floor(EVERY_MS / (2 * PULSE_MS)))
    this.#pulsed.set(pin, before + now)
    for (let pulse = 0; pulse < now; pulse++) {
      const from_ms = at_ms + 2 * PULSE_MS * pulse
      this.#deps.timeline.at(from_ms, (due_ms) => this.#deps.drive(pin, 0, due_ms))
      this.#deps.timeline.at(from_ms + PULSE_MS, (due_ms) => this.#deps.drive(pin, VCC_V, due_ms))
    }
  }
}
