import { LinliError, reasonOf } from '../../../hub/contract/errors.ts'
import { type Moment, momentAt, momentNow } from '../../moment.ts'
import type { LineChip, LineInput } from '../../ports/line-chip.ts'
import type { Logger } from '../../ports/logger.ts'
import type { BoardStatus, DigitalOutput, DigitalReport, StatusReport } from '../../ports/pin-board.ts'
import { createBackoff } from '../backoff.ts'
import { pause } from '../pause.ts'
import { findChip } from './find-chip.ts'
import type { GpioKernel } from './kernel.ts'
import { type HeldLines, holdLines } from './lines.ts'
import type { LineEvent } from './uapi.ts'

/**
 * One GPIO chip of the box as a board of pins: takes its lines, reports edges with the kernel's own times, reads every
 * line again several times a second, and begins again whenever the chip is lost.
 */

export interface GpioChipConfig {
  /** Of a chip: `header` for that of a Pi's 40 pins, its label, or e.g. `gpiochip0`. */
  id: string
}

export interface GpioChipDeps {
  openKernel: () => Promise<GpioKernel>
  random: () => number
  log: Logger
}

/** How often all lines are read again: at least twice within the shortest age limit of a gate (500 ms). */
const REREAD_MS = 200
/** What is read in one turn of the event loop at most; a line that flickers faster than that is not believed. */
const READS_AT_ONCE = 16
const UNSETTLED: LineInput = { bias: 'pull-up', settle_ms: 0 }
/** Lost edges are told at first, and then once per this many times. */
const GAPS_TOLD_EVERY = 1000
/** On a Pi these say whether a line that is let go keeps its level. */
const PERSISTENCE = ['pinctrl_bcm2835', 'pinctrl_rp1']

export function createGpioChip(deps: GpioChipDeps, config: GpioChipConfig): LineChip {
  return new GpioChip(deps, config)
}

class GpioChip implements LineChip {
  readonly id: string
  readonly #deps: GpioChipDeps
  readonly #settings = new Map<number, LineInput>()
  readonly #watches = new Map<number, (report: DigitalReport) => void>()
  readonly #outputs = new Set<number>()
  readonly #statusListeners: Array<(report: StatusReport) => void> = []
  readonly #confirmedListeners: Array<(lines: ReadonlySet<number>, at: Moment) => void> = []
  readonly #closed = new AbortController()
  #status: StatusReport = { status: 'starting', at: momentNow() }
  #running: Promise<void> | undefined
  #held: HeldLines | undefined
  #lost: (error: unknown) => void = () => {}
  readonly #levels = new Map<number, boolean>()
  #foundAt_ns = 0n
  /** What the kernel's clock shows when the monotonic clock of this process shows 0. */
  #zero_ns = 0n
  /** Of each line: the count over all lines is not in order when two interrupts come at once. */
  readonly #sequences = new Map<number, number>()
  #gaps = 0

  constructor(deps: GpioChipDeps, config: GpioChipConfig) {
    this.id = config.id
    this.#deps = deps
  }

  get status(): StatusReport {
    return this.#status
  }

  setInput(line: number, input: LineInput): void {
    this.#declare()
    this.#settings.set(line, input)
  }

  watchDigital(line: number, listener: (report: DigitalReport) => void): void {
    this.#declare()
    this.#watches.set(line, listener)
  }

  watchAnalog(channel: number): void {
    throw new LinliError('GPIO_NO_ANALOG', `chip ${this.id} has no analog channel ${channel}; use a board for it`, {
      kind: 'caller',
    })
  }

  output(line: number): DigitalOutput {
    this.#declare()
    this.#outputs.add(line)
    return { set: (on) => this.#write(line, on) }
  }

  onConfirmed(listener: (lines: ReadonlySet<number>, at: Moment) => void): void {
    this.#confirmedListeners.push(listener)
  }

  onStatus(listener: (report: StatusReport) => void): void {
    this.#statusListeners.push(listener)
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Outputs low, lines free for others; the chip cannot be started again. */
  async close(): Promise<void> {
    this.#closed.abort()
    await this.#running
  }

  #declare(): void {
    if (this.#running) throw new LinliError('BOARD_STARTED', 'lines are declared before start', { kind: 'bug' })
  }

  /** One listener that throws must not keep the report from the others. */
  #safely(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#deps.log.error({ chip: this.id, error: reasonOf(error) }, 'a listener of the chip threw')
    }
  }

