import type { Command, Result } from '../contract/command.ts'
import { type IncidentArgs, type IncidentCode, type IncidentStatus, NEW_INCIDENT } from '../contract/incident.ts'
import { type Address, parseTopic, type Topic } from '../contract/topic.ts'
import type { Changes } from './book.ts'
import type { IncidentConfig } from './config.ts'
import type { Refusal, StepInput } from './life-machine.ts'
import { defined, raiseIncident, type Stepped, stepIncident } from './machine.ts'
import type { Live } from './record.ts'
import type { Incident, Moment } from './types.ts'

/** What a command to an incident comes to. */

/** Incidents in memory from which on people raise no more: events always do. */
export const OPEN_MAX = 10_000

export type Outcome = Stepped | Refusal

export function carryOut(
  command: Command,
  topic: Pick<Topic, 'device'>,
  room: { config: IncidentConfig; changes: Pick<Changes, 'incident'>; size: number; next: () => number },
  now: Moment,
): Outcome {
  const { id, name, args } = command
  const actor = `${command.actor.kind}:${command.actor.id}`
  if (name === 'submit' || name === 'raise') {
    if (topic.device !== NEW_INCIDENT)
      return { refused: 'INCIDENT_STEP', message: `${name} raises a new one: send it to ${NEW_INCIDENT}` }
    if (room.size >= OPEN_MAX)
      return { refused: 'INCIDENT_FULL', message: `${OPEN_MAX} incidents are open: finish some first` }
    const { text, kind, place, reference } = args as IncidentArgs<'submit'>
    const number = room.next()
    const cause = { id: String(number), number, source: name === 'submit' ? 'resident' : 'staff', cause: name } as const
    const more = { ...defined({ place, reference }), kind: kind ?? 'shared', matter: text }
    return raiseIncident(room.config, { ...cause, ...more, rule: {}, actor, command: id }, now)
  }
  const incident = room.changes.incident(topic.device)
  if (!incident) return { refused: 'INCIDENT_UNKNOWN', message: `there is no incident ${topic.device} to do this to` }
  return stepIncident(room.config, incident, { type: 'step', step: name, args, actor, command: id } as StepInput, now)
}

export function succeeded(
  { id, name }: Pick<Command, 'id' | 'name'>,
  incident: string,
  status: IncidentStatus,
  at: string,
): Result {
  return { id, name, status: 'succeeded', at, data: { incident, status } }
}

export function notDone(
  { id, name }: Pick<Command, 'id' | 'name'>,
  status: 'refused' | 'failed' | 'expired',
  code: IncidentCode | 'COMMAND_EXPIRED',
  message: string,
  at: string,
): Result {
  return { id, name, status, code, message: message.slice(0, 400), at }
}

/** After a restart: of the commands without an answer, those that stand in a story were carried out, and the others not. */
export function settled(
  open: ReadonlyArray<{ id: string; name: string; topic: string }>,
  live: Iterable<Live>,
  now_ms: number,
): Array<{ topic: Address; result: Result }> {
  if (open.length === 0) return []
  const done = new Map<string, Incident>()
  for (const { incident, story } of live)
    for (const { command } of story) if (command !== undefined) done.set(command, incident)
  const at = new Date(now_ms).toISOString()
  return open.flatMap((command) => {
    const parsed = parseTopic(`${command.topic}/state`)
    if (!parsed.ok) return []
    const incident = done.get(command.id)
    const message = 'the hub restarted before it was done: send it again with a new id'
    const result = incident
      ? succeeded(command, incident.id, incident.status, at)
      : notDone(command, 'failed', 'INCIDENT_RESTARTED', message, at)
    return [{ topic: parsed.value, result }]
  })
}
