import { LinliError } from '../../hub/contract/errors.ts'
import type { ByteConnection, BytePort } from '../ports/byte-port.ts'

/**
 * A Firmata board for unit tests, in memory: the smallest responder that our adapter cannot tell from a real board, with
 * the faults that it has to live through. The one that behaves electrically is in hardware-sim.
 */

const PINS = 20
const FIRST_ANALOG_PIN = 14
const INPUT = 0
const OUTPUT = 1
const ANALOG = 2
const ANSWER_MS = 1

export class TestBoard {
  /** Whether the line can be opened. */
  plugged = true
  /** Takes bytes and answers nothing. */
  hung = false
  /** A port whose levels its firmware never tells. */
  mutePort: number | undefined
  /** Every opening so far. */
  openings = 0
  /** Port writes and pin modes as they came, for what must not be sent. */
  readonly writes: Array<{ port: number; bits: number }> = []
  readonly modes = new Map<number, number>()
  readonly levels = new Map<number, boolean>()
  readonly ratios = new Map<number, number>()
  #connection: TestConnection | undefined
  #input: number[] = []
  #reportedPorts = new Set<number>()
  #analogTimers = new Map<number, ReturnType<typeof setInterval>>()
  #interval_ms = 19
  #waiting: number[][] | undefined

  readonly port: BytePort = {
    path: '/dev/test-board',
    open: async () => {
      if (!this.plugged)
        throw new LinliError('SERIAL_NOT_FOUND', 'no serial device at /dev/test-board', { kind: 'fault' })
      this.openings++
      this.#input = []
      this.#connection = new TestConnection((bytes) => this.#receive(bytes))
      return this.#connection
    },
  }

  get open(): boolean {
    return this.#connection?.isOpen ?? false
  }

  isHigh(pin: number): boolean {
    return this.levels.get(pin) ?? true
  }

  outputIsOn(pin: number): boolean {
    const last = this.writes.findLast(({ port }) => port === pin >> 3)
    return this.modes.get(pin) === OUTPUT && ((last?.bits ?? 0) & (1 << (pin & 7))) !== 0
  }

  setLevel(pin: number, high: boolean): void {
    if (this.isHigh(pin) === high) return
    this.levels.set(pin, high)
    if (this.#reportedPorts.has(pin >> 3)) this.#send(this.#portReport(pin >> 3))
  }

  unplug(): void {
    this.plugged = false
    this.#powerUp()
    this.#connection?.lose('the device went away')
  }

  replug(): void {
    this.plugged = true
  }

  /** As after a brown-out: forgets everything, and says who it is unless the line swallows it. */
  reboot(announced = true): void {
    this.hung = false
    this.#powerUp()
    if (announced) this.#send([...VERSION, ...FIRMWARE])
  }

  /** Bytes on the line that no board sent. */
  disturb(bytes: number[]): void {
    this.#connection?.deliver(Uint8Array.from(bytes))
  }

  /** One chunk, as a reader that was held up gets it. */
  sendInOneGo(...messages: number[][]): void {
    this.#connection?.deliver(Uint8Array.from(messages.flat()))
  }

  levelReport(pin: number, high: boolean): number[] {
    this.levels.set(pin, high)
    return this.#portReport(pin >> 3)
  }

  analogReport(channel: number): number[] {
    const value = Math.round((this.ratios.get(channel) ?? 0.68) * 1023)
    return [0xe0 | channel, value & 0x7f, value >> 7]
  }

  #powerUp(): void {
    this.#input = []
    this.modes.clear()
    this.writes.length = 0
    this.#reportedPorts.clear()
    for (const timer of this.#analogTimers.values()) clearInterval(timer)
    this.#analogTimers.clear()
    for (let pin = 2; pin < PINS; pin++) this.modes.set(pin, pin < FIRST_ANALOG_PIN ? OUTPUT : ANALOG)
  }

  /** From now on answers wait on their way, as in a driver's buffer. */
  holdAnswers(): void {
    this.#waiting ??= []
  }

  /** Takes what waits. */
  heldAnswers(): number[][] {
    return this.#waiting?.splice(0) ?? []
  }

  #send(bytes: number[]): void {
    const connection = this.#connection
    if (this.#waiting) {
      this.#waiting.push(bytes)
      return
    }
    setTimeout(() => {
      if (!this.hung) connection?.deliver(Uint8Array.from(bytes))
    }, ANSWER_MS)
  }

