import { type Address, isDeviceClass, sourceOf } from '../../hub/contract/topic.ts'
import type { Directory } from '../parent/directory.ts'
import type { Msg } from './red.ts'

/** The settings of a `linli command` node. */
export interface CommandConfig {
  id: string
  name?: string
  /** `device`: the one the message is about. `place`: all at its place that have the capability. `fixed`: the named one. */
  target: 'device' | 'place' | 'fixed'
  /** For `fixed`. */
  gateway: string
  class: string
  device: string
  command: string
  /** What a device must be able to do to be meant by `place`; empty means the command itself. */
  capability: string
  args: string
  argsType: 'json' | 'msg'
  /** After this long the command is never executed any more, s. */
  ttl_s: number | string
}

export type Targets = { ok: true; addresses: Address[] } | { ok: false; code: string; message: string }

/** Which devices a message means. */
export function planTargets(config: CommandConfig, msg: Msg, devices: Directory): Targets {
  if (config.target === 'fixed') return fixedTarget(config, devices)
  const origin = addressIn(msg)
  if (!origin) return refuse('FLOW_NO_DEVICE', 'msg.device is not the address of a device; use a linli event before')
  if (config.target === 'device') return { ok: true, addresses: [origin] }
  const capability = config.capability || config.command
  const place = devices.get(origin)?.meta?.place
  const here = place ? devices.at(place) : []
  const known = devices.get(origin)
  // A device that has no place is the only one at its place.
  const candidates = known && here.length === 0 ? [known] : here
  const addresses = candidates
    .filter((device) => device.meta?.capabilities.includes(capability))
    .map((device) => device.address)
  if (addresses.length === 0)
    return refuse('FLOW_NO_TARGET', `no device at the place of ${origin.device} has the capability ${capability}`)
  return { ok: true, addresses }
}

function fixedTarget(config: CommandConfig, devices: Directory): Targets {
  const found = devices
    .all()
    .filter(({ address }) => address.device === config.device)
    .filter(({ address }) => config.class === '' || address.class === config.class)
    .filter(({ address }) => config.gateway === '' || address.gateway === config.gateway)
  if (found.length === 0) return refuse('FLOW_NO_TARGET', `the hub knows no device ${config.device}`)
  if (found.length > 1) {
    const names = found.map(({ address }) => sourceOf(address)).join(', ')
    return refuse('FLOW_AMBIGUOUS', `several devices are called ${config.device}, name the gateway: ${names}`)
  }
  return { ok: true, addresses: found.map(({ address }) => address) }
}

function refuse(code: string, message: string): Targets {
  return { ok: false, code, message }
}

const PARTS = ['street', 'community', 'estate', 'gateway', 'class', 'device'] as const

export function addressIn(msg: Msg): Address | undefined {
  const device = msg.device as Record<string, unknown> | undefined
  if (typeof device !== 'object' || device === null) return undefined
  const parts = PARTS.map((part) => [part, device[part]] as const)
  if (parts.some(([, value]) => typeof value !== 'string') || !isDeviceClass(device.class as string)) return undefined
  return Object.fromEntries(parts) as unknown as Address
}

/** s; what the node has when nobody set it. */
export const TTL_S_DEFAULT = 10
/** s; the hub refuses more. */
export const TTL_S_MAX = 3_600

/** The life of a command in ms, within what the hub takes. */
export function ttl_ms(config: Pick<CommandConfig, 'ttl_s'>): number {
  const ttl_s = Number(config.ttl_s)
  if (!Number.isFinite(ttl_s) || ttl_s <= 0) return TTL_S_DEFAULT * 1000
  return Math.round(Math.min(TTL_S_MAX, Math.max(0.1, ttl_s)) * 1000)
}
