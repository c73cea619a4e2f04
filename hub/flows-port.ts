import type { Message } from './contract/decode.ts'
import type { HubForFlows, UpstreamStatus } from './flows-host/hub-port.ts'
import type { Hub } from './hub.ts'

/** The hub as the flows host sees it. */
export function hubForFlows(hub: Hub): HubForFlows {
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

  return {
    onMessage: (listener) =>
      hub.onAccepted((message) => {
        const meta = hub.devices.get(message.topic)?.meta
        listener({ message, meta, place: meta?.place, replayed: isReplayed(message) })
      }),
    snapshot: () => ({ devices: hub.devices.all() }),
    send: (request) => hub.desk.send(request),
    upstreams,
    onUpstream: (listener) =>
      hub.onUpstream((name) => {
        const changed = upstreams().find((one) => one.name === name)
        if (changed) listener(changed)
      }),
  }
}

function isReplayed(message: Message): boolean {
  return (message.kind === 'event' || message.kind === 'telemetry') && message.event.replayed === true
}