  #portReport(port: number): number[] {
    let bits = 0
    for (let bit = 0; bit < 8; bit++) {
      const pin = port * 8 + bit
      if (this.modes.get(pin) === INPUT && this.isHigh(pin)) bits |= 1 << bit
    }
    return [0x90 | port, bits & 0x7f, bits >> 7]
  }

  #receive(bytes: Uint8Array): void {
    if (this.hung) return
    for (const byte of bytes) {
      if (byte === 0xff) this.#powerUp()
      else this.#input.push(byte)
      if (this.#isWhole()) this.#handle(this.#input.splice(0))
    }
  }

  #isWhole(): boolean {
    const [first = 0] = this.#input
    if (first === 0xf0) return this.#input.at(-1) === 0xf7
    if (first === 0xf9 || first === 0xf7) return true
    return this.#input.length === ((first & 0xf0) === 0xc0 || (first & 0xf0) === 0xd0 ? 2 : 3)
  }

  #handle([first = 0, a = 0, b = 0]: number[]): void {
    if (first === 0xf9) this.#send(VERSION)
    else if (first === 0xf0) this.#handleSysex(a, b)
    else if (first === 0xf4) this.modes.set(a, b)
    else if ((first & 0xf0) === 0xd0) this.#reportPort(first & 0x0f, a === 1)
    else if ((first & 0xf0) === 0xc0) this.#reportAnalog(first & 0x0f, a === 1)
    else if ((first & 0xf0) === 0x90) this.writes.push({ port: first & 0x0f, bits: a | (b << 7) })
  }

  #handleSysex(command: number, argument: number): void {
    if (command === 0x79) this.#send(FIRMWARE)
    else if (command === 0x6b) this.#send([0xf0, 0x6c, ...CAPABILITIES, 0xf7])
    else if (command === 0x69) this.#send([0xf0, 0x6a, ...MAPPING, 0xf7])
    else if (command === 0x7a) this.#interval_ms = argument
    else if (command === 0x6d) this.#send([0xf0, 0x6e, argument, this.modes.get(argument) ?? INPUT, 0, 0xf7])
  }

  #reportPort(port: number, on: boolean): void {
    if (!on) this.#reportedPorts.delete(port)
    else {
      this.#reportedPorts.add(port)
      if (port !== this.mutePort) this.#send(this.#portReport(port))
    }
  }

  #reportAnalog(channel: number, on: boolean): void {
    clearInterval(this.#analogTimers.get(channel))
    if (on)
      this.#analogTimers.set(
        channel,
        setInterval(() => this.#send(this.analogReport(channel)), this.#interval_ms),
      )
  }
}

const VERSION = [0xf9, 2, 5]
const FIRMWARE = [0xf0, 0x79, 2, 5, 0x54, 0, 0xf7]
const range = [...Array(PINS).keys()]
const CAPABILITIES = range.flatMap((pin) => {
  if (pin < 2) return [0x7f]
  return pin < FIRST_ANALOG_PIN ? [INPUT, 1, OUTPUT, 1, 0x7f] : [INPUT, 1, OUTPUT, 1, ANALOG, 10, 0x7f]
})
const MAPPING = range.map((pin) => (pin < FIRST_ANALOG_PIN ? 0x7f : pin - FIRST_ANALOG_PIN))

class TestConnection implements ByteConnection {
  isOpen = true
  readonly #toBoard: (bytes: Uint8Array) => void
  #data: (bytes: Uint8Array) => void = () => {}
  #closed: (reason: string) => void = () => {}

  constructor(toBoard: (bytes: Uint8Array) => void) {
    this.#toBoard = toBoard
  }

  write(bytes: Uint8Array): boolean {
    if (this.isOpen) this.#toBoard(bytes)
    return this.isOpen
  }

  async close(): Promise<void> {
    this.lose('closed')
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#data = listener
  }

  onClose(listener: (reason: string) => void): void {
    this.#closed = listener
  }

  deliver(bytes: Uint8Array): void {
    if (this.isOpen) this.#data(bytes)
  }

  lose(reason: string): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#closed(reason)
  }
}
