import type { Availability } from '../../hub/contract/availability.ts'
import type { Result } from '../../hub/contract/command.ts'
import type { LinliEvent } from '../../hub/contract/event.ts'
import type { Meta, Place } from '../../hub/contract/meta.ts'
import type { Address } from '../../hub/contract/topic.ts'

/**
 * What the hub and this process say to each other; the hub's side is `hub/flows-host/ipc.ts`, which decodes what is sent
 * from here. The hub's messages are believed: it is the parent that started this process.
 */

export interface StartMessage {
  type: 'start'
  data_dir: string
  secret: string
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
}

export interface DeviceMessage {
  type: 'device'
  address: Address
  field: 'meta' | 'state' | 'availability'
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

export type FromHub =
  | StartMessage
  | EventMessage
  | DeviceMessage
  | { type: 'snapshot'; devices: DeviceRecord[] }
  | { type: 'upstream'; upstream: UpstreamStatus }
  | { type: 'ping'; n: number }
  | { type: 'command-result'; id: string; result: Result }
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

export type ToHub =
  | { type: 'ready'; boot_ms: number; flows: 'started' | 'stopped'; reason?: string }
  | { type: 'pong'; n: number; rss_bytes: number }
  | { type: 'seen'; seq: number }
  | CommandMessage
