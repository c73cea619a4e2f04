import type { Availability } from '../../hub/contract/availability.ts'
import type { Actor } from '../../hub/contract/command.ts'
import type { Severity } from '../../hub/contract/event.ts'
import type { Meta } from '../../hub/contract/meta.ts'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { Moment } from '../moment.ts'
import type { Logger } from '../ports/logger.ts'

/** What every device driver gives to the gateway, and gets from it. */

export interface DriverEvent {
  type: string
  severity: Severity
  at: Moment
  data: unknown
}

/** How a command ended. */
export type Outcome =
  | { status: 'succeeded'; data?: unknown }
  | { status: 'failed' | 'refused' | 'expired'; code: string; message: string }

export interface DriverCommand {
  id: string
  name: string
  args: unknown
  actor: Actor
  /** RFC 3339; a driver whose command can wait looks again before it acts. */
  expiresat?: string
}

/** The gateway's side. What is said within one turn of the event loop lands in one commit of the spool. */
export interface DriverHost {
  event(event: DriverEvent): void
  state(state: unknown): void
  telemetry(pack: SenmlPack, at: Moment): void
  availability(availability: Omit<Availability, 'since'>, at: Moment): void
  /** The driver caught an error of its own: it is logged and the device shown as faulty. */
  failed(error: unknown): void
  log: Logger
}

export interface Driver {
  readonly address: Address
  readonly meta: Meta
  /** Publishes what holds and begins to listen. */
  start(): void
  /** Answers exactly once, now or later. Decoded and not expired; args fit the contract. */
  execute(command: DriverCommand, answer: (outcome: Outcome) => void): void
  close(): void
}
