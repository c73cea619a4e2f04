import type { Firmata } from 'firmata-io'
import type fiveLibrary from 'johnny-five'
import type { Board, Pin, Sensor } from 'johnny-five'
import { LinliError, reasonOf } from '../../../hub/contract/errors.ts'
import type { ByteConnection } from '../../ports/byte-port.ts'
import { type Moment, momentNow } from '../../ports/moment.ts'
import { ask, type Query, tell } from './ask.ts'
import { type DatedLevel, dateChunk, type Received } from './chunk-clock.ts'
import { createStableTransport } from './transport.ts'
import { onePinPerPort, portOf, type Wiring } from './wiring.ts'

/**
 * One microcontroller seen through firmata-io and johnny-five: the handshake, the pins and the bytes. Whether the line
 * is there at all is the business of firmata-board.ts.
 */

export interface Libraries {
  Firmata: typeof Firmata
  five: typeof fiveLibrary
}

/** Imported at first use: a gateway without Firmata boards never loads them (12 MB). */
export async function loadLibraries(): Promise<Libraries> {
  const [{ default: bindTransport }, { default: five }] = await Promise.all([
    import('firmata-io'),
    import('johnny-five'),
  ])
  return { Firmata: bindTransport.Firmata, five }
}

export interface ChipEvents {
  /** Changes of watched levels, oldest first. */
  levels(changes: DatedLevel[]): void
  /** A fresh, filtered reading. */
  analog(channel: number, ratio: number, at: Moment): void
  /** The board answered a probe. */
  alive(): void
  /** The board started anew, or forgot how its pins are set. */
  rebooted(reason: string): void
  /** Bytes that were no Firmata. */
  noise(reason: string): void
}

const START_SYSEX = 0xf0
const END_SYSEX = 0xf7
/** Longest message taken: the capability answer of a 70-pin board is below 1 KiB. */
const MESSAGE_BYTES_MAX = 4096
/** Shortest interval that StandardFirmata takes; two contacts' edges 30 ms apart always have samples between them. */
const SAMPLING_INTERVAL_MS = 10
/** How often johnny-five's Sensor gives us the median of what it sampled. */
const ANALOG_PERIOD_MS = 50
const VERSION_RETRY_MS = 500
const QUERY_TIMEOUT_MS = 1500
/** How long a port may take to report its levels after reporting was switched on, and how often we ask. */
const LEVEL_WAIT_MS = 100
const LEVEL_ASKED_MAX = 3
/** At most one re-reading of a port per this time. */
const CONFIRM_GAP_MS = 4

