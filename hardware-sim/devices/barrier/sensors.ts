import type { DeviceStep } from '../../scenario/steps.ts'
import type { DeviceDeps } from '../device.ts'
import type { BarrierConfig } from './config.ts'
import { Detector } from './detector.ts'
import { type Lane, LOOPS } from './lane.ts'

/** What loop detectors and photo beams of gates need to decide, about. */
const LOOP_DELAY_MS = 40
const BEAM_DELAY_MS = 10
/** The beam crosses the lane under the boom. */
const BEAM_M = 0.1

type SensorName = 'approach' | 'safety' | 'exit' | 'beam'

/** Three loops and a beam, as far as they are wired. */
export class Sensors {
  readonly #detectors: Partial<Record<SensorName, Detector>>
  /** Somebody stands in the beam whom no loop feels. */
  #beamBroken = false
  #beamDark = false
  #vehicleInBeam = false

  constructor(
    deps: DeviceDeps,
    config: BarrierConfig,
    told: (sensor: SensorName, occupied: boolean, at_ms: number) => void,
  ) {
    const pins: Record<SensorName, number | undefined> = {
      approach: config.approachPin,
      safety: config.safetyPin,
      exit: config.exitPin,
      beam: config.beamPin,
    }
    this.#detectors = {}
    for (const [name, pin] of Object.entries(pins) as [SensorName, number | undefined][]) {
      if (pin === undefined) continue
      const delay_ms = name === 'beam' ? BEAM_DELAY_MS : LOOP_DELAY_MS
      this.#detectors[name] = new Detector(deps, { pin, delay_ms }, (occupied, at_ms) => told(name, occupied, at_ms))
    }
  }

  start(at_ms: number): void {
    for (const detector of Object.values(this.#detectors)) detector.start(at_ms)
  }

  /** Vehicles have moved. */
  feel(lane: Lane, at_ms: number): void {
    for (const name of ['approach', 'safety', 'exit'] as const) {
      this.#detectors[name]?.sense(lane.over(LOOPS[name][0], LOOPS[name][1]), at_ms)
    }
    this.#vehicleInBeam = lane.over(-BEAM_M, BEAM_M)
    this.#lookAtBeam(at_ms)
  }

  breakBeam(broken: boolean, at_ms: number): void {
    this.#beamBroken = broken
    this.#lookAtBeam(at_ms)
  }

  /** The transmitter is off, as in a test. */
  darken(dark: boolean, at_ms: number): void {
    this.#beamDark = dark
    this.#lookAtBeam(at_ms)
  }

  power(on: boolean, at_ms: number): void {
    for (const detector of Object.values(this.#detectors)) detector.power(on, at_ms)
  }

  stick(step: DeviceStep & { do: 'loop-stuck' | 'beam-stuck' }, at_ms: number): void {
    const name = step.do === 'beam-stuck' ? 'beam' : step.loop
    this.#detectors[name]?.stick(step.reads === 'occupied', at_ms)
  }

  heal(at_ms: number): void {
    for (const detector of Object.values(this.#detectors)) detector.stick(undefined, at_ms)
    this.power(true, at_ms)
  }

  #lookAtBeam(at_ms: number): void {
    this.#detectors.beam?.sense(this.#beamBroken || this.#beamDark || this.#vehicleInBeam, at_ms)
  }
}
