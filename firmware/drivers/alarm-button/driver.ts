import { AlarmButtonState } from '../../../hub/contract/alarm-button.ts'
import type { Meta } from '../../../hub/contract/meta.ts'
import { checker } from '../../../hub/contract/schema.ts'
import type { Address } from '../../../hub/contract/topic.ts'
import { type Moment, momentNow } from '../../moment.ts'
import type { DigitalOutput, PinBoard, StatusReport } from '../../ports/pin-board.ts'
import type { Driver, DriverCommand, DriverHost, Outcome } from '../driver.ts'
import { type AlarmButtonConfig, alarmButtonDefaults } from './config.ts'
import {
  availabilityOf,
  type ButtonConfig,
  type ButtonEffect,
  type ButtonInput,
  type ButtonState,
  createButtonState,
  nextDeadline,
  publicState,
  step,
} from './machine.ts'

/** The shell around the alarm button's machine: pins in, timers, effects out. */

export interface AlarmButtonDeps {
  host: DriverHost
  board: PinBoard
  address: Address
  version: string
  /** What the device last said, from before the restart; anything else is ignored. */
  restored: unknown
}

/**
 * A timer this late means that the process was held up, and that reports of the board may still be unread; they are
 * given this long to come in before time is believed to have passed without them.
 */
const LATE_MS = 5

const checkState = checker(AlarmButtonState)

export function createAlarmButton(deps: AlarmButtonDeps, config: AlarmButtonConfig): Driver {
  return new AlarmButton(deps, config)
}

class AlarmButton implements Driver {
  readonly address: Address
  readonly meta: Meta
  readonly #host: DriverHost
  readonly #config: ButtonConfig
  readonly #outputs: Record<'lamp' | 'siren', DigitalOutput | undefined>
  #state: ButtonState
  #timer: ReturnType<typeof setTimeout> | undefined
  #running = false

  constructor(deps: AlarmButtonDeps, config: AlarmButtonConfig) {
    const { board } = deps
    this.address = deps.address
    this.meta = metaOf(config, deps.version)
    this.#host = deps.host
    this.#config = {
      ...alarmButtonDefaults,
      ...config,
      hasLamp: config.lampPin !== undefined,
      hasSiren: config.sirenPin !== undefined,
    }
    this.#outputs = {
      lamp: config.lampPin === undefined ? undefined : board.output(config.lampPin),
      siren: config.sirenPin === undefined ? undefined : board.output(config.sirenPin),
    }
    this.#state = createButtonState(restoredState(deps.restored, config), momentNow())
    board.onStatus((report) => this.#onStatus(report))
    // The contact pulls the pin to ground.
    board.watchDigital(config.contactPin, ({ high, kind, at }) =>
      this.#run({ type: 'contact', closed: !high, found: kind === 'found' }, at),
    )
    if (config.loopPin !== undefined)
      board.watchAnalog(config.loopPin, ({ ratio, at }) => this.#run({ type: 'loop', ratio }, at))
  }

  start(): void {
    this.#running = true
    const { status, reason } = availabilityOf(this.#state)
    this.#host.state(publicState(this.#state))
    this.#host.availability(reason === undefined ? { status } : { status, reason }, momentNow())
  }

  execute(command: DriverCommand, answer: (outcome: Outcome) => void): void {
    const actor = `${command.actor.kind}:${command.actor.id}`
    const outcome = this.#run({ type: 'command', name: command.name, args: command.args, actor }, momentNow())
    answer(outcome ?? { status: 'failed', code: 'DRIVER_FAILED', message: 'the driver could not take the command' })
  }

  close(): void {
    this.#running = false
    clearTimeout(this.#timer)
  }

  /** One step. An error of ours must not reach the board or the other drivers. */
  #run(input: ButtonInput, at: Moment): Outcome | undefined {
    if (!this.#running) return undefined
    let outcome: Outcome | undefined
    try {
      const { state, effects } = step(this.#config, this.#state, input, at)
      this.#state = state
      outcome = this.#perform(effects)
    } catch (error) {
      this.#host.failed(error)
    }
    this.#arm()
    return outcome
  }

  #perform(effects: ButtonEffect[]): Outcome | undefined {
    let outcome: Outcome | undefined
    let dropped = false
    for (const effect of effects) {
      switch (effect.type) {
        case 'output':
          if (this.#outputs[effect.output]?.set(effect.on) === false) dropped = true
          break
        case 'outcome':
          outcome = effect.outcome
          break
        case 'event':
          this.#host.event({ type: effect.event, severity: effect.severity, at: effect.at, data: effect.data })
          break
        case 'state':
          this.#host.state(effect.state)
          break
        case 'availability': {
          const { status, reason, at } = effect
          this.#host.availability(reason === undefined ? { status } : { status, reason }, at)
        }
      }
    }
    if (dropped && outcome?.status === 'succeeded')
      return { status: 'failed', code: 'BOARD_ABSENT', message: 'the board was lost at this moment' }
    return outcome
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const due_ms = nextDeadline(this.#config, this.#state)
    if (due_ms === undefined || !this.#running) return
    const tick = () => this.#run({ type: 'tick' }, momentNow())
    const wait_ms = Math.max(0, Math.ceil(due_ms - performance.now()))
    this.#timer = setTimeout(() => {
      if (performance.now() - due_ms <= LATE_MS) tick()
      else this.#timer = setTimeout(tick, LATE_MS)
    }, wait_ms)
  }

  #onStatus(report: StatusReport): void {
    if (report.status === 'ready') this.#run({ type: 'board-ready' }, report.at)
    else this.#run({ type: 'board-lost', reason: `board-${report.status}` }, report.at)
  }
}

function restoredState(value: unknown, config: AlarmButtonConfig): AlarmButtonState | undefined {
  const checked = checkState(value)
  if (!checked.ok) return undefined
  // A loop that is no longer supervised can never be found whole again.
  return config.loopPin === undefined ? { ...checked.value, loop: 'unknown' } : checked.value
}

function metaOf(config: AlarmButtonConfig, version: string): Meta {
  const capabilities = ['contact', 'reset']
  if (config.loopPin !== undefined) capabilities.push('loop')
  if (config.lampPin !== undefined) capabilities.push('lamp')
  if (config.sirenPin !== undefined) capabilities.push('siren')
  return {
    class: 'alarm-button',
    model: config.model ?? 'one-key alarm button, dry contact',
    driver: { name: 'alarm-button', version },
    place: config.place,
    capabilities,
  }
}
