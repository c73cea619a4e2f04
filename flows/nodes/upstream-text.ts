import type { UpstreamStatus } from '../parent/messages.ts'
import type { NodeStatus } from './red.ts'

/** The dot of a `linli upstream status` node: its shape too says whether the district hears us, never colour alone. */
export function upstreamDot(upstream: UpstreamStatus): NodeStatus {
  const text = upstream.backlog > 0 ? `${upstream.status} · ${upstream.backlog}` : upstream.status
  switch (upstream.status) {
    case 'connected':
      return { fill: upstream.backlog > 0 ? 'yellow' : 'green', shape: 'dot', text }
    case 'disconnected':
      return { fill: 'red', shape: 'ring', text }
    case 'none':
      return { fill: 'grey', shape: 'ring', text }
  }
}
