import { createServer, type Server } from 'node:http'
import { registryAuthenticator } from '../../hub/auth/authenticator.ts'
import { WHOLE_ESTATE } from '../../hub/auth/grants.ts'
import { hashSecret } from '../../hub/auth/secret.ts'
import { createHub } from '../../hub/compose.ts'
import { keyId } from '../../hub/contract/credentials.ts'
import type { Hub } from '../../hub/hub.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import type { Log } from '../../hub/journal/types.ts'
import { JOURNAL_LANES } from '../../hub/journal-lanes.ts'
import { type ClientEntry, createRegistry, type Registry } from '../../hub/registry/registry.ts'

/** A whole hub with accounts, its journal in memory, on real sockets: what an attacker meets. */

export const GUARDED_SITE = { street: 's', community: 'c', estate: 'e' } as const
/** Of every account. */
export const SECRET = 'a secret that is right'

export interface GuardedHub {
  hub: Hub
  registry: Registry
  log: Log
  port: number
  /** Of MQTT over WebSocket. */
  url: string
  refused: string[]
  rejected: string[]
  told: Array<Record<string, unknown>>
  put(name: string, entry: Omit<ClientEntry, 'secret'>): void
  close(): Promise<void>
}

export async function startGuardedHub(): Promise<GuardedHub> {
  const refused: string[] = []
  const rejected: string[] = []
  const told: GuardedHub['told'] = []
  const log = await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES })
  const registry = await createRegistry({ adapter: { read: async () => null, write: async () => {} }, onError() {} })
  const secret = await hashSecret(SECRET)
  const put = (name: string, entry: Omit<ClientEntry, 'secret'>) => registry.putClient(name, { ...entry, secret })
  put('gw-1', { role: 'gateway', gateway: 'gw-1' })
  put('gw-2', { role: 'gateway', gateway: 'gw-2' })
  put('city', { role: 'platform', grants: WHOLE_ESTATE })
  put('other-city', { role: 'platform', grants: WHOLE_ESTATE })
  put('cam-1', { role: 'camera', gateway: 'gw-1', camera: 'cam-1' })
  let ids = 0
  const hub = await createHub(
    {
      log,
      registry,
      authenticate: registryAuthenticator(registry, GUARDED_SITE),
      logger: { info() {}, warn: (details) => told.push(details as Record<string, unknown>), error() {} },
      counters: {
        accepted() {},
        rejected: (code) => rejected.push(code),
        duplicate() {},
        telemetryLost() {},
        shed() {},
        clientRefused: (cause) => refused.push(cause),
        clientThrottled() {},
      },
      random: () => 0.5,
      now_ms: Date.now,
      newId: () => `command-${++ids}`,
    },
    {
      site: GUARDED_SITE,
      name: 'hub-1',
      dev: false,
      credentialKey: keyId(new Uint8Array(32).fill(3)),
    },
  )
  await hub.start()
  const { port } = await hub.broker.listen({ host: '127.0.0.1', port: 0 })
  const http: Server = createServer()
  http.on('upgrade', hub.broker.upgrade)
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const url = `ws://127.0.0.1:${(http.address() as { port: number }).port}/mqtt`
  return {
    hub,
    registry,
    log,
    port,
    url,
    refused,
    rejected,
    told,
    put,
    async close() {
      await hub.close()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}
