import { VCC_V } from '../../boards/board.ts'
import { integerBetween } from '../../random.ts'
import type { DeviceStep } from '../../scenario/steps.ts'
import type { Cancel } from '../../time/timeline.ts'
import { Contact } from '../contact/contact.ts'
import type { Device, DeviceDeps } from '../device.ts'
import type { AlarmButtonConfig } from './config.ts'
import { type Cable, loopShare } from './loop.ts'

const BOUNCE_MS_MAX = 5
const PRESS_MS = 200
const GLITCH_MS = 5
/** Glitches keep apart: a train of pulses would be one long disturbance, not several short ones. */
const GLITCH_GAP_MS_MIN = 20
const GLITCH_GAP_MS_MAX = 50
const FIRST_ANALOG_PIN = 14

/** An alarm button on its cable: contact, supervised loop, lamp and siren. */
export class AlarmButton implements Device {
  readonly id: string
  readonly #deps: DeviceDeps
  readonly #config: AlarmButtonConfig
  readonly #contact: Contact
  readonly #outputs: Map<number, { output: 'lamp' | 'siren'; on: boolean }>
  #cable: Cable = 'whole'
  #disturbed_volts: number | undefined
  #autoRelease: Cancel | undefined
  readonly #glitches = new Set<Cancel>()

  constructor(deps: DeviceDeps, config: AlarmButtonConfig) {
    this.id = config.id
    this.#deps = deps
    this.#config = config
    this.#outputs = new Map([
      [config.lampPin, { output: 'lamp', on: false }],
      [config.sirenPin, { output: 'siren', on: false }],
    ])
    this.#contact = new Contact(
      deps,
      { bounce_ms_max: config.bounce_ms_max ?? BOUNCE_MS_MAX, chatter_per_s: config.chatter_per_s ?? 0 },
      { changed: (_closed, at_ms) => this.#update(at_ms), moved: (closed, at_ms) => this.#tell(closed, at_ms) },
    )
  }

  start(at_ms: number): void {
    this.#update(at_ms)
  }

  pinChanged(pin: number, level: number, at_ms: number): void {
    const found = this.#outputs.get(pin)
    const on = level > 0
    if (!found || found.on === on) return
    found.on = on
    const wall_ms = this.#deps.timeline.wall_ms(at_ms)
    this.#deps.emit({ type: 'output', device: this.id, output: found.output, on, at_ms: wall_ms })
  }

  apply(step: DeviceStep, at_ms: number): void {
    switch (step.do) {
      case 'press':
        this.#press(step.for_ms ?? PRESS_MS, at_ms)
        break
      case 'hold':
        this.#press(undefined, at_ms)
        break
      case 'release':
        this.#autoRelease?.()
        this.#contact.release(at_ms)
        break
      case 'cut':
        this.#lay('cut', at_ms)
        break
      case 'short':
        this.#lay('shorted', at_ms)
        break
      case 'stick':
        this.#contact.stick(step.contact ?? 'closed', at_ms)
        break
      case 'glitch':
        this.#glitch(step.width_ms ?? GLITCH_MS, step.count ?? 1, at_ms)
        break
      case 'heal':
        this.#heal(at_ms)
    }
  }

  #tell(closed: boolean, at_ms: number): void {
    const wall_ms = this.#deps.timeline.wall_ms(at_ms)
    this.#deps.emit({ type: 'edge', device: this.id, contact: closed ? 'closed' : 'open', at_ms: wall_ms })
  }

  #loopVolts(): number {
    return loopShare(this.#contact.closed, this.#cable) * VCC_V
  }

  /** Both pins sit on the same node. */
  #update(at_ms: number): void {
    const { contactPin, loopPin } = this.#config
    const volts = this.#disturbed_volts ?? this.#loopVolts()
    this.#deps.drive(contactPin, volts, at_ms)
    if (loopPin !== undefined) this.#deps.drive(FIRST_ANALOG_PIN + loopPin, volts, at_ms)
  }

  #lay(cable: Cable, at_ms: number): void {
    this.#cable = cable
    this.#update(at_ms)
  }

  #press(for_ms: number | undefined, at_ms: number): void {
    this.#autoRelease?.()
    this.#autoRelease = undefined
    if (for_ms !== undefined) {
      this.#autoRelease = this.#deps.timeline.at(at_ms + for_ms, (due_ms) => this.#contact.release(due_ms))
    }
    this.#contact.press(at_ms)
  }

  /** Pulses that pull the node to the other side of the input's thresholds: what a motor nearby couples into a cable. */
  #glitch(width_ms: number, count: number, at_ms: number): void {
    let start_ms = at_ms
    for (let index = 0; index < count; index++) {
      this.#later(start_ms, (due_ms) => this.#disturb(this.#loopVolts() > VCC_V / 2 ? 0 : VCC_V, due_ms))
      this.#later(start_ms + width_ms, (due_ms) => this.#disturb(undefined, due_ms))
      start_ms += width_ms + integerBetween(this.#deps.random, GLITCH_GAP_MS_MIN, GLITCH_GAP_MS_MAX)
    }
  }

  #later(at_ms: number, run: (due_ms: number) => void): void {
    const cancel = this.#deps.timeline.at(at_ms, (due_ms) => {
      this.#glitches.delete(cancel)
      run(due_ms)
    })
    this.#glitches.add(cancel)
  }

  #disturb(volts: number | undefined, at_ms: number): void {
    this.#disturbed_volts = volts
    this.#update(at_ms)
  }

  #heal(at_ms: number): void {
    for (const cancel of this.#glitches) cancel()
    this.#glitches.clear()
    this.#disturbed_volts = undefined
    this.#cable = 'whole'
    this.#contact.unstick(at_ms)
    this.#update(at_ms)
  }
}
