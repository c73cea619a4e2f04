import { randomUUID } from 'node:crypto'
import packageFile from '../../package.json' with { type: 'json' }
import type { Authority } from '../authority/authority.ts'
import type { TimeQuality } from '../contract/event.ts'
import type { Site } from '../contract/topic.ts'
import type { Hub } from '../hub.ts'
import { atCommissioning, type CommissionAnswer, commissionRequest } from './counter.ts'
import { createWatch } from './watch.ts'

/** Commissioning inside a hub: it looks on, and gives nothing but the commands of its table. Undefined: about something else. */
export function openCommissioning(
  hub: Hub,
  config: { site: Site; name: string; timeQuality: () => TimeQuality; authority: () => Authority | undefined },
): (request: unknown) => Promise<CommissionAnswer> | undefined {
  const watch = createWatch({ now_ms: Date.now, monotonic_ms: () => performance.now() })
  hub.onAccepted(watch.heard)
  hub.upstreams.onAcknowledged(watch.acknowledged)
  const { devices, desk, upstreams, audit } = hub
  const { site, name, timeQuality } = config
  const room = { site, name, version: packageFile.version, watch, devices, desk, upstreams, audit, timeQuality }
  return (value) => {
    const request = commissionRequest(value)
    if (!request) return undefined
    const authority = config.authority()
    return atCommissioning({ ...room, authority, now_ms: Date.now, newId: randomUUID }, request)
  }
}
