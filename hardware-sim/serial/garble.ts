/** A UART samples the middle of each bit; beyond about 3 % it drifts off the last one (10 bits, half a bit of slack). */
const TOLERANCE = 0.03

/** Whether two ends of a line understand each other. */
export function baudsAgree(left: number, right: number): boolean {
  return Math.abs(left - right) <= TOLERANCE * right
}

/**
 * What a UART at `receiverBaud` makes of 8N1 bytes sent back to back at `senderBaud`: it waits for a falling edge and
 * samples where it believes the middle of each bit to be. Framing errors are not marked: the byte is passed on, as most
 * drivers do.
 */
export function resample(bytes: Uint8Array, senderBaud: number, receiverBaud: number): Uint8Array {
  const bits_total = bytes.length * 10
  const ratio = senderBaud / receiverBaud
  const level = (at_bits: number): number => {
    const index = Math.floor(at_bits)
    if (index < 0 || index >= bits_total) return 1
    const place = index % 10
    if (place === 0) return 0
    if (place === 9) return 1
    return ((bytes[(index - place) / 10] ?? 0) >> (place - 1)) & 1
  }
  const heard: number[] = []
  // Edges exist only where a bit of the sender begins, so the search steps over whole sender bits.
  for (let bit = 0; bit < bits_total; bit++) {
    if (level(bit) !== 0 || level(bit - 1) !== 1) continue
    let byte = 0
    for (let place = 0; place < 8; place++) byte |= level(bit + (1.5 + place) * ratio) << place
    heard.push(byte)
    bit = Math.max(bit, Math.ceil(bit + 9.5 * ratio) - 1)
  }
  return Uint8Array.from(heard)
}
