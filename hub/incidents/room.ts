import type { Audit } from '../audit/audit.ts'
import type { CommandDesk } from '../commands/desk.ts'
import type { Message } from '../contract/decode.ts'
import type { LinliError } from '../contract/errors.ts'
import type { TimeQuality } from '../contract/event.ts'
import type { Place } from '../contract/meta.ts'
import type { Address, Site } from '../contract/topic.ts'
import type { Devices } from '../devices/devices.ts'
import type { Log } from '../journal/types.ts'
import type { OwnVoice } from '../own-voice.ts'
import type { Archive, Archived } from './archive/types.ts'
import type { IncidentConfig } from './config.ts'
import type { IncidentInput } from './machine.ts'
import type { Notice } from './notices.ts'
import type { PictureInput, PicturesWanted } from './pictures.ts'
import type { IncidentPlaces } from './places.ts'
import type { Live } from './record.ts'
import type { Incident, Moment, StoryEntry } from './types.ts'

/** What the room of the incidents needs, and what it gives. */

export interface Change {
  incident: Incident
  story: readonly StoryEntry[]
}

export interface Incidents {
  /** A command to an incident, kept by the desk; it is answered there, once. */
  onCommand(message: Message & { kind: 'command' }): void
  /** What people have to look at. */
  problems(): string[]
  counts(): { live: number; behind: number; setAside: number }
  /** Those that are not in the archive: open, or closed a short while ago. */
  live(): Iterable<Live>
  get(id: string): Promise<Archived | undefined>
  now(): Moment
  config(): IncidentConfig
  readonly archive: Archive
  /** On disk. */
  onChange(listener: (change: Change) => void): () => void
  onNotice(listener: (notice: Notice) => void): () => void
  /** Something was accepted. */
  heard(message: Message): void
  /** Pictures are wanted of this place, around this time. */
  onFetch(listener: (wanted: PicturesWanted) => void): () => void
  delivered(about: IncidentInput & { type: 'delivery' }): void
  pictured(picture: PictureInput): void
  /** Begins with the next event; takes up what stood before the restart. */
  start(): Promise<void>
  close(): Promise<void>
}

export interface IncidentDeps {
  log: Pick<Log, 'append' | 'list' | 'read' | 'last' | 'cursor' | 'onCommit' | 'recovery'>
  archive: Archive
  keep: OwnVoice['keep']
  desk: Pick<CommandDesk, 'answer' | 'openBelow'>
  audit: Pick<Audit, 'note'>
  placeOf: (address: Address) => Place | undefined
  /** How every device is, and what is said of it; absent: nothing is raised for that. */
  devices?: Pick<Devices, 'all'>
  places: Pick<IncidentPlaces, 'know' | 'forget'>
  config: () => IncidentConfig
  now_ms: () => number
  timeQuality: () => TimeQuality
  /** The machine's monotonic clock, and which run of the machine it counts from. */
  machine: { boot: string; monotonic_ms: () => number }
  onFault: (fault: LinliError) => void
}

export interface IncidentRoomConfig {
  site: Site
  /** How far running time goes back at most when the machine is switched off; 30 s. */
  checkpoint_ms?: number
}
