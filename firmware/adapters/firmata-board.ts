import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import type { ByteConnection, BytePort } from '../ports/byte-port.ts'
import type { Logger } from '../ports/logger.ts'
import { type Moment, momentNow } from '../ports/moment.ts'
import type { BoardStatus, PinBoard, StatusReport } from '../ports/pin-board.ts'
import { createBackoff } from './backoff.ts'
import { type Chip, createChip, loadLibraries } from './firmata/chip.ts'
import { createWiring } from './firmata/wiring.ts'

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
}

export interface FirmataBoardDeps {
  port: BytePort
  random: () => number
  log: Logger
  /** A listener threw: the board goes on. */
  onListenerError?: (error: unknown) => void
}

const PROBES_MISSED_MAX = 2
/** Analog changes below this are noise of the converter (3 of 1023). */
const ANALOG_STEP = 0.003

/** Why a connection is given up, and how the board counts meanwhile. */
class BoardLost extends Error {
  readonly status: 'hung' | 'absent'
  constructor(status: 'hung' | 'absent', message: string) {
    super(message)
    this.status = status
  }
}

export function createFirmataBoard(deps: FirmataBoardDeps, config: FirmataBoardConfig) {
  const { log } = deps
  const wiring = createWiring()
  const statusListeners: Array<(report: StatusReport) => void> = []
  const backoff = createBackoff({ first_ms: 250, max_ms: 5000 }, deps.random)
  const lastAnalog = new Map<number, number>()
  let status: StatusReport = { status: 'starting', at: momentNow() }
  let chip: Chip | undefined
  let closed = new AbortController()
  let running: Promise<void> | undefined
  let answered = true
  let restarted: (reason: string) => void = () => {}
  let noiseCount = 0

  /** One listener that throws must not keep the report from the others. */
  function safely(call: () => void): void {
    try {
      call()
    } catch (error) {
      deps.onListenerError?.(error)
      log.error({ board: config.id, error: reasonOf(error) }, 'a listener of the board threw')
    }
  }

  function setStatus(next: BoardStatus, reason?: string): void {
    if (status.status === next && status.reason === reason) return
    status = reason === undefined ? { status: next, at: momentNow() } : { status: next, reason, at: momentNow() }
    log.info({ board: config.id, status: next, reason }, 'board status')
    for (const listener of statusListeners) safely(() => listener(status))
  }

  function reportAnalog(channel: number, ratio: number, at: Moment): void {
    const last = lastAnalog.get(channel)
    if (last !== undefined && Math.abs(ratio - last) < ANALOG_STEP) return
    lastAnalog.set(channel, ratio)
    const kind = last === undefined ? 'found' : 'change'
    safely(() => wiring.analog.get(channel)?.({ ratio, kind, at }))
  }

  async function makeChip(): Promise<Chip> {
    return createChip(await loadLibraries(), config.id, wiring, {
      levels(changes) {
        for (const { pin, high, at } of changes) safely(() => wiring.digital.get(pin)?.({ high, kind: 'edge', at }))
      },
      analog: reportAnalog,
      alive() {
        answered = true
      },
      rebooted: (reason) => restarted(reason),
      noise(reason) {
        noiseCount++
        if (noiseCount === 1 || noiseCount % 1000 === 0)
          log.warn({ board: config.id, reason, count: noiseCount }, 'noise on the serial line')
      },
    })
  }

  /** One opening of the line, until it is lost. @throws the reason, always */
  async function useConnection(theChip: Chip, connection: ByteConnection): Promise<never> {
    const lost = new AbortController()
    const stop = () => lost.abort(new BoardLost('absent', 'closing'))
    connection.onClose((reason) => lost.abort(new BoardLost('absent', reason)))
    closed.signal.addEventListener('abort', stop)
    try {
      theChip.attach(connection)
      for (;;) {
        const found = await theChip.initialise(lost.signal, config.handshake_ms)
        lastAnalog.clear()
        backoff.reset()
        setStatus('ready')
        for (const [pin, high] of [...found])
          safely(() => wiring.digital.get(pin)?.({ high, kind: 'found', at: momentNow() }))
        setStatus('starting', await untilRestart(theChip, lost))
      }
    } finally {
      closed.signal.removeEventListener('abort', stop)
      theChip.detach()
    }
  }

  /** Watches a ready board. @returns why it has to be initialised again; throws when it is lost */
  function untilRestart(theChip: Chip, lost: AbortController): Promise<string> {
    let missed = 0
    answered = true
    return new Promise<string>((resolve, reject) => {
      const settle = (finish: () => void) => {
        clearInterval(timer)
        lost.signal.removeEventListener('abort', onLost)
        restarted = () => {}
        finish()
      }
      const onLost = () => settle(() => reject(lost.signal.reason))
      const timer = setInterval(() => {
        missed = answered ? 0 : missed + 1
        if (missed >= PROBES_MISSED_MAX) {
          lost.abort(new BoardLost('hung', `no answer for ${PROBES_MISSED_MAX * config.watchdog_ms} ms`))
          return
        }
        answered = false
        theChip.probe()
      }, config.watchdog_ms)
      restarted = (reason) => settle(() => resolve(reason))
      if (lost.signal.aborted) return onLost()
      lost.signal.addEventListener('abort', onLost)
    })
  }

  async function attempt(): Promise<void> {
    let connection: ByteConnection | undefined
    try {
      connection = await deps.port.open()
      if (closed.signal.aborted) return
      chip ??= await makeChip()
      await useConnection(chip, connection)
    } catch (error) {
      if (closed.signal.aborted) return
      if (error instanceof BoardLost) setStatus(error.status, error.message)
      else if (connection === undefined) setStatus('absent', reasonOf(error))
      else setStatus('hung', `${reasonOf(error)}; wrong baud rate, wrong firmware, or the board hangs`)
    } finally {
      await connection?.close()
    }
  }

  async function run(): Promise<void> {
    while (!closed.signal.aborted) {
      await attempt()
      await pause(backoff.next_ms(), closed.signal)
    }
  }

  const declare = () => {
    if (running) throw new LinliError('BOARD_STARTED', 'pins are declared before start', { kind: 'bug' })
  }
  const board: PinBoard & { listenerCounts(): { io: number; transport: number } | undefined } = {
    id: config.id,
    get status() {
      return status
    },
    watchDigital(pin, listener) {
      declare()
      wiring.digital.set(pin, listener)
    },
    watchAnalog(channel, listener) {
      declare()
      wiring.analog.set(channel, listener)
    },
    output(pin) {
      declare()
      wiring.outputs.add(pin)
      return {
        set(on) {
          if (status.status !== 'ready' || chip === undefined) return false
          chip.write(pin, on)
          return true
        },
      }
    },
    onStatus(listener) {
      statusListeners.push(listener)
    },
    start() {
      closed = new AbortController()
      running ??= run()
    },
    async close() {
      closed.abort()
      await running
    },
    listenerCounts: () => chip?.listenerCounts(),
  }
  return board
}

/** Waits, unless `signal` ends it before. */
function pause(time_ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', settle)
      resolve()
    }
    const timer = setTimeout(settle, time_ms)
    signal.addEventListener('abort', settle)
  })
}
