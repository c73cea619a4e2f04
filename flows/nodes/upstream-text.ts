import type { UpstreamStatus } from '../parent/messages.ts'
import type { NodeStatus } from './red.ts'

/** The dot of a `linli upstream status` node: its shape too says whether everybody hears us, never colour alone. */
export function upstreamDot(upstreams: readonly UpstreamStatus[]): NodeStatus {
  const text = upstreams.map((one) => textOf(one, upstreams.length > 1)).join(', ')
  if (upstreams.some(({ status }) => status === 'disconnected')) return { fill: 'red', shape: 'ring', text }
  if (upstreams.every(({ status }) => status === 'none')) return { fill: 'grey', shape: 'ring', text }
  return { fill: upstreams.some(({ backlog }) => backlog > 0) ? 'yellow' : 'green', shape: 'dot', text }
}

function textOf({ name, status, backlog }: UpstreamStatus, isOneOfSeveral: boolean): string {
  const text = backlog > 0 ? `${status} · ${backlog}` : status
  return isOneOfSeveral && name !== undefined ? `${name}: ${text}` : text
}
