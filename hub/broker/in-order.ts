/**
 * MQTT-4.6.0-2, -3, -5: what one client publishes is acknowledged and passed on in the order in which it came, though the
 * door looks at many messages at once and may take longer for an earlier one. Aedes goes on with each as soon as it may.
 */
export interface InOrder {
  /** `settled` gives what is to be done; it is done when everything that the client sent before is. */
  after(client: object, settled: Promise<() => void>): void
}

interface Turn {
  act: (() => void) | undefined
}

export function createInOrder(): InOrder {
  /** A client that is gone takes its turns with it. */
  const turnsOf = new WeakMap<object, Turn[]>()
  return {
    after(client, settled) {
      const turns = turnsOf.get(client) ?? []
      turnsOf.set(client, turns)
      const turn: Turn = { act: undefined }
      turns.push(turn)
      settled.then((act) => {
        turn.act = act
        while (turns[0]?.act) turns.shift()?.act?.()
      })
    },
  }
}
