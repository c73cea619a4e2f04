import type { DeviceStep } from '../../scenario/steps.ts'
import type { Cancel } from '../../time/timeline.ts'
import { DryContact } from '../contact/dry-contact.ts'
import type { Device, DeviceDeps } from '../device.ts'
import type { DoorConfig } from './config.ts'

const BOUNCE_MS_MAX = 5
const REX_MS = 200
const CLOSER_MS = 3000
const PATIENCE_MS = 5000
/** Hearing the click, then pulling. */
const REACTION_MS = 300
/** Each person needs this long through the opening. */
const STRIDE_MS = 1000
/** More people than this do not stand before one door. */
const WAITING_MAX = 200

type Direction = 'in' | 'out'

interface Waiting {
  direction: Direction
  persons: number
  cancel: Cancel
}

/** A door leaf with its closer, a strike or magnet, a reed contact, and the people who use and misuse it. */
export class Door implements Device {
  readonly id: string
  readonly #deps: DeviceDeps
  readonly #config: DoorConfig
  readonly #contact: DryContact
  readonly #rex: DryContact | undefined
  readonly #glass: DryContact | undefined
  readonly #lid: DryContact | undefined
  #energised = false
  #powered = true
  #glassBroken = false
  #wasLocked: boolean
  #open = false
  /** Somebody keeps the leaf open until told otherwise. */
  #held = false
  #closing: Cancel | undefined
  #rexRelease: Cancel | undefined
  #passing_until_ms = Number.NEGATIVE_INFINITY
  readonly #waiting = new Set<Waiting>()

