import { formatDeviceUri } from '../../contract/device-uri.ts'
import { LinliError } from '../../contract/errors.ts'
import { DEVICE_KINDS } from '../../contract/kinds.ts'
import type { Place } from '../../contract/meta.ts'
import { allDevices, findDevice } from '../../site/changes.ts'
import type { SiteConfig } from '../../site/schema.ts'
import type { Label } from './layout.ts'
import { kindWords } from './words.ts'

/** Which labels a site has: one for each gateway, then its devices. */

export interface Wanted {
  /** Ids of devices or gateways; all when there are none. */
  names: readonly string[]
  gateways: readonly string[]
  building?: string
  floor?: string
}

export type SiteLabel = Label & { gateway: string; isGateway: boolean }

/** @throws {LinliError} DEVICE_UNKNOWN, GATEWAY_UNKNOWN */
export function siteLabels(config: SiteConfig, wanted: Wanted): SiteLabel[] {
  const named = namedOf(config, wanted.names)
  for (const gateway of wanted.gateways)
    if (!Object.hasOwn(config.gateways, gateway)) throw unknown('GATEWAY_UNKNOWN', gateway)
  const isPlaced = ({ building, floor }: Place) =>
    (wanted.building === undefined || wanted.building === building) &&
    (wanted.floor === undefined || wanted.floor === floor)
  const ofPlace = wanted.building !== undefined || wanted.floor !== undefined
  const devices = allDevices(config)
  return Object.keys(config.gateways).flatMap((gateway) => {
    if (wanted.gateways.length > 0 && !wanted.gateways.includes(gateway)) return []
    const own = devices
      .filter((one) => one.gateway === gateway && isPlaced(one.device.place))
      .map(({ device: { id, kind, place } }) => label(config, gateway, { class: DEVICE_KINDS[kind], id, kind, place }))
    // A gateway's own place is not in the site.
    const first = ofPlace ? [] : [label(config, gateway, { class: 'gateway', id: gateway, kind: 'gateway', place: {} })]
    return [...first, ...own].filter(({ name }) => named === undefined || named.has(name))
  })
}

function namedOf(config: SiteConfig, names: readonly string[]): Set<string> | undefined {
  if (names.length === 0) return undefined
  return new Set(
    names.map((name) => {
      if (Object.hasOwn(config.gateways, name)) return name
      const found = findDevice(config, name)
      if (!found.ok) throw found.error
      return `${found.value.gateway}/${found.value.device.id}`
    }),
  )
}

function label(
  config: SiteConfig,
  gateway: string,
  one: { class: 'gateway' | (typeof DEVICE_KINDS)[keyof typeof DEVICE_KINDS]; id: string; kind: string; place: Place },
): SiteLabel {
  const [street = '', community = '', estate = ''] = config.site.split('/')
  const { label: title, building, floor, spot } = one.place
  const where = [building, floor, spot].filter((part) => part !== undefined)
  const isGateway = one.class === 'gateway'
  return {
    gateway,
    isGateway,
    name: isGateway ? gateway : `${gateway}/${one.id}`,
    title: title ?? (where.length > 0 ? where.join(' ') : one.id),
    place: title === undefined ? '' : where.join(' · '),
    kind: kindWords(one.kind),
    site: config.site,
    uri: formatDeviceUri({ street, community, estate, gateway, class: one.class, device: one.id }),
  }
}

function unknown(code: string, name: string): LinliError {
  return new LinliError(code, `there is no gateway ${name} in the site; linli device list names them`, {
    kind: 'caller',
  })
}
