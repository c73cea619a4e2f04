import { reasonOf } from '../../../hub/contract/errors.ts'
import { createBackoff } from '../../adapters/backoff.ts'
import { type Moment, momentNow } from '../../moment.ts'
import type { ByteConnection, BytePort } from '../../ports/byte-port.ts'
import type { Logger } from '../../ports/logger.ts'
import { type BusConfig, checkConfig, checkKey, sessionConfig, timingOf, wireTime_ms } from './bus-config.ts'
import type { Command } from './commands.ts'
import { createFrameParser, type Parsed } from './frame.ts'
import { type Aes, RANDOM_BYTES } from './secure-channel.ts'
import { nextTurn, type SessionInput, step } from './session-machine.ts'
import {
  type CommandResult,
  type Count,
  createSessionState,
  type SessionConfig,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
} from './session-state.ts'
import { chooseTurn } from './turn-choice.ts'

/** The shell around the sessions of one RS-485 line: bytes in and out, timers, one command on the line at a time. */

/** What a lamp, a buzzer or an output is told; keys and line settings are not for everyday use. */
export type ReaderCommand = Exclude<Command, { type: 'set-key' | 'set-line' | 'challenge' | 'server-cryptogram' }>

export interface BusDeps {
  port: BytePort
  aes: Aes
  /** Unpredictable bytes for challenges. */
  randomBytes(count: number): Uint8Array
  /** Jitter for reopening the port. */
  random(): number
  log: Logger
  /** Called in the order in which things happened. Feedback sent from within goes out before the next poll. */
  onEvent(address: number, event: SessionEvent, at: Moment): void
}

export interface ReaderStats {
  online: boolean
  secure: boolean
  phase: SessionState['phase']['name']
  counts: Record<Count, number>
  /** From the start of a command to its whole reply. */
  roundTrip_ms: { last: number; max: number; sum: number; count: number }
}

export interface OsdpBus {
  start(): void
  /**
   * Sends a command to an online reader, before routine polls.
   * @param expires_ms how long it may wait for the line; 2000 if not given
   * @returns never rejects; OSDP_OFFLINE, OSDP_REFUSED, OSDP_EXPIRED, OSDP_QUEUE_FULL in the result
   */
  send(address: number, command: ReaderCommand, expires_ms?: number): Promise<CommandResult>
  /**
   * For this long the reader is given a key, over one that it has proven or else over the default key, and any unit may be
   * the one that belongs here. `key-set` says that it has proven the new key; until then either is believed.
   * @param key undefined for a reader without secure channel
   * @returns false for an unknown address, or a key where none can be had
   * @throws {LinliError} OSDP_CONFIG for a key that is none
   */
  install(address: number, for_ms: number, key: Uint8Array | undefined): boolean
  stats(): Map<number, ReaderStats>
  close(): Promise<void>
}

const COMMAND_EXPIRES_MS = 2000
/** Readers send far less than the standard's 1440; noise must not hold the line for long. */
const REPLY_BYTES_MAX = 512
/** A frame may pause this long between its bytes: 20 ms by the standard; USB adapters pass bytes on every 16 ms. */
const GAP_MS = 40
/** After a card or a key the line is kept free this long for the feedback; a decision takes a few ms. */
const HUSH_MS = 100
/** Readers that may not answer wait longer: what follows the first feedback is urgent too. */
const DOUBTFUL_HUSH_MS = 300
/** A timer this late means that the process was held up and bytes may still be unread. */
const LATE_MS = 5
/** Shorter silences, and fractions of longer ones, have passed by themselves before bytes are through system and adapter. */
const TIMER_MS = 1
const REOPEN = { first_ms: 250, max_ms: 5000 }

interface Reader {
  config: SessionConfig
  state: SessionState
  served_ms: number
  stats: Pick<ReaderStats, 'counts' | 'roundTrip_ms'>
}

interface Exchange {
  reader: Reader
  sent_ms: number
  /** The time for a reply is over then; moved on while a frame is coming in, but not beyond `limit_ms`. */
  deadline_ms: number
  limit_ms: number
  corrupted: boolean
  grace: boolean
}

const noCounts = (): Record<Count, number> => ({
  polls: 0,
  commands: 0,
  replies: 0,
  timeouts: 0,
  corrupted: 0,
  retries: 0,
  busy: 0,
  naks: 0,
  refused: 0,
  unexpected: 0,
  sessions: 0,
})

