import type { Firmata } from 'firmata-io'
import { LinliError } from '../../../hub/contract/errors.ts'
import { ask, type Query } from './ask.ts'
import type { StableTransport } from './transport.ts'
import { modeOf, type Wiring } from './wiring.ts'

/** From an open line to a board that was reset and told what it is. The same after every opening and every restart. */

const END_SYSEX = 0xf7
const VERSION_RETRY_MS = 500
/** A board that answered once may lose a byte of a query: it is asked again. */
const QUERY_RETRY_MS = 500
const QUERY_TIMEOUT_MS = 3000

export function pinStateQuery(io: Firmata, pin: number): Query {
  return { event: `pin-state-${pin}`, what: `state of pin ${pin}`, send: (done) => io.queryPinState(pin, done) }
}

/**
 * @param timeout_ms how long the board may take to answer at all
 * @throws {LinliError} BOARD_SILENT, BOARD_PIN_MISSING, or the signal's reason
 */
export async function handshake(
  io: Firmata,
  transport: StableTransport,
  wiring: Wiring,
  signal: AbortSignal,
  timeout_ms: number,
): Promise<void> {
  const version: Query = {
    event: 'reportversion',
    what: 'version',
    send(done) {
      // Ends a message that an earlier opening may have left half sent.
      transport.write(Uint8Array.of(END_SYSEX))
      io.reportVersion(done)
    },
  }
  await ask(io, version, { timeout_ms, retry_ms: VERSION_RETRY_MS, signal })
  // Outputs off, reporting off, pins as after power-up: the one state that we know.
  io.reset()
  const limits = { timeout_ms: QUERY_TIMEOUT_MS, retry_ms: QUERY_RETRY_MS, signal }
  await ask(io, { event: 'queryfirmware', what: 'firmware', send: (done) => io.queryFirmware(done) }, limits)
  // The library fills these only once, and appends to them ever after.
  io.pins.length = 0
  io.ports.fill(0)
  await ask(io, { event: 'capability-query', what: 'capability', send: (done) => io.queryCapabilities(done) }, limits)
  io.analogPins.length = 0
  const mapping: Query = {
    event: 'analog-mapping-query',
    what: 'analog mapping',
    send: (done) => io.queryAnalogMapping(done),
  }
  await ask(io, mapping, limits)
  checkWiring(io, wiring)
}

/** Every pin must have taken its mode: what a disturbed line swallowed shows here. @throws {LinliError} BOARD_PIN_MODE */
export async function checkModes(io: Firmata, wiring: Wiring, signal: AbortSignal): Promise<void> {
  for (const pin of [...wiring.digital.keys(), ...wiring.outputs]) {
    await ask(io, pinStateQuery(io, pin), { timeout_ms: QUERY_TIMEOUT_MS, retry_ms: QUERY_RETRY_MS, signal })
    if (io.pins[pin]?.mode !== modeOf(io, wiring, pin))
      throw new LinliError('BOARD_PIN_MODE', `pin ${pin} did not take its mode`, { kind: 'fault' })
  }
}

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
