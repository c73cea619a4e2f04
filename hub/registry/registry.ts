import { type Adapter, Low } from 'lowdb'
import { type Grants, WHOLE_ESTATE } from '../auth/grants.ts'
import { LinliError } from '../contract/errors.ts'
import type { Meta } from '../contract/meta.ts'
import { type Address, addressPath } from '../contract/topic.ts'
import type { EnrolmentCode } from '../enrolment/machine.ts'

/** Who and what this hub knows: gateways, devices, and the accounts that may connect. Small, rarely written, precious. */
export interface RegistryData {
  version: 1
  /** Platforms have what their `grants` say, and nothing without them. */
  hasGrants: boolean
  gateways: Record<string, { firstseen: string }>
  /** By address path without the root. */
  devices: Record<string, { firstseen: string; meta: Meta }>
  clients: Record<string, ClientEntry>
  /** Certificates of gateways, by fingerprint. */
  certificates: Record<string, CertificateEntry>
  /** Codes by which gateways may enrol, by their hash. */
  enrolments: Record<string, EnrolmentCode>
}

export interface CertificateEntry {
  gateway: string
  /** RFC 3339. */
  issued: string
  until: string
  /** RFC 3339: since when it counts no more. */
  revoked?: string
}

/** An MQTT account; the secret itself is never stored. */
export interface ClientEntry {
  role: 'gateway' | 'camera' | 'platform' | 'home-assistant'
  /** scrypt parameters, salt and hash, see auth/secret.ts. */
  secret: string
  /** For role gateway: the gateway segment it speaks for; for role camera: the one that it reads plates for. */
  gateway?: string
  /** For role camera: its device segment. */
  camera?: string
  /** For role platform: what it may read and command; nothing when absent. */
  grants?: Grants
}

export interface Registry {
  readonly data: Readonly<RegistryData>
  /** Takes a device's description over; writes only when something changed. */
  learn(address: Address, meta: Meta): void
  addGateway(key: string): boolean
  knowsGateway(key: string): boolean
  putClient(name: string, entry: ClientEntry): void
  /** False: there is no such account. */
  removeClient(name: string): boolean
  /** Told of each account that was added, changed or removed. */
  onClient(listener: (name: string, entry: ClientEntry | undefined, before: ClientEntry | undefined) => void): void
  client(name: string): ClientEntry | undefined
  certificate(fingerprint: string): CertificateEntry | undefined
  /** Adds a certificate, and forgets those that have ended. */
  addCertificate(fingerprint: string, entry: CertificateEntry): void
  /** All certificates of a gateway. Returns how many of them counted until now. */
  revoke(gateway: string, now: string): number
  putEnrolments(codes: Readonly<Record<string, EnrolmentCode>>): void
  /** Resolves when everything told so far is on disk; rejects when it could not be written. */
  flush(): Promise<void>
}

/** The key of a gateway: its place in the district, so that two estates may use the same name. */
export function gatewayKey(address: Pick<Address, 'street' | 'community' | 'estate' | 'gateway'>): string {
  return `${address.street}/${address.community}/${address.estate}/${address.gateway}`
}

export async function createRegistry(deps: {
  adapter: Adapter<RegistryData>
  onError: (error: unknown) => void
}): Promise<Registry> {
  const db = new Low<RegistryData>(deps.adapter, empty())
  await db.read()
  if (db.data.version !== 1) {
    throw new LinliError(
      'REGISTRY_VERSION',
      `the registry has version ${String(db.data.version)}; this hub reads version 1`,
      { kind: 'caller' },
    )
  }
  // What a registry of an earlier release has not got yet.
  const data = Object.assign(db.data, { ...empty(), ...db.data })
  grantWhatWasGranted(data)
  let writing: Promise<void> = Promise.resolve()
  let scheduled = false
  /** Of the last write. */
  let failure: { error: unknown } | undefined
  const listeners: Array<Parameters<Registry['onClient']>[0]> = []

  /** One write at a time; what changes during a write goes into the next one. */
  function save(): void {
    if (scheduled) return
    scheduled = true
    writing = writing
      .then(() => {
        scheduled = false
        return db.write()
      })
      .then(() => {
        failure = undefined
      })
      .catch((error: unknown) => {
        failure = { error }
        deps.onError(error)
      })
  }

  function clientOf(name: string): ClientEntry | undefined {
    return Object.hasOwn(data.clients, name) ? data.clients[name] : undefined
  }

  return {
    data,
    learn(address, meta) {
      const key = addressPath(address)
      const known = data.devices[key]
      if (known && JSON.stringify(known.meta) === JSON.stringify(meta)) return
      data.devices[key] = { firstseen: known?.firstseen ?? new Date().toISOString(), meta }
      save()
    },
    addGateway(key) {
      if (Object.hasOwn(data.gateways, key)) return false
      data.gateways[key] = { firstseen: new Date().toISOString() }
      save()
      return true
    },
    knowsGateway: (key) => Object.hasOwn(data.gateways, key),
    putClient(name, entry) {
      const before = clientOf(name)
      // Assigned, `__proto__` would become the prototype of all accounts instead of one of them.
      Object.defineProperty(data.clients, name, { value: entry, enumerable: true, configurable: true, writable: true })
      save()
      for (const listener of listeners) listener(name, entry, before)
    },
    removeClient(name) {
      const before = clientOf(name)
      if (!before) return false
      delete data.clients[name]
      save()
      for (const listener of listeners) listener(name, undefined, before)
      return true
    },
    onClient: (listener) => {
      listeners.push(listener)
    },
    client: clientOf,
    certificate: (fingerprint) =>
      Object.hasOwn(data.certificates, fingerprint) ? data.certificates[fingerprint] : undefined,
    addCertificate(fingerprint, entry) {
      for (const [old, { until }] of Object.entries(data.certificates))
        if (until < entry.issued) delete data.certificates[old]
      data.certificates[fingerprint] = entry
      save()
    },
    revoke(gateway, now) {
      const counting = Object.values(data.certificates).filter(
        (entry) => entry.gateway === gateway && entry.revoked === undefined,
      )
      for (const entry of counting) entry.revoked = now
      if (counting.length > 0) save()
      return counting.length
    },
    putEnrolments(codes) {
      data.enrolments = { ...codes }
      save()
    },
    async flush() {
      await writing
      if (failure) throw failure.error
    },
  }
}

/** Earlier releases knew no grants: each platform had the whole estate. From now on that is said. */
function grantWhatWasGranted(data: RegistryData): void {
  if (data.hasGrants) return
  data.hasGrants = true
  for (const entry of Object.values(data.clients)) if (entry.role === 'platform') entry.grants ??= WHOLE_ESTATE
}

function empty(): RegistryData {
  return { version: 1, hasGrants: false, gateways: {}, devices: {}, clients: {}, certificates: {}, enrolments: {} }
}
