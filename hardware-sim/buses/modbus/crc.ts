/**
 * Check of a Modbus RTU frame (Modbus over serial line v1.02, §6.2.1): each byte is taken into the low half of a register
 * of ones, and each bit that is shifted out as one brings in 0xA001.
 */
export function check(bytes: Uint8Array): number {
  let register = 0xffff
  for (const byte of bytes) {
    register ^= byte
    for (let shift = 0; shift < 8; shift++) {
      const carried = register & 1
      register >>>= 1
      if (carried === 1) register ^= 0xa001
    }
  }
  return register
}

/** The frame with its check behind it, low half first. */
export function withCheck(body: readonly number[]): Uint8Array {
  const value = check(Uint8Array.from(body))
  return Uint8Array.from([...body, value & 0xff, value >>> 8])
}

/** Over a frame and its own check the register ends at zero. */
export function isIntact(frame: Uint8Array): boolean {
  return frame.length >= 4 && check(frame) === 0
}
