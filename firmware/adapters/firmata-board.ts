import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import { type Moment, momentNow } from '../moment.ts'
import type { ByteConnection, BytePort } from '../ports/byte-port.ts'
import type { Logger } from '../ports/logger.ts'
import type {
  AnalogReport,
  BoardStatus,
  DigitalOutput,
  DigitalReport,
  PinBoard,
  StatusReport,
} from '../ports/pin-board.ts'
import { type Backoff, createBackoff } from './backoff.ts'
import { Chip } from './firmata/chip.ts'
import { loadLibraries } from './firmata/libraries.ts'
import { createWiring } from './firmata/wiring.ts'
import { pause } from './pause.ts'

/**
 * A Firmata board on a serial line, as a board of pins: opens the line, initialises the board, watches that it lives,
 * and begins again whenever either fails.
 */

export interface FirmataBoardConfig {
  id: string
  /** ms between two probes of a board that is ready; two without an answer make it `hung`. */
  watchdog_ms: number
  /** How long a board may take to answer after the line was opened (an Uno boots for 2.1 s). */
  handshake_ms: number
  /**
   * How often the board sends its analog inputs. They also tell the time between two edges that are read in one go:
   * with 10 ms two edges 30 ms apart always have samples between them.
   */
  sampling_ms: number
}

export interface FirmataBoardDeps {
  port: BytePort
  random: () => number
  log: Logger
}

const PROBES_MISSED_MAX = 2
/** How often watched pins are read again for those who want them confirmed: twice within the shortest age limit of a gate. */
const CONFIRM_MS = 250
/** Analog changes below this are noise of the converter (3 of 1023). */
const ANALOG_STEP = 0.003
/** How long the last bytes of a closing board may take to leave (at 9600 baud: 24 of them). */
const FAREWELL_MS = 25
/** Noise is told at first, and then once per this many. */
const NOISE_TOLD_EVERY = 1000

/** Why a connection is given up, and how the board counts meanwhile. */
class BoardLost extends Error {
  readonly status: 'hung' | 'absent'
  constructor(status: 'hung' | 'absent', message: string) {
    super(message)
    this.status = status
  }
}

export function createFirmataBoard(deps: FirmataBoardDeps, config: FirmataBoardConfig): FirmataBoard {
  return new FirmataBoard(deps, config)
}

export class FirmataBoard implements PinBoard {
  readonly id: string
  readonly #deps: FirmataBoardDeps
  readonly #config: FirmataBoardConfig
  readonly #wiring = createWiring()
  readonly #statusListeners: Array<(report: StatusReport) => void> = []
  readonly #confirmedListeners: Array<(pins: ReadonlySet<number>, at: Moment) => void> = []
  readonly #backoff: Backoff
  readonly #lastAnalog = new Map<number, number>()
  readonly #closed = new AbortController()
  #status: StatusReport = { status: 'starting', at: momentNow() }
  #chip: Chip | undefined
  #running: Promise<void> | undefined
  #answered = true
  #restarted: (reason: string) => void = () => {}
  #noiseCount = 0

  constructor(deps: FirmataBoardDeps, config: FirmataBoardConfig) {
    this.id = config.id
    this.#deps = deps
    this.#config = config
    this.#backoff = createBackoff({ first_ms: 250, max_ms: 5000 }, deps.random)
  }

  get status(): StatusReport {
    return this.#status
  }

  watchDigital(pin: number, listener: (report: DigitalReport) => void): void {
    this.#declare()
    this.#wiring.digital.set(pin, listener)
  }

  watchAnalog(channel: number, listener: (report: AnalogReport) => void): void {
    this.#declare()
    this.#wiring.analog.set(channel, listener)
  }

