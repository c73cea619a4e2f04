import type { BarrierEvent, OutputName, Side } from '../../events.ts'
import { forkRandom, integerBetween, type Random } from '../../random.ts'
import type { DeviceStep } from '../../scenario/steps.ts'
import { DryContact } from '../contact/dry-contact.ts'
import type { Device, DeviceDeps } from '../device.ts'
import { Boom } from './boom.ts'
import type { BarrierConfig } from './config.ts'
import { Drive, type Relay } from './drive.ts'
import { Lane, UNDER_M } from './lane.ts'
import { Sensors } from './sensors.ts'
import { Underneath } from './underneath.ts'
import { isOver, type Vehicle } from './vehicle.ts'

const RAISE_MS = 1800
const LOWER_MS = 2200
const COAST_MS = 60
const BOUNCE_MS_MAX = 5
const REACTION_MS_MIN = 600
const REACTION_MS_MAX = 1200
const PEDESTRIAN_MS = 1000
const CHILD_M = 1.1
const CAR = { length_m: 4.5, height_m: 1.5, speed_m_s: 3.5 }
const UP_DEG = 90

interface Watcher {
  side: Side
  at_m: number
  seen: WeakSet<Vehicle>
  see: (vehicle: Vehicle, at_ms: number) => void
}

/** A vehicle barrier: boom, drive, limit switches, loops, beam, light, and what drives and runs beneath it. */
export class Barrier implements Device {
  readonly id: string
  readonly #deps: DeviceDeps
  readonly #boom: Boom
  readonly #drive: Drive
  readonly #lane: Lane
  readonly #sensors: Sensors
  readonly #underneath: Underneath
  readonly #limits: { up: DryContact; down: DryContact }
  readonly #glass: DryContact | undefined
  readonly #lid: DryContact | undefined
  readonly #outputs: Map<number, { output: OutputName; on: boolean }>
  readonly #lights: Partial<Record<Side, boolean>>
  readonly #drivers: Random
  readonly #watchers: Watcher[] = []
  readonly #pedestrians = new Map<string, number>()
  #vehicles: readonly Vehicle[] = []
  #block: { floor_deg: number; ceiling_deg: number } | undefined
  #state: (BarrierEvent & { type: 'boom' })['state'] = 'down'
  #count = 0

