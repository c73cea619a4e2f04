import { addressPath, type Site } from '../contract/topic.ts'
import type { Registry } from '../registry/registry.ts'
import type { Principal } from './access.ts'
import { NO_GRANTS, type PlaceOf } from './grants.ts'
import { createLoginQueue, type Verify } from './login-queue.ts'
import type { Peer } from './peer.ts'
import { verifySecret } from './secret.ts'

export interface Credentials {
  clientId: string
  username: string | undefined
  password: Uint8Array | undefined
  /** Where it comes from, if it comes over a network. */
  address?: string | undefined
  /** What its certificate proves, or that it proves nothing. */
  peer?: Peer | undefined
}

/** The principal behind a CONNECT, or undefined: refused. */
export type Authenticator = (credentials: Credentials) => Promise<Principal | undefined>

/** Loopback development: everyone is let in. The listener refuses any other address in this mode. */
export const devAuthenticator: Authenticator = async ({ clientId }) => ({ role: 'dev', name: clientId })

export function registryAuthenticator(
  registry: Registry,
  site: Site,
  verify: Verify = createLoginQueue(verifySecret),
): Authenticator {
  const placeOf: PlaceOf = (address) => {
    const path = addressPath(address)
    return Object.hasOwn(registry.data.devices, path) ? registry.data.devices[path]?.meta.place : undefined
  }
  return async ({ username, password, peer }) => {
    // A gateway is who its certificate says; a password beside it is not even looked at. Neither is it beside a certificate that
    // proves nothing: whoever shows one means to be known by it, and a box whose certificate ended must be seen, not let in.
    if (peer) return 'invalid' in peer ? undefined : gatewayOf(registry, site, peer.fingerprint)
    if (username === undefined || password === undefined) return undefined
    const entry = registry.client(username)
    if (!entry) return undefined
    if (!(await verify(Buffer.from(password).toString('utf8'), entry.secret))) return undefined
    // Removed or changed while its secret was checked.
    if (registry.client(username) !== entry) return undefined
    if (entry.role === 'platform')
      return { role: 'platform', name: username, site, grants: entry.grants ?? NO_GRANTS, placeOf }
    if (entry.role === 'home-assistant') return { role: 'home-assistant', name: username, site }
    if (entry.gateway === undefined) return undefined
    if (entry.role === 'gateway') return { role: 'gateway', name: username, site, gateway: entry.gateway }
    return entry.camera === undefined
      ? undefined
      : { role: 'camera', name: username, site, gateway: entry.gateway, camera: entry.camera }
  }
}

/** Revoked, or of an earlier registry: nobody. */
function gatewayOf(registry: Registry, site: Site, fingerprint: string): Principal | undefined {
  const certificate = registry.certificate(fingerprint)
  if (!certificate || certificate.revoked !== undefined) return undefined
  const { gateway } = certificate
  return { role: 'gateway', name: gatewayAccount(gateway), site, gateway }
}

/** The account of a gateway that has a certificate; no client account can have this name, which is no topic segment. */
export function gatewayAccount(gateway: string): string {
  return `gateway:${gateway}`
}
