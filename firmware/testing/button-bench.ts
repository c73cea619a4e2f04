import type { AlarmButtonState } from '../../hub/contract/alarm-button.ts'
import {
  type ButtonConfig,
  type ButtonEffect,
  type ButtonInput,
  type ButtonState,
  createButtonState,
  nextDeadline,
  publicState,
  step,
} from '../drivers/alarm-button/machine.ts'

export const WALL_MS = Date.UTC(2026, 10, 1)
export const config: ButtonConfig = {
  cancelAfter_ms: 3000,
  stuckAfter_ms: 30_000,
  loopConfirm_ms: 300,
  sirenMax_ms: 180_000,
  hasLamp: true,
  hasSiren: true,
}
export const at = (monotonic_ms: number) => ({ wall_ms: WALL_MS + monotonic_ms, monotonic_ms })

/** A button with a clock: inputs at given times, ticks exactly when they are due. */
export class Bench {
  state: ButtonState
  readonly effects: ButtonEffect[] = []
  now_ms = 0

  constructor(restored?: AlarmButtonState) {
    this.state = createButtonState(restored, at(0))
  }

  feed(input: ButtonInput): this {
    const { state, effects } = step(config, this.state, input, at(this.now_ms))
    this.state = state
    this.effects.push(...effects)
    return this
  }

  wait(time_ms: number): this {
    const end_ms = this.now_ms + time_ms
    for (let due = nextDeadline(config, this.state); due !== undefined && due <= end_ms; ) {
      this.now_ms = Math.max(this.now_ms, due)
      this.feed({ type: 'tick' })
      due = nextDeadline(config, this.state)
    }
    this.now_ms = end_ms
    return this
  }

  ready(closed = false): this {
    return this.feed({ type: 'board-ready' }).feed({ type: 'contact', closed, found: true })
  }
  close(): this {
    return this.feed({ type: 'contact', closed: true, found: false })
  }
  open(): this {
    return this.feed({ type: 'contact', closed: false, found: false })
  }
  press(for_ms: number): this {
    return this.close().wait(for_ms).open().wait(100)
  }
  loop(ratio: number): this {
    return this.feed({ type: 'loop', ratio })
  }
  lose(reason = 'board-absent'): this {
    return this.feed({ type: 'board-lost', reason })
  }
  command(name: string, args: unknown = {}): this {
    return this.feed({ type: 'command', name, args, actor: 'person:li' })
  }

  events(): Array<[string, unknown]> {
    return this.effects.flatMap((effect) =>
      effect.type === 'event' ? [[effect.event, effect.data] as const] : [],
    ) as Array<[string, unknown]>
  }
  names(): string[] {
    return this.events().map(([name]) => name)
  }
  outcomes() {
    return this.effects.flatMap((effect) => (effect.type === 'outcome' ? [effect.outcome] : []))
  }
  outputs() {
    return this.effects.flatMap((effect) => (effect.type === 'output' ? [`${effect.output} ${effect.on}`] : []))
  }
  availability() {
    const last = this.effects.findLast((effect) => effect.type === 'availability')
    return last?.type === 'availability' ? [last.status, last.reason] : undefined
  }
  get shown() {
    return publicState(this.state)
  }
}

/** A command of a person. */
export function command(name: string, args: unknown): ButtonInput {
  return { type: 'command', name, args, actor: 'person:li' }
}
