import type { Cursor, Entry, Log } from '../types.ts'

/** One lane on its way out: what was read and not sent, what was sent and is not settled. */
export interface LaneFeed {
  readonly lane: string
  /** The next entry to send; undefined while it is being read or when there is none. */
  peek(): Entry | undefined
  /** There is something unsent, read or not. */
  hasUnsent(): boolean
  /** Takes the entry that peek showed; from now on it is sent. */
  take(): { entry: Entry; resent: boolean; backlog: boolean }
  /** Leaves out the entry that peek showed: the cursor passes it as soon as what was sent before it is acknowledged. */
  pass(): void
  /** The next holder has it. */
  acknowledged(position: number): void
  /** Sent entries that the durable cursor has not passed (at most): what a crash now would send again. */
  unsettled(): number
  /** Sent entries without an acknowledgement. */
  unacknowledged(): number
}

/** Entries read at once; a read from disk costs about as much as a send, so few are better than many. */
const READ_ENTRIES = 256
/** With so few left of a backlog the next are read, so that the next holder never waits for the disk. */
const READ_AHEAD = 192

interface Deps {
  log: Log
  cursor: Cursor
  /** Highest position ever handed to send by this pump, over all its starts. */
  sent_before: number
  onReadable(): void
  onError(error: unknown): void
}

/** A feed lives from one start of the pump to its stop, and begins behind what the cursor has passed. */
export function createLaneFeed(lane: string, deps: Deps): LaneFeed {
  const { log, cursor } = deps
  const backlog_to = log.last(lane)
  /** Acknowledged to an earlier feed, but perhaps not on disk yet: a crash would send it again. */
  const carried_to = cursor.position(lane)
  let read_to = carried_to
  let unread: Entry[] = []
  let head = 0
  let isReading = false
  /** Sent positions that the durable cursor has not passed, in order. */
  let sent: number[] = []
  /** Where the cursor may go when the sent entry at the same place is acknowledged: over what was passed behind it. */
  let covers: number[] = []
  const acked = new Set<number>()
  let ackedTo = 0

  async function read(): Promise<void> {
    isReading = true
    try {
      const entries = await log.read(lane, read_to, READ_ENTRIES)
      unread = head < unread.length ? [...unread.slice(head), ...entries] : entries
      head = 0
      // Nothing there although positions were given out: evicted or replaced meanwhile.
      read_to = entries.at(-1)?.position ?? Math.max(read_to, log.last(lane))
    } catch (error) {
      deps.onError(error)
      return
    } finally {
      isReading = false
    }
    deps.onReadable()
  }

  function dropSettled(): void {
    const durable = cursor.durable(lane)
    let settled = 0
    while (settled < sent.length && (sent[settled] ?? 0) <= durable) settled += 1
    if (settled === 0) return
    sent = sent.slice(settled)
    covers = covers.slice(settled)
    ackedTo -= Math.min(ackedTo, settled)
  }

  return {
    lane,
    peek() {
      if (head < unread.length) return unread[head]
      if (!isReading && log.last(lane) > read_to) read().catch(deps.onError)
      return undefined
    },
    hasUnsent: () => head < unread.length || isReading || log.last(lane) > read_to,
    take() {
      const entry = unread[head]
      if (!entry) throw new Error('take without peek')
      head += 1
      sent.push(entry.position)
      covers.push(entry.position)
      if (unread.length - head < READ_AHEAD && log.last(lane) - read_to >= READ_AHEAD && !isReading)
        read().catch(deps.onError)
      return { entry, resent: entry.position <= deps.sent_before, backlog: entry.position <= backlog_to }
    },
    pass() {
      const entry = unread[head]
      if (!entry) throw new Error('pass without peek')
      head += 1
      if (ackedTo < sent.length) covers[sent.length - 1] = entry.position
      else cursor.advance(lane, entry.position)
    },
    acknowledged(position) {
      acked.add(position)
      // Only a prefix without gaps may move the cursor: acknowledgements come in any order.
      let reached = 0
      for (let next = sent[ackedTo]; next !== undefined && acked.delete(next); next = sent[ackedTo]) {
        reached = covers[ackedTo] ?? next
        ackedTo += 1
      }
      if (reached > 0) cursor.advance(lane, reached)
    },
    unsettled() {
      dropSettled()
      return Math.max(0, carried_to - cursor.durable(lane)) + sent.length
    },
    unacknowledged: () => sent.length - ackedTo - acked.size,
  }
}
