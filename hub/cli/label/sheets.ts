import { LinliError } from '../../contract/errors.ts'

/** Sheets of labels as they are sold, and rolls for label printers: one label a page. Millimetres. */
export interface Sheet {
  page: { width: number; height: number }
  label: { width: number; height: number }
  columns: number
  rows: number
  /** Of the first label. */
  left: number
  top: number
  /** From one label to the next. */
  pitch: { x: number; y: number }
}

const A4 = { width: 210, height: 297 }

export const SHEETS = {
  /** 70 × 37, 24 a sheet (Avery 3474 and what is made like it): no gaps, no margins at the sides. */
  'a4-3x8': sheet(3, 8, 70, 37, 0, 0.5, 70, 37),
  /** 63.5 × 38.1, 21 a sheet (L7160). */
  'a4-3x7': sheet(3, 7, 63.5, 38.1, 7.25, 15.15, 66.04, 38.1),
  /** 99.1 × 38.1, 14 a sheet (L7163). */
  'a4-2x7': sheet(2, 7, 99.1, 38.1, 4.65, 15.15, 101.6, 38.1),
  /** 105 × 74, 8 a sheet (3427). */
  'a4-2x4': sheet(2, 4, 105, 74, 0, 0.5, 105, 74),
} as const satisfies Record<string, Sheet>

/** A roll of a label printer. */
const ROLL_MIN = { width: 20, height: 12 }
const ROLL_MAX = 300

function sheet(
  columns: number,
  rows: number,
  width: number,
  height: number,
  left: number,
  top: number,
  x: number,
  y: number,
): Sheet {
  return { page: A4, label: { width, height }, columns, rows, left, top, pitch: { x, y } }
}

/** @param name one of SHEETS, or e.g. 62x29 @throws {LinliError} OPTION_INVALID */
export function sheetOf(name: string): Sheet {
  if (Object.hasOwn(SHEETS, name)) return SHEETS[name as keyof typeof SHEETS]
  const [, first, second] = /^(\d{1,3}(?:\.\d)?)[x×](\d{1,3}(?:\.\d)?)$/.exec(name) ?? []
  const [width, height] = [Number(first), Number(second)]
  const isLabel = width >= ROLL_MIN.width && height >= ROLL_MIN.height && width <= ROLL_MAX && height <= ROLL_MAX
  if (!isLabel) {
    const message = `--sheet ${name}: give ${Object.keys(SHEETS).join(', ')}, or the width and height of one label in mm, ${ROLL_MIN.width}x${ROLL_MIN.height} to ${ROLL_MAX}x${ROLL_MAX}, such as 62x29`
    throw new LinliError('OPTION_INVALID', message, { kind: 'caller' })
  }
  const size = { width, height }
  return { page: size, label: size, columns: 1, rows: 1, left: 0, top: 0, pitch: { x: width, y: height } }
}
