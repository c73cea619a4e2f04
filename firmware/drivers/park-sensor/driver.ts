import type { Availability } from '../../../hub/contract/availability.ts'
import type { Meta } from '../../../hub/contract/meta.ts'
import { ParkSensorState } from '../../../hub/contract/park-sensor.ts'
import { checker } from '../../../hub/contract/schema.ts'
import type { Address } from '../../../hub/contract/topic.ts'
import { type Moment, momentNow } from '../../moment.ts'
import type { Driver, DriverCommand, DriverHost, Outcome } from '../driver.ts'
import { type CalibrateArgs, calibrated } from './belief/calibration.ts'
import type { BeliefConfig } from './belief/config.ts'
import * as belief from './belief/machine.ts'
import { packOf } from './belief/pack.ts'
import { availabilityOf, type BeliefState, createBeliefState, shownBelief, voicesOf } from './belief/state.ts'
import { type ParkDevice, thresholdsOf } from './config.ts'
import type { OutputsConfig } from './outputs/config.ts'
import * as outputs from './outputs/machine.ts'
import type { Park } from './park.ts'
import type { Quantity } from './quantity.ts'
import type { ParkSide } from './side.ts'

/** The shell around the machines of a park sensor: what its hardware says in, timers, what they want out. */

export interface ParkSensorDeps {
  host: DriverHost
  side: ParkSide
  park: Park
  address: Address
  version: string
  /** What the device last said, from before the restart; anything else is ignored. */
  restored: unknown
  /** Name of the profile, and what the device is. */
  profile: { name: string; model: string }
}

type OutputArgs = Extract<outputs.OutputsInput, { type: 'command' }>['args']

/** Neighbours are compared over hours: more often would cost and tell nothing. */
const NEIGHBOURS_EVERY_MS = 60_000

const checkState = checker(ParkSensorState)

export function createParkSensor(deps: ParkSensorDeps, device: ParkDevice): Driver {
  return new ParkSensor(deps, device)
}

class ParkSensor implements Driver {
  readonly address: Address
  readonly meta: Meta
  readonly #host: DriverHost
  readonly #side: ParkSide
  readonly #park: Park
  readonly #belief: BeliefConfig
  readonly #outputs: OutputsConfig
  readonly #gauge: Quantity | undefined
  #believed: BeliefState
  #switched: outputs.OutputsState
  /** Commands to outputs that wait for their answer; the machine answers each. */
  readonly #waiting = new Map<string, (outcome: Outcome) => void>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isRunning = false
  #comparedAt_ms = Number.NEGATIVE_INFINITY
  #availability: string | undefined

