/**
 * The CRC of OSDP (SIA OSDP v2, Annex C): polynomial 0x1021, initial value 0x1D0F, not reflected, no final xor.
 * "123456789" gives 0xE5CC.
 */
const POLYNOMIAL = 0x1021
const INITIAL = 0x1d0f

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1
  return crc & 0xffff
})

export function crc16(bytes: Uint8Array): number {
  let crc = INITIAL
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ (table[(crc >> 8) ^ byte] ?? 0)
  return crc
}

/** The older one-byte check: the two's complement of the sum of all bytes before it. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) sum = (sum + byte) & 0xff
  return -sum & 0xff
}
