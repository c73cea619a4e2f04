import type { Entry, Log } from '../types.ts'
import { createLaneFeed, type LaneFeed } from './lane-feed.ts'

/**
 * Drains lanes of a log through `send`, most urgent lane first. An entry is let go of only when `send` was answered: the
 * next holder has it.
 */

export interface Shipment {
  entry: Entry
  /** This pump has handed the entry to `send` before; the first time may have arrived. */
  resent: boolean
  /** The entry was in the log when the pump was started: it has waited. */
  backlog: boolean
}

/** What becomes of the next entry of a lane: sent, left out for good, or kept back together with what follows it. */
export type Admission = 'send' | 'pass' | 'wait'

export interface PumpConfig {
  log: Log
  cursorName: string
  /** Most urgent first. */
  lanes: readonly string[]
  /** Entries with the next holder that it has not acknowledged, at most. A fifth of them is kept for the first lane. */
  window: number
  /**
   * Entries handed over that the cursor on disk has not passed, at most: what a crash sends twice. `window` when absent; more
   * is faster, because a slow disk makes one cursor durable in the time of hundreds of acknowledgements.
   */
  unsettled_max?: number
  /**
   * Asked of each entry before it is sent; everything is sent when absent. An entry that waits is asked about again at
   * the next acknowledgement, commit or poke, and holds up its own lane only.
   */
  admit?(entry: Entry): Admission
  /** Called in order within a lane; answered once, in any order. An error, thrown or answered, stops the pump: the link is down. */
  send(shipment: Shipment, answered: (error?: unknown) => void): void
  /** A send was refused, or the log could not be read. The pump has stopped; start it again when the cause is gone. */
  onError(error: unknown): void
}

export interface PumpStats {
  isRunning: boolean
  /** Entries handed to send, and those of them that were handed over before. */
  sent: number
  resent: number
  acknowledged: number
  inFlight: number
}

export interface Pump {
  /** Sends everything that the cursor has not passed; no effect while running. */
  start(): void
  /** Sends nothing more; resolves when what is in flight is answered, or after a second, and the cursor is on disk. */
  stop(): Promise<void>
  /** Running, and everything in the log is acknowledged. */
  idle(): boolean
  /** Running, and everything in the log has been sent, if not acknowledged. */
  drained(): boolean
  /** Something that waits may go now. */
  poke(): void
  stats(): PumpStats
}

/** Part of the window that lanes other than the first may fill. */
const LOWER_LANES_SHARE = 0.8
/** A window of this size at least is filled again only when no more than this part of it is under way. */
const BUSY_WINDOW_MIN = 100
const BUSY_SHARE = 0.75
/** How long stop waits for acknowledgements of what is in flight. */
const STOP_MS_MAX = 1_000

