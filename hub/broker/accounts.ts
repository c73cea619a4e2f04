import type { Principal } from '../auth/access.ts'
import type { PrincipalClient } from './delivery.ts'

/** The connected clients of each account. */
export interface Accounts {
  came(client: PrincipalClient): void
  left(client: PrincipalClient): void
  isConnected(name: string): boolean
  /**
   * Ends its connections. An account that is gone leaves no will: what it may publish is decided when it is published, and
   * then it may nothing.
   */
  end(name: string, left: 'changed' | 'removed'): number
}

export function createAccounts(): Accounts {
  const clients = new Map<string, Set<PrincipalClient>>()
  /** A client that was shut out is no principal any more, and still leaves its place. */
  const names = new WeakMap<PrincipalClient, string>()
  return {
    came(client) {
      const principal: Principal | undefined = client.principal
      if (!principal) return
      const those = clients.get(principal.name) ?? new Set()
      clients.set(principal.name, those.add(client))
      names.set(client, principal.name)
    },
    left(client) {
      const name = names.get(client)
      if (name === undefined) return
      const those = clients.get(name)
      those?.delete(client)
      if (those?.size === 0) clients.delete(name)
    },
    isConnected: (name) => clients.has(name),
    end(name, left) {
      const those = [...(clients.get(name) ?? [])]
      for (const client of those) {
        if (left === 'removed') delete client.principal
        client.close()
      }
      return those.length
    },
  }
}
