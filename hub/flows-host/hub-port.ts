import type { Availability } from '../contract/availability.ts'
import type { Actor, Result } from '../contract/command.ts'
import type { Message } from '../contract/decode.ts'
import type { Severity } from '../contract/event.ts'
import type { Meta, Place } from '../contract/meta.ts'
import type { Address } from '../contract/topic.ts'

/** What the flows host needs from the hub; wired in `hub/compose.ts`. */

/** One message of the contract, just accepted by the hub, with what the hub knows of its device. */
export interface AcceptedMessage {
  message: Message
  place: Place | undefined
  meta: Meta | undefined
  /** True when it was delayed by an outage: it is not live, and no siren may sound for it. */
  replayed: boolean
}

/** What holds now for one device. */
export interface DeviceSnapshot {
  address: Address
  meta: Meta | undefined
  /** The last `state` of the device, by the schema of its class; undefined when it has not said any. */
  state: unknown
  availability: Availability | undefined
}

/** `none`: no upstream is configured. */
export type UpstreamLink = 'connected' | 'disconnected' | 'none'

export interface UpstreamStatus {
  /** Which one; absent when none is configured. */
  name?: string
  status: UpstreamLink
  /** RFC 3339: since when the status holds. */
  since: string
  /** Events in the journal that the upstream has not acknowledged yet. */
  backlog: number
  /** Where to, without credentials. */
  url?: string
}

/** A command of a flow; the hub makes the id, the times and the topic. */
export interface CommandRequest {
  address: Address
  name: string
  args: unknown
  /** ms from now until it must never be executed any more. */
  ttl_ms: number
  actor: Actor
  reason?: string
}

/** What a flow has to say to the platforms upstream. */
export interface FlowReport {
  /** The node that says it. */
  flow: string
  name: string
  text: string
  severity: Severity
  data?: Record<string, unknown>
}

/** A deploy that ended the process twice was left for the last good version; 0: the shipped flows. */
export interface FallBack {
  from: number
  to: number
  user: string
  cause: string
  /** RFC 3339. */
  at: string
}

/** What people are to be told of an incident (`hub/incidents/notices.ts`). */
export interface Notice {
  id: string
  why: string
  incident: object
  to: Array<{ person: string; name: string; role?: string; channel: string; address: string }>
}

/** What became of a notice to one person. */
export interface Delivery {
  notice: string
  person: string
  delivery: 'sent' | 'delivered' | 'failed'
  error?: string
}

/** Ends a subscription; calling it again does nothing. */
export type Unsubscribe = () => void

export interface HubForFlows {
  /** Events, results, availability, state and meta as they are accepted. Listeners never throw and return at once. */
  onMessage(listener: (accepted: AcceptedMessage) => void): Unsubscribe
  /** Every known device, gateways included. */
  snapshot(): { devices: DeviceSnapshot[] }
  /** Resolves with the one final result (`succeeded`, `failed`, `refused` or `expired`); never rejects. */
  send(request: CommandRequest): Promise<Result>
  /** Goes through the journal like every event of the hub; rejects when it cannot be written. */
  report(report: FlowReport): Promise<void>
  /** Tells staff and platforms that a deploy was taken back; rejects when it cannot be written. */
  fellBack(fallBack: FallBack): Promise<void>
  /** Whoever begins to listen gets those of open incidents of which nobody knows what became. */
  onNotice(listener: (notice: Notice) => void): Unsubscribe
  delivered(delivery: Delivery): void
  /** Each; a single one of status `none` when none is configured. */
  upstreams(): UpstreamStatus[]
  onUpstream(listener: (status: UpstreamStatus) => void): Unsubscribe
}