  constructor(deps: ParkSensorDeps, device: ParkDevice) {
    const { host, side, park, address, profile, version, restored } = deps
    this.address = address
    this.meta = metaOf(device, side, profile.model, version)
    this.#host = host
    this.#side = side
    this.#park = park
    this.#belief = { profile: profile.name, quantities: side.quantities, thresholds: thresholdsOf(device) }
    this.#outputs = { outputs: side.outputs }
    this.#gauge = side.quantities.find(({ kind, unit }) => kind === 'counter' && unit === 'mm')
    const before = checkState(restored)
    const now = momentNow()
    this.#believed = createBeliefState(this.#belief, before.ok ? before.value : undefined, now)
    this.#switched = outputs.createOutputsState(this.#outputs, before.ok ? before.value.outputs : undefined, now)
    park.onRain(() => this.#lookAtRain())
  }

  start(): void {
    this.#isRunning = true
    this.#tellState()
    this.#tellAvailability(momentNow())
    this.#side.start({
      results: (results, at) => this.#poll(results, at),
      contact: (ok) => this.#switch({ type: 'contact', ok }),
      found: (output, on) => this.#onFound(output, on),
    })
    this.#arm()
  }

  execute(command: DriverCommand, answer: (outcome: Outcome) => void): void {
    const actor = `${command.actor.kind}:${command.actor.id}`
    switch (command.name) {
      case 'output': {
        this.#waiting.set(command.id, answer)
        this.#lookAtRain()
        this.#switch({ type: 'command', id: command.id, args: command.args as OutputArgs, actor })
        return
      }
      case 'calibrate': {
        const outcome = this.#believe({ type: 'calibrate', args: command.args as CalibrateArgs, actor }, momentNow())
        answer(outcome ?? driverFailed)
        return
      }
      case 'set':
        void this.#set(command.args as { setting: string; value: number }, actor).then(answer)
        return
      case 'read':
        void this.#read().then(answer)
        return
      default:
        answer(driverFailed)
    }
  }

  close(): void {
    this.#isRunning = false
    clearTimeout(this.#timer)
    this.#side.close()
    const message = 'the gateway was stopped meanwhile'
    for (const answer of this.#waiting.values()) answer({ status: 'failed', code: 'PARK_OFFLINE', message })
    this.#waiting.clear()
  }

  #poll(results: readonly belief.PollResult[], at: Moment): void {
    if (at.monotonic_ms - this.#comparedAt_ms >= NEIGHBOURS_EVERY_MS) {
      this.#comparedAt_ms = at.monotonic_ms
      this.#believe({ type: 'neighbours', digests: this.#park.digests(at.monotonic_ms) }, at)
    }
    this.#believe({ type: 'poll', results }, at)
    for (const { quantity, voice } of voicesOf(this.#belief, this.#believed))
      this.#park.hear(this.address.device, quantity, voice)
  }

  async #set({ setting, value }: { setting: string; value: number }, actor: string): Promise<Outcome> {
    const outcome = await this.#side.set(setting, value)
    if (outcome.status === 'succeeded' && this.#isRunning) {
      const data = { setting, value, actor }
      this.#host.event({ type: 'setting-changed', severity: 'notice', at: momentNow(), data })
    }
    return outcome
  }

  async #read(): Promise<Outcome> {
    const { results, at } = await this.#side.read()
    if (!this.#isRunning) return driverFailed
    if (results.length > 0 && results.every((one) => 'fault' in one && one.fault === 'bus-error'))
      return { status: 'failed', code: 'PARK_OFFLINE', message: 'the device does not answer' }
    this.#poll(results, at)
    return { status: 'succeeded', data: { readings: results.map((result) => this.#told(result)) } }
  }

  /** One reading as the answer to a command: what the sensor said, and what its quantity is worth now. */
  #told(result: belief.PollResult) {
    const index = this.#belief.quantities.findIndex(({ name }) => name === result.quantity)
    const quantity = this.#belief.quantities[index]
    const state = this.#believed.quantities[index]
    if (quantity === undefined || state === undefined || !('raw' in result) || !Number.isFinite(result.raw))
      return { quantity: result.quantity, quality: 'bad', reason: 'fault' in result ? result.fault : 'sensor-fault' }
    const { quality, reason } = state.standing
    const value = quantity.kind === 'counter' ? {} : { value: calibrated(quantity, state.calibration, result.raw) }
    const why = reason === null ? {} : { reason }
    return { quantity: quantity.name, unit: quantity.unit, ...value, raw: result.raw, quality, ...why }
  }

  /** One step of the belief. An error of ours must not reach the bus or the other drivers. */
  #believe(input: belief.BeliefInput, at: Moment): Outcome | undefined {
    if (!this.#isRunning) return undefined
    let outcome: Outcome | undefined
    try {
      const { state, effects } = belief.step(this.#belief, this.#believed, input, at)
      this.#believed = state
      for (const effect of effects) {
        if (effect.type === 'outcome') outcome = effect.outcome
        else this.#perform(effect)
      }
      this.#tellGauge(at)
    } catch (error) {
      this.#host.failed(error)
    }
    this.#arm()
    return outcome
  }

  #perform(effect: Exclude<belief.BeliefEffect, { type: 'outcome' }>): void {
    switch (effect.type) {
      case 'readings': {
        const at = effect.readings.at(-1)?.at ?? momentNow()
        this.#host.telemetry(packOf(`${this.address.device}/`, effect.readings), at)
        return
      }
      case 'event':
        this.#host.event({ type: effect.event, severity: effect.severity, at: effect.at, data: effect.data })
        return
      case 'state':
        this.#tellState()
        return
      case 'availability':
        this.#tellAvailability(effect.at)
    }
  }

  #switch(input: outputs.OutputsInput): void {
    if (!this.#isRunning) return
    try {
      const { state, effects } = outputs.step(this.#outputs, this.#switched, input, momentNow())
      this.#switched = state
      for (const effect of effects) this.#carryOut(effect)
      this.#tellAvailability(momentNow())
    } catch (error) {
      this.#host.failed(error)
    }
    this.#arm()
  }

  #carryOut(effect: outputs.OutputsEffect): void {
    switch (effect.type) {
      case 'write': {
        const { output, on, token } = effect
        void this.#side.write(output, on).then((result) => this.#switch({ type: 'written', token, result }))
        return
      }
      case 'event':
        this.#host.event({ type: effect.event, severity: effect.severity, at: effect.at, data: effect.data })
        return
      case 'outcome': {
        const answer = this.#waiting.get(effect.id)
        this.#waiting.delete(effect.id)
        answer?.(effect.outcome)
        return
      }
      case 'state':
        this.#tellState()
    }
  }

  /** The hardware says otherwise than we hold: it restarted, or somebody else switched. It begins anew, off. */
  #onFound(name: string, on: boolean): void {
    const index = this.#outputs.outputs.findIndex((output) => output.name === name)
    const one = this.#switched.outputs[index]
    if (one === undefined || !one.sure || one.writing !== null || one.next !== null || one.on === on) return
    this.#host.log.warn({ device: this.address.device, output: name, on }, 'an output is not what it was switched to')
    this.#switch({ type: 'contact', ok: false })
    this.#switch({ type: 'contact', ok: true })
  }

  #tellGauge(at: Moment): void {
    const index = this.#gauge === undefined ? -1 : this.#belief.quantities.indexOf(this.#gauge)
    const state = this.#believed.quantities[index]
    if (state === undefined) return
    const amount = state.standing.quality === 'good' ? (state.latest ?? undefined) : undefined
    this.#park.gauge(this.address.device, amount, at.monotonic_ms)
  }

  #lookAtRain(): void {
    const rain = this.#park.rain(performance.now())
    if (this.#outputs.outputs.length > 0 && rain !== this.#switched.rain) this.#switch({ type: 'rain', rain })
  }

  #tellState(): void {
    const now = momentNow()
    const shown = shownBelief(this.#belief, this.#believed, now)
    this.#host.state({ ...shown, outputs: outputs.shownOutputs(this.#outputs, this.#switched, now) })
  }

  /** Outputs without contact make the device unreachable, whatever it still measures. */
  #tellAvailability(at: Moment): void {
    const measured = availabilityOf(this.#believed)
    const cut = this.#outputs.outputs.length > 0 && !this.#switched.contact && measured.status === 'online'
    const { status, reason } = cut ? ({ status: 'offline', reason: 'no-contact' } as const) : measured
    const next: Omit<Availability, 'since'> = reason === undefined ? { status } : { status, reason }
    const key = `${status} ${reason}`
    if (key === this.#availability) return
    this.#availability = key
    this.#host.availability(next, at)
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const dues_ms = [belief.nextDeadline(this.#belief, this.#believed), outputs.nextDeadline(this.#switched)]
    const due_ms = Math.min(...dues_ms.filter((due) => due !== undefined))
    if (!Number.isFinite(due_ms) || !this.#isRunning) return
    this.#timer = setTimeout(
      () => {
        this.#believe({ type: 'tick' }, momentNow())
        this.#switch({ type: 'tick' })
      },
      Math.max(0, Math.ceil(due_ms - performance.now())),
    )
  }
}

const driverFailed: Outcome = {
  status: 'failed',
  code: 'DRIVER_FAILED',
  message: 'the driver could not take the command',
}

/** Each quantity is told once in its heartbeat at least; two that do not come are silence, and a minute for the way. */
function expireAfter_s({ quantities }: ParkSide): number | undefined {
  if (quantities.length === 0) return undefined
  const longest_ms = Math.max(...quantities.map(({ report }) => report.heartbeat_ms))
  return Math.ceil((2 * longest_ms) / 1000) + 60
}

function metaOf(device: ParkDevice, side: ParkSide, model: string, version: string): Meta {
  const commands = ['read', 'calibrate']
  if (side.outputs.length > 0) commands.push('output')
  if (side.settings.length > 0) commands.push('set')
  const expireafter_s = expireAfter_s(side)
  // Capabilities have no dots.
  const measured = side.quantities.map(({ name }) => name.replaceAll('.', '-'))
  return {
    class: 'park-sensor',
    model: device.model ?? model,
    driver: { name: 'park-sensor', version },
    place: device.place,
    capabilities: [...commands, ...measured, ...side.outputs.map(({ name }) => name)],
    units: Object.fromEntries(side.quantities.map(({ name, unit }) => [name, unit])),
    ...(expireafter_s === undefined ? {} : { expireafter_s }),
  }
}
