import type { Audit } from '../audit/audit.ts'
import { LinliError } from '../contract/errors.ts'
import { changed, type Difference, difference, type SiteChange } from './changes.ts'
import type { PushStatus } from './pusher.ts'
import type { SiteConfig } from './schema.ts'
import type { SiteStore } from './store.ts'

/** What `linli device` and `linli import` ask: of a hub that runs at its counter, of one that stands still directly. */

export type SiteRequest =
  | { type: 'site-read' }
  /** `isTrial`: only what would become of it. */
  | { type: 'site-change'; change: SiteChange; isTrial?: boolean }
export type SiteAnswer =
  /** `gateways`: of a hub that runs. */
  | { type: 'site'; config: SiteConfig; mistake?: string; gateways?: Record<string, PushStatus> }
  | { type: 'site-changed'; difference: Difference }

/** Resolves when it is on disk. @throws {LinliError} SITE_INVALID, DEVICE_UNKNOWN, DEVICE_INVALID */
export async function atSite(
  store: SiteStore,
  audit: Pick<Audit, 'record'>,
  request: SiteRequest,
  gateways?: Record<string, PushStatus>,
): Promise<SiteAnswer> {
  if (request.type === 'site-read') {
    await store.reload()
    const mistake = store.mistake()?.message
    return {
      type: 'site',
      config: store.config,
      ...(mistake === undefined ? {} : { mistake }),
      ...(gateways ? { gateways } : {}),
    }
  }
  const { change, isTrial } = request
  if (isTrial) {
    await store.reload()
    const after = changed(structuredClone(store.config), change)
    if (!after.ok) throw after.error
    return { type: 'site-changed', difference: difference(store.config, after.value) }
  }
  const entry = {
    kind: 'configuration',
    action: `device-${change.do}`,
    actor: 'installer:linli-device',
    source: 'command-line',
    target: targetOf(change),
    detail: change.do === 'import' ? { devices: change.devices.length } : change,
  } as const
  await audit.record({ ...entry, outcome: 'asked' })
  try {
    let before = store.config
    const config = await store.change((current) => {
      before = structuredClone(current)
      return changed(current, change)
    })
    await audit.record({ ...entry, outcome: 'succeeded' })
    return { type: 'site-changed', difference: difference(before, config) }
  } catch (error) {
    await audit.record({ ...entry, outcome: 'failed', code: error instanceof LinliError ? error.code : 'SITE_IO' })
    throw error
  }
}

function targetOf(change: SiteChange): string {
  if (change.do === 'import') return 'site.json'
  return change.do === 'add' ? `${change.gateway}/${String(change.fields.id)}` : change.device
}

const CHANGES: readonly string[] = ['add', 'rename', 'move', 'replace', 'remove', 'import'] satisfies Array<
  SiteChange['do']
>

/** Undefined: the request is about something else. @throws {LinliError} SCHEMA_VIOLATION */
export function siteRequest(value: unknown): SiteRequest | undefined {
  const { type, change, isTrial } = (value ?? {}) as { type?: unknown; change?: unknown; isTrial?: unknown }
  if (type === 'site-read') return { type }
  if (type !== 'site-change') return undefined
  if (!isChange(change)) throw new LinliError('SCHEMA_VIOLATION', 'not a change of a site', { kind: 'caller' })
  return { type, change, isTrial: isTrial === true }
}

/** The fields of devices are checked with the site that they make. */
function isChange(value: unknown): value is SiteChange {
  const change = (value ?? {}) as Record<string, unknown>
  if (typeof change.do !== 'string' || !CHANGES.includes(change.do)) return false
  if (change.do === 'add') return isNewDevice(change)
  if (change.do === 'import') return Array.isArray(change.devices) && change.devices.every(isNewDevice)
  return (
    typeof change.device === 'string' &&
    (change.do !== 'rename' || typeof change.to === 'string') &&
    (change.do !== 'replace' || isObject(change.fields)) &&
    isTextOrAbsent(change.gateway) &&
    isTextOrAbsent(change.port) &&
    (change.place === undefined || isObject(change.place))
  )
}

function isNewDevice(value: unknown): boolean {
  const { gateway, fields, port } = (value ?? {}) as Record<string, unknown>
  return typeof gateway === 'string' && isObject(fields) && isTextOrAbsent(port)
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)
const isTextOrAbsent = (value: unknown) => value === undefined || typeof value === 'string'