  constructor(deps: DeviceDeps, config: DoorConfig) {
    this.id = config.id
    this.#deps = deps
    this.#config = config
    const bounce_ms_max = config.bounce_ms_max ?? BOUNCE_MS_MAX
    const wired = (pin: number | undefined, closed: boolean) =>
      pin === undefined ? undefined : new DryContact(deps, { pin, closed, bounce_ms_max })
    this.#contact = new DryContact(deps, {
      pin: config.contactPin,
      pairPin: config.contactPairPin,
      closed: true,
      bounce_ms_max,
    })
    this.#rex = wired(config.rexPin, false)
    this.#glass = wired(config.releasePin, true)
    this.#lid = wired(config.enclosurePin, true)
    this.#wasLocked = this.locked
  }

  /** Whether the lock holds the leaf, open or not. A broken glass takes the current of a magnet, as it is wired to. */
  get locked(): boolean {
    const current = this.#energised && this.#powered && !this.#glassBroken
    return this.#config.strike === 'fail-safe' ? current : !(this.#energised && this.#powered)
  }

  start(at_ms: number): void {
    for (const contact of [this.#contact, this.#rex, this.#glass, this.#lid]) contact?.start(at_ms)
  }

  pinChanged(pin: number, level: number, at_ms: number): void {
    if (pin !== this.#config.strikePin || this.#energised === level > 0) return
    this.#energised = level > 0
    this.#deps.emit({
      type: 'output',
      device: this.id,
      output: 'strike',
      on: this.#energised,
      at_ms: this.#wall(at_ms),
    })
    this.#lockMoved(at_ms)
  }

  apply(step: DeviceStep, at_ms: number): void {
    switch (step.do) {
      case 'open-door':
        if (!this.#open && this.locked) {
          this.#deps.emit({ type: 'door', device: this.id, leaf: 'refused', by: 'hand', at_ms: this.#wall(at_ms) })
          break
        }
        this.#held = true
        this.#openLeaf('hand', at_ms)
        break
      case 'close-door':
        this.#held = false
        this.#shut('hand', at_ms)
        break
      case 'force':
        this.#held = step.for_ms === undefined
        this.#openLeaf('force', at_ms)
        if (step.for_ms !== undefined) this.#letGo(at_ms + step.for_ms)
        break
      case 'rex':
        this.#pressRex(step.for_ms ?? REX_MS, at_ms)
        break
      case 'walk-through':
        this.#approach(step.direction ?? 'in', step.persons ?? 1, step.patience_ms ?? PATIENCE_MS, at_ms)
        break
      default:
        this.#tamper(step, at_ms)
    }
  }

  #tamper(step: DeviceStep, at_ms: number): void {
    switch (step.do) {
      case 'break-glass':
        this.#setGlass(true, at_ms)
        break
      case 'open-enclosure':
        this.#lid?.set(false, at_ms)
        break
      case 'close-enclosure':
        this.#lid?.set(true, at_ms)
        break
      case 'power-loss':
      case 'power-return':
        this.#powered = step.do === 'power-return'
        this.#lockMoved(at_ms)
        break
      case 'cut':
        this.#contact.lay('cut', at_ms)
        break
      case 'short':
        this.#contact.lay('shorted', at_ms)
        break
      case 'stick':
        this.#contact.stick(step.contact ?? 'closed', at_ms)
        break
      case 'heal':
        for (const contact of [this.#contact, this.#rex, this.#glass, this.#lid]) contact?.heal(at_ms)
        this.#lid?.set(true, at_ms)
        this.#powered = true
        this.#setGlass(false, at_ms)
    }
  }

  #wall(at_ms: number): number {
    return this.#deps.timeline.wall_ms(at_ms)
  }

  #setGlass(broken: boolean, at_ms: number): void {
    this.#glassBroken = broken
    this.#glass?.set(!broken, at_ms)
    this.#lockMoved(at_ms)
  }

  #pressRex(for_ms: number, at_ms: number): void {
    this.#rexRelease?.()
    this.#rex?.set(true, at_ms)
    this.#rexRelease = this.#deps.timeline.at(at_ms + for_ms, (due_ms) => this.#rex?.set(false, due_ms))
  }

  #lockMoved(at_ms: number): void {
    const locked = this.locked
    if (locked === this.#wasLocked) return
    this.#wasLocked = locked
    this.#deps.emit({ type: 'lock', device: this.id, locked, at_ms: this.#wall(at_ms) })
    if (locked || this.#waiting.size === 0) return
    this.#deps.timeline.at(at_ms + REACTION_MS, (due_ms) => this.#tryAll(due_ms))
  }

  #openLeaf(by: 'hand' | 'force', at_ms: number): void {
    this.#closing?.()
    this.#closing = undefined
    if (this.#open) return
    this.#open = true
    this.#contact.set(false, at_ms)
    this.#deps.emit({ type: 'door', device: this.id, leaf: 'open', by, at_ms: this.#wall(at_ms) })
    // Whoever stands before it does not wait for the lock any more.
    if (this.#waiting.size > 0) this.#deps.timeline.at(at_ms + REACTION_MS, (due_ms) => this.#tryAll(due_ms))
  }

  #shut(by: 'hand' | 'closer', at_ms: number): void {
    this.#closing?.()
    this.#closing = undefined
    if (!this.#open) return
    this.#open = false
    this.#contact.set(true, at_ms)
    this.#deps.emit({ type: 'door', device: this.id, leaf: 'closed', by, at_ms: this.#wall(at_ms) })
  }

  /** Nobody holds the leaf after `at_ms`: the closer brings it back. */
  #letGo(at_ms: number): void {
    this.#closing?.()
    this.#closing = this.#deps.timeline.at(at_ms + (this.#config.closer_ms ?? CLOSER_MS), (due_ms) => {
      if (!this.#held) this.#shut('closer', due_ms)
    })
  }

  #approach(direction: Direction, persons: number, patience_ms: number, at_ms: number): void {
    if (this.#open || !this.locked) {
      this.#walk(direction, persons, at_ms)
      return
    }
    if (patience_ms === 0 || this.#waiting.size >= WAITING_MAX) {
      this.#giveUp(direction, persons, at_ms)
      return
    }
    const waiting: Waiting = {
      direction,
      persons,
      cancel: this.#deps.timeline.at(at_ms + patience_ms, (due_ms) => {
        this.#waiting.delete(waiting)
        this.#giveUp(direction, persons, due_ms)
      }),
    }
    this.#waiting.add(waiting)
  }

  #tryAll(at_ms: number): void {
    if (!this.#open && this.locked) return
    for (const waiting of this.#waiting) {
      waiting.cancel()
      this.#waiting.delete(waiting)
      this.#walk(waiting.direction, waiting.persons, at_ms)
    }
  }

  #walk(direction: Direction, persons: number, at_ms: number): void {
    this.#openLeaf('hand', at_ms)
    let through_ms = Math.max(at_ms, this.#passing_until_ms)
    for (let person = 0; person < persons; person++) {
      through_ms += STRIDE_MS
      this.#deps.timeline.at(through_ms, (due_ms) => this.#person('passed', direction, due_ms))
    }
    this.#passing_until_ms = through_ms
    if (!this.#held) this.#letGo(through_ms)
  }

  #giveUp(direction: Direction, persons: number, at_ms: number): void {
    for (let person = 0; person < persons; person++) this.#person('gave-up', direction, at_ms)
  }

  #person(state: 'passed' | 'gave-up', direction: Direction, at_ms: number): void {
    this.#deps.emit({ type: 'person', device: this.id, state, direction, at_ms: this.#wall(at_ms) })
  }
}
