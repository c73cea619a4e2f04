import type { Cancel, Timeline } from '../time/timeline.ts'

export interface Pacer {
  /** Queues bytes that are ready at a time; @returns how many fitted. */
  send(bytes: Uint8Array, at_ms: number): number
  /** Bytes that are not delivered yet. */
  readonly pending_bytes: number
  clear(): void
}

export interface PacerOptions {
  /** Time of one byte on the wire: 10 bits at 8N1, 11 at 8E1, over the baud rate. */
  byte_ms: number
  capacity_bytes: number
}

interface Chunk {
  bytes: Uint8Array
  next: number
  start_ms: number
}

/**
 * One direction of a serial line: a byte is delivered when its last bit has passed, not before.
 *
 * There is one wake-up for all bytes that fall due within a timer's granularity (1 ms), so a busy line costs at most a
 * thousand wake-ups a second whatever its speed. `deliver` gets the time at which the first byte of the batch ended;
 * the bytes of one batch follow each other without a gap.
 */
export function createPacer(
  timeline: Timeline,
  options: PacerOptions,
  deliver: (bytes: Uint8Array, first_ms: number) => void,
): Pacer {
  const { byte_ms, capacity_bytes } = options
  const chunks: Chunk[] = []
  let pending_bytes = 0
  let free_ms = 0
  let wake: Cancel | undefined

  function arm(): void {
    const head = chunks[0]
    if (wake || !head) return
    wake = timeline.at(endOf(head), flush)
  }

  function endOf(chunk: Chunk): number {
    return chunk.start_ms + (chunk.next + 1) * byte_ms
  }

  function flush(due_ms: number): void {
    wake = undefined
    const limit_ms = Math.max(due_ms, timeline.now())
    for (let head = chunks[0]; head && endOf(head) <= limit_ms; head = chunks[0]) {
      const first_ms = endOf(head)
      // A thousandth of a byte of tolerance absorbs the rounding of the division.
      const ended = Math.min(head.bytes.length, Math.floor((limit_ms - head.start_ms) / byte_ms + 0.001))
      const end = Math.max(ended, head.next + 1)
      const batch = head.bytes.subarray(head.next, end)
      head.next = end
      pending_bytes -= batch.length
      if (end === head.bytes.length) chunks.shift()
      deliver(batch, first_ms)
    }
    arm()
  }

  return {
    send(bytes, at_ms) {
      const taken = bytes.subarray(0, Math.max(0, capacity_bytes - pending_bytes))
      if (taken.length === 0) return 0
      const start_ms = Math.max(free_ms, at_ms)
      chunks.push({ bytes: taken, next: 0, start_ms })
      pending_bytes += taken.length
      free_ms = start_ms + taken.length * byte_ms
      arm()
      return taken.length
    },
    get pending_bytes() {
      return pending_bytes
    },
    clear() {
      wake?.()
      wake = undefined
      chunks.length = 0
      pending_bytes = 0
      free_ms = 0
    },
  }
}
