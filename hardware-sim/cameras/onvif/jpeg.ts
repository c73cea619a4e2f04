/**
 * A baseline JPEG (ITU-T T.81) of grey squares: each 8 × 8 block has one grey, so that only its DC coefficient is coded and
 * the whole encoder is this file. Any viewer shows it.
 */

const BLOCK = 8
/** Steps of grey; coarse, since text needs few. */
const QUANT = 16
/** T.81 table K.3: how many codes there are of each length from 1 to 16, and for which categories. */
const DC_LENGTHS = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
const DC_CATEGORIES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
/** End of block, one bit: no block has anything else. */
const AC_LENGTHS = [1, ...Array<number>(15).fill(0)]
const END_OF_BLOCK = { code: 0, length: 1 }

/** @param greys 0 to 255, row by row; `width` of them in a row */
export function encodeJpeg(greys: Uint8Array, width: number): Buffer {
  const height = greys.length / width
  const size = [height * BLOCK, width * BLOCK].flatMap((value) => [value >> 8, value & 0xff])
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xe0, [...Buffer.from('JFIF\0'), 1, 1, 0, 0, 1, 0, 1, 0, 0]),
    segment(0xdb, [0, ...Array<number>(64).fill(QUANT)]),
    segment(0xc0, [8, ...size, 1, 1, 0x11, 0]),
    segment(0xc4, [0x00, ...DC_LENGTHS, ...DC_CATEGORIES]),
    segment(0xc4, [0x10, ...AC_LENGTHS, 0]),
    segment(0xda, [1, 1, 0x00, 0, 63, 0]),
    scan(greys),
    Buffer.from([0xff, 0xd9]),
  ])
}

function segment(marker: number, content: number[]): Buffer {
  const length = content.length + 2
  return Buffer.from([0xff, marker, length >> 8, length & 0xff, ...content])
}

/** Codes of one length count up; the next length goes on with a zero behind (T.81 annex C). */
function dcCodes(): Array<{ code: number; length: number }> {
  const codes: Array<{ code: number; length: number }> = []
  let code = 0
  for (const [index, count] of DC_LENGTHS.entries()) {
    for (let n = 0; n < count; n++) codes.push({ code: code++, length: index + 1 })
    code <<= 1
  }
  return codes
}
const DC = dcCodes()

function scan(greys: Uint8Array): Buffer {
  const bytes: number[] = []
  let pending = 0
  let bits = 0
  const put = (value: number, length: number): void => {
    for (let at = length - 1; at >= 0; at--) {
      pending = (pending << 1) | ((value >> at) & 1)
      bits += 1
      if (bits < 8) continue
      bytes.push(pending)
      // T.81 B.1.1.5: what looks like a marker is none.
      if (pending === 0xff) bytes.push(0)
      pending = 0
      bits = 0
    }
  }
  let before = 0
  for (const grey of greys) {
    // The DC coefficient of a flat block is eight times its level.
    const level = Math.round(((grey - 128) * BLOCK) / QUANT)
    const difference = level - before
    before = level
    const category = 32 - Math.clz32(Math.abs(difference))
    const { code, length } = DC[category] ?? END_OF_BLOCK
    put(code, length)
    put(difference < 0 ? difference + (1 << category) - 1 : difference, category)
    put(END_OF_BLOCK.code, END_OF_BLOCK.length)
  }
  while (bits > 0) put(1, 1)
  return Buffer.from(bytes)
}
