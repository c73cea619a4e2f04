import type { DeviceMessage, EventMessage, ToFlows } from './ipc.ts'

/**
 * What the hub has for the flows process and could not give it yet. Bounded: the hub never waits for a flow. When it is
 * full, what is superseded soonest goes first: device states, then routine events, then alarms.
 *
 * An event counts as delivered only when the child says that it had its turn (`seen`); a child that is lost before gives
 * it back. A press during a hang therefore still sounds the siren after the restart. What comes back is given one by one,
 * each on trial until its turn is over: the one that loses a second child is given up, so that no event can kill the flows
 * for ever, and no other is lost with it.
 */
export interface OutboxConfig {
  /** Events waiting, both lanes together. */
  events_max: number
  /** Devices of which a state waits. */
  states_max: number
  /** Events given to the child and not yet seen that are remembered. */
  unseen_max: number
  /** ms after which a waiting event is not live any more and is given as replayed. */
  live_for_ms: number
}

export const OUTBOX_DEFAULTS: OutboxConfig = {
  events_max: 5_000,
  states_max: 2_000,
  unseen_max: 1_000,
  live_for_ms: 30_000,
}

export type OutboxLane = 'state' | 'routine' | 'alarm'

interface WaitingEvent {
  message: EventMessage
  since: number
  /** A child was lost while it had this event. */
  suspect: boolean
}

type EventLane = Exclude<OutboxLane, 'state'>

const laneOf = (waiting: WaitingEvent): EventLane => (waiting.message.event.severity === 'alarm' ? 'alarm' : 'routine')

export class Outbox {
  readonly #config: OutboxConfig
  /** Maps keep the order of insertion: the first key is the oldest. */
  readonly #lanes: Record<EventLane, Map<number, WaitingEvent>> = { routine: new Map(), alarm: new Map() }
  readonly #states = new Map<string, { seq: number; message: DeviceMessage }>()
  #unseen: WaitingEvent[] = []
  readonly #dropped = { state: 0, routine: 0, alarm: 0 }
  #seq = 0
  /** The suspect that has its turn now; no other event is given meanwhile. */
  #trial: WaitingEvent | undefined
  #gap = false

  constructor(config: OutboxConfig) {
    this.#config = config
  }

  /** Messages that never reached a flow. */
  get dropped(): Readonly<Record<OutboxLane, number>> {
    return { ...this.#dropped }
  }

  get waiting(): number {
    return this.#events + this.#states.size
  }

  get #events(): number {
    return this.#lanes.routine.size + this.#lanes.alarm.size
  }

  addEvent(event: Omit<EventMessage, 'seq'>, now: number): void {
    const waiting = { message: { ...event, seq: ++this.#seq }, since: now, suspect: false }
    this.#lanes[laneOf(waiting)].set(this.#seq, waiting)
    this.#bound()
  }

  /** A newer value of the same field of the same device takes the place of a waiting one. */
  addDevice(key: string, message: DeviceMessage): void {
    this.#states.delete(key)
    this.#states.set(key, { seq: ++this.#seq, message })
    if (this.#states.size <= this.#config.states_max) return
    this.#states.delete(this.#states.keys().next().value as string)
    this.#dropped.state += 1
    this.#gap = true
  }

  /** The oldest waiting message, which then is on its way. */
  next(now: number): ToFlows | undefined {
    const routine = this.#lanes.routine.keys().next().value ?? Number.POSITIVE_INFINITY
    const alarm = this.#lanes.alarm.keys().next().value ?? Number.POSITIVE_INFINITY
    const state = this.#states.entries().next().value
    if (state && (this.#trial || state[1].seq < Math.min(routine, alarm))) {
      this.#states.delete(state[0])
      return state[1].message
    }
    if (this.#trial) return undefined
    return this.#take(routine < alarm ? 'routine' : 'alarm', Math.min(routine, alarm), now)
  }

  #take(lane: EventLane, seq: number, now: number): ToFlows | undefined {
    const waiting = this.#lanes[lane].get(seq)
    if (!waiting) return undefined
    this.#lanes[lane].delete(seq)
    this.#unseen.push(waiting)
    if (waiting.suspect) this.#trial = waiting
    if (this.#unseen.length > this.#config.unseen_max) this.#unseen.shift()
    const late = now - waiting.since > this.#config.live_for_ms
    return late ? { ...waiting.message, replayed: true } : waiting.message
  }

  /** The child has dealt with every event up to this one. */
  seen(seq: number): void {
    this.#unseen = this.#unseen.filter((waiting) => waiting.message.seq > seq)
    if (this.#trial && this.#trial.message.seq <= seq) this.#trial = undefined
  }

  /** The child is lost: events it had not dealt with wait again; states do not, a snapshot follows. */
  childLost(): void {
    const guilty = this.#trial
    this.#trial = undefined
    if (guilty) {
      this.#unseen = this.#unseen.filter((waiting) => waiting !== guilty)
      this.#dropped[laneOf(guilty)] += 1
    }
    for (const waiting of this.#unseen) waiting.suspect = true
    for (const lane of ['routine', 'alarm'] as const) {
      const again = this.#unseen.filter((waiting) => laneOf(waiting) === lane)
      // They are older than everything that waits: back to the front, in their order.
      const rest = [...this.#lanes[lane].values()]
      this.#lanes[lane] = new Map([...again, ...rest].map((waiting) => [waiting.message.seq, waiting]))
    }
    this.#unseen = []
    this.#states.clear()
    this.#bound()
    this.#gap = false
  }

  /** True once after something was dropped: the child then needs a snapshot. */
  takeGap(): boolean {
    const gap = this.#gap
    this.#gap = false
    return gap
  }

  /** Routine events give way to alarms. */
  #bound(): void {
    while (this.#events > this.#config.events_max) {
      const lane = this.#lanes.routine.size > 0 ? 'routine' : 'alarm'
      this.#lanes[lane].delete(this.#lanes[lane].keys().next().value as number)
      this.#dropped[lane] += 1
      this.#gap = true
    }
  }
}
