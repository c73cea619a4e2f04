import type { ToFlows } from './ipc.ts'
import type { Outbox } from './outbox.ts'

/**
 * Empties the outbox into one child at the pace the child reads. Node queues without limit what a child does not read,
 * so only a window of messages is handed to the system at a time.
 */
export interface Channel {
  /** Sends past the outbox: answers and signs of life, few by nature. */
  now(message: ToFlows): void
  /** Sends what waits, as far as the window allows. */
  pump(): void
  /** The child is lost: what waits is for the next one. */
  close(): void
}

/** Messages handed to the system and not yet written. */
export const WINDOW = 64

export interface ChannelDeps {
  outbox: Pick<Outbox, 'next' | 'takeGap'>
  send: (message: ToFlows, sent: (written: boolean) => void) => void
  clock: () => number
  /** The child has caught up after messages were dropped. */
  onCaughtUpAfterGap: () => void
}

export function createChannel(deps: ChannelDeps): Channel {
  let in_flight = 0
  let pumping = false
  let closed = false

  function pump(): void {
    // A send may complete at once and call back into here.
    if (pumping) return
    pumping = true
    while (!closed && in_flight < WINDOW) {
      const message = deps.outbox.next(deps.clock())
      if (!message) {
        if (deps.outbox.takeGap()) deps.onCaughtUpAfterGap()
        break
      }
      in_flight += 1
      deps.send(message, (written) => {
        in_flight -= 1
        // A dead channel takes everything at once: stop, or the outbox would run empty into it.
        if (!written) closed = true
        pump()
      })
    }
    pumping = false
  }

  return {
    now: (message) => deps.send(message, () => {}),
    pump,
    close() {
      closed = true
    },
  }
}
