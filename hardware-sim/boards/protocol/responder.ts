import type { HostMessage } from './parser.ts'
import { createPins, type Pins } from './pins.ts'
import * as uno from './uno.ts'
import * as wire from './wire.ts'

const { PIN_MODE } = wire

/** What the firmware reaches from inside the microcontroller. */
export interface Microcontroller {
  readDigital(pin: number, pullup: boolean): boolean
  readAnalog(channel: number): number
  writePin(pin: number, level: number): void
  send(bytes: Uint8Array): void
  /** Analog reporting is wanted every so many ms, or not at all. */
  sampleEvery(interval_ms: number | undefined): void
}

/** StandardFirmata.ino: 19 ms, and never below 1 ms. */
const SAMPLING_DEFAULT_MS = 19
const SAMPLING_MIN_MS = 1
/** I2C_REQUEST, second byte: mode bits, and "read once" among them. */
const I2C_MODE_MASK = 0x18
const I2C_READ_ONCE = 0x08

/** What StandardFirmata 2.5 on an Uno answers, hand-written so that fifty of them fit into one process. */
export class Responder {
  readonly #mcu: Microcontroller
  readonly #pins: Pins
  readonly #reportPort: boolean[] = new Array(uno.PORT_COUNT).fill(false)
  readonly #lastBits: number[] = new Array(uno.PORT_COUNT).fill(0)
  readonly #reportChannel: boolean[] = new Array(uno.ANALOG_CHANNEL_COUNT).fill(false)
  #sampling_ms = SAMPLING_DEFAULT_MS

  constructor(mcu: Microcontroller) {
    this.#mcu = mcu
    this.#pins = createPins(mcu)
  }

  /** Power has come: the firmware introduces itself. */
  boot(): void {
    this.#pins.powerUp()
    this.#mcu.send(wire.versionMessage(2, 5))
    this.#sendIdentity()
    this.#systemReset()
  }

  handle(message: HostMessage): void {
    switch (message.type) {
      case 'version-query':
        this.#mcu.send(wire.versionMessage(2, 5))
        break
      case 'reset':
        this.#systemReset()
        break
      case 'pin-mode':
        this.#setMode(message.pin, message.mode)
        break
      case 'digital-port':
        if (message.port < uno.PORT_COUNT) this.#pins.writePort(message.port, message.value)
        break
      case 'digital-pin':
        this.#pins.writeDigital(message.pin, message.on)
        break
      case 'analog-write':
        this.#pins.writeAnalog(message.pin, message.value)
        break
      case 'report-analog':
        this.#reportAnalog(message.channel, message.on)
        break
      case 'report-digital':
        this.#reportDigital(message.port, message.on)
        break
      case 'sysex':
        this.#sysex(message.command, message.data)
    }
    this.checkInputs()
  }

  /** The digital part of the firmware's loop. */
  checkInputs(): void {
    for (let port = 0; port < uno.PORT_COUNT; port++) if (this.#reportPort[port]) this.#outputPort(port, false)
  }

  /** The sampling interval has passed: the analog part of the firmware's loop. */
  sample(): void {
    for (let channel = 0; channel < uno.ANALOG_CHANNEL_COUNT; channel++) {
      const wanted = this.#reportChannel[channel] && this.#pins.mode(uno.pinOf(channel)) === PIN_MODE.analog
      if (wanted) this.#mcu.send(wire.analogMessage(channel, this.#mcu.readAnalog(channel)))
    }
  }

  #outputPort(port: number, force: boolean): void {
    const bits = this.#pins.portBits(port)
    if (!force && this.#lastBits[port] === bits) return
    this.#lastBits[port] = bits
    this.#mcu.send(wire.digitalMessage(port, bits))
  }

  #scheduleSampling(): void {
    this.#mcu.sampleEvery(this.#reportChannel.some(Boolean) ? this.#sampling_ms : undefined)
  }

