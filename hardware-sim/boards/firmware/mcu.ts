import type { AVRIOPort, CPU } from 'avr8js'
import type { Random } from '../../random.ts'
import { adcReading, digitalLevel } from '../input-pin.ts'
import { loadEmulator } from './hex.ts'

/** Arduino Uno: 16 MHz crystal. */
export const CYCLES_PER_MS = 16_000
/** ATmega328P: 2 KiB of RAM. */
const RAM_BYTES = 2048
export const PIN_COUNT = 20
const FIRST_ANALOG_PIN = 14
const RX_ENABLE = 0x10

/** Voltages on header pins; a pin without a circuit is absent. */
export type Volts = ReadonlyMap<number, number>

export interface Mcu {
  /** Runs the program up to a cycle; never back. */
  runTo(cycle: number): void
  /** A byte is complete in the UART's receiver at a cycle; bytes come in order. */
  receiveAt(cycle: number, byte: number): void
  drive(pin: number, volts: number): void
  /** Level of a pin as output, 0 to 1; an input counts as 0. */
  outputLevel(pin: number): number
}

/** Output compare of the pins that have PWM: which bit connects the timer, and where its duty stands (datasheet ch. 15–18). */
const PWM: Record<number, { control: number; connected: number; duty: number }> = {
  3: { control: 0xb0, connected: 0x20, duty: 0xb4 },
  5: { control: 0x44, connected: 0x20, duty: 0x48 },
  6: { control: 0x44, connected: 0x80, duty: 0x47 },
  9: { control: 0x80, connected: 0x80, duty: 0x88 },
  10: { control: 0x80, connected: 0x20, duty: 0x8a },
  11: { control: 0xb0, connected: 0x80, duty: 0xb3 },
}

/** Program memory into a running ATmega328P with its timers, UART, converter and TWI. */
export function createMcu(program: Uint16Array, volts: Volts, random: Random, transmit: (byte: number) => void): Mcu {
  const avr = loadEmulator()
  // A getter of the module: read once, or every instruction pays for it.
  const { avrInstruction } = avr
  const cpu = new avr.CPU(program, RAM_BYTES)
  const header = createHeader(cpu, volts)
  for (const timer of [avr.timer0Config, avr.timer1Config, avr.timer2Config]) new avr.AVRTimer(cpu, timer)
  new avr.AVRTWI(cpu, avr.twiConfig, CYCLES_PER_MS * 1000)
  attachConverter(cpu, volts, random)
  const usart = new avr.AVRUSART(cpu, avr.usart0Config, CYCLES_PER_MS * 1000)
  usart.onByteTransmit = transmit
  keepReceivedByte(cpu, avr.usart0Config.UCSRB)
  const received: { cycle: number; byte: number }[] = []

  function execute(until: number): void {
    while (cpu.cycles < until) {
      avrInstruction(cpu)
      cpu.tick()
    }
  }

  return {
    runTo(target) {
      for (let head = received[0]; head && head.cycle <= target; head = received[0]) {
        execute(head.cycle)
        usart.writeByte(head.byte, true)
        received.shift()
      }
      execute(target)
    },
    receiveAt(cycle, byte) {
      received.push({ cycle, byte })
    },
    ...header,
  }
}

function attachConverter(cpu: CPU, volts: Volts, random: Random): void {
  const { AVRADC, ADCMuxInputType, adcConfig } = loadEmulator()
  const adc = new AVRADC(cpu, adcConfig)
  adc.onADCRead = (input) => {
    const single = input.type === ADCMuxInputType.SingleEnded
    const reading = adcReading(single ? (volts.get(FIRST_ANALOG_PIN + input.channel) ?? 0) : 0, random)
    cpu.addClockEvent(() => adc.completeADCRead(reading), adc.sampleCycles)
  }
}

/** The three GPIO ports, addressed by the numbers of the header pins. */
function createHeader(cpu: CPU, volts: Volts): Pick<Mcu, 'drive' | 'outputLevel'> {
  const avr = loadEmulator()
  const b = new avr.AVRIOPort(cpu, avr.portBConfig)
  const c = new avr.AVRIOPort(cpu, avr.portCConfig)
  const d = new avr.AVRIOPort(cpu, avr.portDConfig)
  const levels: boolean[] = new Array(PIN_COUNT).fill(false)

  const place = (pin: number): { port: AVRIOPort; bit: number } => {
    if (pin < 8) return { port: d, bit: pin }
    return pin < FIRST_ANALOG_PIN ? { port: b, bit: pin - 8 } : { port: c, bit: pin - FIRST_ANALOG_PIN }
  }

  /** An input that no circuit drives follows its pull-up. */
  function settleOpenPins(): void {
    for (let pin = 2; pin < PIN_COUNT; pin++) {
      if (volts.has(pin)) continue
      const { port, bit } = place(pin)
      port.setPin(bit, port.pinState(bit) === avr.PinState.InputPullUp)
    }
  }

  function drive(pin: number, value: number): void {
    const level = digitalLevel(levels[pin] === true, value)
    levels[pin] = level
    const { port, bit } = place(pin)
    port.setPin(bit, level)
  }

  for (const port of [b, c, d]) port.addListener(settleOpenPins)
  for (const [pin, value] of volts) drive(pin, value)
  return {
    drive,
    outputLevel(pin) {
      const { port, bit } = place(pin)
      const { DDR, PORT } = port.portConfig
      if (((cpu.data[DDR] ?? 0) & (1 << bit)) === 0) return 0
      const pwm = PWM[pin]
      if (pwm && ((cpu.data[pwm.control] ?? 0) & pwm.connected) !== 0) return (cpu.data[pwm.duty] ?? 0) / 255
      return ((cpu.data[PORT] ?? 0) >> bit) & 1
    },
  }
}

/**
 * The emulator forgets a received byte when the program writes UCSRB while the receiver stays on, which the Arduino core
 * does at every transmission; about one byte in a hundred is lost. The chip keeps it. The original hook clears only if
 * the receiver was on before, so it is told that it was not.
 */
function keepReceivedByte(cpu: CPU, UCSRB: number): void {
  const original = cpu.writeHooks[UCSRB]
  if (!original) return
  cpu.writeHooks[UCSRB] = (value, oldValue, address, mask) => original(value, oldValue & ~RX_ENABLE, address, mask)
}
