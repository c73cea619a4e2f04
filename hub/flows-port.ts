import type { Message } from './contract/decode.ts'
import type { HubForFlows, UpstreamStatus } from './flows-host/hub-port.ts'
import type { Hub } from './hub.ts'

/** The hub as the flows host sees it. */
export function hubForFlows(hub: Hub, upstreamUrl: string | undefined, backlog: () => number): HubForFlows {
  function upstream(): UpstreamStatus {
    const status = hub.forwarder?.status()
    if (!status) return { status: 'none', since: new Date(0).toISOString(), backlog: 0 }
    return {
      status: status.connected ? 'connected' : 'disconnected',
      since: status.since,
      backlog: backlog(),
      ...(upstreamUrl === undefined ? {} : { url: upstreamUrl }),
    }
  }

  return {
    onMessage: (listener) =>
      hub.onAccepted((message) => {
        const meta = hub.devices.get(message.topic)?.meta
        listener({ message, meta, place: meta?.place, replayed: isReplayed(message) })
      }),
    snapshot: () => ({ devices: hub.devices.all() }),
    send: (request) => hub.desk.send(request),
    upstream,
    onUpstream: (listener) => hub.onUpstream(() => listener(upstream())),
  }
}

function isReplayed(message: Message): boolean {
  return (message.kind === 'event' || message.kind === 'telemetry') && message.event.replayed === true
}