export function createChip(libraries: Libraries, id: string, wiring: Wiring, events: ChipEvents) {
  const transport = createStableTransport()
  // Its own timeout and handshake are never used: ours repeats after every opening.
  const io = new libraries.Firmata(transport, { skipCapabilities: true, reportVersionTimeout: 1 })
  clearTimeout(io.reportVersionTimeoutId)
  io.on('error', (error: unknown) => events.noise(reasonOf(error)))
  let board: Board | undefined
  const pins = new Map<number, Pin>()
  const sensors = new Map<number, Sensor>()
  /** Last level of each watched pin; undefined until the board told it. */
  const levels = new Map<number, boolean>()
  /** Analog channels heard since Sensor last gave a reading. */
  const fresh = new Set<number>()
  const silentAnalog = new Set<number>()
  const confirmedAt_ms = new Map<number, number>()
  let live = false
  let received: Received[] = []
  let lastLevelAt_ms = 0
  let clockChannel: number | undefined
  const probePin = [...wiring.digital.keys()][0] ?? [...wiring.outputs][0] ?? 0

  for (const pin of wiring.digital.keys()) {
    io.on(`digital-read-${pin}`, (value: number) => received.push({ kind: 'level', pin, high: value !== 0 }))
  }
  io.on('analog-read', ({ pin }: { pin: number }) => {
    fresh.add(pin)
    silentAnalog.delete(pin)
    if (pin === clockChannel) received.push({ kind: 'tick' })
  })
  io.on('reportversion', () => {
    if (live) events.rebooted('the board reported its version unasked: it restarted')
  })
  io.on(`pin-state-${probePin}`, () => {
    if (!live) return
    events.alive()
    const expected = modeOf(probePin)
    const found = io.pins[probePin]?.mode
    if (expected !== undefined && found !== expected)
      events.rebooted(`pin ${probePin} is in mode ${found}, not ${expected}: the board restarted`)
  })

  function modeOf(pin: number): number | undefined {
    if (wiring.digital.has(pin)) return io.MODES.INPUT
    return wiring.outputs.has(pin) ? io.MODES.OUTPUT : undefined
  }

  /** One byte to the parser of firmata-io, which trusts the line more than a line deserves. */
  function feedByte(byte: number): void {
    const first = io.buffer[0]
    if (first !== undefined && first !== START_SYSEX && byte >= 0x80) {
      // It would take a command byte for data after a lost byte, and make up levels out of it.
      io.buffer.length = 0
      events.noise('a message ended early')
    }
    if (io.buffer.length >= MESSAGE_BYTES_MAX) {
      io.buffer.length = 0
      events.noise('a message without end')
    }
    try {
      transport.emit('data', [byte])
    } catch (error) {
      io.buffer.length = 0
      events.noise(reasonOf(error))
    }
  }

  function feed(bytes: Uint8Array): void {
    const arrival = momentNow()
    received = []
    for (const byte of bytes) feedByte(byte)
    const dated = dateChunk(received, arrival, SAMPLING_INTERVAL_MS, lastLevelAt_ms)
    const changes = dated.filter((one) => {
      const changed = levels.get(one.pin) !== one.high
      levels.set(one.pin, one.high)
      return changed
    })
    if (dated.length > 0) lastLevelAt_ms = dated.at(-1)?.at.monotonic_ms ?? lastLevelAt_ms
    if (!live || changes.length === 0) return
    events.levels(changes)
    for (const { pin } of changes) confirm(pin, arrival.monotonic_ms)
  }

  /** A level made up by a disturbed byte would stay until the next edge: read the port again while debounce still runs. */
  function confirm(pin: number, now_ms: number): void {
    const port = portOf(pin)
    if (now_ms - (confirmedAt_ms.get(port) ?? Number.NEGATIVE_INFINITY) < CONFIRM_GAP_MS) return
    confirmedAt_ms.set(port, now_ms)
    io.reportDigitalPin(pin, 1)
  }

  const query = (event: string, what: string, send: Query['send']): Query => ({ event, what, send })
  const version = query('reportversion', 'version', (done) => {
    // Ends a message that an earlier opening may have left half sent.
    transport.write(Uint8Array.of(END_SYSEX))
    io.reportVersion(done)
  })
  const pinState = (pin: number) =>
    query(`pin-state-${pin}`, `state of pin ${pin}`, (done) => io.queryPinState(pin, done))

  async function handshake(signal: AbortSignal, timeout_ms: number): Promise<void> {
    await ask(io, version, { timeout_ms, retry_ms: VERSION_RETRY_MS, signal })
    const limits = { timeout_ms: QUERY_TIMEOUT_MS, signal }
    io.reset()
    await ask(
      io,
      query('queryfirmware', 'firmware', (done) => io.queryFirmware(done)),
      limits,
    )
    io.pins.length = 0
    io.ports.fill(0)
    await ask(
      io,
      query('capability-query', 'capability', (done) => io.queryCapabilities(done)),
      limits,
    )
    io.analogPins.length = 0
    await ask(
      io,
      query('analog-mapping-query', 'analog mapping', (done) => io.queryAnalogMapping(done)),
      limits,
    )
    checkWiring(io, wiring)
    const channels = io.analogPins.map((_, channel) => channel)
    clockChannel =
      [...wiring.analog.keys()][0] ??
      channels.find((channel) => modeOf(io.analogPins[channel] ?? -1) === undefined && channel < 16)
  }

  /** johnny-five's objects, made once; on later starts the pins are only set again. */
  function setPins(): void {
    board ??= new libraries.five.Board({ io, id, repl: false, debug: false, sigint: false }).on(
      'error',
      () => {},
    ) as Board
    board.pins = libraries.five.Board.Pins(board)
    for (const pin of wiring.outputs) {
      const output = pins.get(pin) ?? new libraries.five.Pin({ pin, board, type: 'digital', mode: io.MODES.OUTPUT })
      pins.set(pin, output)
      output.low()
    }
    for (const pin of wiring.digital.keys()) io.pinMode(pin, io.MODES.INPUT)
    io.setSamplingInterval(SAMPLING_INTERVAL_MS)
    for (const channel of wiring.analog.keys()) setSensor(board, channel)
    if (clockChannel !== undefined && !wiring.analog.has(clockChannel)) io.reportAnalogPin(clockChannel, 1)
  }

  function setSensor(onBoard: Board, channel: number): void {
    const known = sensors.get(channel)
    if (known) {
      io.pinMode(channel, io.MODES.ANALOG)
      io.reportAnalogPin(channel, 1)
      known.freq = ANALOG_PERIOD_MS
      return
    }
    const sensor = new libraries.five.Sensor({ pin: `A${channel}`, board: onBoard, freq: ANALOG_PERIOD_MS })
    sensors.set(channel, sensor)
    sensor.on('data', (value: number) => {
      // Sensor repeats its last value for ever; only what the board said since counts.
      if (!live || !fresh.delete(channel)) return
      events.analog(channel, value / (io.RESOLUTION.ADC ?? sensor.resolution), momentNow())
    })
  }

  /** Reads the level of every watched pin. */
  async function readLevels(signal: AbortSignal): Promise<void> {
    levels.clear()
    const missing = () => [...wiring.digital.keys()].filter((pin) => !levels.has(pin))
    for (let asked = 0; asked < LEVEL_ASKED_MAX && missing().length > 0; asked++) {
      for (const pin of onePinPerPort(missing())) io.reportDigitalPin(pin, 1)
      await until(() => missing().length === 0, LEVEL_WAIT_MS, signal)
    }
    // Firmata before 2.4 reports only what differs from its start value, which is low.
    for (const pin of missing()) levels.set(pin, false)
  }

  function until(done: () => boolean, timeout_ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer)
        io.removeListener('digital-read', check)
        signal.removeEventListener('abort', settle)
        if (signal.aborted) reject(signal.reason)
        else resolve()
      }
      const timer = setTimeout(settle, timeout_ms)
      // The level itself is entered after the whole chunk was parsed.
      const check = () => queueMicrotask(() => done() && settle())
      io.on('digital-read', check)
      signal.addEventListener('abort', settle)
      if (signal.aborted) settle()
    })
  }

  return {
    /** Listener counts of the libraries' objects, for the proof that nothing leaks. */
    listenerCounts: () => ({
      io: io.eventNames().reduce((sum, name) => sum + io.listenerCount(name), 0),
      transport: transport.eventNames().reduce((sum, name) => sum + transport.listenerCount(name), 0),
    }),
    attach(connection: ByteConnection): void {
      io.buffer.length = 0
      io.versionReceived = false
      transport.attach(connection)
      connection.onData(feed)
    },
    /** Nothing is reported any more until the next `initialise`. */
    detach(): void {
      live = false
      transport.detach()
      io.buffer.length = 0
      for (const sensor of sensors.values()) sensor.freq = null
    },
    /**
     * Brings the board into the one state that we know: handshake, reset, outputs off, watched pins reporting; then
     * checks that it is so.
     * @throws {LinliError} BOARD_SILENT, BOARD_PIN_MISSING, BOARD_PIN_MODE, or the signal's reason
     */
    async initialise(signal: AbortSignal, timeout_ms: number): Promise<Map<number, boolean>> {
      live = false
      await handshake(signal, timeout_ms)
      setPins()
      await readLevels(signal)
      for (const pin of [...wiring.digital.keys(), ...wiring.outputs]) {
        await ask(io, pinState(pin), { timeout_ms: QUERY_TIMEOUT_MS, signal })
        if (io.pins[pin]?.mode !== modeOf(pin))
          throw new LinliError('BOARD_PIN_MODE', `pin ${pin} did not take its mode`, { kind: 'fault' })
      }
      fresh.clear()
      live = true
      return levels
    },
    /** Asks for a sign of life, and heals what a disturbed line may have spoilt: levels, and reporting itself. */
    probe(): void {
      tell(io, pinState(probePin))
      for (const pin of onePinPerPort(wiring.digital.keys())) io.reportDigitalPin(pin, 1)
      for (const channel of silentAnalog) io.reportAnalogPin(channel, 1)
      for (const channel of wiring.analog.keys()) silentAnalog.add(channel)
    },
    write(pin: number, on: boolean): void {
      // A port write carries the inputs' last levels too, and a 1 turns on an input's pull-up: outputs only.
      const port = portOf(pin)
      let mask = 0
      for (const output of wiring.outputs) if (portOf(output) === port) mask |= 1 << (output & 7)
      io.ports[port] = (io.ports[port] ?? 0) & mask
      const output = pins.get(pin)
      if (on) output?.high()
      else output?.low()
    },
  }
}
export type Chip = ReturnType<typeof createChip>

function checkWiring(io: Firmata, wiring: Wiring): void {
  const missing = (text: string) => new LinliError('BOARD_PIN_MISSING', text, { kind: 'caller' })
  for (const [pins, mode, use] of [
    [wiring.digital.keys(), io.MODES.INPUT, 'digital input'],
    [wiring.outputs, io.MODES.OUTPUT, 'digital output'],
  ] as const) {
    for (const pin of pins)
      if (!io.pins[pin]?.supportedModes.includes(mode))
        throw missing(`the board has no pin ${pin} that can be a ${use}; it has pins 0…${io.pins.length - 1}`)
  }
  for (const channel of wiring.analog.keys()) {
    const pin = io.analogPins[channel]
    if (pin === undefined)
      throw missing(`the board has no analog channel ${channel}; it has 0…${io.analogPins.length - 1}`)
    if (wiring.digital.has(pin) || wiring.outputs.has(pin))
      throw missing(`analog channel ${channel} is pin ${pin}, which is also used as a digital pin`)
  }
}
