import type { Firmata } from 'firmata-io'
import type { Board, Pin, Sensor } from 'johnny-five'
import { reasonOf } from '../../../hub/contract/errors.ts'
import { type Moment, momentNow } from '../../moment.ts'
import type { ByteConnection } from '../../ports/byte-port.ts'
import { tell } from './ask.ts'
import { ChunkClock, type DatedLevel, type Received } from './chunk-clock.ts'
import { checkModes, handshake, pinStateQuery } from './handshake.ts'
import type { Libraries } from './libraries.ts'
import { feedBytes } from './line-guard.ts'
import { createStableTransport } from './transport.ts'
import { modeOf, onePinPerPort, outputMask, portOf, type Wiring } from './wiring.ts'

/**
 * One microcontroller seen through firmata-io and johnny-five: its pins and its bytes. Whether the line is there at all
 * is the business of firmata-board.ts.
 */

export interface ChipEvents {
  /** Changes of watched levels, oldest first. */
  levels(changes: DatedLevel[]): void
  /** A fresh, filtered reading. */
  analog(channel: number, ratio: number, at: Moment): void
  /** The board answered a probe. */
  alive(): void
  /** The board started anew, or forgot how its pins are set. */
  rebooted(reason: string): void
  /** The board has just read these pins again, and they are as last reported. */
  confirmed(pins: ReadonlySet<number>): void
  /** Bytes that were no Firmata. */
  noise(reason: string): void
}

/** How often johnny-five's Sensor gives us the median of what it sampled. */
const ANALOG_PERIOD_MS_MIN = 50
/** How long a port may take to report its levels after reporting was switched on, and how often we ask. */
const LEVEL_WAIT_MS = 100
const LEVEL_ASKED_MAX = 3
/** At most one re-reading of a port per this time. */
const READ_AGAIN_GAP_MS = 4
/** An answer that takes longer says what was, not what is. */
const ANSWER_MS_MAX = 250
/** Pins 0 and 1 carry the serial line. */
const FIRST_PIN = 2
/** Firmata's analog messages number channels with four bits. */
const ANALOG_CHANNELS_MAX = 16

export class Chip {
  readonly #libraries: Libraries
  readonly #id: string
  readonly #wiring: Wiring
  readonly #sampling_ms: number
  readonly #analogPeriod_ms: number
  readonly #events: ChipEvents
  readonly #transport = createStableTransport()
  readonly #io: Firmata
  #board: Board | undefined
  readonly #pins = new Map<number, Pin>()
  readonly #sensors = new Map<number, Sensor>()
  /** Last level of each watched pin; missing until the board told it. */
  readonly #levels = new Map<number, boolean>()
  /** Analog channels heard since Sensor last gave a reading. */
  readonly #fresh = new Set<number>()
  /** Analog channels not heard since the last probe. */
  readonly #silent = new Set<number>()
  readonly #readAgainAt_ms = new Map<number, number>()
  /** Initialised, and not detached since. */
  #live = false
  #received: Received[] = []
  readonly #clock: ChunkClock
  /** The analog channel whose messages tell the time within a chunk. */
  #clockChannel: number | undefined
  readonly #probePin: number
  /** Pins whose state answers are listened to; as many as were ever asked about. */
  readonly #statePins = new Set<number>()
  #asked: { pin: number; at_ms: number; heard: Set<number> } | undefined
  #askedPin = FIRST_PIN
  #confirmed: ReadonlySet<number> | undefined