export function createPump(config: PumpConfig): Pump {
  const { log, lanes } = config
  const cursor = log.cursor(config.cursorName, lanes)
  const unsettled_max = Math.max(config.window, config.unsettled_max ?? config.window)
  const lower = (limit: number): number => Math.max(1, Math.floor(limit * LOWER_LANES_SHARE))
  const first_limits = { window: config.window, unsettled_max }
  const lower_limits = { window: lower(config.window), unsettled_max: lower(unsettled_max) }
  const sent_to = new Map(lanes.map((lane) => [lane, 0]))
  let feeds: LaneFeed[] = []
  let isRunning = false
  /** Counts starts: what was sent before the latest one is no longer listened to. */
  let run = 0
  let isFilling = false
  let isFillDue = false
  const counts = { sent: 0, resent: 0, acknowledged: 0 }
  let onQuiet: (() => void) | undefined

  const unacknowledged = (): number => feeds.reduce((sum, feed) => sum + feed.unacknowledged(), 0)
  const unsettled = (): number => feeds.reduce((sum, feed) => sum + feed.unsettled(), 0)

  /** The most urgent lane with something that may be sent. */
  function nextFeed(): LaneFeed | undefined {
    const feed = feeds.find(hasReady)
    return feed?.peek() ? feed : undefined
  }

  /** Enough of a feed is under way that answers come anyway: until there is room for many it waits, so that many leave in one write. */
  function isBusy(feed: LaneFeed): boolean {
    const { window } = feed === feeds[0] ? first_limits : lower_limits
    return window >= BUSY_WINDOW_MIN && feed.unacknowledged() > window * BUSY_SHARE
  }

  /** How many entries of a feed the window has room for. */
  function roomFor(feed: LaneFeed): number {
    const limits = feed === feeds[0] ? first_limits : lower_limits
    return Math.min(limits.window - unacknowledged(), limits.unsettled_max - unsettled())
  }

  /** While its entries are read a lane keeps its turn: a less urgent one does not slip in. */
  function hasReady(feed: LaneFeed): boolean {
    while (feed.hasUnsent()) {
      const entry = feed.peek()
      const admission = entry && config.admit ? config.admit(entry) : 'send'
      if (admission === 'send') return true
      if (admission === 'wait') return false
      feed.pass()
    }
    return false
  }

  function fill(): void {
    // A send may answer at once and lead back here.
    if (isFilling) return
    isFilling = true
    let before: LaneFeed | undefined
    let room = 0
    try {
      while (isRunning) {
        const feed = nextFeed()
        if (!feed) break
        // What was answered meanwhile is looked for only when it matters.
        if (feed !== before || room <= 0) room = roomFor(feed)
        if (room <= 0 || (feed !== before && isBusy(feed))) break
        before = feed
        room -= 1
        ship(feed)
      }
    } finally {
      isFilling = false
    }
    settle()
  }

  function ship(feed: LaneFeed): void {
    const shipment = feed.take()
    const { position } = shipment.entry
    const ours = run
    sent_to.set(feed.lane, Math.max(position, sent_to.get(feed.lane) ?? 0))
    counts.sent += 1
    if (shipment.resent) counts.resent += 1
    try {
      config.send(shipment, (error) => {
        if (error !== undefined) fail(ours, error)
        else if (ours === run) {
          counts.acknowledged += 1
          feed.acknowledged(position)
          fillSoon()
        }
      })
    } catch (error) {
      fail(ours, error)
    }
  }

  /** Answers come many at once. */
  function fillSoon(): void {
    if (isFillDue) return
    isFillDue = true
    Promise.resolve().then(() => {
      isFillDue = false
      fill()
      quietIfDone()
    })
  }

  /** The cursor on disk limits the window: when much of it is acknowledged already, the disk is asked to catch up. */
  function settle(): void {
    if (unsettled() - unacknowledged() >= Math.max(1, unsettled_max / 4)) cursor.flush().catch(config.onError)
  }

  function fail(ours: number, error: unknown): void {
    if (ours !== run) return
    failedInFlight += 1
    quietIfDone()
    if (!isRunning) return
    isRunning = false
    config.onError(error)
  }

  let failedInFlight = 0
  function quietIfDone(): void {
    if (unacknowledged() <= failedInFlight) onQuiet?.()
  }

  function begin(): void {
    run += 1
    failedInFlight = 0
    const ours = run
    const onError = (error: unknown): void => {
      if (ours === run && isRunning) {
        isRunning = false
        config.onError(error)
      }
    }
    const onReadable = (): void => {
      if (ours === run) fill()
    }
    feeds = lanes.map((lane) =>
      createLaneFeed(lane, { log, cursor, sent_before: sent_to.get(lane) ?? 0, onReadable, onError }),
    )
  }

  log.onCommit(() => fill())
  cursor.onDurable(() => fill())

  return {
    start() {
      if (isRunning) return
      isRunning = true
      begin()
      fill()
    },
    async stop() {
      isRunning = false
      if (unacknowledged() > failedInFlight) {
        const ours = run
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, STOP_MS_MAX)
          onQuiet = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        if (ours === run) onQuiet = undefined
      }
      await cursor.flush()
    },
    drained: () => isRunning && feeds.every((feed) => !feed.hasUnsent()),
    poke: fill,
    idle: () => isRunning && feeds.every((feed) => !feed.hasUnsent() && feed.unacknowledged() === 0),
    stats: () => ({ isRunning, ...counts, inFlight: Math.max(0, unacknowledged() - failedInFlight) }),
  }
}
