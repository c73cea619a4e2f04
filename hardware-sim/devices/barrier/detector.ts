import type { Cancel } from '../../time/timeline.ts'
import { DryContact } from '../contact/dry-contact.ts'
import type { DeviceDeps } from '../device.ts'

export interface DetectorOptions {
  pin: number
  /** From what happens to what the relay says, each way. */
  delay_ms: number
}

/**
 * A loop detector or the receiver of a photo beam. Its relay is energised, and the contact closed, while the way is clear:
 * occupied, no power and a cut cable look alike.
 */
export class Detector {
  readonly #deps: DeviceDeps
  readonly #delay_ms: number
  readonly #relay: DryContact
  readonly #told: (occupied: boolean, at_ms: number) => void
  #sees = false
  #stuck: boolean | undefined
  #powered = true
  #occupied = false
  #pending: Cancel | undefined

  constructor(deps: DeviceDeps, options: DetectorOptions, told: (occupied: boolean, at_ms: number) => void) {
    this.#deps = deps
    this.#delay_ms = options.delay_ms
    this.#told = told
    this.#relay = new DryContact(deps, { pin: options.pin, closed: true, bounce_ms_max: 0 })
  }

  start(at_ms: number): void {
    this.#relay.start(at_ms)
  }

  sense(occupied: boolean, at_ms: number): void {
    if (occupied === this.#sees) return
    this.#sees = occupied
    this.#pending?.()
    this.#pending = this.#deps.timeline.at(at_ms + this.#delay_ms, (due_ms) => this.#update(due_ms))
  }

  stick(occupied: boolean | undefined, at_ms: number): void {
    this.#stuck = occupied
    this.#update(at_ms)
  }

  power(on: boolean, at_ms: number): void {
    this.#powered = on
    this.#update(at_ms)
  }

  #update(at_ms: number): void {
    const occupied = !this.#powered || (this.#stuck ?? this.#sees)
    if (occupied === this.#occupied) return
    this.#occupied = occupied
    this.#relay.set(!occupied, at_ms)
    this.#told(occupied, at_ms)
  }
}
