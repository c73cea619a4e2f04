import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { SessionReadings } from '../broker/persistence/sessions.ts'
import type { DeviceView } from '../devices/devices.ts'
import { incidentGauges } from './incident-gauges.ts'
import type { Counts, HistoryReading, Readings } from './metrics.ts'

/** The page that Prometheus reads. What Node itself tells (its event loop, its collector) is measured from the first page on. */
export interface MetricsPage {
  render(): Promise<{ contentType: string; body: string }>
}

export type AddGauge = (
  name: string,
  help: string,
  labelNames: string[],
  collect: (set: (labels: Record<string, string>, value: number) => void) => void | Promise<void>,
) => void

export function createMetricsPage(read: () => Readings, counts: Counts): MetricsPage {
  const registry = new Registry()
  const registers = [registry]
  // Its event-loop monitor samples every 10 ms by default, which alone keeps an idle box awake.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 })
  addCounters(registers, counts)

  const gauge: AddGauge = (name, help, labelNames, collect) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset()
        return collect((labels, value) => this.set(labels, value))
      },
    })

  gauge('linli_journal_entries', 'Entries in the journal', ['lane'], (set) => {
    for (const { lane, depth } of read().lanes) set({ lane }, depth)
  })
  gauge('linli_journal_dropped_entries', 'Entries evicted from a full lane since start', ['lane'], (set) => {
    for (const { lane, dropped } of read().lanes) set({ lane }, dropped)
  })
  gauge('linli_journal_refused_entries', 'Appends refused since start', ['lane'], (set) => {
    for (const { lane, refused } of read().lanes) set({ lane }, refused)
  })
  gauge('linli_journal_fault', '1 while the journal refuses or cannot write', ['code'], (set) => {
    const code = read().journalFault
    if (code !== undefined) set({ code }, 1)
  })
  gauge('linli_journal_recoveries', 'Damaged journal files set aside since start', [], (set) =>
    set({}, read().journalRecoveries),
  )
  gauge('linli_commands_open', 'Commands without a final result', [], (set) => set({}, read().commands.open))
  gauge('linli_commands_remembered', 'Commands whose id is remembered, open or ended', [], (set) =>
    set({}, read().commands.remembered),
  )
  gauge('linli_audit_missed_lines', 'Lines of the audit log that could not be written since start', [], (set) =>
    set({}, read().auditMissed),
  )
  gauge('linli_journal_bytes', 'Size of the journal on disk', [], (set) => set({}, read().journalBytes))
  gauge('linli_mqtt_connections', 'Open MQTT connections, let in or not', [], (set) => set({}, read().mqttConnections))
  addUpstreams(gauge, read)
  gauge('linli_mqtt_retained_messages', 'Retained messages', [], (set) => set({}, read().mqttRetained.messages))
  gauge('linli_mqtt_retained_bytes', 'Retained messages with their topics', [], (set) =>
    set({}, read().mqttRetained.bytes),
  )
  sessionGauges(gauge, () => read().sessions)
  incidentGauges(gauge, () => read().incidents)
  gauge('linli_device_available', '1 while a device is online', ['gateway', 'class', 'device'], (set) => {
    for (const { address, availability } of read().devices) {
      if (availability)
        set(
          { gateway: address.gateway, class: address.class, device: address.device },
          availability.status === 'online' ? 1 : 0,
        )
    }
  })
  gauge('linli_board_ready', '1 while a board answers', ['gateway', 'board'], (set) => {
    for (const { gateway, board, ready } of boardsOf(read().devices)) set({ gateway, board }, ready ? 1 : 0)
  })
  const history = (name: string, help: string, value: (reading: HistoryReading) => number) =>
    gauge(name, help, [], (set) => {
      const found = read().history
      if (found) set({}, value(found))
    })
  history('linli_history_failing', '1 while the history cannot be written', ({ failing }) => (failing ? 1 : 0))
  history('linli_history_lag_entries', 'Telemetry packs that are not in the history yet', ({ behind }) => behind)
  history('linli_history_readings', 'Readings added to the history since start', ({ added }) => added)
  history('linli_history_repeated_readings', 'Readings that came again since start', ({ repeated }) => repeated)
  history('linli_history_unplaced_readings', 'Readings without a place in time since start', ({ unplaced }) => unplaced)
  history('linli_history_bytes', 'Size of the history on disk', ({ bytes }) => bytes)
  gauge('linli_alarm_way_age_seconds', 'Since an event of the gateway was on disk', ['gateway'], (set) => {
    for (const [gateway, age_s] of Object.entries(read().alarmWays)) set({ gateway }, age_s)
  })
  gauge('linli_flows_running', '1 while the flows process is healthy', [], (set) =>
    set({}, read().flows?.running ? 1 : 0),
  )
  gauge('linli_flows_restarts', 'Restarts of the flows process since start', ['cause'], (set) => {
    for (const [cause, count] of read().flows?.restarts ?? []) set({ cause }, count)
  })
  gauge('linli_flows_fell_back', 'Deploys left for the last good version since start', [], (set) =>
    set({}, read().flows?.fellBack ?? 0),
  )
  gauge('linli_flows_rss_bytes', 'Memory of the flows process', [], (set) => set({}, read().flows?.rssBytes ?? 0))

  return {
    render: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
  }
}

