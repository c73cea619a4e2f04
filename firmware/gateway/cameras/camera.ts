import type { TimeQuality } from '../../../hub/contract/event.ts'
import type { PlateReading } from '../../../hub/contract/plate.ts'
import type { Address } from '../../../hub/contract/topic.ts'
import type { CredentialDesk } from '../../credentials/desk.ts'
import type { AccessGateDriver } from '../../drivers/access-gate/access.ts'
import type { Moment } from '../../moment.ts'
import type { TakenReading } from '../../ports/camera-server.ts'
import type { Admission } from '../admission.ts'
import type { Outbox } from '../outbox.ts'
import type { CameraConfig } from './config.ts'
import { hasJustPassed, inView, noteReading, type Passed, type Seen, timelinessOf } from './judge.ts'
import { WATCH_START, type WatchInput, type WatchState, watchStep } from './watch-machine.ts'

/** One camera at one gate: what it reads becomes a decision of the desk, and the decision goes to the gate. */

export interface CameraDeps {
  address: Address
  gate: AccessGateDriver
  desk: Pick<CredentialDesk, 'plate' | 'takeBack'>
  admission: Pick<Admission, 'admit'>
  outbox: Pick<Outbox, 'availability'>
  timeQuality: () => TimeQuality
}

/** Of the event of that name, what matters here. */
export interface Passage {
  direction?: string
  credential?: string
}

/** Without a heartbeat a quiet night is no sign of anything. */
const SILENT_AFTER_S = 12 * 3600

export class Camera {
  readonly #deps: CameraDeps
  readonly #config: CameraConfig
  #watch: WatchState = WATCH_START
  #seen: readonly Seen[] = []
  #passed: Passed | undefined
  #told = ''

  constructor(deps: CameraDeps, config: CameraConfig) {
    this.#deps = deps
    this.#config = config
  }

  get address(): Address {
    return this.#deps.address
  }

  /** Says how it stands. */
  start(at: Moment): void {
    this.#tell(at)
  }

  reading(reading: PlateReading, at: Moment): TakenReading {
    const { gate, desk, admission, timeQuality } = this.#deps
    const { direction } = this.#config
    const quality = timeQuality()
    if (timelinessOf(reading, at.wall_ms, quality) === 'stale') {
      this.observe({ type: 'untimely' }, at)
      return 'stale'
    }
    this.observe({ type: 'heard' }, at)
    // It sees the other lane as well: that vehicle does not want through here.
    if (reading.direction !== undefined && reading.direction !== direction) return 'taken'
    const seen = noteReading(this.#seen, reading, at.monotonic_ms)
    if (!seen) return 'taken'
    this.#seen = seen
    const presence = { gate: this.#config.gate, direction, mode: gate.mode(), at, timeQuality: quality }
    const presented = desk.plate({ text: reading.plate, confidence: reading.confidence }, presence)
    const { credential } = presented.access
    if (credential === undefined || !hasJustPassed(this.#passed, credential, at.monotonic_ms))
      admission.admit(gate, presented, at)
    else if (!presented.again) desk.takeBack(credential, this.#config.gate)
    return 'taken'
  }

  /** What a gate of this gateway says. */
  onPassage(gate: string, { direction, credential }: Passage, at: Moment): void {
    if (gate !== this.#config.gate) return
    if (credential !== undefined) this.#passed = { credential, at_ms: at.monotonic_ms }
    if (direction === this.#config.direction) this.observe({ type: 'passage' }, at)
  }

  /** Time passes: nothing that was read is kept for longer than it is needed. */
  tick(at: Moment): void {
    this.#seen = inView(this.#seen, at.monotonic_ms)
    this.observe({ type: 'tick' }, at)
  }

  observe(input: WatchInput, at: Moment): void {
    const silentAfter_ms = (this.#config.silentAfter_s ?? SILENT_AFTER_S) * 1000
    this.#watch = watchStep({ silentAfter_ms }, this.#watch, input, at.monotonic_ms)
    this.#tell(at)
  }

  #tell(at: Moment): void {
    const { shown } = this.#watch
    const told = `${shown.status} ${shown.reason}`
    if (told === this.#told) return
    this.#told = told
    this.#deps.outbox.availability(this.#deps.address, shown, at)
  }
}
