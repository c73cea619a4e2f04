import type { Duplex } from 'node:stream'
import { publishPacket, pubrelPacket } from './packets.ts'
import type { Session } from './session.ts'

/**
 * Sends one subscriber what its session is owed, in order, as fast as its socket takes it and never more than a window
 * ahead of its acknowledgements. Nobody else waits for it.
 */
export interface Sender {
  /** There may be something to send. */
  wake(): void
  close(): void
}

export function createSender(
  deps: {
    session: Session
    connection: Duplex
    /** Nothing is sent before it has settled. */
    ready?: Promise<void>
    /** Something was taken from the session. */
    onSent: () => void
    /** The socket took nothing for `stall_ms_max`. */
    onStalled: () => void
  },
  limits: { inflight_max: number; stall_ms_max: number },
): Sender {
  const { session, connection } = deps
  let isClosed = false
  let isReady = false
  let isAwake = false
  let stallTimer: ReturnType<typeof setTimeout> | undefined

  function send(): void {
    isAwake = false
    if (isClosed || connection.destroyed) return
    let sent = 0
    connection.cork()
    while (!connection.writableNeedDrain && session.inflight < limits.inflight_max) {
      const item = session.take()
      if (!item) break
      const { message, qos, sent: dup, packet_id = 0 } = item
      connection.write(publishPacket({ ...message, qos, dup, packet_id }))
      sent += 1
    }
    connection.uncork()
    if (sent > 0) deps.onSent()
    if (connection.writableNeedDrain) stallTimer ??= setTimeout(deps.onStalled, limits.stall_ms_max)
  }

  function wake(): void {
    if (isAwake || isClosed || !isReady) return
    isAwake = true
    // What comes in one turn goes out in one write, behind what Aedes sends with QoS 0 in the same way.
    setImmediate(send)
  }

  function drained(): void {
    clearTimeout(stallTimer)
    stallTimer = undefined
    wake()
  }

  connection.on('drain', drained)
  for (const packet_id of session.released) connection.write(pubrelPacket(packet_id))
  function begin(): void {
    isReady = true
    wake()
  }
  if (deps.ready) deps.ready.then(begin, begin)
  else begin()
  return {
    wake,
    close() {
      isClosed = true
      clearTimeout(stallTimer)
      connection.removeListener('drain', drained)
    },
  }
}
