import { type Adapter, Low } from 'lowdb'
import { LinliError } from '../contract/errors.ts'
import type { Meta } from '../contract/meta.ts'
import { type Address, addressPath } from '../contract/topic.ts'

/** Who and what this hub knows: gateways, devices, and the accounts that may connect. Small, rarely written, precious. */
export interface RegistryData {
  version: 1
  gateways: Record<string, { firstseen: string }>
  /** By address path without the root. */
  devices: Record<string, { firstseen: string; meta: Meta }>
  clients: Record<string, ClientEntry>
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
  /** Resolves when everything told so far is on disk. */
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
  const data = db.data
  let writing: Promise<void> = Promise.resolve()
  let scheduled = false
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
      .catch(deps.onError)
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
    flush: () => writing,
  }
}

function empty(): RegistryData {
  return { version: 1, gateways: {}, devices: {}, clients: {} }
}
