import type { Duplex } from 'node:stream'

/**
 * MQTT-3.1.4-2: one connection for each client id. Aedes ends the older one and goes on at once, so that of several that come
 * together two may stay, or the newer one is struck off when the older one ends. Here they come one after the other: the next
 * goes on when the one before is in, and has been ended.
 */
export interface Takeover {
  /** `go` when nobody else with this id is left; never when the client is gone by then. */
  enter(client: Comer, go: () => void): void
  /** Aedes has it in its list. */
  registered(client: Comer): void
  /** Aedes has struck it off. */
  left(client: Comer): void
}

export interface Comer {
  id: string
  closed: boolean
  conn: unknown
  close(): void
}

interface Place {
  holder: Comer | undefined
  entering: Comer | undefined
  waiting: Array<{ client: Comer; go: () => void }>
}

/** Whoever is gone before it is in may still be put in by what is under way for it. */
const SETTLE_MS = 1_000

export function createTakeover(): Takeover {
  const places = new Map<string, Place>()

  function step(id: string): void {
    const place = places.get(id)
    if (!place || place.entering) return
    while (place.waiting[0]?.client.closed) place.waiting.shift()
    if (place.holder) {
      if (place.waiting.length > 0) place.holder.close()
      return
    }
    const next = place.waiting.shift()
    if (!next) {
      places.delete(id)
      return
    }
    place.entering = next.client
    ;(next.client.conn as Duplex).once('close', () => {
      if (place.entering === next.client) setTimeout(() => done(next.client), SETTLE_MS)
    })
    next.go()
  }

  function done(client: Comer): void {
    const place = places.get(client.id)
    if (place?.entering !== client) return
    place.entering = undefined
    step(client.id)
  }

  return {
    enter(client, go) {
      const place = places.get(client.id) ?? { holder: undefined, entering: undefined, waiting: [] }
      places.set(client.id, place)
      place.waiting.push({ client, go })
      step(client.id)
    },
    registered(client) {
      const place = places.get(client.id)
      if (place && !client.closed) place.holder = client
      done(client)
    },
    left(client) {
      const place = places.get(client.id)
      if (place?.holder !== client) return
      place.holder = undefined
      step(client.id)
    },
  }
}