/** @throws {LinliError} OSDP_CONFIG */
export function createOsdpBus(deps: BusDeps, config: BusConfig): OsdpBus {
  checkConfig(config)
  const { port, log } = deps
  const timing = timingOf(config)
  const parser = createFrameParser(REPLY_BYTES_MAX)
  const reopen = createBackoff(REOPEN, deps.random)
  const now = () => performance.now()
  const readers = new Map<number, Reader>(
    config.readers.map((one) => {
      const session = sessionConfig(one, timing, deps.aes)
      const stats = { counts: noCounts(), roundTrip_ms: { last: 0, max: 0, sum: 0, count: 0 } }
      return [one.address, { config: session, state: createSessionState(session, now()), served_ms: 0, stats }]
    }),
  )
  const waiting = new Map<number, (result: CommandResult) => void>()
  let connection: ByteConnection | undefined
  let exchange: Exchange | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let reopenTimer: ReturnType<typeof setTimeout> | undefined
  let free_ms = 0
  let hush = { routineUntil_ms: 0, doubtfulUntil_ms: 0 }
  /** Whose card or key hushed the line. */
  let hushedFor: Reader | undefined
  let urgentInRow = 0
  let tickets = 0
  /** Depth of steps under way: what a listener sends from within waits until the step is done. */
  let depth = 0
  let running = false

  function run(reader: Reader, input: SessionInput): void {
    const result = step(reader.config, reader.state, input, now())
    reader.state = result.state
    depth++
    for (const effect of result.effects) perform(reader, effect)
    depth--
  }

  function perform(reader: Reader, effect: SessionEffect) {
    switch (effect.type) {
      case 'send':
        return transmit(reader, effect.bytes)
      case 'release':
        return release()
      case 'count':
        reader.stats.counts[effect.count]++
        return
      case 'result':
        waiting.get(effect.ticket)?.(effect.result)
        waiting.delete(effect.ticket)
        return
      case 'event':
        return publish(reader, effect.event)
    }
  }

  function publish(reader: Reader, event: SessionEvent): void {
    if (event.type === 'card' || event.type === 'keypad') {
      hush = { routineUntil_ms: now() + HUSH_MS, doubtfulUntil_ms: now() + DOUBTFUL_HUSH_MS }
      hushedFor = reader
    }
    if (!running) return
    try {
      deps.onEvent(reader.config.address, event, momentNow())
    } catch (error) {
      log.error({ address: reader.config.address, event: event.type, reason: reasonOf(error) }, 'a listener failed')
    }
  }

  function transmit(reader: Reader, bytes: Uint8Array): void {
    const sent_ms = now()
    const deadline_ms = sent_ms + wireTime_ms(config.baud, bytes.length) + timing.replyTimeout_ms
    const limit_ms = deadline_ms + wireTime_ms(config.baud, REPLY_BYTES_MAX)
    parser.flush()
    reader.served_ms = sent_ms
    exchange = { reader, sent_ms, deadline_ms, limit_ms, corrupted: false, grace: false }
    if (connection?.write(bytes) === false) {
      log.warn({ path: port.path }, 'the line takes no bytes; it is opened again')
      void connection.close()
    }
  }

  function release(): void {
    if (!exchange) return
    const { roundTrip_ms } = exchange.reader.stats
    const taken_ms = now() - exchange.sent_ms
    roundTrip_ms.last = taken_ms
    roundTrip_ms.max = Math.max(roundTrip_ms.max, taken_ms)
    roundTrip_ms.sum += taken_ms
    roundTrip_ms.count++
    exchange = undefined
    free_ms = now() + timing.turnaround_ms
  }

  function onData(bytes: Uint8Array): void {
    for (const parsed of parser.push(bytes)) take(parsed)
    if (exchange && (parser.pending || exchange.corrupted)) {
      const { deadline_ms, limit_ms } = exchange
      exchange.deadline_ms = Math.min(limit_ms, Math.max(deadline_ms, now() + GAP_MS))
    }
    proceed()
  }

  function take(parsed: Parsed): void {
    if (!exchange) return
    const { reader } = exchange
    if (!parsed.ok) {
      exchange.corrupted = true
      return
    }
    // Some adapters echo our own command.
    const { frame } = parsed
    if (frame.reply && frame.address === reader.config.address) run(reader, { type: 'frame', frame })
  }

  /** The time for a reply is over. */
  function onDeadline(): void {
    if (!exchange) return
    exchange.corrupted ||= parser.pending
    for (const parsed of parser.flush()) take(parsed)
    if (exchange) run(exchange.reader, { type: 'silence', corrupted: exchange.corrupted })
  }

  /** Does what is due, and sets the one timer for what comes next. */
  function proceed() {
    if (depth > 0) return
    clearTimeout(timer)
    while (running && connection) {
      if (exchange) return arm(exchange.deadline_ms - now(), onExchangeTimer)
      const silent_ms = free_ms - now()
      if (silent_ms >= TIMER_MS) return arm(Math.floor(silent_ms), proceed)
      const choice = chooseTurn(candidates(), now(), hush, urgentInRow)
      if ('wait_ms' in choice)
        return choice.wait_ms === Number.POSITIVE_INFINITY ? undefined : arm(choice.wait_ms, proceed)
      urgentInRow = choice.urgent ? urgentInRow + 1 : 0
      if (choice.urgent && choice.who === hushedFor) hush = { ...hush, routineUntil_ms: 0 }
      run(choice.who, { type: 'turn', random: deps.randomBytes(RANDOM_BYTES) })
    }
  }

  function arm(delay_ms: number, then: () => void): void {
    timer = setTimeout(then, Math.max(0, Math.ceil(delay_ms)))
  }

  function onExchangeTimer() {
    if (exchange) {
      const late_ms = now() - exchange.deadline_ms
      if (late_ms > LATE_MS && !exchange.grace) {
        exchange.grace = true
        return arm(LATE_MS, onExchangeTimer)
      }
      if (late_ms >= 0) onDeadline()
    }
    proceed()
  }

  function candidates() {
    return [...readers.values()].flatMap((who) => {
      const turn = nextTurn(who.state)
      return turn ? [{ who, turn, served_ms: who.served_ms }] : []
    })
  }

  async function open(): Promise<void> {
    try {
      const opened = await port.open()
      if (!running) return await opened.close()
      connection = opened
      reopen.reset()
      opened.onData((bytes) => {
        if (connection === opened) onData(bytes)
      })
      opened.onClose((reason) => {
        if (connection === opened) onLineLost(reason)
      })
      if (connection !== opened) return
      for (const reader of readers.values()) run(reader, { type: 'line', up: true })
      proceed()
    } catch (error) {
      onLineLost(reasonOf(error))
    }
  }

  function onLineLost(reason: string): void {
    connection = undefined
    exchange = undefined
    clearTimeout(timer)
    parser.flush()
    for (const reader of readers.values()) run(reader, { type: 'line', up: false })
    if (!running) return
    const wait_ms = reopen.next_ms()
    log.warn({ path: port.path, reason, wait_ms }, 'the reader line was lost')
    reopenTimer = setTimeout(() => void open(), wait_ms)
  }

  return {
    start() {
      if (running) return
      running = true
      void open()
    },
    send(address, command, expires_ms = COMMAND_EXPIRES_MS) {
      const reader = readers.get(address)
      if (!reader || !running)
        return Promise.resolve({ ok: false, code: 'OSDP_OFFLINE', message: `no reader at address ${address}` })
      const ticket = ++tickets
      return new Promise((resolve) => {
        waiting.set(ticket, resolve)
        run(reader, { type: 'command', ticket, command, expires_ms: now() + expires_ms })
        proceed()
      })
    },
    install(address, for_ms, key) {
      const reader = readers.get(address)
      if (!reader || (key !== undefined) !== (reader.config.security.mode === 'secure')) return false
      if (key) checkKey(key, '/key')
      run(reader, { type: 'install', until_ms: now() + for_ms, key })
      proceed()
      return true
    },
    stats() {
      return new Map([...readers].map(([address, reader]) => [address, statsOf(reader)]))
    },
    async close() {
      running = false
      clearTimeout(timer)
      clearTimeout(reopenTimer)
      const closing = connection
      if (closing) onLineLost('closed')
      await closing?.close()
    },
  }
}

function statsOf({ state, stats }: Reader): ReaderStats {
  return {
    online: state.told.online,
    secure: state.told.online && state.secure !== undefined,
    phase: state.phase.name,
    counts: { ...stats.counts },
    roundTrip_ms: { ...stats.roundTrip_ms },
  }
}
