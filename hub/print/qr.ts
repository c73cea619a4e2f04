import qrcode from 'qrcode-generator'
import type { Mark } from './drawing.ts'

/** Light modules around a QR code (ISO/IEC 18004 §6.3.8). */
const QUIET = 4
/** Of a module, mm: what phones read from a hand's breadth. */
export const QR_MODULE_MIN = 0.3

export interface Qr {
  /** Of one module when the whole, its quiet zone included, is `size` wide. */
  module(size: number): number
  at(x: number, y: number, size: number): Mark
}

/** Correction level M: a scratch of 15 % is made good. */
export function qrOf(text: string): Qr {
  const code = qrcode(0, 'M')
  code.addData(text, 'Byte')
  code.make()
  const count = code.getModuleCount()
  const module = (size: number) => size / (count + 2 * QUIET)
  return {
    module,
    at(x, y, size) {
      const side = module(size)
      const rects: Array<[number, number, number, number]> = []
      for (let row = 0; row < count; row++) {
        // Runs of dark modules as one rectangle: no hairlines between them, and a smaller file.
        for (let column = 0; column < count; column++) {
          const from = column
          while (column < count && code.isDark(row, column)) column++
          if (column > from)
            rects.push([x + (QUIET + from) * side, y + (QUIET + row) * side, (column - from) * side, side])
        }
      }
      return { type: 'rects', rects }
    },
  }
}
