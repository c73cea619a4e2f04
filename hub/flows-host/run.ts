import type { Result } from '../contract/command.ts'
import { type Channel, createChannel } from './channel.ts'
import { type ChildConfig, type FlowsChild, startChild } from './child.ts'
import type { Delivery, HubForFlows } from './hub-port.ts'
import {
  type CommandMessage,
  decodeFromFlows,
  type FromFlows,
  type ReportMessage,
  type StartMessage,
  type ToFlows,
} from './ipc.ts'
import type { Outbox } from './outbox.ts'
import { createTokenBucket } from './token-bucket.ts'

/** One run of the flows process with its channel: decodes what it says, gives it what waits. */

export type ReadyMessage = FromFlows & { type: 'ready' }
export type PongMessage = FromFlows & { type: 'pong' }
/** How the flows are now. */
export type StandingMessage = Omit<FromFlows & { type: 'standing' }, 'type'>

export interface RunDeps {
  hub: Pick<HubForFlows, 'snapshot'>
  outbox: Outbox
  clock: () => number
}

/** None of these is called any more after `onGone`. */
export interface RunListeners {
  onReady(ready: ReadyMessage): void
  onStanding(standing: StandingMessage): void
  onPong(pong: PongMessage): void
  onSeen(seq: number): void
  onCommand(command: CommandMessage, answer: (result: Result) => void): void
  onReport(report: ReportMessage, answer: (result: Result) => void): void
  onDelivery(delivery: Delivery): void
  onInvalid(message: string): void
  /** It sends far more messages than a sane flow; called once. */
  onFlood(): void
  onLine(line: string): void
  onGone(gone: { spawned: boolean; reason: string }): void
}

/** Messages no sane child sends: its own limit is 100 commands and some 10 other messages per second. */
const MESSAGES_PER_S_MAX = 1_000
const MESSAGES_BURST_MAX = 2_000

export class FlowsRun {
  readonly #child: FlowsChild
  readonly #channel: Channel
  readonly #listeners: RunListeners
  readonly #clock: () => number
  readonly #messages = createTokenBucket({ per_s: MESSAGES_PER_S_MAX, burst: MESSAGES_BURST_MAX })
  readonly #reloads = new Map<string, (ok: boolean) => void>()
  #deaf = false

  constructor(deps: RunDeps, listeners: RunListeners, config: ChildConfig, start: StartMessage) {
    this.#listeners = listeners
    this.#clock = deps.clock
    this.#child = startChild(config, {
      onGone: (gone) => {
        this.#deaf = true
        for (const resolve of this.#reloads.values()) resolve(false)
        listeners.onGone(gone)
      },
      onMessage: (message) => this.#receive(message),
      onLine: listeners.onLine,
    })
    this.#channel = createChannel({
      outbox: deps.outbox,
      send: (message, sent) => this.#child.send(message, sent),
      clock: deps.clock,
      onCaughtUpAfterGap: () => this.send({ type: 'snapshot', ...deps.hub.snapshot() }),
    })
    this.send(start)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Sends past the outbox. */
  send(message: ToFlows): void {
    this.#channel.now(message)
  }

  /** Gives the child what waits, as far as it keeps up. */
  pump(): void {
    this.#channel.pump()
  }

  /** Takes nothing more out of the outbox. */
  lose(): void {
    this.#channel.close()
  }

  /** It runs the newest version of the flows then; false: it could not, or was lost meanwhile. */
  reload(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const id = `reload-${this.#reloads.size + 1}`
    this.#reloads.set(id, resolve)
    this.send({ type: 'reload', id })
    return promise
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#child.signal(signal)
  }

  rss_bytes(): Promise<number | undefined> {
    return this.#child.rss_bytes()
  }

  #receive(raw: unknown): void {
    if (this.#deaf) return
    if (!this.#messages.take(this.#clock())) {
      // Decoding more of it would cost the hub the time that the flood is meant to cost.
      this.#deaf = true
      this.#listeners.onFlood()
      return
    }
    const decoded = decodeFromFlows(raw)
    if (!decoded.ok) {
      this.#listeners.onInvalid(decoded.error.message)
      return
    }
    const message = decoded.value
    if (message.type === 'ready') this.#listeners.onReady(message)
    else if (message.type === 'standing') this.#listeners.onStanding(message)
    else if (message.type === 'reloaded') this.#reloads.get(message.id)?.(message.ok)
    else if (message.type === 'pong') this.#listeners.onPong(message)
    else if (message.type === 'seen') this.#listeners.onSeen(message.seq)
    else if (message.type === 'delivery') this.#listeners.onDelivery(message)
    else if (message.type === 'report') this.#listeners.onReport(message, this.#answer(message.id))
    else this.#listeners.onCommand(message, this.#answer(message.id))
  }

  #answer(id: string): (result: Result) => void {
    return (result) => {
      if (!this.#deaf) this.send({ type: 'command-result', id, result })
    }
  }
}
