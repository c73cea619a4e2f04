import type { GpioKernel } from '../adapters/gpio/kernel.ts'

/**
 * A GPIO chip for unit tests at the boundary of the kernel, in memory: written from include/uapi/linux/gpio.h by byte
 * offsets and from the behaviour of drivers/gpio/gpiolib-cdev.c, not from our adapter. What a real kernel said to the
 * adapter stands in adapters/gpio/README.md.
 */

const ENOENT = 2
const EAGAIN = 11
const EACCES = 13
const EBUSY = 16
const ENODEV = 19
const EINVAL = 22

interface Line {
  /** What is wired to it; undefined: nothing, the bias decides. */
  driven: boolean | undefined
  bias: 'up' | 'down' | undefined
  /** Held by another program. */
  consumer: string | undefined
}

interface Request {
  lines: number[]
  output: boolean
  edges: boolean
  debounce_us: Map<number, number>
  debounced: Map<number, { level: boolean; timer: ReturnType<typeof setTimeout> | undefined }>
  values: bigint
  events: Buffer[]
  eventsMax: number
  sequence: number
  lineSequences: Map<number, number>
  onReadable: (() => void) | undefined
}

export class TestGpio implements GpioKernel {
  present = true
  permitted = true
  label = 'test'
  /** Every level that an output was ever driven to, as `line level`. */
  readonly written: string[] = []
  readonly parameters = new Map<string, string>()
  readonly #lines: Line[]
  readonly #requests = new Map<number, Request>()
  #chips = new Set<number>()
  #fd = 100

  constructor(lines: number) {
    this.#lines = Array.from({ length: lines }, () => ({ driven: undefined, bias: undefined, consumer: undefined }))
  }

  /** Descriptors that are open, for the proof that nothing leaks. */
  get openCount(): number {
    return this.#chips.size + this.#requests.size
  }

  occupy(line: number, consumer: string | undefined): void {
    this.#line(line).consumer = consumer
  }

