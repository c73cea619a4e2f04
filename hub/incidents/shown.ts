import {
  INCIDENT_CLOCKS,
  INCIDENT_KINDS,
  INCIDENT_SOURCES,
  INCIDENT_STATUSES,
  INCIDENT_TIERS,
} from '../contract/incident.ts'
import { Place } from '../contract/meta.ts'
import { type Static, Type } from '../contract/type.ts'
import { ALLOWED, type StepName } from './life-machine.ts'
import { defined } from './machine.ts'
import { stateOf } from './messages.ts'
import { type Incident, type Moment, STORY_WORDS, type StoryEntry } from './types.ts'

/** An incident as it is shown to who works on it: more than goes on the wire. */

const Status = Type.Enum([...INCIDENT_STATUSES])
const Kind = Type.Enum([...INCIDENT_KINDS])
const Clock = Type.Enum([...INCIDENT_CLOCKS])
const Tier = Type.Enum([...INCIDENT_TIERS])
const Time = Type.String({ format: 'date-time' })
const Text = Type.Optional(Type.String())

export const ShownIncident = Type.Object({
  id: Type.String({ description: 'its number, as on the topics' }),
  status: Status,
  kind: Kind,
  source: Type.Enum([...INCIDENT_SOURCES]),
  cause: Type.String({ description: 'name of the rule, submit or raise' }),
  since: Time,
  count: Type.Integer({ description: 'how often the same event came' }),
  late: Type.Boolean({ description: 'what raised it came late because of an outage' }),
  device: Type.Optional(Type.String({ description: '{gateway}/{class}/{device}' })),
  place: Type.Optional(Place),
  reference: Text,
  matter: Type.Optional(Type.String({ description: 'what was said when it was raised' })),
  text: Type.Optional(Type.String({ description: 'what the resident is told' })),
  team: Text,
  person: Text,
  reopened: Type.Integer({ description: 'times that it was begun again' }),
  steps: Type.Array(Type.Object({ status: Status, at: Time, actor: Type.String() })),
  overdue: Type.Array(Type.Object({ clock: Clock, tier: Tier })),
  deadlines: Type.Array(
    Type.Object({ clock: Clock, left_ms: Type.Integer({ description: 'from this answer on; below 0: overdue' }) }),
  ),
  possible: Type.Array(Type.String(), { description: 'steps that can be done now' }),
})
export type ShownIncident = Static<typeof ShownIncident>

export const ShownEntry = Type.Object({
  what: Type.Enum([...STORY_WORDS]),
  at: Time,
  actor: Type.String(),
  event: Text,
  type: Type.Optional(Type.String({ description: 'of the event' })),
  command: Text,
  text: Text,
  comment: Text,
  kind: Type.Optional(Kind),
  previous: Type.Optional(Kind),
  team: Text,
  person: Text,
  clock: Type.Optional(Clock),
  tier: Type.Optional(Tier),
  late_ms: Type.Optional(Type.Integer()),
  to: Type.Optional(Type.Array(Type.String())),
  notice: Text,
  delivery: Type.Optional(Type.Enum(['sent', 'delivered', 'failed'])),
  camera: Text,
  when: Type.Optional(Type.Enum(['before', 'at', 'after'])),
  sha256: Text,
  error: Text,
})

/** @param keepClosed_ms how long something can be done to a closed one */
export function shown(incident: Incident, { run_ms }: Moment, keepClosed_ms: number): ShownIncident {
  const { id, matter, person, reopened, clocks, status, closed_ms } = incident
  const isOver = closed_ms !== undefined && closed_ms + keepClosed_ms <= run_ms
  const deadlines = INCIDENT_CLOCKS.flatMap((clock) => {
    const running = clocks[clock]
    return running ? [{ clock, left_ms: Math.round(running.due_ms - run_ms) }] : []
  })
  const possible = (Object.keys(ALLOWED) as StepName[]).filter((step) => !isOver && ALLOWED[step].includes(status))
  return { id, ...stateOf(incident), ...defined({ matter, person }), reopened, deadlines, possible } as ShownIncident
}

export function shownEntry({
  wall_ms,
  run_ms: _run,
  quality: _quality,
  ...entry
}: StoryEntry): Static<typeof ShownEntry> {
  return { ...entry, at: new Date(wall_ms).toISOString() }
}
