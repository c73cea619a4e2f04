import type { OutputsConfig } from '../drivers/park-sensor/outputs/config.ts'
import {
  createOutputsState,
  nextDeadline,
  type OutputsEffect,
  type OutputsInput,
  type OutputsState,
  shownOutputs,
  step,
} from '../drivers/park-sensor/outputs/machine.ts'

const WALL_MS = Date.UTC(2026, 10, 1)

/** How the relay module answers a write: `deaf` does it and its answer is lost, `lost` never gets it. */
export type Answer = 'ok' | 'refused' | 'deaf' | 'lost'

export const outputsConfig: OutputsConfig = {
  outputs: [
    { name: 'lamp', on_max_ms: 100_000, pause_min_ms: 0, rainLock: false, fallsOff: true },
    { name: 'valve', on_max_ms: 60_000, pause_min_ms: 20_000, rainLock: true, fallsOff: false },
  ],
}

/** Park outputs with a clock and relays; writes are answered at once, unless `hold` keeps them. */
export class OutputsBench {
  state: OutputsState
  readonly effects: OutputsEffect[] = []
  readonly relays = new Map<string, boolean>()
  readonly pending: Array<Extract<OutputsEffect, { type: 'write' }>> = []
  now_ms = 0
  answer: Answer = 'ok'
  hold = false
  #commands = 0

  constructor(restored?: ReturnType<typeof shownOutputs>) {
    this.state = createOutputsState(outputsConfig, restored, this.at)
  }

  get at() {
    return { wall_ms: WALL_MS + this.now_ms, monotonic_ms: this.now_ms }
  }

  feed(input: OutputsInput): this {
    const { state, effects } = step(outputsConfig, this.state, input, this.at)
    this.state = state
    this.effects.push(...effects)
    for (const effect of effects) if (effect.type === 'write') this.pending.push(effect)
    return this.hold ? this : this.release()
  }

  /** Answers what is pending. */
  release(): this {
    for (let one = this.pending.shift(); one !== undefined; one = this.pending.shift()) {
      if (this.answer === 'ok' || this.answer === 'deaf') this.relays.set(one.output, one.on)
      const result = this.answer === 'deaf' ? 'lost' : this.answer
      this.feed({ type: 'written', token: one.token, result })
    }
    return this
  }

  wait(time_ms: number): this {
    const end_ms = this.now_ms + time_ms
    for (let due = nextDeadline(this.state); due !== undefined && due <= end_ms; due = nextDeadline(this.state)) {
      this.now_ms = Math.max(this.now_ms, due)
      this.feed({ type: 'tick' })
    }
    this.now_ms = end_ms
    return this
  }

  contact(ok: boolean): this {
    // A board's pins are inputs after a reset.
    if (!ok) this.relays.set('lamp', false)
    if (!ok) this.pending.length = 0
    return this.feed({ type: 'contact', ok })
  }

  command(output: string, on: boolean, for_ms?: number): this {
    this.#commands++
    const args = { output, on, ...(for_ms === undefined ? {} : { for_ms }) }
    return this.feed({ type: 'command', id: `c${this.#commands}`, args, actor: 'person:li' })
  }

  events(): unknown[] {
    return this.effects.flatMap((effect) => (effect.type === 'event' ? [effect.data] : []))
  }
  outcomes(): string[] {
    return this.effects.flatMap((effect) => {
      if (effect.type !== 'outcome') return []
      return ['code' in effect.outcome ? effect.outcome.code : effect.outcome.status]
    })
  }
  get shown() {
    return shownOutputs(outputsConfig, this.state, this.at)
  }
}
