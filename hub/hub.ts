import type { Duplex } from 'node:stream'
import type { Audit } from './audit/audit.ts'
import type { Head } from './audit/chain.ts'
import type { Authenticator } from './auth/authenticator.ts'
import type { FlappingConfig } from './availability/machine.ts'
import type { Broker, BrokerLog } from './broker/broker.ts'
import type { CommandDesk } from './commands/desk.ts'
import type { Message } from './contract/decode.ts'
import type { TimeQuality } from './contract/event.ts'
import type { HubState } from './contract/hub.ts'
import type { Site } from './contract/topic.ts'
import type { CredentialSource } from './credentials/source.ts'
import type { Devices } from './devices/devices.ts'
import type { Settings as HomeAssistantSettings } from './home-assistant/entities.ts'
import type { Archive } from './incidents/archive/types.ts'
import type { IncidentConfig } from './incidents/config.ts'
import type { Incidents } from './incidents/room.ts'
import type { Log } from './journal/types.ts'
import type { OwnVoice } from './own-voice.ts'
import type { Registry } from './registry/registry.ts'
import type { UpstreamSettings } from './upstream/settings.ts'
import type { Upstreams } from './upstream/upstreams.ts'

/** What one hub is made of, and what it shows: the types that `compose.ts` fills in. */

export interface HubDeps {
  log: Log
  registry: Registry
  authenticate: Authenticator
  logger: HubLogger
  counters: HubCounters
  random: () => number
  now_ms: () => number
  newId: () => string
  /** How far `now_ms` can be trusted; `unsynced` when absent. */
  timeQuality?: () => TimeQuality
  /** Keeps the last line of the audit log in a second place. */
  keepAuditHead?: (head: Head) => Promise<void>
  /** Closed incidents; in memory when absent. */
  incidentArchive?: Archive
  /** Rules, clocks and people of the site, as they are now; the shipped ones when absent. */
  incidentConfig?: () => IncidentConfig
  /** The machine's monotonic clock, and which run of the machine it counts from; that of this process when absent. */
  machine?: { boot: string; monotonic_ms: () => number }
  /** How the flows are; nothing is said of them when absent. */
  flowsState?: () => HubState['flows']
  /** In-memory transport to the upstream, for virtual time. */
  connectUpstream?: () => Duplex
}

export interface HubLogger extends BrokerLog {
  error(details: object, message: string): void
}

export interface HubCounters {
  accepted(kind: string): void
  rejected(code: string): void
  duplicate(): void
  telemetryLost(): void
  shed(): void
  clientRefused(cause: string): void
  clientThrottled(): void
}

export interface HubSettings {
  site: Site
  name: string
  dev: boolean
  /** None when absent. */
  upstreams?: readonly UpstreamSettings[]
  /** When a device counts as flapping; five outages in ten minutes when absent. */
  flapping?: FlappingConfig
  /** `keyId` of the site key; without it this hub has no credentials to distribute. */
  credentialKey?: string
  /** Shows the estate in Home Assistant. */
  homeAssistant?: HomeAssistantSettings
}

/** A message that is in the journal, for those who watch the hub from inside. */
export type AcceptedListener = (message: Message) => void

export interface Hub {
  readonly broker: Broker
  readonly devices: Devices
  readonly desk: CommandDesk
  readonly audit: Audit
  readonly upstreams: Upstreams
  readonly credentials: CredentialSource | undefined
  readonly incidents: Incidents
  /** For what the hub itself has to say of the world. */
  readonly own: OwnVoice
  onAccepted(listener: AcceptedListener): () => void
  /** An upstream came or went. */
  onUpstream(listener: (name: string) => void): () => void
  /** The flows came or went: the hub's state says so at once. */
  flowsChanged(): void
  /** What people have to look at although the hub works on, for people. */
  problems(): string[]
  /** Restores what is retained, then starts forwarding. */
  start(): Promise<void>
  close(): Promise<void>
}
