/** CRC-16/MODBUS (Modbus over serial line v1.02, §6.2.2): polynomial 0x8005 reflected, begun with 0xFFFF. */
const POLYNOMIAL_REFLECTED = 0xa001
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ POLYNOMIAL_REFLECTED : crc >> 1
  return crc
})

/** Over `bytes[from…to)`; on the wire its low byte goes first. */
export function crc16(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let crc = 0xffff
  for (let index = from; index < to; index++)
    crc = (crc >> 8) ^ (TABLE[(crc ^ (bytes[index] as number)) & 0xff] as number)
  return crc
}
