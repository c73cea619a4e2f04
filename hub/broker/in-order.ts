/**
 * MQTT-4.6.0-2, -3, -5: what one client publishes is acknowledged and passed on in the order in which it came, though the
 * door looks at many messages at once and may take longer for an earlier one. Aedes goes on with each as soon as it may.
 */
export interface InOrder {
  /** A place behind everything that the client has sent: what is given to it is done when everything before is. */
  place(client: object): (act: () => void) => void
}

interface Turn {
  act: (() => void) | undefined
}

export function createInOrder(): InOrder {
  /** A client that is gone takes its turns with it. */
  const turnsOf = new WeakMap<object, Turn[]>()
  return {
    place(client) {
      const turns = turnsOf.get(client) ?? []
      turnsOf.set(client, turns)
      const turn: Turn = { act: undefined }
      turns.push(turn)
      return (act) => {
        turn.act = act
        while (turns[0]?.act) turns.shift()?.act?.()
      }
    },
  }
}
