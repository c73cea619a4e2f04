import type { Append, Log } from '../../hub/journal/types.ts'
import type { Logger } from '../ports/logger.ts'

/**
 * What the disk refused, held in memory in order until it takes it again. A dead disk must not silence an alarm: alarms
 * go out at once past the disk as well (same id, so a second delivery does no harm).
 */

/** Entries held while the disk does not work (about 5 MB). */
export const REFUSED_MAX = 10_000
const RETRY_MS = 250

interface Refused {
  append: Append
  /** Acknowledged by the hub without having been on disk. */
  sent: boolean
}

export class RefusedEntries {
  readonly #log: Pick<Log, 'append'>
  readonly #logger: Logger
  readonly #onEmpty: () => void
  /** By sequence: the order in which they must be written. */
  #alarms: Refused[] = []
  /** The latest of each topic. */
  readonly #states = new Map<string, Append>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false
  #sending = false
  #sendDirect: ((append: Append) => Promise<void>) | undefined

  constructor(log: Pick<Log, 'append'>, logger: Logger, onEmpty: () => void) {
    this.#log = log
    this.#logger = logger
    this.#onEmpty = onEmpty
  }

  get holdsAlarms(): boolean {
    return this.#alarms.length > 0
  }

  get isEmpty(): boolean {
    return this.#alarms.length === 0 && this.#states.size === 0
  }

  setDirect(send: (append: Append) => Promise<void>): void {
    this.#sendDirect = send
  }

  holdAlarm(append: Append): void {
    if (this.#alarms.length >= REFUSED_MAX) {
      this.#logger.error({ topic: append.topic }, 'the spool has refused more than memory holds: this entry is lost')
      return
    }
    this.#alarms.push({ append, sent: false })
    this.#alarms.sort((a, b) => (a.append.sequence ?? 0) - (b.append.sequence ?? 0))
    void this.#sendPast()
    this.#schedule()
  }

  /** A newer state of the same topic may have been taken meanwhile; then `forgetState` was called. */
  holdState(append: Append): void {
    this.#states.set(append.topic, append)
    this.#schedule()
  }

  forgetState(topic: string): void {
    this.#states.delete(topic)
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#retry().finally(() => {
        this.#timer = undefined
        if (!this.isEmpty) this.#schedule()
      })
    }, RETRY_MS)
  }

  async #retry(): Promise<void> {
    try {
      for (let next = this.#alarms[0]; next && !this.#closed; next = this.#alarms[0]) {
        // What was acknowledged meanwhile needs no disk any more.
        if (!next.sent) await this.#log.append(next.append)
        this.#alarms = this.#alarms.filter((item) => item !== next)
      }
      for (const [topic, append] of [...this.#states]) {
        await this.#log.append(append)
        if (this.#states.get(topic) === append) this.#states.delete(topic)
      }
      if (this.isEmpty) this.#onEmpty()
    } catch {
      void this.#sendPast()
    }
  }

  async #sendPast(): Promise<void> {
    if (this.#sending || !this.#sendDirect) return
    this.#sending = true
    try {
      for (;;) {
        const next = this.#alarms.find((item) => !item.sent)
        if (!next) break
        await this.#sendDirect(next.append)
        next.sent = true
      }
    } catch {
      // No uplink either: the next retry tries both again.
    } finally {
      this.#sending = false
    }
  }
}
