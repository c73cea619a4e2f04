import type { Moment } from '../../../moment.ts'
import type { AccessDecision } from '../access.ts'
import type { GateEffect, GateInput } from '../exchange.ts'

/** A machine on a bench with a clock of its own: what a driver would do, without one. */

const CONFIRM_MS = 250

export interface Bench<S> {
  step(state: S, input: GateInput, now: Moment): { state: S; effects: GateEffect[] }
  nextDeadline(state: S): number | undefined
}

export class GateBench<S> {
  readonly #machine: Bench<S>
  readonly #wallStart_ms: number
  state: S
  now_ms = 0
  /** Inputs that are read; take one away to let it grow old. */
  levels: Record<string, boolean | undefined> = {}
  readonly outputs: Record<string, boolean> = {}
  effects: GateEffect[] = []
  #commands = 0
  /** Called after every step: the physical thing behind the outputs. */
  onStep: () => void = () => {}

  constructor(machine: Bench<S>, initial: S, wallStart_ms = Date.parse('2026-11-23T08:00:00Z')) {
    this.#machine = machine
    this.state = initial
    this.#wallStart_ms = wallStart_ms
  }

  get now(): Moment {
    return { wall_ms: this.#wallStart_ms + this.now_ms, monotonic_ms: this.now_ms }
  }

  send(input: GateInput): void {
    const { state, effects } = this.#machine.step(this.state, input, this.now)
    this.state = state
    this.effects.push(...effects)
    for (const effect of effects) if (effect.type === 'output') this.outputs[effect.output] = effect.on
  }

  /** The hardware answers, and its inputs read so. */
  ready(levels: Record<string, boolean | undefined>): void {
    this.send({ type: 'io-ready' })
    this.set(levels)
  }

  lose(): void {
    this.send({ type: 'io-lost', reason: 'board-absent' })
    for (const name of Object.keys(this.outputs)) this.outputs[name] = false
    this.levels = {}
  }

  set(levels: Record<string, boolean | undefined>): void {
    this.levels = { ...this.levels, ...levels }
    this.send({ type: 'levels', levels })
  }

  /** @returns the name under which the outcome will come */
  command(name: string, args: unknown = {}, expires_in_ms?: number): string {
    const id = `c${++this.#commands}`
    const expiry = expires_in_ms === undefined ? {} : { expires_wall_ms: this.now.wall_ms + expires_in_ms }
    this.send({ type: 'command', id, name, args, actor: 'person:p1', ...expiry })
    return id
  }

  decide(decision: Partial<AccessDecision> = {}): void {
    this.send({
      type: 'access',
      decision: { granted: true, direction: 'in', by: 'card', credential: 'k1', ...decision },
    })
  }

  /** Lets time pass as a driver does: deadlines on time, inputs confirmed, the physical thing moved every 50 ms. */
  pass(for_ms: number): void {
    const end_ms = this.now_ms + for_ms
    while (this.now_ms < end_ms) {
      const due_ms = Math.max(this.#machine.nextDeadline(this.state) ?? Infinity, this.now_ms)
      const grid_ms = Math.floor(this.now_ms / 50) * 50 + 50
      this.now_ms = Math.min(due_ms, grid_ms, end_ms)
      if (due_ms === this.now_ms) this.send({ type: 'tick' })
      this.onStep()
      if (this.now_ms % CONFIRM_MS === 0) this.send({ type: 'levels', levels: this.levels })
    }
  }

  /** Events since the last call, as `type` or `type{…}` of the fields named. */
  events(): Array<{ event: string; data: Record<string, unknown> }> {
    const events = this.effects.filter((effect) => effect.type === 'event')
    this.effects = this.effects.filter((effect) => effect.type !== 'event')
    return events.map(({ event, data }) => ({ event, data: data as Record<string, unknown> }))
  }

  outcomes(id: string): string[] {
    return this.effects.flatMap((effect) => {
      if (effect.type !== 'outcome' || effect.id !== id) return []
      const { outcome } = effect
      return [outcome.status === 'succeeded' ? 'succeeded' : `${outcome.status} ${outcome.code}`]
    })
  }
}
