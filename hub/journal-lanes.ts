import { PROBE_LANE } from './alarm-ways.ts'
import { AUDIT_LANE } from './audit/audit.ts'
import { SESSION_LANES } from './broker/persistence/store.ts'
import { COMMAND_RECORD_LANE } from './commands/record.ts'
import { CREDENTIAL_LANE } from './credentials/entries.ts'
import { DUTY_LANE } from './duty/records.ts'
import { EVACUATION_LANE } from './evacuation/record.ts'
import { INCIDENT_LANE } from './incidents/record.ts'
import type { LaneConfig } from './journal/types.ts'
import { DEAD_LETTER_LANE } from './upstream/dead-letters.ts'

const MIB = 1024 * 1024

/** The lanes of the hub's journal, most urgent first. What is kept when everybody has it is kept for replays. */
export const JOURNAL_LANES: LaneConfig[] = [
  /** Events and command results: never evicted. */
  { name: 'alarm', kind: 'queue', evict: 'never', keep: { entries_max: 20_000, bytes_max: 32 * MIB } },
  /** What holds now, by topic: state, availability, meta. */
  { name: 'state', kind: 'compacted' },
  /** Commands that are open, and the results of those that may come again. */
  COMMAND_RECORD_LANE,
  /** Who did what; shortened by its own room. */
  AUDIT_LANE,
  /** The evacuation that is on, and which gates have it. */
  EVACUATION_LANE,
  /** Incidents that are open, or were closed a short while ago. */
  INCIDENT_LANE,
  /** Who may pass, by keyed hash. */
  CREDENTIAL_LANE,
  /** The plan of the site, and the sheets of its shifts. */
  DUTY_LANE,
  /** Persistent MQTT sessions, and what they are owed. */
  SESSION_LANES.records,
  SESSION_LANES.alarm,
  SESSION_LANES.state,
  /** What an upstream cannot take, until somebody decides. */
  DEAD_LETTER_LANE,
  /** At 30 parks × 20 sensors × 1/min, 1,000,000 readings are a day of outage; larger packs are bounded by their bytes. */
  {
    name: 'telemetry',
    kind: 'queue',
    evict: { oldest: { entries_max: 1_000_000, bytes_max: 1_000_000_000 } },
    keep: { entries_max: 50_000, bytes_max: 64 * MIB },
  },
  SESSION_LANES.telemetry,
  PROBE_LANE,
  /** What the contract refused, for inspection. */
  {
    name: 'rejected',
    kind: 'queue',
    evict: { oldest: { entries_max: 10_000, bytes_max: 16_000_000, age_ms_max: 30 * 24 * 60 * 60_000 } },
  },
]
