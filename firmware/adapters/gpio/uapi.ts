/**
 * The second ABI of the kernel's GPIO character device, as include/uapi/linux/gpio.h lays it out (kernel 5.10 or newer):
 * the same bytes on 32 and 64 bits, little-endian on every machine that we run on.
 */

/** ioctl requests: _IOC(direction, 0xB4, number, size of the struct). */
export const GPIO_GET_CHIPINFO = 0x8044b401
export const GPIO_V2_GET_LINEINFO = 0xc100b405
export const GPIO_V2_GET_LINE = 0xc250b407
export const GPIO_V2_LINE_GET_VALUES = 0xc010b40e
export const GPIO_V2_LINE_SET_VALUES = 0xc010b40f

/** enum gpio_v2_line_flag. */
export const LINE_FLAGS = {
  used: 1n << 0n,
  input: 1n << 2n,
  output: 1n << 3n,
  edgeRising: 1n << 4n,
  edgeFalling: 1n << 5n,
  biasPullUp: 1n << 8n,
  biasPullDown: 1n << 9n,
  biasDisabled: 1n << 10n,
} as const

/** GPIO_V2_LINES_MAX: a request has at most this many lines. */
export const LINES_MAX = 64
/** GPIO_V2_LINE_NUM_ATTRS_MAX. */
export const ATTRIBUTES_MAX = 10
const NAME_BYTES = 32

/** enum gpio_v2_line_attr_id. */
const ATTRIBUTE_FLAGS = 1
const ATTRIBUTE_OUTPUT_VALUES = 2
const ATTRIBUTE_DEBOUNCE = 3

const REQUEST = { consumer: 256, config: 288, count: 560, eventBuffer: 564, fd: 588, bytes: 592 } as const
const CONFIG = { flags: 0, attributeCount: 8, attributes: 32 } as const
const ATTRIBUTE = { id: 0, value: 8, mask: 16, bytes: 24 } as const
const INFO = { consumer: 32, offset: 64, flags: 72, bytes: 256 } as const
const CHIP = { label: 32, lines: 64, bytes: 68 } as const
const EVENT = { id: 8, offset: 12, lineSequence: 20 } as const
export const EVENT_BYTES = 48
const VALUES_BYTES = 16

const EVENT_RISING_EDGE = 1

/** What differs from the flags that all lines of a request share; `mask` has bit n for the n-th requested line. */
export type Attribute =
  | { kind: 'flags'; flags: bigint; mask: bigint }
  | { kind: 'output-values'; values: bigint; mask: bigint }
  | { kind: 'debounce'; period_us: number; mask: bigint }

export interface LineRequest {
  lines: readonly number[]
  /** Who holds the lines, for people who look with `gpioinfo`. */
  consumer: string
  flags: bigint
  attributes: readonly Attribute[]
  /** How many edges the kernel keeps until they are read; 0: 16 for each line. */
  eventBuffer: number
}

/** struct gpio_v2_line_request, 592 bytes. More than 64 lines or 10 attributes do not fit. */
export function encodeRequest(request: LineRequest): Buffer {
  const bytes = Buffer.alloc(REQUEST.bytes)
  for (const [index, line] of request.lines.entries()) bytes.writeUInt32LE(line, index * 4)
  // The kernel wants a zero at the end.
  bytes.write(request.consumer.slice(0, NAME_BYTES - 1), REQUEST.consumer, 'latin1')
  bytes.writeBigUInt64LE(request.flags, REQUEST.config + CONFIG.flags)
  bytes.writeUInt32LE(request.attributes.length, REQUEST.config + CONFIG.attributeCount)
  for (const [index, attribute] of request.attributes.entries())
    writeAttribute(bytes, REQUEST.config + CONFIG.attributes + index * ATTRIBUTE.bytes, attribute)
  bytes.writeUInt32LE(request.lines.length, REQUEST.count)
  bytes.writeUInt32LE(request.eventBuffer, REQUEST.eventBuffer)
  return bytes
}

function writeAttribute(bytes: Buffer, at: number, attribute: Attribute): void {
  bytes.writeBigUInt64LE(attribute.mask, at + ATTRIBUTE.mask)
  switch (attribute.kind) {
    case 'flags':
      bytes.writeUInt32LE(ATTRIBUTE_FLAGS, at + ATTRIBUTE.id)
      bytes.writeBigUInt64LE(attribute.flags, at + ATTRIBUTE.value)
      break
    case 'output-values':
      bytes.writeUInt32LE(ATTRIBUTE_OUTPUT_VALUES, at + ATTRIBUTE.id)
      bytes.writeBigUInt64LE(attribute.values, at + ATTRIBUTE.value)
      break
    case 'debounce':
      bytes.writeUInt32LE(ATTRIBUTE_DEBOUNCE, at + ATTRIBUTE.id)
      bytes.writeUInt32LE(attribute.period_us, at + ATTRIBUTE.value)
  }
}

/** The file descriptor of the lines, which the kernel wrote into the request. */
export function requestedFd(bytes: Buffer): number {
  return bytes.readInt32LE(REQUEST.fd)
}

/** struct gpio_v2_line_values; the kernel fills the bits that the mask asks for. */
export function encodeValues(bits: bigint, mask: bigint): Buffer {
  const bytes = Buffer.alloc(VALUES_BYTES)
  bytes.writeBigUInt64LE(bits)
  bytes.writeBigUInt64LE(mask, 8)
  return bytes
}

export function decodeValues(bytes: Buffer): bigint {
  return bytes.readBigUInt64LE()
}

export interface LineEvent {
  /** CLOCK_MONOTONIC. */
  timestamp_ns: bigint
  rising: boolean
  line: number
  /** Counts the edges of this line from 1; a gap is what the kernel had no room for. */
  lineSequence: number
}

/** struct gpio_v2_line_event, as many as were read. */
export function decodeEvents(bytes: Buffer): LineEvent[] {
  const events: LineEvent[] = []
  for (let at = 0; at + EVENT_BYTES <= bytes.length; at += EVENT_BYTES)
    events.push({
      timestamp_ns: bytes.readBigUInt64LE(at),
      rising: bytes.readUInt32LE(at + EVENT.id) === EVENT_RISING_EDGE,
      line: bytes.readUInt32LE(at + EVENT.offset),
      lineSequence: bytes.readUInt32LE(at + EVENT.lineSequence),
    })
  return events
}

/** struct gpiochip_info, empty: the kernel fills it. */
export function emptyChipInfo(): Buffer {
  return Buffer.alloc(CHIP.bytes)
}

export function decodeChipInfo(bytes: Buffer): { label: string; lines: number } {
  return { label: text(bytes, CHIP.label), lines: bytes.readUInt32LE(CHIP.lines) }
}

/** struct gpio_v2_line_info that asks about one line. */
export function encodeLineInfo(line: number): Buffer {
  const bytes = Buffer.alloc(INFO.bytes)
  bytes.writeUInt32LE(line, INFO.offset)
  return bytes
}

export function decodeLineInfo(bytes: Buffer): { consumer: string; used: boolean } {
  return {
    consumer: text(bytes, INFO.consumer),
    used: (bytes.readBigUInt64LE(INFO.flags) & LINE_FLAGS.used) !== 0n,
  }
}

function text(bytes: Buffer, at: number): string {
  const field = bytes.subarray(at, at + NAME_BYTES)
  const end = field.indexOf(0)
  return field.toString('latin1', 0, end < 0 ? NAME_BYTES : end)
}