  constructor(libraries: Libraries, id: string, wiring: Wiring, sampling_ms: number, events: ChipEvents) {
    this.#sampling_ms = sampling_ms
    this.#analogPeriod_ms = Math.max(ANALOG_PERIOD_MS_MIN, sampling_ms)
    this.#clock = new ChunkClock(sampling_ms)
    this.#libraries = libraries
    this.#id = id
    this.#wiring = wiring
    this.#events = events
    // Its own timeout and handshake are never used: ours repeats after every opening.
    this.#io = new libraries.Firmata(this.#transport, { skipCapabilities: true, reportVersionTimeout: 1 })
    clearTimeout(this.#io.reportVersionTimeoutId)
    this.#probePin = [...wiring.digital.keys()][0] ?? [...wiring.outputs][0] ?? 0
    this.#listen()
  }

  /** Listeners on the libraries' objects, for the proof that nothing leaks. */
  listenerCounts(): { io: number; transport: number } {
    const count = (emitter: { eventNames(): Array<string | symbol>; listenerCount(name: string | symbol): number }) =>
      emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
    return { io: count(this.#io), transport: count(this.#transport) }
  }

  attach(connection: ByteConnection): void {
    // What the last opening left half received belongs to no message of this one.
    this.#io.buffer.length = 0
    this.#io.versionReceived = false
    this.#transport.attach(connection)
    connection.onData((bytes) => this.#feed(bytes))
  }

  /** Nothing is reported any more until the next `initialise`. */
  detach(): void {
    this.#live = false
    this.#asked = undefined
    this.#transport.detach()
    this.#io.buffer.length = 0
    for (const sensor of this.#sensors.values()) sensor.freq = null
  }

  /**
   * Brings the board into the one state that we know: handshake, reset, outputs off, watched pins reporting; then
   * checks that it is so.
   * @returns the level of every watched pin
   * @throws {LinliError} BOARD_SILENT, BOARD_PIN_MISSING, BOARD_PIN_MODE, or the signal's reason
   */
  async initialise(signal: AbortSignal, timeout_ms: number): Promise<ReadonlyMap<number, boolean>> {
    this.#live = false
    this.#asked = undefined
    await handshake(this.#io, this.#transport, this.#wiring, signal, timeout_ms)
    this.#setPins()
    await this.#readLevels(signal)
    await checkModes(this.#io, this.#wiring, signal)
    this.#fresh.clear()
    this.#live = true
    return this.#levels
  }

  /** Asks for a sign of life, and heals what a disturbed line may have spoilt: levels, and reporting itself. */
  probe(): void {
    tell(this.#io, pinStateQuery(this.#io, this.#probePin))
    for (const pin of onePinPerPort(this.#wiring.digital.keys())) this.#io.reportDigitalPin(pin, 1)
    for (const channel of this.#silent) this.#io.reportAnalogPin(channel, 1)
    for (const channel of this.#wiring.analog.keys()) this.#silent.add(channel)
  }

  /**
   * Has every watched pin read again. The state of another pin is asked for right behind, each time of the next one: a
   * board answers in order, so this answer, which no other question can get, says that the levels before it are newer
   * than the question, however long bytes waited on the way.
   */
  confirm(): void {
    const now_ms = performance.now()
    if (this.#asked && now_ms - this.#asked.at_ms <= ANSWER_MS_MAX) return
    const pin = this.#nextPin()
    this.#asked = { pin, at_ms: now_ms, heard: new Set() }
    for (const watched of onePinPerPort(this.#wiring.digital.keys())) this.#io.reportDigitalPin(watched, 1)
    this.#listenToState(pin)
    tell(this.#io, pinStateQuery(this.#io, pin))
  }

  #nextPin(): number {
    const next = () => {
      this.#askedPin = this.#askedPin + 1 < this.#io.pins.length ? this.#askedPin + 1 : FIRST_PIN
    }
    next()
    if (this.#askedPin === this.#probePin) next()
    return this.#askedPin
  }

  write(pin: number, on: boolean): void {
    // A port write carries the inputs' last levels too, and a 1 turns on an input's pull-up: outputs only.
    const port = portOf(pin)
    this.#io.ports[port] = (this.#io.ports[port] ?? 0) & outputMask(this.#wiring, port)
    const output = this.#pins.get(pin)
    if (on) output?.high()
    else output?.low()
  }

  #listen(): void {
    const io = this.#io
    io.on('error', (error: unknown) => this.#events.noise(reasonOf(error)))
    for (const pin of this.#wiring.digital.keys()) {
      io.on(`digital-read-${pin}`, (value: number) => {
        this.#received.push({ kind: 'level', pin, high: value !== 0 })
        this.#asked?.heard.add(pin)
      })
    }
    io.on('analog-read', ({ pin: channel }: { pin: number }) => {
      this.#fresh.add(channel)
      this.#silent.delete(channel)
      if (channel === this.#clockChannel) this.#received.push({ kind: 'tick' })
    })
    io.on('analog-mapping-query', () => {
      // The library appends at every answer; a query that was repeated may be answered twice.
      io.analogPins.splice(0, io.analogPins.length, ...new Set(io.analogPins))
    })
    io.on('reportversion', () => {
      // We never ask a board that is ready, and it answers in order: nobody asked.
      if (this.#live) this.#events.rebooted('the board reported its version unasked: it restarted')
    })
    this.#listenToState(this.#probePin)
  }

  #listenToState(pin: number): void {
    if (this.#statePins.has(pin)) return
    this.#statePins.add(pin)
    this.#io.on(`pin-state-${pin}`, () => this.#onState(pin))
  }

  #onState(pin: number): void {
    if (!this.#live) return
    this.#events.alive()
    const expected = modeOf(this.#io, this.#wiring, pin)
    const found = this.#io.pins[pin]?.mode
    if (expected !== undefined && found !== expected) {
      this.#events.rebooted(`pin ${pin} is in mode ${found}, not ${expected}: the board restarted`)
      return
    }
    if (pin !== this.#asked?.pin) return
    const { at_ms, heard } = this.#asked
    this.#asked = undefined
    if (heard.size > 0 && performance.now() - at_ms <= ANSWER_MS_MAX) this.#confirmed = heard
  }

  #feed(bytes: Uint8Array): void {
    const arrival = momentNow()
    this.#received = []
    this.#confirmed = undefined
    feedBytes(this.#io, this.#transport, bytes, this.#events.noise)
    const changes = this.#clock.date(this.#received, arrival).filter(({ pin, high }) => {
      const changed = this.#levels.get(pin) !== high
      this.#levels.set(pin, high)
      return changed
    })
    if (!this.#live) return
    if (changes.length > 0) this.#events.levels(changes)
    for (const { pin } of changes) this.#readAgain(pin, arrival.monotonic_ms)
    if (this.#confirmed) this.#events.confirmed(this.#confirmed)
  }

  /** A level made up by a disturbed byte would stay until the next edge: read the port again while debounce still runs. */
  #readAgain(pin: number, now_ms: number): void {
    const port = portOf(pin)
    if (now_ms - (this.#readAgainAt_ms.get(port) ?? Number.NEGATIVE_INFINITY) < READ_AGAIN_GAP_MS) return
    this.#readAgainAt_ms.set(port, now_ms)
    this.#io.reportDigitalPin(pin, 1)
  }

  /** johnny-five's objects are made once; on later starts the pins are only set again. */
  #setPins(): void {
    const io = this.#io
    const board = this.#board ?? this.#makeBoard()
    board.pins = this.#libraries.Board.Pins(board)
    for (const pin of this.#wiring.outputs) {
      const output =
        this.#pins.get(pin) ?? new this.#libraries.Pin({ pin, board, type: 'digital', mode: io.MODES.OUTPUT })
      this.#pins.set(pin, output)
      output.low()
    }
    for (const pin of this.#wiring.digital.keys()) io.pinMode(pin, io.MODES.INPUT)
    io.setSamplingInterval(this.#sampling_ms)
    for (const channel of this.#wiring.analog.keys()) this.#setSensor(board, channel)
    this.#clockChannel = [...this.#wiring.analog.keys()][0] ?? this.#freeChannel()
    if (this.#clockChannel !== undefined && !this.#wiring.analog.has(this.#clockChannel))
      io.reportAnalogPin(this.#clockChannel, 1)
  }

  #makeBoard(): Board {
    const board = new this.#libraries.Board({
      io: this.#io,
      id: this.#id,
      repl: false,
      debug: false,
      sigint: false,
    })
    board.on('error', (error: unknown) => this.#events.noise(reasonOf(error)))
    this.#board = board
    return board
  }

  /** Without a supervised loop any unused channel keeps the time. */
  #freeChannel(): number | undefined {
    const isFree = (pin: number) => modeOf(this.#io, this.#wiring, pin) === undefined
    const channel = this.#io.analogPins.slice(0, ANALOG_CHANNELS_MAX).findIndex(isFree)
    return channel < 0 ? undefined : channel
  }

  #setSensor(board: Board, channel: number): void {
    const known = this.#sensors.get(channel)
    if (known) {
      this.#io.pinMode(channel, this.#io.MODES.ANALOG)
      this.#io.reportAnalogPin(channel, 1)
      known.freq = this.#analogPeriod_ms
      return
    }
    const sensor = new this.#libraries.Sensor({ pin: `A${channel}`, board, freq: this.#analogPeriod_ms })
    this.#sensors.set(channel, sensor)
    sensor.on('data', (value: number) => {
      // Sensor repeats its last value for ever; only what the board said since counts.
      if (!this.#live || !this.#fresh.delete(channel)) return
      this.#events.analog(channel, value / (this.#io.RESOLUTION.ADC ?? sensor.resolution), momentNow())
    })
  }

  /** Reads the level of every watched pin. */
  async #readLevels(signal: AbortSignal): Promise<void> {
    this.#levels.clear()
    const missing = () => [...this.#wiring.digital.keys()].filter((pin) => !this.#levels.has(pin))
    for (let asked = 0; asked < LEVEL_ASKED_MAX && missing().length > 0; asked++) {
      for (const pin of onePinPerPort(missing())) this.#io.reportDigitalPin(pin, 1)
      await this.#until(() => missing().length === 0, LEVEL_WAIT_MS, signal)
    }
    // Older Firmata reports only what differs from its start value, which is low.
    for (const pin of missing()) this.#levels.set(pin, false)
  }

  /** Waits until the received levels satisfy `done`, or for `timeout_ms`. Rejects with the reason of `signal`. */
  #until(done: () => boolean, timeout_ms: number, signal: AbortSignal): Promise<void> {
    const io = this.#io
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        io.removeListener('digital-read', check)
        signal.removeEventListener('abort', settle)
        if (signal.aborted) reject(signal.reason)
        else resolve()
      }
      const timer = setTimeout(settle, timeout_ms)
      // A level is entered only after its whole chunk was parsed.
      const check = () => queueMicrotask(() => done() && settle())
      io.on('digital-read', check)
      signal.addEventListener('abort', settle)
      if (signal.aborted) settle()
    })
  }
}
