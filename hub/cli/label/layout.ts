import { LinliError } from '../../contract/errors.ts'
import type { Mark, Page } from '../../print/drawing.ts'
import { type PrintFont, wrapped } from '../../print/font.ts'
import { QR_MODULE_MIN, qrOf } from '../../print/qr.ts'
import type { Sheet } from './sheets.ts'

/** Labels → pages. Each label is a QR on the left and lines of text beside it. */

export interface Label {
  /** `gateway/device`, or the gateway: never shortened. */
  name: string
  /** What people call it. */
  title: string
  place: string
  kind: string
  site: string
  /** In the QR. */
  uri: string
  /** What else must be read from it: an enrolment code and how long it is good. */
  secret?: string
}

/** mm. */
const PAD = 2
const QR_PAD = 0.8
const QR_SHARE_MAX = 0.46
const LINE_HEIGHT = 1.25
const SMALLEST = 0.5
/** From here down lines are left out first. */
const SMALL = 0.65
const CUT = { length: 4, width: 0.1 }

/** @param start position of the first label on the first sheet, from 1 */
export function labelPages(
  font: PrintFont,
  sheet: Sheet,
  labels: readonly Label[],
  options: { start: number; cutMarks: boolean },
): Page[] {
  const perPage = sheet.columns * sheet.rows
  const skipped = options.start - 1
  const count = Math.ceil((labels.length + skipped) / perPage)
  return Array.from({ length: count }, (_, page) => {
    const marks: Mark[] = options.cutMarks ? cutMarks(sheet) : []
    for (let at = 0; at < perPage; at++) {
      const label = labels[page * perPage + at - skipped]
      if (!label) continue
      const x = sheet.left + (at % sheet.columns) * sheet.pitch.x
      const y = sheet.top + Math.floor(at / sheet.columns) * sheet.pitch.y
      marks.push(...labelMarks(font, label, { ...sheet.label, x, y }))
    }
    return { ...sheet.page, marks }
  })
}

interface Box {
  x: number
  y: number
  width: number
  height: number
}

function labelMarks(font: PrintFont, label: Label, box: Box): Mark[] {
  const qr = qrOf(label.uri)
  const side = Math.min(box.height - 2 * QR_PAD, box.width * QR_SHARE_MAX)
  if (qr.module(side) < QR_MODULE_MIN)
    throw tooSmall(label, box, `its QR code would have modules of ${qr.module(side).toFixed(2)} mm`)
  const left = box.x + QR_PAD + side
  const area = { x: left, y: box.y + PAD, width: box.x + box.width - PAD - left, height: box.height - 2 * PAD }
  const text = textMarks(font, label, area)
  if (!text) throw tooSmall(label, box, 'its text does not fit')
  return [qr.at(box.x + QR_PAD, box.y + (box.height - side) / 2, side), ...text]
}

interface Line {
  text: string
  size: number
  lines_max: number
  /** Left out first where there is no room, the highest number first. */
  spare?: number
  grey?: boolean
}

function linesOf({ title, place, kind, name, site, secret }: Label): Line[] {
  const all: Line[] = [
    { text: title, size: 4.6, lines_max: 3 },
    { text: place, size: 3, lines_max: 3, spare: 1 },
    { text: kind, size: 2.6, lines_max: 2, spare: 2 },
    { text: secret ?? '', size: 3, lines_max: 3 },
    { text: name === title ? '' : name, size: 3.2, lines_max: 2 },
    { text: site, size: 2.1, lines_max: 2, spare: 3, grey: true },
  ]
  return all.filter(({ text }) => text !== '')
}

/** As large as fits; before it becomes hard to read, what can be spared goes. Undefined: it does not fit at all. */
function textMarks(font: PrintFont, label: Label, area: Box): Mark[] | undefined {
  const all = linesOf(label)
  for (let spared = 4; spared >= 1; spared--) {
    const lines = all.filter(({ spare = 0 }) => spare < spared)
    for (let scale = 1; scale >= (spared === 1 ? SMALLEST : SMALL) - 0.01; scale -= 0.05) {
      const marks = placed(font, lines, scale, area)
      if (marks) return marks
    }
  }
  return undefined
}

function placed(font: PrintFont, lines: readonly Line[], scale: number, area: Box): Mark[] | undefined {
  const rows: Array<{ text: string; size: number; grey: boolean }> = []
  for (const line of lines) {
    const size = line.size * scale
    const parts = wrapped(font, line.text, size, area.width, line.lines_max)
    if (!parts) return undefined
    rows.push(...parts.map((text) => ({ text, size, grey: line.grey === true })))
  }
  const height = rows.reduce((sum, { size }) => sum + size * LINE_HEIGHT, 0)
  if (height > area.height) return undefined
  let y = area.y + (area.height - height) / 2
  return rows.map(({ text, size, grey }) => {
    y += size * LINE_HEIGHT
    return { type: 'text', x: area.x, y: y - size * 0.3, size, text, grey }
  })
}

/** A cross at each corner of each label; on a roll there is nothing to cut. */
function cutMarks({ label, columns, rows, left, top, pitch }: Sheet): Mark[] {
  const corners = new Map<string, readonly [number, number]>()
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (const [dx, dy] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ] as const) {
        const corner = [left + column * pitch.x + dx * label.width, top + row * pitch.y + dy * label.height] as const
        corners.set(corner.map((one) => one.toFixed(2)).join(), corner)
      }
  const half = CUT.length / 2
  return [...corners.values()].flatMap(([x, y]): Mark[] => [
    { type: 'line', x1: x - half, y1: y, x2: x + half, y2: y, width: CUT.width, grey: true },
    { type: 'line', x1: x, y1: y - half, x2: x, y2: y + half, width: CUT.width, grey: true },
  ])
}

function tooSmall({ name }: Label, { width, height }: Box, why: string): LinliError {
  const message = `a label of ${width}x${height} mm is too small for ${name}: ${why}; take a larger one with --sheet`
  return new LinliError('LABEL_TOO_SMALL', message, { kind: 'caller' })
}
