import { VCC_V } from '../../boards/board.ts'
import type { DeviceDeps } from '../device.ts'
import { Contact } from './contact.ts'

export interface DryContactOptions {
  pin: number
  /** The other throw of a changeover contact: always opposite while the cable is whole. */
  pairPin?: number | undefined
  /** Where the contact rests at first. */
  closed: boolean
  bounce_ms_max: number
}

/**
 * A potential-free contact between an input and ground. The input is pulled up at the board, so that a closed contact
 * reads 0 V, and an open one reads like a cut cable: 5 V.
 */
export class DryContact {
  readonly #deps: DeviceDeps
  readonly #options: DryContactOptions
  readonly #contact: Contact
  #cable: 'whole' | 'cut' | 'shorted' = 'whole'

  /** @param moved told the first electrical change of each movement, before it bounces, whatever the cable does */
  constructor(
    deps: DeviceDeps,
    options: DryContactOptions,
    moved: (closed: boolean, at_ms: number) => void = () => {},
  ) {
    this.#deps = deps
    this.#options = options
    this.#contact = new Contact(
      deps,
      { bounce_ms_max: options.bounce_ms_max, chatter_per_s: 0, closed: options.closed },
      { changed: (_closed, at_ms) => this.#update(at_ms), moved },
    )
  }

  start(at_ms: number): void {
    this.#update(at_ms)
  }

  set(closed: boolean, at_ms: number): void {
    if (closed) this.#contact.press(at_ms)
    else this.#contact.release(at_ms)
  }

  /** It stays where it is told, whatever moves it: a welded contact, or a magnet taped over a reed. */
  stick(where: 'closed' | 'open', at_ms: number): void {
    this.#contact.stick(where, at_ms)
  }

  lay(cable: 'whole' | 'cut' | 'shorted', at_ms: number): void {
    this.#cable = cable
    this.#update(at_ms)
  }

  heal(at_ms: number): void {
    this.#contact.unstick(at_ms)
    this.lay('whole', at_ms)
  }

  #update(at_ms: number): void {
    const { pin, pairPin } = this.#options
    const closed = this.#contact.closed
    this.#deps.drive(pin, this.#volts(closed), at_ms)
    if (pairPin !== undefined) this.#deps.drive(pairPin, this.#volts(!closed), at_ms)
  }

  #volts(closed: boolean): number {
    if (this.#cable === 'shorted') return 0
    return this.#cable === 'cut' || !closed ? VCC_V : 0
  }
}
