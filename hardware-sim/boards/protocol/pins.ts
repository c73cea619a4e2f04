import type { Microcontroller } from './responder.ts'
import * as uno from './uno.ts'
import { PIN_MODE } from './wire.ts'

/** The pins as the firmware keeps them: mode, what was written, and the latch behind each. */
export interface Pins {
  powerUp(): void
  mode(pin: number): number
  /** What the host wrote last, as PIN_STATE_RESPONSE tells it; on an input, its pull-up. */
  state(pin: number): number
  setMode(pin: number, mode: number): void
  writeDigital(pin: number, on: boolean): void
  writePort(port: number, bits: number): void
  writeAnalog(pin: number, value: number): void
  /** Levels of the inputs of a port; everything else reads as zero. */
  portBits(port: number): number
}

const PWM_MAX = 255

export function createPins(mcu: Pick<Microcontroller, 'readDigital' | 'writePin'>): Pins {
  const modes: number[] = new Array(uno.PIN_COUNT).fill(PIN_MODE.input)
  const states: number[] = new Array(uno.PIN_COUNT).fill(0)
  /** The PORT register: the level of an output, the pull-up of an input. */
  const latches: boolean[] = new Array(uno.PIN_COUNT).fill(false)

  const isInput = (pin: number) => modes[pin] === PIN_MODE.input || modes[pin] === PIN_MODE.pullup

  function setMode(pin: number, mode: number): void {
    if (!uno.supports(pin, mode)) return
    // Since 2.5 a pin that becomes an output keeps what its latch holds: a repeated mode message silences nothing.
    const keeps = mode === PIN_MODE.output && (modes[pin] === PIN_MODE.output || isInput(pin))
    if (!keeps) latches[pin] = mode === PIN_MODE.pullup
    modes[pin] = mode
    states[pin] = mode === PIN_MODE.pullup ? 1 : 0
    mcu.writePin(pin, mode === PIN_MODE.output && latches[pin] ? 1 : 0)
  }

  function writeDigital(pin: number, on: boolean): void {
    if (!uno.isDigital(pin)) return
    // On an input the bit switches the pull-up. Pins in other modes are not touched.
    if (modes[pin] === PIN_MODE.output) mcu.writePin(pin, on ? 1 : 0)
    else if (!isInput(pin)) return
    latches[pin] = on
    states[pin] = on ? 1 : 0
  }

  function writeAnalog(pin: number, value: number): void {
    if (modes[pin] === PIN_MODE.pwm) mcu.writePin(pin, Math.min(value, PWM_MAX) / PWM_MAX)
    else if (modes[pin] !== PIN_MODE.servo) return
    states[pin] = value
  }

  return {
    powerUp() {
      modes.fill(PIN_MODE.input)
      states.fill(0)
      latches.fill(false)
    },
    mode: (pin) => modes[pin] ?? PIN_MODE.input,
    state: (pin) => states[pin] ?? 0,
    setMode,
    writeDigital,
    writePort(port, bits) {
      for (let bit = 0; bit < 8; bit++) writeDigital(port * 8 + bit, (bits & (1 << bit)) !== 0)
    },
    writeAnalog,
    portBits(port) {
      let bits = 0
      for (let bit = 0; bit < 8; bit++) {
        const pin = port * 8 + bit
        if (isInput(pin) && mcu.readDigital(pin, latches[pin] === true)) bits |= 1 << bit
      }
      return bits
    },
  }
}