  #setStatus(status: BoardStatus, reason?: string): void {
    if (this.#status.status === status && this.#status.reason === reason) return
    const at = momentNow()
    this.#status = reason === undefined ? { status, at } : { status, reason, at }
    this.#deps.log.info({ chip: this.id, status, reason }, 'chip status')
    for (const listener of this.#statusListeners) this.#safely(() => listener(this.#status))
  }

  async #run(): Promise<void> {
    const { signal } = this.#closed
    const backoff = createBackoff({ first_ms: 250, max_ms: 5000 }, this.#deps.random)
    let kernel: GpioKernel
    try {
      kernel = await this.#deps.openKernel()
    } catch (error) {
      return this.#setStatus('absent', reasonOf(error))
    }
    while (!signal.aborted) {
      try {
        await this.#hold(kernel, signal, () => backoff.reset())
      } catch (error) {
        this.#setStatus('absent', reasonOf(error))
      }
      await pause(backoff.next_ms(), signal)
    }
  }

  /** From taking the lines to losing them. @throws {LinliError} why, unless `signal` ended it */
  async #hold(kernel: GpioKernel, signal: AbortSignal, onReady: () => void): Promise<void> {
    const lost = Promise.withResolvers<void>()
    const stop = () => lost.resolve()
    this.#lost = lost.reject
    const inputs = new Map([...this.#watches.keys()].map((line) => [line, this.#settings.get(line) ?? UNSETTLED]))
    const use = { inputs, outputs: [...this.#outputs] }
    const held = holdLines(kernel, findChip(kernel, this.id), use, () => this.#orLost(() => this.#onReadable()))
    let timer: ReturnType<typeof setInterval> | undefined
    signal.addEventListener('abort', stop)
    try {
      this.#sequences.clear()
      this.#zero_ns = zeroOf(kernel)
      this.#foundAt_ns = kernel.now_ns()
      const found = held.readLevels()
      this.#held = held
      this.#warnOfPersistence(kernel)
      onReady()
      this.#setStatus('ready')
      const at = momentNow()
      for (const [line, high] of found) this.#report(line, { high, kind: 'found', at })
      timer = setInterval(() => this.#orLost(() => this.#reread()), REREAD_MS)
      await lost.promise
    } finally {
      clearInterval(timer)
      signal.removeEventListener('abort', stop)
      this.#held = undefined
      this.#levels.clear()
      held.release()
    }
  }

  #orLost(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#lost(error)
    }
  }

  #report(line: number, report: DigitalReport): void {
    this.#levels.set(line, report.high)
    this.#safely(() => this.#watches.get(line)?.(report))
  }

  #onReadable(): void {
    const gaps = this.#gaps
    this.#drain()
    // What the kernel dropped may have been the last edge of a line.
    if (this.#gaps !== gaps) this.#reread()
  }

  /** Reports the edges that wait. @returns the lines that had any, or undefined when they come faster than we read */
  #drain(): ReadonlySet<number> | undefined {
    const moved = new Set<number>()
    for (let reads = 0; reads < READS_AT_ONCE; reads++) {
      const events = this.#held?.readEvents() ?? []
      if (events.length === 0) return moved
      for (const event of events) {
        moved.add(event.line)
        this.#onEvent(event)
      }
    }
    return undefined
  }

  #onEvent({ timestamp_ns, rising, line, lineSequence }: LineEvent): void {
    // 32 bits that wrap around.
    if (lineSequence !== ((this.#sequences.get(line) ?? 0) + 1) >>> 0) this.#onGap()
    this.#sequences.set(line, lineSequence)
    // Already part of what was found; and of a pulse shorter than the interrupt's way both edges have the same level.
    if (timestamp_ns <= this.#foundAt_ns || this.#levels.get(line) === rising) return
    const at = momentAt(momentNow(), Number(timestamp_ns - this.#zero_ns) / 1e6)
    this.#report(line, { high: rising, kind: 'edge', at })
  }

  #onGap(): void {
    if (this.#gaps++ % GAPS_TOLD_EVERY === 0)
      this.#deps.log.warn({ chip: this.id, count: this.#gaps }, 'edges came faster than they were read; some are lost')
  }

  /** Every level from the hardware itself: what edges told is confirmed, what they did not tell is found out. */
  #reread(): void {
    const held = this.#held
    if (!held || !this.#drain()) return
    const levels = held.readLevels()
    const moved = this.#drain()
    if (!moved) return
    const at = momentNow()
    for (const [line, high] of levels)
      if (!moved.has(line) && this.#levels.get(line) !== high) this.#report(line, { high, kind: 'edge', at })
    const confirmed = new Set(this.#watches.keys())
    for (const listener of this.#confirmedListeners) this.#safely(() => listener(confirmed, at))
  }

  #write(line: number, on: boolean): boolean {
    if (this.#status.status !== 'ready' || !this.#held) return false
    try {
      this.#held.write(line, on)
      return true
    } catch (error) {
      this.#lost(error)
      return false
    }
  }

  #warnOfPersistence(kernel: GpioKernel): void {
    if (this.#outputs.size === 0) return
    const persists = PERSISTENCE.some((module) => kernel.parameter(module, 'persist_gpio_outputs') === 'Y')
    if (!persists) return
    this.#deps.log.warn(
      { chip: this.id },
      'if this process is killed its outputs stay as they are: put dtparam=strict_gpiod into config.txt',
    )
  }
}

/** The two clocks are one and differ by a constant; the smallest of some differences has the least delay between readings. */
function zeroOf(kernel: GpioKernel): bigint {
  const once = () => -BigInt(Math.round(performance.now() * 1e6)) + kernel.now_ns()
  return Array.from({ length: 5 }, once).reduce((least, zero) => (zero < least ? zero : least))
}