/** Who waits for what: persistent sessions, and subscribers whose session ends with their connection. */
function sessionGauges(gauge: AddGauge, read: () => SessionReadings | undefined): void {
  gauge('linli_mqtt_sessions', 'Persistent sessions', ['connected'], (set) => {
    set({ connected: 'yes' }, read()?.connected ?? 0)
    set({ connected: 'no' }, read()?.offline ?? 0)
  })
  gauge('linli_mqtt_queued_bytes', 'Bytes of what waits for subscribers, in flight or not', [], (set) =>
    set({}, read()?.queued_bytes ?? 0),
  )
  gauge('linli_mqtt_inflight_messages', 'Messages sent to persistent sessions and not acknowledged', [], (set) =>
    set({}, read()?.inflight ?? 0),
  )
  gauge('linli_mqtt_session_messages', 'Messages that wait for a persistent session', ['client'], (set) => {
    for (const { client, messages } of read()?.by_client ?? []) set({ client }, messages)
  })
  gauge(
    'linli_mqtt_dropped_messages',
    'Messages that sessions lost because too much waited, since start',
    ['grade'],
    (set) => {
      for (const [grade, count] of Object.entries(read()?.dropped ?? {})) set({ grade }, count)
    },
  )
  gauge('linli_mqtt_sessions_expired', 'Sessions deleted because nobody came back, since start', [], (set) =>
    set({}, read()?.expired ?? 0),
  )
}

function addUpstreams(gauge: AddGauge, read: () => Readings): void {
  const labels = ['upstream', 'lane']
  gauge('linli_upstream_connected', '1 while the upstream is connected', ['upstream'], (set) => {
    for (const { name, connected } of read().upstreams) set({ upstream: name }, connected ? 1 : 0)
  })
  gauge('linli_upstream_lag_entries', 'Entries that the upstream has not acknowledged', labels, (set) => {
    for (const { name, backlog } of read().upstreams)
      for (const [lane, lag] of Object.entries(backlog)) set({ upstream: name, lane }, lag)
  })
  gauge('linli_upstream_delivered_entries', 'Entries acknowledged by the upstream since start', labels, (set) => {
    for (const { name, delivered } of read().upstreams)
      for (const [lane, count] of delivered) set({ upstream: name, lane }, count)
  })
  gauge('linli_upstream_dead_letters', 'Messages that the upstream could not take', ['upstream'], (set) => {
    for (const { name, deadLetters } of read().upstreams) set({ upstream: name }, deadLetters)
  })
  gauge(
    'linli_upstream_left_entries',
    'Entries kept for an upstream that is configured no more',
    ['upstream'],
    (set) => {
      for (const { name, entries } of read().left) set({ upstream: name }, entries)
    },
  )
}

/** Of what is counted since start, also before the first page. */
function addCounters(registers: Registry[], counts: Counts): void {
  const counter = (name: string, help: string, count: keyof Counts, label?: string) =>
    new Counter({
      name,
      help,
      labelNames: label === undefined ? [] : [label],
      registers,
      collect() {
        this.reset()
        for (const [value, number] of counts[count]) this.inc(label === undefined ? {} : { [label]: value }, number)
      },
    })
  counter('linli_messages_accepted_total', 'Messages written to the journal', 'accepted', 'kind')
  counter(
    'linli_messages_rejected_total',
    'Messages refused by the contract, kept in the rejected lane',
    'rejected',
    'code',
  )
  counter('linli_messages_duplicate_total', 'Events that arrived again with the same id', 'duplicates')
  counter('linli_telemetry_lost_total', 'Telemetry dropped because the disk is full', 'lost')
  counter('linli_qos0_shed_total', 'QoS 0 messages not handed to a subscriber that does not read', 'shed')
  counter(
    'linli_mqtt_refused_total',
    'MQTT clients cut off, and subscriptions refused, by clause of the standard or limit',
    'refused',
    'cause',
  )
  counter(
    'linli_mqtt_throttled_total',
    'Times a client published faster than it may and was read from more slowly',
    'throttled',
  )
}

/** Boards stand in the state of their gateway; a board behind an offline gateway is not ready. */
function boardsOf(devices: DeviceView[]): Array<{ gateway: string; board: string; ready: boolean }> {
  return devices
    .filter((device) => device.address.class === 'gateway')
    .flatMap(({ address, state, availability }) => {
      const boards = (state as { boards?: Array<{ id: string; status: string }> } | undefined)?.boards ?? []
      const alive = availability?.status === 'online'
      return boards.map(({ id, status }) => ({
        gateway: address.gateway,
        board: id,
        ready: alive && status === 'ready',
      }))
    })
}
