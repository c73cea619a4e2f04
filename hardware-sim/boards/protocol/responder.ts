import type { HostMessage } from './parser.ts'
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

export interface Responder {
  boot(): void
  handle(message: HostMessage): void
  /** An input changed: the digital part of the firmware's loop. */
  checkInputs(): void
  /** The sampling interval has passed: the analog part of the firmware's loop. */
  sample(): void
}

/** StandardFirmata.ino: 19 ms, and never below 1 ms. */
const SAMPLING_DEFAULT_MS = 19
const SAMPLING_MIN_MS = 1
const PWM_MAX = 255

/** What StandardFirmata 2.5 on an Uno answers, hand-written so that fifty of them fit into one process. */
export function createResponder(mcu: Microcontroller): Responder {
  const modes: number[] = new Array(uno.PIN_COUNT).fill(PIN_MODE.output)
  const states: number[] = new Array(uno.PIN_COUNT).fill(0)
  /** The PORT register: the level of an output, the pull-up of an input. */
  const latches: boolean[] = new Array(uno.PIN_COUNT).fill(false)
  const reportPort: boolean[] = new Array(uno.PORT_COUNT).fill(false)
  const lastBits: number[] = new Array(uno.PORT_COUNT).fill(0)
  const reportChannel: boolean[] = new Array(uno.ANALOG_CHANNEL_COUNT).fill(false)
  let sampling_ms = SAMPLING_DEFAULT_MS

  const isInput = (pin: number) => modes[pin] === PIN_MODE.input || modes[pin] === PIN_MODE.pullup

  function portBits(port: number): number {
    let bits = 0
    for (let bit = 0; bit < 8; bit++) {
      const pin = port * 8 + bit
      if (isInput(pin) && mcu.readDigital(pin, states[pin] === 1)) bits |= 1 << bit
    }
    return bits
  }

  function outputPort(port: number, force: boolean): void {
    const bits = portBits(port)
    if (!force && lastBits[port] === bits) return
    lastBits[port] = bits
    mcu.send(wire.digitalMessage(port, bits))
  }

  function checkInputs(): void {
    for (let port = 0; port < uno.PORT_COUNT; port++) if (reportPort[port]) outputPort(port, false)
  }

  const reports = (channel: number) => reportChannel[channel] && modes[uno.pinOf(channel)] === PIN_MODE.analog

  function sample(): void {
    for (let channel = 0; channel < uno.ANALOG_CHANNEL_COUNT; channel++) {
      if (reports(channel)) mcu.send(wire.analogMessage(channel, mcu.readAnalog(channel)))
    }
  }

  function scheduleSampling(): void {
    mcu.sampleEvery(reportChannel.some(Boolean) ? sampling_ms : undefined)
  }

  function setAnalogReport(channel: number, on: boolean, sendNow: boolean): void {
    if (channel >= uno.ANALOG_CHANNEL_COUNT) return
    reportChannel[channel] = on
    // Since 2.4 the value is reported as soon as reporting is switched on.
    if (on && sendNow) mcu.send(wire.analogMessage(channel, mcu.readAnalog(channel)))
    scheduleSampling()
  }

  function setMode(pin: number, mode: number, booting = false): void {
    if (pin >= uno.PIN_COUNT) return
    if (!uno.supports(pin, mode)) {
      // The firmware names only modes that no pin has; a mode that just this pin lacks is ignored.
      if (!Object.values(PIN_MODE).some((known) => known === mode)) mcu.send(wire.stringMessage('Unknown pin mode'))
      return
    }
    if (uno.isAnalog(pin)) setAnalogReport(uno.channelOf(pin), mode === PIN_MODE.analog && !booting, false)
    // Since 2.5 a pin that becomes an output keeps what its latch holds: a repeated mode message silences nothing.
    const keeps = mode === PIN_MODE.output && (modes[pin] === PIN_MODE.output || isInput(pin))
    if (!keeps) latches[pin] = false
    modes[pin] = mode
    states[pin] = mode === PIN_MODE.pullup ? 1 : 0
    mcu.writePin(pin, mode === PIN_MODE.output && latches[pin] ? 1 : 0)
    if (!booting) checkInputs()
  }

  function writeDigital(pin: number, on: boolean): void {
    if (!uno.isDigital(pin)) return
    // On an input the bit switches the pull-up. Pins in other modes are not touched.
    if (modes[pin] === PIN_MODE.output) mcu.writePin(pin, on ? 1 : 0)
    else if (!isInput(pin)) return
    latches[pin] = on
    states[pin] = on ? 1 : 0
  }

  function writePort(port: number, value: number): void {
    if (port >= uno.PORT_COUNT) return
    for (let bit = 0; bit < 8; bit++) writeDigital(port * 8 + bit, (value & (1 << bit)) !== 0)
    checkInputs()
  }

  function writeAnalog(pin: number, value: number): void {
    if (modes[pin] === PIN_MODE.pwm) mcu.writePin(pin, Math.min(value, PWM_MAX) / PWM_MAX)
    else if (modes[pin] !== PIN_MODE.servo) return
    states[pin] = value
  }

  function systemReset(): void {
    reportPort.fill(false)
    reportChannel.fill(false)
    lastBits.fill(0)
    sampling_ms = SAMPLING_DEFAULT_MS
    for (let pin = 0; pin < uno.PIN_COUNT; pin++)
      setMode(pin, uno.isAnalog(pin) ? PIN_MODE.analog : PIN_MODE.output, true)
    scheduleSampling()
  }

  function setSampling([low = 0, high]: number[]): void {
    if (high === undefined) return
    sampling_ms = Math.max(SAMPLING_MIN_MS, low | (high << 7))
    scheduleSampling()
  }

  function sendIdentity(): void {
    mcu.send(wire.firmwareMessage(2, 5, 'StandardFirmata.ino'))
  }

  function onSysex(command: number, data: number[]): void {
    const [first = 0] = data
    switch (command) {
      case wire.REPORT_FIRMWARE:
        sendIdentity()
        break
      case wire.CAPABILITY_QUERY:
        mcu.send(capabilityMessage())
        break
      case wire.ANALOG_MAPPING_QUERY:
        mcu.send(mappingMessage())
        break
      case wire.PIN_STATE_QUERY:
        if (data.length > 0 && first < uno.PIN_COUNT)
          mcu.send(wire.pinStateMessage(first, modes[first] ?? 0, states[first] ?? 0))
        return
      case wire.EXTENDED_ANALOG:
        if (data.length > 1) writeAnalog(first, fromSevenBit(data.slice(1, 4)))
        return
      case wire.SERVO_CONFIG:
        if (data.length > 4) setMode(first, PIN_MODE.servo)
        return
      case wire.SAMPLING_INTERVAL:
        setSampling(data)
        break
      case wire.I2C_REQUEST:
        // Nothing is on this board's I2C bus; bit 3 of the second byte asks to read once.
        if (((data[1] ?? 0) & 0x18) === 0x08) mcu.send(wire.stringMessage('I2C: Too few bytes received'))
        return
    }
  }

  function handle(message: HostMessage): void {
    switch (message.type) {
      case 'version-query':
        mcu.send(wire.versionMessage(2, 5))
        break
      case 'reset':
        systemReset()
        break
      case 'pin-mode':
        setMode(message.pin, message.mode)
        break
      case 'digital-port':
        writePort(message.port, message.value)
        break
      case 'digital-pin':
        writeDigital(message.pin, message.on)
        checkInputs()
        break
      case 'analog-write':
        writeAnalog(message.pin, message.value)
        break
      case 'report-analog':
        setAnalogReport(message.channel, message.on, true)
        break
      case 'report-digital':
        if (message.port >= uno.PORT_COUNT) return
        reportPort[message.port] = message.on
        if (message.on) outputPort(message.port, true)
        return
      case 'sysex':
        onSysex(message.command, message.data)
        break
    }
  }

  function boot(): void {
    latches.fill(false)
    modes.fill(PIN_MODE.input)
    mcu.send(wire.versionMessage(2, 5))
    sendIdentity()
    systemReset()
  }

  return { boot, handle, checkInputs, sample }
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
