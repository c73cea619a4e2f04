import { hostname, networkInterfaces } from 'node:os'
import { gatewayAccount } from './auth/authenticator.ts'
import { type Authority, openAuthority } from './authority/authority.ts'
import type { TlsIdentity } from './broker/listener.ts'
import type { HubConfig } from './config.ts'
import { reasonOf } from './contract/errors.ts'
import { sitePath } from './contract/topic.ts'
import { createEnrolment, type Enrolment } from './enrolment/enrolment.ts'
import type { Hub, HubLogger } from './hub.ts'
import type { Registry } from './registry/registry.ts'
import { createSecureServer } from './web/secure.ts'
import type { Routes } from './web/server.ts'

/** What other machines reach of a hub: MQTT over TLS, HTTPS, and the authority behind both. */
export interface SecureSide {
  readonly mqttsPort: number
  readonly httpsPort: number
  readonly authority: Authority
  readonly enrolment: Enrolment
  close(): Promise<void>
}

const RENEWAL_CHECK_MS = 12 * 3600_000

export async function openSecureSide(
  config: HubConfig & { tls: NonNullable<HubConfig['tls']> },
  parts: { hub: Hub; registry: Registry; logger: HubLogger; routes: Routes },
): Promise<SecureSide> {
  const { hub, registry, logger } = parts
  const hosts = () => ownHosts(config.tls.host)
  const site = sitePath(config.site).split('/').slice(-3).join('/')
  const authority = await openAuthority(config.dataDir, { site, hosts: hosts(), now_ms: Date.now() })
  await authority.renewServer(hosts(), Date.now())
  const enrolment = createEnrolment({
    registry,
    authority,
    audit: hub.audit,
    now_ms: Date.now,
    mqttsPort: () => mqtts.port,
    endConnections: (gateway) => hub.broker.endAccount(gatewayAccount(gateway), 'removed'),
  })
  const web = createSecureServer(
    { enrolment, authority: authority.certificate, routes: parts.routes },
    identityOf(authority),
  )
  const mqtts = await hub.broker.listen({ ...config.tls, port: config.tls.mqttsPort, tls: identityOf(authority) })
  const https = await web.listen({ host: config.tls.host, port: config.tls.httpsPort })

  async function renew(): Promise<void> {
    if (!(await authority.renewServer(hosts(), Date.now()))) return
    hub.broker.present(identityOf(authority))
    web.present(identityOf(authority))
    logger.info({}, 'the certificate of this hub was renewed')
  }
  const timer = setInterval(() => {
    renew().catch((error: unknown) => logger.error({ error: reasonOf(error) }, 'the certificate could not be renewed'))
  }, RENEWAL_CHECK_MS)

  return {
    mqttsPort: mqtts.port,
    httpsPort: https.port,
    authority,
    enrolment,
    async close() {
      clearInterval(timer)
      await web.close()
    },
  }
}

function identityOf({ server, certificate }: Authority): TlsIdentity {
  return { ...server, authority: certificate }
}

/** Under which names and addresses this machine may be reached, for tools that check the usual way. */
function ownHosts(host: string): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((those) => (those ?? []).map(({ address }) => address))
  const listening = host === '0.0.0.0' || host === '::' ? [] : [host]
  // A link-local address carries the name of its interface, and is of no use in a certificate.
  const usable = addresses.filter((address) => !address.startsWith('fe80:'))
  return [...new Set(['localhost', hostname(), '127.0.0.1', '::1', ...listening, ...usable])]
}
