import { AlarmButtonState } from '../../../hub/contract/alarm-button.ts'
import type { Meta } from '../../../hub/contract/meta.ts'
import { checker } from '../../../hub/contract/schema.ts'
import type { Address } from '../../../hub/contract/topic.ts'
import { type Moment, momentNow } from '../../ports/moment.ts'
import type { DigitalOutput, PinBoard, StatusReport } from '../../ports/pin-board.ts'
import type { Driver, DriverHost, Outcome } from '../driver.ts'
import { type AlarmButtonConfig, alarmButtonDefaults } from './config.ts'
import {
  availabilityOf,
  type ButtonEffect,
  type ButtonInput,
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
  const { host, board } = deps
  const settings = {
    ...alarmButtonDefaults,
    ...config,
    hasLamp: config.lampPin !== undefined,
    hasSiren: config.sirenPin !== undefined,
  }
  const outputs: Record<'lamp' | 'siren', DigitalOutput | undefined> = {
    lamp: config.lampPin === undefined ? undefined : board.output(config.lampPin),
    siren: config.sirenPin === undefined ? undefined : board.output(config.sirenPin),
  }
  let state = createButtonState(restoredState(deps.restored, config), momentNow())
  let timer: ReturnType<typeof setTimeout> | undefined
  let running = false

  /** One step. An error of ours must not reach the board or the other drivers. */
  function run(input: ButtonInput, at: Moment): Outcome | undefined {
    if (!running) return undefined
    let outcome: Outcome | undefined
    try {
      const result = step(settings, state, input, at)
      state = result.state
      let dropped = false
      for (const effect of result.effects) {
        if (effect.type === 'output') dropped = outputs[effect.output]?.set(effect.on) === false || dropped
        else if (effect.type === 'outcome') outcome = effect.outcome
        else publish(effect)
      }
      if (dropped && outcome?.status === 'succeeded')
        outcome = { status: 'failed', code: 'BOARD_ABSENT', message: 'the board was lost at this moment' }
    } catch (error) {
      host.failed(error)
    }
    arm()
    return outcome
  }

  function publish(effect: ButtonEffect): void {
    switch (effect.type) {
      case 'event':
        host.event({ type: effect.event, severity: effect.severity, at: effect.at, data: effect.data })
        return
      case 'state':
        host.state(effect.state)
        return
      case 'availability':
        host.availability(
          effect.reason === undefined ? { status: effect.status } : { status: effect.status, reason: effect.reason },
          effect.at,
        )
        return
      case 'output':
      case 'outcome':
        return
    }
  }

  function arm(): void {
    clearTimeout(timer)
    const due_ms = nextDeadline(settings, state)
    if (due_ms === undefined || !running) return
    timer = setTimeout(
      () => {
        const late_ms = performance.now() - due_ms
        if (late_ms <= LATE_MS) run({ type: 'tick' }, momentNow())
        else timer = setTimeout(() => run({ type: 'tick' }, momentNow()), LATE_MS)
      },
      Math.max(0, Math.ceil(due_ms - performance.now())),
    )
  }

  function onStatus(report: StatusReport): void {
    if (report.status === 'ready') run({ type: 'board-ready' }, report.at)
    else run({ type: 'board-lost', reason: `board-${report.status}` }, report.at)
  }

  board.onStatus(onStatus)
  // The contact pulls the pin to ground.
  board.watchDigital(config.contactPin, ({ high, kind, at }) =>
    run({ type: 'contact', closed: !high, found: kind === 'found' }, at),
  )
  if (config.loopPin !== undefined)
    board.watchAnalog(config.loopPin, ({ ratio, at }) => run({ type: 'loop', ratio }, at))

  return {
    address: deps.address,
    meta: metaOf(config, deps.version),
    start() {
      running = true
      const { status, reason } = availabilityOf(state)
      host.state(publicState(state))
      host.availability(reason === undefined ? { status } : { status, reason }, momentNow())
    },
    execute(command, answer) {
      const actor = `${command.actor.kind}:${command.actor.id}`
      const outcome = run({ type: 'command', name: command.name, args: command.args, actor }, momentNow())
      answer(outcome ?? { status: 'failed', code: 'DRIVER_FAILED', message: 'the driver could not take the command' })
    },
    close() {
      running = false
      clearTimeout(timer)
    },
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