  /** A level from outside, or an open contact. */
  drive(line: number, level: boolean | undefined): void {
    const before = this.level(line)
    this.#line(line).driven = level
    if (this.level(line) === before) return
    for (const request of this.#requests.values()) if (request.lines.includes(line)) this.#edge(request, line)
  }

  /** The level changes and no interrupt says so. */
  driveSilently(line: number, level: boolean): void {
    this.#line(line).driven = level
  }

  /** The interrupts of two lines came at once, and their threads wrote in the other order. */
  swapWaiting(): void {
    for (const { events } of this.#requests.values()) events.reverse()
  }

  level(line: number): boolean {
    const { driven, bias } = this.#line(line)
    return driven ?? bias === 'up'
  }

  outputIsHigh(line: number): boolean {
    for (const request of this.#requests.values()) {
      const index = request.lines.indexOf(line)
      if (request.output && index >= 0) return ((request.values >> BigInt(index)) & 1n) === 1n
    }
    return false
  }

  /** Pulled out: every call fails, whoever polls is woken. */
  unplug(): void {
    this.present = false
    for (const request of this.#requests.values()) this.#wake(request)
  }

  chips(): string[] {
    return this.present ? ['/dev/gpiochip0'] : []
  }

  open(path: string): number {
    if (!this.present || path !== '/dev/gpiochip0') return -ENOENT
    if (!this.permitted) return -EACCES
    this.#chips.add(++this.#fd)
    return this.#fd
  }

  close(fd: number): void {
    const request = this.#requests.get(fd)
    for (const { timer } of request?.debounced.values() ?? []) clearTimeout(timer)
    this.#requests.delete(fd)
    this.#chips.delete(fd)
  }

  now_ns(): bigint {
    return 86_400_000_000_000n + BigInt(Math.round(performance.now() * 1e6))
  }

  parameter(module: string, name: string): string | undefined {
    return this.parameters.get(`${module}.${name}`)
  }

  watch(fd: number, onReadable: () => void): () => void {
    const request = this.#requests.get(fd)
    if (!request) throw new Error(`no lines at ${fd}`)
    request.onReadable = onReadable
    return () => {
      request.onReadable = undefined
    }
  }

  read(fd: number, bytes: Buffer): number {
    if (!this.present) return -ENODEV
    const request = this.#requests.get(fd)
    if (!request || bytes.length < 48) return -EINVAL
    if (request.events.length === 0) return -EAGAIN
    const taken = request.events.splice(0, Math.floor(bytes.length / 48))
    return Buffer.concat(taken).copy(bytes)
  }

  ioctl(fd: number, request: number, argument: Buffer): number {
    if (!this.present) return -ENODEV
    const held = this.#requests.get(fd)
    if (this.#chips.has(fd)) {
      if (request === 0x8044b401 && argument.length === 68) return this.#chipInfo(argument)
      if (request === 0xc100b405 && argument.length === 256) return this.#lineInfo(argument)
      if (request === 0xc250b407 && argument.length === 592) return this.#request(argument)
    } else if (held && argument.length === 16) {
      if (request === 0xc010b40e) return this.#getValues(held, argument)
      if (request === 0xc010b40f) return this.#setValues(held, argument)
    }
    return -EINVAL
  }

  #line(line: number): Line {
    const found = this.#lines[line]
    if (!found) throw new Error(`no line ${line}`)
    return found
  }

  #chipInfo(argument: Buffer): number {
    argument.write('gpiochip0', 0)
    argument.write(this.label, 32)
    argument.writeUInt32LE(this.#lines.length, 64)
    return 0
  }

  #lineInfo(argument: Buffer): number {
    const offset = argument.readUInt32LE(64)
    const consumer = this.#lines[offset]?.consumer
    if (!this.#lines[offset]) return -EINVAL
    if (consumer === undefined) return 0
    argument.write(consumer, 32)
    argument.writeBigUInt64LE(1n, 72)
    return 0
  }

  #request(argument: Buffer): number {
    const count = argument.readUInt32LE(560)
    const attributes = argument.readUInt32LE(296)
    if (count === 0 || count > 64 || attributes > 10) return -EINVAL
    if (argument.subarray(568, 588).some((byte) => byte !== 0)) return -EINVAL
    if (argument.subarray(300, 320).some((byte) => byte !== 0)) return -EINVAL
    const lines = Array.from({ length: count }, (_, index) => argument.readUInt32LE(index * 4))
    if (lines.some((line) => !this.#lines[line])) return -EINVAL
    const held = [...this.#requests.values()].flatMap((request) => request.lines)
    if (lines.some((line) => this.#line(line).consumer !== undefined || held.includes(line))) return -EBUSY
    const made: Request = {
      lines,
      output: (argument.readBigUInt64LE(288) & 8n) !== 0n,
      edges: false,
      debounce_us: new Map(),
      debounced: new Map(),
      values: 0n,
      events: [],
      eventsMax: argument.readUInt32LE(564) || count * 16,
      sequence: 0,
      lineSequences: new Map(),
      onReadable: undefined,
    }
    for (const [index, line] of lines.entries()) if (!this.#configure(argument, made, index, line)) return -EINVAL
    argument.writeInt32LE(++this.#fd, 588)
    this.#requests.set(this.#fd, made)
    return 0
  }

  /** The flags of one line: the first attribute that names it, or those of all. */
  #configure(argument: Buffer, made: Request, index: number, line: number): boolean {
    let flags = argument.readBigUInt64LE(288)
    for (let at = 320 + (argument.readUInt32LE(296) - 1) * 24; at >= 320; at -= 24) {
      if (((argument.readBigUInt64LE(at + 16) >> BigInt(index)) & 1n) === 0n) continue
      const id = argument.readUInt32LE(at)
      if (id === 1) flags = argument.readBigUInt64LE(at + 8)
      else if (id === 2) made.values |= argument.readBigUInt64LE(at + 8) & (1n << BigInt(index))
      else if (id === 3) made.debounce_us.set(line, argument.readUInt32LE(at + 8))
      else return false
    }
    const input = (flags & 4n) !== 0n
    const output = (flags & 8n) !== 0n
    const edges = (flags & 0x30n) !== 0n
    if (input === output || output !== made.output || (edges && !input)) return false
    made.edges ||= edges
    if (output) this.written.push(`${line} ${((made.values >> BigInt(index)) & 1n) === 1n ? 'high' : 'low'}`)
    else this.#line(line).bias = (flags & 0x100n) !== 0n ? 'up' : (flags & 0x200n) !== 0n ? 'down' : undefined
    if (made.debounce_us.has(line)) made.debounced.set(line, { level: this.level(line), timer: undefined })
    return true
  }

  #getValues(held: Request, argument: Buffer): number {
    const mask = argument.readBigUInt64LE(8)
    if (mask === 0n) return -EINVAL
    let bits = 0n
    for (const [index, line] of held.lines.entries()) {
      const level = held.debounced.get(line)?.level ?? this.level(line)
      if (level) bits |= 1n << BigInt(index)
    }
    argument.writeBigUInt64LE(bits & mask, 0)
    return 0
  }

  #setValues(held: Request, argument: Buffer): number {
    const bits = argument.readBigUInt64LE(0)
    const mask = argument.readBigUInt64LE(8)
    if (!held.output || mask === 0n || mask >> BigInt(held.lines.length) !== 0n) return -EINVAL
    for (const [index, line] of held.lines.entries()) {
      const bit = 1n << BigInt(index)
      if ((mask & bit) === 0n) continue
      held.values = (held.values & ~bit) | (bits & bit)
      this.written.push(`${line} ${(bits & bit) === 0n ? 'low' : 'high'}`)
    }
    return 0
  }

  #edge(request: Request, line: number): void {
    const debounced = request.debounced.get(line)
    if (!debounced) {
      this.#event(request, line, this.level(line))
      return
    }
    clearTimeout(debounced.timer)
    // As debounce_work_func does: dated when it has settled.
    debounced.timer = setTimeout(
      () => {
        if (debounced.level === this.level(line)) return
        debounced.level = this.level(line)
        this.#event(request, line, debounced.level)
      },
      (request.debounce_us.get(line) ?? 0) / 1000,
    )
  }

  #event(request: Request, line: number, level: boolean): void {
    if (!request.edges) return
    const event = Buffer.alloc(48)
    event.writeBigUInt64LE(this.now_ns(), 0)
    event.writeUInt32LE(level ? 1 : 2, 8)
    event.writeUInt32LE(line, 12)
    event.writeUInt32LE(++request.sequence, 16)
    const lineSequence = (request.lineSequences.get(line) ?? 0) + 1
    request.lineSequences.set(line, lineSequence)
    event.writeUInt32LE(lineSequence, 20)
    // A full buffer loses its oldest.
    if (request.events.length >= request.eventsMax) request.events.shift()
    request.events.push(event)
    this.#wake(request)
  }

  /** As poll does: again and again while there is something to read. */
  #wake(request: Request): void {
    queueMicrotask(() => {
      if (request.onReadable === undefined || (this.present && request.events.length === 0)) return
      request.onReadable()
      if (this.present) this.#wake(request)
    })
  }
}
