import type { Availability } from '../../hub/contract/availability.ts'
import type { Result } from '../../hub/contract/command.ts'
import type { LinliEvent, Severity } from '../../hub/contract/event.ts'
import type { Meta, Place } from '../../hub/contract/meta.ts'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import type { Address } from '../../hub/contract/topic.ts'

/**
 * What the hub and this process say to each other; the hub's side is `hub/flows-host/ipc.ts`, which decodes what is sent
 * from here. The hub's messages are believed: it is the parent that started this process.
 */

export interface StartMessage {
  type: 'start'
  data_dir: string
  secret: string
  /** How the process before this one was lost. */
  lost?: string
  language: 'zh-CN' | 'en-US'
}

export interface EventMessage {
  type: 'event'
  seq: number
  address: Address
  name: string
  event: LinliEvent
  place: Place | null
  replayed: boolean
}

export interface DeviceRecord {
  address: Address
  meta?: Meta
  state?: unknown
  availability?: Availability
  readings?: { time: string; pack: SenmlPack }
}

export interface DeviceMessage {
  type: 'device'
  address: Address
  field: 'meta' | 'state' | 'availability' | 'readings'
  value: unknown
}

export interface UpstreamStatus {
  /** Absent when there is none. */
  name?: string
  status: 'connected' | 'disconnected' | 'none'
  since: string
  backlog: number
  url?: string
}

/** What people are to be told of an incident, and by which way each of them. */
export interface Notice {
  id: string
  why: string
  clock?: string
  tier?: string
  incident: {
    id: string
    kind: string
    status: string
    cause: string
    count: number
    device?: string
    place?: Place
    matter?: string
  }
  to: Array<{ person: string; name: string; role?: string; channel: string; address: string }>
}

export type FromHub =
  | StartMessage
  | EventMessage
  | DeviceMessage
  | { type: 'snapshot'; devices: DeviceRecord[] }
  | { type: 'notice'; notice: Notice }
  | { type: 'upstream'; upstream: UpstreamStatus }
  | { type: 'ping'; n: number }
  | { type: 'command-result'; id: string; result: Result }
  | { type: 'reload'; id: string }
  | { type: 'fell-back-told' }
  | { type: 'stop' }

export interface CommandMessage {
  type: 'command'
  id: string
  address: Address
  name: string
  args: unknown
  ttl_ms: number
  flow: string
  reason?: string
  event?: string
}

export interface ReportMessage {
  type: 'report'
  id: string
  flow: string
  name: string
  text: string
  severity: Severity
  data?: object
}

/** What became of a notice to one person. */
export interface DeliveryMessage {
  type: 'delivery'
  notice: string
  person: string
  delivery: 'sent' | 'delivered' | 'failed'
  error?: string
}

/** How the flows are; `reason`: why they are stopped. */
export interface FlowsStanding {
  flows: 'started' | 'stopped'
  reason?: string
  fell_back?: { from: number; to: number; user: string; cause: string; at: string; told: boolean }
}

export type ToHub =
  | ({ type: 'ready'; boot_ms: number } & FlowsStanding)
  | ({ type: 'standing' } & FlowsStanding)
  | { type: 'reloaded'; id: string; ok: boolean }
  | { type: 'pong'; n: number; rss_bytes: number }
  | { type: 'seen'; seq: number }
  | CommandMessage
  | ReportMessage
  | DeliveryMessage
