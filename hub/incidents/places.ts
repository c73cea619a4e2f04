import type { Authenticator } from '../auth/authenticator.ts'
import type { Message } from '../contract/decode.ts'
import { NEW_INCIDENT } from '../contract/incident.ts'
import type { Place } from '../contract/meta.ts'
import type { Topic } from '../contract/topic.ts'

/**
 * Where the incidents are, for accounts that were granted a place: on the wire an incident says no `meta`. Known before anything
 * of an incident is told, and for a while after the archive has it, for what still waits in a session.
 */
export interface IncidentPlaces {
  know(incident: { id: string; place?: Place | undefined }): void
  /** A command that raises one; what it is answered belongs to the same place. */
  asked(message: Message): void
  /** What was retained, at the start. */
  heard(message: Message): void
  /** The archive has it. */
  forget(id: string): void
  of(topic: Topic): Place | undefined
}

/** Of what is no longer in memory elsewhere. */
const KEPT_MAX = 5_000

export function createIncidentPlaces(): IncidentPlaces {
  const live = new Map<string, Place>()
  const past = new Map<string, Place>()
  const orders = new Map<string, Place>()

  function keep(places: Map<string, Place>, id: string, place: Place): void {
    // The first one counts: nobody moves another's order by using its id again.
    if (!places.has(id)) places.set(id, place)
    for (const oldest of places.keys()) {
      if (places.size <= KEPT_MAX) break
      places.delete(oldest)
    }
  }

  return {
    know({ id, place }) {
      if (place) live.set(id, place)
    },
    asked(message) {
      if (message.kind !== 'command' || !isNew(message.topic)) return
      const { place } = message.command.args as { place?: Place }
      if (place) keep(orders, message.command.id, place)
    },
    heard(message) {
      if (message.kind !== 'state' || message.topic.class !== 'incident') return
      const { place } = message.state as { place?: Place }
      if (place) live.set(message.topic.device, place)
    },
    forget(id) {
      const place = live.get(id)
      live.delete(id)
      if (place) keep(past, id, place)
    },
    of(topic) {
      if (!isNew(topic)) return live.get(topic.device) ?? past.get(topic.device)
      return topic.channel === 'cmd' || topic.channel === 'res' ? orders.get(topic.id) : undefined
    },
  }
}

const isNew = ({ class: deviceClass, device }: Topic) => deviceClass === 'incident' && device === NEW_INCIDENT

/** What a platform may see and command of incidents goes by their places. */
export function withIncidentPlaces(authenticate: Authenticator, places: Pick<IncidentPlaces, 'of'>): Authenticator {
  return async (credentials) => {
    const principal = await authenticate(credentials)
    if (principal?.role !== 'platform') return principal
    const { placeOf } = principal
    return { ...principal, placeOf: (topic) => (topic.class === 'incident' ? places.of(topic) : placeOf?.(topic)) }
  }
}