  #reportAnalog(channel: number, on: boolean): void {
    if (channel >= uno.ANALOG_CHANNEL_COUNT) return
    this.#reportChannel[channel] = on
    // Since 2.4 the value is reported as soon as reporting is switched on.
    if (on) this.#mcu.send(wire.analogMessage(channel, this.#mcu.readAnalog(channel)))
    this.#scheduleSampling()
  }

  #reportDigital(port: number, on: boolean): void {
    if (port >= uno.PORT_COUNT) return
    this.#reportPort[port] = on
    if (on) this.#outputPort(port, true)
  }

  #setMode(pin: number, mode: number): void {
    if (pin >= uno.PIN_COUNT) return
    if (!Object.values(PIN_MODE).some((known) => known === mode)) {
      this.#mcu.send(wire.stringMessage('Unknown pin mode'))
      return
    }
    if (uno.isAnalog(pin)) {
      this.#reportChannel[uno.channelOf(pin)] = mode === PIN_MODE.analog
      this.#scheduleSampling()
    }
    this.#pins.setMode(pin, mode)
  }

  #systemReset(): void {
    this.#reportPort.fill(false)
    this.#reportChannel.fill(false)
    this.#lastBits.fill(0)
    this.#sampling_ms = SAMPLING_DEFAULT_MS
    for (let pin = 0; pin < uno.PIN_COUNT; pin++) {
      this.#pins.setMode(pin, uno.isAnalog(pin) ? PIN_MODE.analog : PIN_MODE.output)
    }
    this.#scheduleSampling()
  }

  #sendIdentity(): void {
    this.#mcu.send(wire.firmwareMessage(2, 5, 'StandardFirmata.ino'))
  }

  #sysex(command: number, data: number[]): void {
    const [first = 0, second = 0] = data
    switch (command) {
      case wire.REPORT_FIRMWARE:
        this.#sendIdentity()
        break
      case wire.CAPABILITY_QUERY:
        this.#mcu.send(capabilityMessage())
        break
      case wire.ANALOG_MAPPING_QUERY:
        this.#mcu.send(mappingMessage())
        break
      case wire.PIN_STATE_QUERY:
        if (data.length === 0 || first >= uno.PIN_COUNT) break
        this.#mcu.send(wire.pinStateMessage(first, this.#pins.mode(first), this.#pins.state(first)))
        break
      case wire.EXTENDED_ANALOG:
        if (data.length > 1) this.#pins.writeAnalog(first, fromSevenBit(data.slice(1, 4)))
        break
      case wire.SERVO_CONFIG:
        if (data.length > 4) this.#setMode(first, PIN_MODE.servo)
        break
      case wire.SAMPLING_INTERVAL:
        if (data.length < 2) break
        this.#sampling_ms = Math.max(SAMPLING_MIN_MS, fromSevenBit(data.slice(0, 2)))
        this.#scheduleSampling()
        break
      case wire.I2C_REQUEST:
        // Nothing is on this board's I2C bus.
        if ((second & I2C_MODE_MASK) === I2C_READ_ONCE) {
          this.#mcu.send(wire.stringMessage('I2C: Too few bytes received'))
        }
    }
  }
}

function fromSevenBit(bytes: readonly number[]): number {
  return bytes.reduce((value, byte, index) => value | (byte << (7 * index)), 0)
}

function capabilityMessage(): Uint8Array {
  const data: number[] = []
  for (let pin = 0; pin < uno.PIN_COUNT; pin++) data.push(...uno.capabilitiesOf(pin).flat(), 127)
  return wire.sysex(wire.CAPABILITY_RESPONSE, data)
}

function mappingMessage(): Uint8Array {
  const channels = Array.from({ length: uno.PIN_COUNT }, (_, pin) => (uno.isAnalog(pin) ? uno.channelOf(pin) : 127))
  return wire.sysex(wire.ANALOG_MAPPING_RESPONSE, channels)
}
