import type { SessionReadings } from '../broker/persistence/sessions.ts'
import type { DeviceView } from '../devices/devices.ts'
import type { IncidentReadings } from './incident-gauges.ts'
import type { MetricsPage } from './metrics-page.ts'

/** What the hub tells of itself in numbers. Values that are state somewhere else are read when the page is asked for. */

export interface LaneReading {
  lane: string
  depth: number
  dropped: number
  refused: number
}

export interface UpstreamReading {
  name: string
  connected: boolean
  backlog: Readonly<Record<string, number>>
  delivered: ReadonlyMap<string, number>
  deadLetters: number
}

export interface HistoryReading {
  failing: boolean
  behind: number
  added: number
  repeated: number
  unplaced: number
  bytes: number
}

export interface Readings {
  lanes: LaneReading[]
  journalBytes: number
  /** The fault that holds now. */
  journalFault: string | undefined
  journalRecoveries: number
  /** Without a final result, and all whose id is remembered. */
  commands: { open: number; remembered: number }
  /** Lines of the audit log that could not be written since start. */
  auditMissed: number
  mqttConnections: number
  upstreams: UpstreamReading[]
  /** Upstreams that are configured no more, and for which entries are kept. */
  left: ReadonlyArray<{ name: string; entries: number }>
  mqttRetained: { messages: number; bytes: number }
  sessions: SessionReadings | undefined
  devices: DeviceView[]
  incidents: IncidentReadings | undefined
  history: HistoryReading | undefined
  /** Seconds since an event or result of each gateway was on disk. */
  alarmWays: Readonly<Record<string, number>>
  flows: { running: boolean; restarts: ReadonlyMap<string, number>; rssBytes: number; fellBack: number } | undefined
}

export interface Metrics {
  accepted(kind: string): void
  rejected(code: string): void
  duplicate(): void
  telemetryLost(): void
  shed(): void
  clientRefused(cause: string): void
  clientThrottled(): void
  render(): Promise<{ contentType: string; body: string }>
}

/** What only this module counts, by the label of its counter ('' where it has none), since start. */
export type Counts = Record<
  'accepted' | 'rejected' | 'duplicates' | 'lost' | 'shed' | 'refused' | 'throttled',
  ReadonlyMap<string, number>
>

/** Its library is loaded when the page is asked for: a hub that nobody measures does without 10 MB. */
export function createMetrics(read: () => Readings): Metrics {
  const counts = {
    accepted: new Map<string, number>(),
    rejected: new Map<string, number>(),
    duplicates: new Map<string, number>(),
    lost: new Map<string, number>(),
    shed: new Map<string, number>(),
    refused: new Map<string, number>(),
    throttled: new Map<string, number>(),
  } satisfies Counts
  let page: Promise<MetricsPage> | undefined
  return {
    accepted: (kind) => add(counts.accepted, kind),
    rejected: (code) => add(counts.rejected, code),
    duplicate: () => add(counts.duplicates),
    telemetryLost: () => add(counts.lost),
    shed: () => add(counts.shed),
    clientRefused: (cause) => add(counts.refused, cause),
    clientThrottled: () => add(counts.throttled),
    async render() {
      page ??= import('./metrics-page.ts').then(({ createMetricsPage }) => createMetricsPage(read, counts))
      return (await page).render()
    },
  }
}

function add(counts: Map<string, number>, label = ''): void {
  counts.set(label, (counts.get(label) ?? 0) + 1)
}
