import type { Severity } from '../../hub/contract/event.ts'
import type { EventMessage } from '../parent/messages.ts'
import { type DeviceFilter, meansDevice } from './device-filter.ts'

/** What a `linli event` node lets through; an empty field lets everything through. */
export interface EventFilter extends DeviceFilter {
  /** Event types, separated by commas. */
  types: string
  /** At least this severe. */
  severity: Severity | ''
  /** Also events that were delayed by an outage: for records, never for sirens. */
  replayed: boolean
}

const RANK: Record<Severity, number> = { notice: 0, warning: 1, alarm: 2 }

export function listOf(text: string): string[] {
  return text
    .split(/[,，、\s]+/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

export function matches(filter: EventFilter, message: EventMessage): boolean {
  const { address, event, name, place } = message
  const types = listOf(filter.types)
  return (
    (filter.replayed || !message.replayed) &&
    (types.length === 0 || types.includes(name)) &&
    (filter.severity === '' || RANK[event.severity] >= RANK[filter.severity]) &&
    meansDevice(filter, address, place)
  )
}
