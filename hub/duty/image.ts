/** What kind of picture some bytes are, told by the bytes alone, and how large it is. SVG is none: it can carry scripts. */

export interface ImageKind {
  type: 'image/png' | 'image/jpeg' | 'image/webp'
  width: number
  height: number
}

export function imageKind(bytes: Uint8Array): ImageKind | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    return png(view) ?? webp(view) ?? jpeg(view)
  } catch (error) {
    // Cut off before its size was told.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

const ascii = (view: DataView, at: number, length: number) =>
  String.fromCharCode(...Array.from({ length }, (_, index) => view.getUint8(at + index)))

function png(view: DataView): ImageKind | undefined {
  if (view.getUint32(0) !== 0x89504e47 || view.getUint32(4) !== 0x0d0a1a0a || ascii(view, 12, 4) !== 'IHDR')
    return undefined
  return sized('image/png', view.getUint32(16), view.getUint32(20))
}

function webp(view: DataView): ImageKind | undefined {
  if (ascii(view, 0, 4) !== 'RIFF' || ascii(view, 8, 4) !== 'WEBP') return undefined
  const chunk = ascii(view, 12, 4)
  if (chunk === 'VP8X') return sized('image/webp', 1 + int24(view, 24), 1 + int24(view, 27))
  if (chunk === 'VP8 ') return sized('image/webp', view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff)
  if (chunk !== 'VP8L') return undefined
  const bits = view.getUint32(21, true)
  return sized('image/webp', 1 + (bits & 0x3fff), 1 + ((bits >> 14) & 0x3fff))
}

const int24 = (view: DataView, at: number) => view.getUint16(at, true) | (view.getUint8(at + 2) << 16)

/** The first start of a frame says the size (ITU-T T.81 B.2.2). */
function jpeg(view: DataView): ImageKind | undefined {
  if (view.getUint16(0) !== 0xffd8) return undefined
  for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at)
    if (marker < 0xff01 || marker === 0xffda) return undefined
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker)
    if (isFrame) return sized('image/jpeg', view.getUint16(at + 7), view.getUint16(at + 5))
  }
}

function sized(type: ImageKind['type'], width: number, height: number): ImageKind | undefined {
  return width > 0 && height > 0 ? { type, width, height } : undefined
}
