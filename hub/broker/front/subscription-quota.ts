/** How many filters each client has subscribed to; the same filter again is not one more. */
export interface SubscriptionQuota<C extends object> {
  /** False: the client has as many as it may. */
  take(client: C, filter: string): boolean
  give(client: C, filters: readonly string[]): void
}

export function createSubscriptionQuota<C extends object>(max: number): SubscriptionQuota<C> {
  // A client that is gone takes its set with it.
  const filtersOf = new WeakMap<C, Set<string>>()
  return {
    take(client, filter) {
      const filters = filtersOf.get(client) ?? new Set()
      if (filters.size >= max && !filters.has(filter)) return false
      filters.add(filter)
      filtersOf.set(client, filters)
      return true
    },
    give(client, filters) {
      for (const filter of filters) filtersOf.get(client)?.delete(filter)
    },
  }
}
