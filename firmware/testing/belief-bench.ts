import type { BeliefConfig, Threshold } from '../drivers/park-sensor/belief/config.ts'
import {
  type BeliefEffect,
  type BeliefInput,
  nextDeadline,
  type PollResult,
  step,
} from '../drivers/park-sensor/belief/machine.ts'
import {
  availabilityOf,
  type BeliefShown,
  type BeliefState,
  createBeliefState,
  shownBelief,
} from '../drivers/park-sensor/belief/state.ts'
import type { Reading } from '../drivers/park-sensor/belief/telling.ts'
import type { Quantity } from '../drivers/park-sensor/quantity.ts'

export const BELIEF_WALL_MS = Date.UTC(2026, 10, 1)

export const threshold = (change: Partial<Threshold> = {}): Threshold => ({
  name: 'hot',
  quantity: 'temperature',
  limit: 35,
  side: 'above',
  hysteresis: 1,
  for_ms: 0,
  severity: 'warning',
  ...change,
})

/** A park sensor's belief with a clock: polls at given times, ticks exactly when they are due. */
export class BeliefBench {
  readonly config: BeliefConfig
  state: BeliefState
  readonly effects: BeliefEffect[] = []
  now_ms = 0
  readonly #wall_ms: number

  constructor(quantities: Quantity[], thresholds: Threshold[] = [], restored?: BeliefShown, wall_ms = BELIEF_WALL_MS) {
    this.#wall_ms = wall_ms
    this.config = { profile: 'test', quantities, thresholds }
    this.state = createBeliefState(this.config, restored, this.at)
  }

  get at() {
    return { wall_ms: this.#wall_ms + this.now_ms, monotonic_ms: this.now_ms }
  }

  feed(input: BeliefInput): this {
    const { state, effects } = step(this.config, this.state, input, this.at)
    this.state = state
    this.effects.push(...effects)
    return this
  }

  wait(time_ms: number): this {
    const end_ms = this.now_ms + time_ms
    for (let due = nextDeadline(this.config, this.state); due !== undefined && due <= end_ms; ) {
      this.now_ms = Math.max(this.now_ms, due)
      this.feed({ type: 'tick' })
      due = nextDeadline(this.config, this.state)
    }
    this.now_ms = end_ms
    return this
  }

  /** One poll of one quantity after its poll interval; `undefined` is a lost reply. */
  poll(raw: number | undefined, index = 0): this {
    const { name, poll_ms } = this.config.quantities[index] as Quantity
    const result: PollResult =
      raw === undefined ? { quantity: name, fault: 'bus-error', code: 11 } : { quantity: name, raw }
    return this.wait(poll_ms).feed({ type: 'poll', results: [result] })
  }

  polls(...raws: Array<number | undefined>): this {
    for (const raw of raws) this.poll(raw)
    return this
  }

  readings(): Reading[] {
    return this.effects.flatMap((effect) => (effect.type === 'readings' ? effect.readings : []))
  }
  /** Value and reason (or `good`) of each reading that was told. */
  told(): Array<[number | undefined, string]> {
    return this.readings().map(({ value, reason }) => [value, reason ?? 'good'])
  }
  packs(): number {
    return this.effects.filter(({ type }) => type === 'readings').length
  }
  events(): Array<[string, unknown]> {
    return this.effects.flatMap((effect) =>
      effect.type === 'event' ? [[effect.event, effect.data] as [string, unknown]] : [],
    )
  }
  outcomes() {
    return this.effects.flatMap((effect) => (effect.type === 'outcome' ? [effect.outcome] : []))
  }
  get shown(): BeliefShown {
    return shownBelief(this.config, this.state, this.at)
  }
  get availability() {
    return availabilityOf(this.state)
  }
}