  output(pin: number): DigitalOutput {
    this.#declare()
    this.#wiring.outputs.add(pin)
    return {
      set: (on) => {
        if (this.#status.status !== 'ready' || !this.#chip) return false
        this.#chip.write(pin, on)
        return true
      },
    }
  }

  onConfirmed(listener: (pins: ReadonlySet<number>, at: Moment) => void): void {
    this.#confirmedListeners.push(listener)
  }

  onStatus(listener: (report: StatusReport) => void): void {
    this.#statusListeners.push(listener)
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Outputs off, line closed; the board cannot be started again. */
  async close(): Promise<void> {
    if (this.#status.status === 'ready' && this.#chip && this.#wiring.outputs.size > 0) {
      for (const pin of this.#wiring.outputs) this.#chip.write(pin, false)
      await pause(FAREWELL_MS, new AbortController().signal)
    }
    this.#closed.abort()
    await this.#running
  }

  listenerCounts(): { io: number; transport: number } | undefined {
    return this.#chip?.listenerCounts()
  }

  #declare(): void {
    if (this.#running) throw new LinliError('BOARD_STARTED', 'pins are declared before start', { kind: 'bug' })
  }

  /** One listener that throws must not keep the report from the others. */
  #safely(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#deps.log.error({ board: this.id, error: reasonOf(error) }, 'a listener of the board threw')
    }
  }

  #setStatus(status: BoardStatus, reason?: string): void {
    if (this.#status.status === status && this.#status.reason === reason) return
    const at = momentNow()
    this.#status = reason === undefined ? { status, at } : { status, reason, at }
    this.#deps.log.info({ board: this.id, status, reason }, 'board status')
    for (const listener of this.#statusListeners) this.#safely(() => listener(this.#status))
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      await this.#attempt()
      await pause(this.#backoff.next_ms(), this.#closed.signal)
    }
  }

  async #attempt(): Promise<void> {
    let connection: ByteConnection | undefined
    try {
      connection = await this.#deps.port.open()
      if (this.#closed.signal.aborted) return
      this.#chip ??= await this.#makeChip()
      await this.#useConnection(this.#chip, connection)
    } catch (error) {
      if (this.#closed.signal.aborted) return
      if (error instanceof BoardLost) this.#setStatus(error.status, error.message)
      else if (connection === undefined) this.#setStatus('absent', reasonOf(error))
      else this.#setStatus('hung', `${reasonOf(error)}; wrong baud rate, wrong firmware, or the board hangs`)
    } finally {
      await connection?.close()
    }
  }

  async #makeChip(): Promise<Chip> {
    return new Chip(await loadLibraries(), this.id, this.#wiring, this.#config.sampling_ms, {
      levels: (changes) => {
        for (const { pin, high, at } of changes) this.#reportLevel(pin, { high, kind: 'edge', at })
      },
      analog: (channel, ratio, at) => this.#reportAnalog(channel, ratio, at),
      alive: () => {
        this.#answered = true
      },
      rebooted: (reason) => this.#restarted(reason),
      confirmed: (pins) => {
        const at = momentNow()
        for (const listener of this.#confirmedListeners) this.#safely(() => listener(pins, at))
      },
      noise: (reason) => this.#onNoise(reason),
    })
  }

  #reportLevel(pin: number, report: DigitalReport): void {
    this.#safely(() => this.#wiring.digital.get(pin)?.(report))
  }

  #reportAnalog(channel: number, ratio: number, at: Moment): void {
    const last = this.#lastAnalog.get(channel)
    if (last !== undefined && Math.abs(ratio - last) < ANALOG_STEP) return
    this.#lastAnalog.set(channel, ratio)
    const kind = last === undefined ? 'found' : 'change'
    this.#safely(() => this.#wiring.analog.get(channel)?.({ ratio, kind, at }))
  }

  #onNoise(reason: string): void {
    this.#noiseCount++
    if (this.#noiseCount % NOISE_TOLD_EVERY === 1)
      this.#deps.log.warn({ board: this.id, reason, count: this.#noiseCount }, 'noise on the serial line')
  }

  /** One opening of the line, until it is lost. @throws the reason, always */
  async #useConnection(chip: Chip, connection: ByteConnection): Promise<never> {
    const lost = new AbortController()
    const stop = () => lost.abort(new BoardLost('absent', 'closing'))
    connection.onClose((reason) => lost.abort(new BoardLost('absent', reason)))
    this.#closed.signal.addEventListener('abort', stop)
    try {
      chip.attach(connection)
      for (;;) {
        const found = await chip.initialise(lost.signal, this.#config.handshake_ms)
        this.#lastAnalog.clear()
        this.#backoff.reset()
        const levels = [...found]
        this.#setStatus('ready')
        for (const [pin, high] of levels) this.#reportLevel(pin, { high, kind: 'found', at: momentNow() })
        this.#setStatus('starting', await this.#untilRestart(chip, lost))
      }
    } finally {
      this.#closed.signal.removeEventListener('abort', stop)
      chip.detach()
    }
  }

  /** Watches a ready board. @returns why it has to be initialised again; throws when it is lost */
  #untilRestart(chip: Chip, lost: AbortController): Promise<string> {
    const { watchdog_ms } = this.#config
    let missed = 0
    this.#answered = true
    return new Promise<string>((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearInterval(timer)
        clearInterval(confirming)
        lost.signal.removeEventListener('abort', onLost)
        this.#restarted = () => {}
        finish()
      }
      const onLost = () => settle(() => reject(lost.signal.reason))
      const timer = setInterval(() => {
        missed = this.#answered ? 0 : missed + 1
        if (missed >= PROBES_MISSED_MAX) {
          lost.abort(new BoardLost('hung', `no answer for ${PROBES_MISSED_MAX * watchdog_ms} ms`))
          return
        }
        this.#answered = false
        chip.probe()
      }, watchdog_ms)
      const confirming =
        this.#confirmedListeners.length === 0 ? undefined : setInterval(() => chip.confirm(), CONFIRM_MS)
      this.#restarted = (reason) => settle(() => resolve(reason))
      if (lost.signal.aborted) onLost()
      else lost.signal.addEventListener('abort', onLost)
    })
  }
}
