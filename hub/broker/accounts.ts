import type { Principal } from '../auth/access.ts'
import type { PrincipalClient } from './delivery.ts'

/** The connected clients of each account. */
export interface Accounts {
  /** What is asked of an account from now on is as it is now. */
  asking(client: PrincipalClient): void
  /** False: it was ended between `asking` and now, and what was found out of it may hold no more. */
  came(client: PrincipalClient): boolean
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
  /** How many accounts had been ended when a client was asked about, and when one was ended last. */
  const asked = new WeakMap<PrincipalClient, number>()
  const ended = new Map<string, number>()
  let ends = 0
  return {
    asking: (client) => void asked.set(client, ends),
    came(client) {
      const principal: Principal | undefined = client.principal
      if (!principal || (ended.get(principal.name) ?? 0) > (asked.get(client) ?? 0)) return false
      const those = clients.get(principal.name) ?? new Set()
      clients.set(principal.name, those.add(client))
      names.set(client, principal.name)
      return true
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
      ended.set(name, ++ends)
      const those = [...(clients.get(name) ?? [])]
      for (const client of those) {
        if (left === 'removed') delete client.principal
        client.close()
      }
      return those.length
    },
  }
}
