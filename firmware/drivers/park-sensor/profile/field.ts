/**
 * How a number sits in the registers of a device. A register carries 16 bits, most significant byte first (Modbus
 * application protocol v1.1b3, §4.2); how wider numbers are put together is up to each maker.
 */

export const FIELD_TYPES = ['bit', 'u16', 's16', 'u32', 's32', 'u64', 's64', 'f32', 'f64'] as const
export type FieldType = (typeof FIELD_TYPES)[number]

/**
 * Bytes of a 32-bit number from the most significant on, as they come over the wire. `ABCD` is big-endian, `CDAB` has its
 * words reversed, `BADC` the bytes within each word, `DCBA` both. Numbers of 16 and 64 bits follow the same two rules.
 */
export const FIELD_ORDERS = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const
export type FieldOrder = (typeof FIELD_ORDERS)[number]

export interface Field {
  type: FieldType
  /** Default `ABCD`. */
  order?: FieldOrder
  /** A part of an unsigned number: `from` counts from the least significant bit. */
  bits?: { from: number; width: number }
}

const WIDTH_BITS = { bit: 16, u16: 16, s16: 16, u32: 32, s32: 32, f32: 32, u64: 64, s64: 64, f64: 64 } as const
const BYTES_PER_REGISTER = 2

/** Registers, or coils and discrete inputs of a `bit`, that the number takes. */
export function placesOf({ type }: Pick<Field, 'type'>): number {
  return WIDTH_BITS[type] / 8 / BYTES_PER_REGISTER
}

export function bitsOf({ type }: Pick<Field, 'type'>): number {
  return type === 'bit' ? 1 : WIDTH_BITS[type]
}

/**
 * The number as the device means it, before scale and offset. NaN for a float that is none. 64-bit integers beyond 2^53
 * lose their last digits.
 * @param values as many as `placesOf` says, each 0…65535 (0 and 1 for a `bit`)
 */
export function decodeField(field: Field, values: readonly number[]): number {
  const number = decodeWhole(field, values)
  if (field.bits === undefined) return number
  // Not by shifting: shifts are signed and 32 bits wide.
  const { from, width } = field.bits
  return Math.floor(number / 2 ** from) % 2 ** width
}

function decodeWhole(field: Field, values: readonly number[]): number {
  if (field.type === 'bit') return values[0] === 0 ? 0 : 1
  const view = new DataView(bytesOf(field, values).buffer)
  switch (field.type) {
    case 'u16':
      return view.getUint16(0)
    case 's16':
      return view.getInt16(0)
    case 'u32':
      return view.getUint32(0)
    case 's32':
      return view.getInt32(0)
    case 'u64':
      return Number(view.getBigUint64(0))
    case 's64':
      return Number(view.getBigInt64(0))
    case 'f32':
      return view.getFloat32(0)
    case 'f64':
      return view.getFloat64(0)
  }
}

/**
 * Registers for a number; what does not fit is rounded and clamped into the type. Bit fields are not written: their
 * neighbours in the register would have to be known.
 */
export function encodeField(field: Field, number: number): number[] {
  if (field.type === 'bit') return [number === 0 ? 0 : 1]
  const count = placesOf(field)
  const view = new DataView(new ArrayBuffer(count * BYTES_PER_REGISTER))
  const whole = clampInto(field.type, number)
  switch (field.type) {
    case 'u16':
      view.setUint16(0, whole)
      break
    case 's16':
      view.setInt16(0, whole)
      break
    case 'u32':
      view.setUint32(0, whole)
      break
    case 's32':
      view.setInt32(0, whole)
      break
    case 'u64':
      view.setBigUint64(0, BigInt(whole))
      break
    case 's64':
      view.setBigInt64(0, BigInt(whole))
      break
    case 'f32':
      view.setFloat32(0, number)
      break
    case 'f64':
      view.setFloat64(0, number)
  }
  const words = Array.from({ length: count }, (_, index) => view.getUint16(index * BYTES_PER_REGISTER))
  const bytes = bytesOf(field, words)
  return Array.from({ length: count }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0))
}

const INTEGERS_MAX = 2 ** 53 - 1

/** The least and greatest whole number of a type that can be told exactly. */
export function limitsOf(type: FieldType): { min: number; max: number } {
  if (type === 'bit') return { min: 0, max: 1 }
  if (type === 'f32' || type === 'f64') return { min: -Number.MAX_VALUE, max: Number.MAX_VALUE }
  const bits = WIDTH_BITS[type]
  if (type.startsWith('u')) return { min: 0, max: Math.min(2 ** bits - 1, INTEGERS_MAX) }
  return { min: Math.max(-(2 ** (bits - 1)), -INTEGERS_MAX), max: Math.min(2 ** (bits - 1) - 1, INTEGERS_MAX) }
}

function clampInto(type: FieldType, number: number): number {
  const { min, max } = limitsOf(type)
  return Number.isNaN(number) ? 0 : Math.round(Math.min(max, Math.max(min, number)))
}

/** Between the order of the wire and big-endian; each order undoes itself. */
function bytesOf({ order = 'ABCD' }: Field, words: readonly number[]): Uint8Array {
  const reversed = order === 'CDAB' || order === 'DCBA' ? words.toReversed() : words
  const swapped = order === 'BADC' || order === 'DCBA'
  return Uint8Array.from(
    reversed.flatMap((word) => (swapped ? [word & 0xff, word >> 8] : [(word >> 8) & 0xff, word & 0xff])),
  )
}