  constructor(deps: DeviceDeps, config: BarrierConfig) {
    this.id = config.id
    this.#deps = deps
    const { timeline } = deps
    const bounce_ms_max = config.bounce_ms_max ?? BOUNCE_MS_MAX
    const wired = (pin: number, closed: boolean) => new DryContact(deps, { pin, closed, bounce_ms_max })
    this.#limits = { up: wired(config.upPin, false), down: wired(config.downPin, true) }
    this.#glass = config.releasePin === undefined ? undefined : wired(config.releasePin, true)
    this.#lid = config.enclosurePin === undefined ? undefined : wired(config.enclosurePin, true)
    this.#outputs = outputsOf(config)
    this.#lights = {
      ...(config.lampPin !== undefined && { approach: false }),
      ...(config.exitLampPin !== undefined && { exit: false }),
    }
    this.#drivers = forkRandom(deps.random)
    this.#drive = new Drive({
      latched: config.drive === 'latched',
      unpowered: config.unpowered === 'rises' ? 'raise' : 'none',
    })
    this.#underneath = new Underneath(timeline, (what, body, at_ms) =>
      deps.emit({ ...what, device: this.id, body, ...this.#angleAndTime(at_ms) }),
    )
    this.#boom = new Boom(
      timeline,
      {
        raise_ms: config.raise_ms ?? RAISE_MS,
        lower_ms: config.lower_ms ?? LOWER_MS,
        coast_ms: config.coast_ms ?? COAST_MS,
      },
      {
        moved: (at_ms) => this.#boomMoved(at_ms),
        landed: (at_ms) => this.#underneath.landed(this.#boom.angleAt(at_ms), at_ms),
      },
    )
    this.#sensors = new Sensors(deps, config, (sensor, occupied, at_ms) =>
      deps.emit({ type: 'sensor', device: this.id, sensor, occupied, at_ms: this.#wall(at_ms) }),
    )
    this.#lane = this.#createLane(config.sign === 'one-by-one')
  }

  start(at_ms: number): void {
    for (const contact of [this.#limits.up, this.#limits.down, this.#glass, this.#lid]) contact?.start(at_ms)
    this.#sensors.start(at_ms)
  }

  /** Tells each vehicle from a side once, when its front is `at_m` before the boom. */
  watch(side: Side, at_m: number, see: (vehicle: Vehicle, at_ms: number) => void): void {
    this.#watchers.push({ side, at_m, seen: new WeakSet(), see })
  }

  pinChanged(pin: number, level: number, at_ms: number): void {
    const found = this.#outputs.get(pin)
    const on = level > 0
    if (!found || found.on === on) return
    found.on = on
    const { output } = found
    this.#deps.emit({ type: 'output', device: this.id, output, on, at_ms: this.#wall(at_ms) })
    if (output === 'lamp') this.#lights.approach = on
    else if (output === 'lamp-exit') this.#lights.exit = on
    else if (output === 'beam-test') this.#sensors.darken(on, at_ms)
    else this.#drive.set(output as Relay, on)
    this.#boom.wish(this.#drive.wish, at_ms)
  }

  apply(step: DeviceStep, at_ms: number): void {
    switch (step.do) {
      case 'vehicle':
        this.#arrive(step, at_ms)
        break
      case 'pedestrian':
        this.#pedestrian(step.height_m ?? CHILD_M, step.for_ms ?? PEDESTRIAN_MS, at_ms)
        break
      case 'block': {
        const angle_deg = step.angle_deg ?? this.#boom.angleAt(at_ms)
        const below = angle_deg <= this.#boom.angleAt(at_ms)
        // Where it is, it is wedged; elsewhere something lies in its way.
        const wedged = step.angle_deg === undefined
        this.#block = { floor_deg: below ? angle_deg : 0, ceiling_deg: wedged || !below ? angle_deg : UP_DEG }
        this.#confine(at_ms)
        break
      }
      case 'unblock':
        this.#block = undefined
        this.#confine(at_ms)
        break
      default:
        this.#fail(step, at_ms)
    }
  }

  #fail(step: DeviceStep, at_ms: number): void {
    switch (step.do) {
      case 'weld':
        this.#drive.weld(step.relay, step.on ?? true)
        break
      case 'loop-stuck':
      case 'beam-stuck':
        this.#sensors.stick(step, at_ms)
        break
      case 'limit-broken':
        this.#limits[step.limit].stick(step.contact ?? 'open', at_ms)
        break
      case 'power-loss':
      case 'power-return':
        this.#drive.power(step.do === 'power-return')
        this.#sensors.power(step.do === 'power-return', at_ms)
        break
      case 'break-glass':
        this.#glass?.set(false, at_ms)
        break
      case 'open-enclosure':
      case 'close-enclosure':
        this.#lid?.set(step.do === 'close-enclosure', at_ms)
        break
      case 'heal':
        this.#heal(at_ms)
    }
    this.#boom.wish(this.#drive.wish, at_ms)
  }

  #heal(at_ms: number): void {
    this.#drive.heal()
    this.#sensors.heal(at_ms)
    for (const contact of [this.#limits.up, this.#limits.down, this.#glass, this.#lid]) contact?.heal(at_ms)
    this.#glass?.set(true, at_ms)
    this.#lid?.set(true, at_ms)
    this.#block = undefined
    this.#confine(at_ms)
  }

  #wall(at_ms: number): number {
    return this.#deps.timeline.wall_ms(at_ms)
  }

  #angleAndTime(at_ms: number): { angle_deg: number; at_ms: number } {
    return { angle_deg: Math.round(this.#boom.angleAt(at_ms) * 10) / 10, at_ms: this.#wall(at_ms) }
  }

  #createLane(oneByOne: boolean): Lane {
    return new Lane(
      this.#deps.timeline,
      {
        boom: (at_ms) => ({ angle_deg: this.#boom.angleAt(at_ms), falling: this.#boom.direction === 'falling' }),
        light: (side) => this.#lights[side],
        oneByOne,
      },
      {
        vehicle: ({ id, plate, from, queuedAt_ms }, state, at_ms) =>
          this.#deps.emit({
            type: 'vehicle',
            device: this.id,
            vehicle: id,
            plate,
            side: from,
            state,
            waited_ms: queuedAt_ms === undefined ? 0 : at_ms - queuedAt_ms,
            at_ms: this.#wall(at_ms),
          }),
        queue: (side, length, at_ms) =>
          this.#deps.emit({ type: 'queue', device: this.id, side, length, at_ms: this.#wall(at_ms) }),
        moved: (vehicles, at_ms) => this.#vehiclesMoved(vehicles, at_ms),
      },
    )
  }

  #arrive(step: DeviceStep & { do: 'vehicle' }, at_ms: number): void {
    this.#count += 1
    this.#lane.arrive(
      {
        id: `${this.id}-v${this.#count}`,
        plate: step.plate,
        from: step.from ?? 'approach',
        length_m: step.length_m ?? CAR.length_m,
        height_m: step.height_m ?? CAR.height_m,
        speed_m_s: step.speed_m_s ?? CAR.speed_m_s,
        driver: step.driver ?? 'obeys',
        stalls_ms: step.stalls_ms ?? 0,
        patience_ms: step.patience_ms ?? Number.POSITIVE_INFINITY,
        // Drawn with the vehicle, so that what the gate does never changes who comes.
        reaction_ms: integerBetween(this.#drivers, REACTION_MS_MIN, REACTION_MS_MAX),
        front_m: 0,
        velocity_m_s: 0,
        goAt_ms: undefined,
        granted: false,
        firstSince_ms: undefined,
        queuedAt_ms: undefined,
        stalledUntil_ms: undefined,
        entered: false,
        passed: false,
        left: false,
      },
      at_ms,
    )
  }

  #pedestrian(height_m: number, for_ms: number, at_ms: number): void {
    this.#count += 1
    const id = `${this.id}-p${this.#count}`
    this.#pedestrians.set(id, height_m)
    this.#pedestriansMoved(at_ms)
    this.#deps.timeline.at(at_ms + for_ms, (due_ms) => {
      this.#pedestrians.delete(id)
      this.#pedestriansMoved(due_ms)
    })
  }

  #pedestriansMoved(at_ms: number): void {
    this.#sensors.breakBeam(this.#pedestrians.size > 0, at_ms)
    this.#lookUnder(at_ms)
  }

  #vehiclesMoved(vehicles: readonly Vehicle[], at_ms: number): void {
    this.#vehicles = vehicles
    this.#sensors.feel(this.#lane, at_ms)
    this.#lookUnder(at_ms)
    for (const { side, at_m, seen, see } of this.#watchers) {
      for (const vehicle of vehicles) {
        if (vehicle.from !== side || vehicle.front_m < -at_m || seen.has(vehicle)) continue
        seen.add(vehicle)
        see(vehicle, at_ms)
      }
    }
  }

  #lookUnder(at_ms: number): void {
    const bodies = [
      ...this.#vehicles.filter((vehicle) => isOver(vehicle, -UNDER_M, UNDER_M)),
      ...[...this.#pedestrians].map(([id, height_m]) => ({ id, height_m })),
    ]
    if (this.#underneath.set(bodies, this.#boom.angleAt(at_ms), at_ms)) this.#confine(at_ms)
  }

  #confine(at_ms: number): void {
    const { floor_deg, ceiling_deg } = this.#block ?? { floor_deg: 0, ceiling_deg: UP_DEG }
    this.#boom.confine(Math.max(floor_deg, this.#underneath.floor_deg), ceiling_deg, at_ms)
  }

  #boomMoved(at_ms: number): void {
    const { up, down } = this.#boom.limits
    const { direction } = this.#boom
    this.#limits.up.set(up, at_ms)
    this.#limits.down.set(down, at_ms)
    if (direction === 'still' && up) this.#drive.reached('up')
    if (direction === 'still' && down) this.#drive.reached('down')
    this.#underneath.boomMoved(direction === 'falling', this.#boom.angleAt(at_ms), at_ms)
    const state = direction === 'still' ? (up ? 'up' : down ? 'down' : 'stopped') : direction
    if (state === this.#state) return
    this.#state = state
    this.#deps.emit({ type: 'boom', device: this.id, state, ...this.#angleAndTime(at_ms) })
  }
}

function outputsOf(config: BarrierConfig): Map<number, { output: OutputName; on: boolean }> {
  const pins: [number | undefined, OutputName][] = [
    [config.raisePin, 'raise'],
    [config.lowerPin, 'lower'],
    [config.stopPin, 'stop'],
    [config.beamTestPin, 'beam-test'],
    [config.lampPin, 'lamp'],
    [config.exitLampPin, 'lamp-exit'],
  ]
  return new Map(pins.flatMap(([pin, output]) => (pin === undefined ? [] : [[pin, { output, on: false }]])))
}
