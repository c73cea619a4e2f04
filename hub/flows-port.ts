import type { Message } from './contract/decode.ts'
import { encodeJson } from './contract/encode.ts'
import { makeEvent, type Severity, type TimeQuality } from './contract/event.ts'
import type { HubState } from './contract/hub.ts'
import { type Address, formatTopic, type Site } from './contract/topic.ts'
import type { FlowReport, HubForFlows, UpstreamStatus } from './flows-host/hub-port.ts'
import type { FlowsStatus } from './flows-host/status.ts'
import type { Hub } from './hub.ts'
import { incidentAddress, stateOf } from './incidents/messages.ts'

export interface FlowsPortConfig {
  site: Site
  /** Of the hub. */
  name: string
  timeQuality: () => TimeQuality
}

/** The hub as the flows host sees it. */
export function hubForFlows(hub: Hub, config: FlowsPortConfig): HubForFlows {
  const say = createSpeaker(hub, config)

  function upstreams(): UpstreamStatus[] {
    const each = hub.upstreams.reports().map(
      ({ name, connected, since, backlog, url }): UpstreamStatus => ({
        name,
        status: connected ? 'connected' : 'disconnected',
        since,
        backlog: Object.values(backlog).reduce((sum, lag) => sum + lag, 0),
        url,
      }),
    )
    return each.length > 0 ? each : [{ status: 'none', since: new Date(0).toISOString(), backlog: 0 }]
  }

  function incidents() {
    return Array.from(hub.incidents.live(), ({ incident }) => ({
      address: incidentAddress(config.site, incident.id),
      meta: undefined,
      state: stateOf(incident),
      availability: undefined,
    }))
  }

  return {
    onMessage: (listener) =>
      hub.onAccepted((message) => {
        const meta = hub.devices.get(message.topic)?.meta
        listener({ message, meta, place: meta?.place, replayed: isReplayed(message) })
      }),
    snapshot: () => ({ devices: [...hub.devices.all(), ...incidents()] }),
    send: (request) => hub.desk.send(request),
    report: ({ severity, ...report }: FlowReport) => say('flow-report', severity, report),
    fellBack: ({ at: _at, ...fallBack }) => say('flows-fell-back', 'warning', fallBack),
    onNotice: (listener) => hub.incidents.onNotice(listener),
    delivered: (delivery) => hub.incidents.delivered({ type: 'delivery', ...delivery }),
    upstreams,
    onUpstream: (listener) =>
      hub.onUpstream((name) => {
        const changed = upstreams().find((one) => one.name === name)
        if (changed) listener(changed)
      }),
  }
}

/** As the hub's state has it; nothing is said while they start for the first time or end with the hub. */
export function flowsState({ status, flows, fell_back, last_cause }: FlowsStatus): HubState['flows'] {
  const isFirst = status === 'starting' && last_cause === undefined
  if (isFirst || status === 'stopped' || status === 'closing') return undefined
  const process = flows === 'stopped' ? 'stopped' : 'running'
  return { status: status === 'running' ? process : 'away', ...(fell_back ? { fellback: fell_back } : {}) }
}

/** What is said of flows is an event of the hub itself, numbered apart from its others. */
function createSpeaker(hub: Hub, { site, name, timeQuality }: FlowsPortConfig) {
  const { street, community, estate } = site
  const address: Address = { street, community, estate, gateway: 'hub', class: 'hub', device: name }
  const began_ms = performance.now()
  const bootid = `f${Date.now().toString(16)}`
  let sequence = 0
  return (type: 'flow-report' | 'flows-fell-back', severity: Severity, data: object): Promise<void> => {
    sequence += 1
    const stamp = { wall_ms: Date.now(), monotonic_ms: performance.now() - began_ms, quality: timeQuality() }
    const event = makeEvent({ address, bootid, sequence }, type, severity, stamp, data)
    return hub.own.keep(formatTopic({ ...address, channel: 'evt', type }), encodeJson(event), false)
  }
}

function isReplayed(message: Message): boolean {
  return (message.kind === 'event' || message.kind === 'telemetry') && message.event.replayed === true
}
