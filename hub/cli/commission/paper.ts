import { fingerprintOf } from '../../authority/authority.ts'
import { type AcceptanceRecord, type DeviceOutcome, recordHash, type SignedRecord } from '../../commissioning/record.ts'
import type { Mark, Page } from '../../print/drawing.ts'
import { type PrintFont, wrapped } from '../../print/font.ts'
import { qrOf } from '../../print/qr.ts'
import { kindWords } from '../label/words.ts'
import { checkLine, outcomeWords } from './words.ts'

/** The acceptance record for people: A4, Chinese and English, with the hash that binds it to the file. */

const A4 = { width: 210, height: 297 }
const MARGIN = 15
const BOTTOM = A4.height - 18
const TEXT = 2.9
const SMALL = 2.4
const LEADING = 1.35
const QR_SIZE = 34
/** Room for a pen. */
const SIGN_HEIGHT = 16
/** Left edges and widths of the columns. */
const COLUMNS = [
  { x: MARGIN, width: 52, zh: '设备', en: 'Device' },
  { x: MARGIN + 55, width: 50, zh: '检查(实测)', en: '检查(实测)' },
  { x: MARGIN + 108, width: 50, zh: '', en: 'Checks (as measured)' },
  { x: MARGIN + 161, width: 19, zh: '结果', en: 'Result' },
] as const

/** What the QR on the paper says. */
export const hashUri = (record: AcceptanceRecord) => `linli://acceptance/sha256/${recordHash(record)}`

export function recordPages(font: PrintFont, signed: SignedRecord): Page[] {
  const { record, certificate } = signed
  const drawable = (text: string) => replaced(font, text)
  const pages: Mark[][] = []
  let marks: Mark[] = []
  let y = 0
  const newPage = () => {
    marks = []
    pages.push(marks)
    y = MARGIN + 5
  }
  const text = (x: number, at: number, size: number, what: string, grey = false) =>
    marks.push({ type: 'text', x, y: at, size, text: what, grey })

  newPage()
  y = header(marks, record, fingerprintOf(certificate), drawable)
  y = tableHead(marks, y)
  for (const device of record.devices) {
    const cells = rowOf(device).map((lines, column) =>
      lines.flatMap(
        (line) => wrapped(font, drawable(line), SMALL, COLUMNS[column]?.width ?? 0, 20) ?? [drawable(line)],
      ),
    )
    const height = Math.max(...cells.map(({ length }) => length)) * SMALL * LEADING + 2.5
    if (y + height > BOTTOM) {
      newPage()
      y = tableHead(marks, y)
    }
    for (const [column, lines] of cells.entries())
      for (const [index, line] of lines.entries())
        text(COLUMNS[column]?.x ?? 0, y + 3.6 + index * SMALL * LEADING, SMALL, line)
    y += height
    marks.push(rule(y))
  }
  if (y + SIGN_HEIGHT > BOTTOM) newPage()
  text(MARGIN, y + SIGN_HEIGHT, TEXT, '签字 Signature: ____________________   日期 Date: ____________________')
  return pages.map((own, index) => ({ ...A4, marks: [...own, ...footer(record, index + 1, pages.length)] }))
}

function header(
  marks: Mark[],
  record: AcceptanceRecord,
  fingerprint: string,
  drawable: (text: string) => string,
): number {
  const count = (outcome: DeviceOutcome['outcome']) =>
    record.devices.filter((device) => device.outcome === outcome).length
  const counts = (['pass', 'fail', 'skip', 'open'] as const).map(
    (outcome) => `${outcomeWords[outcome].zh} ${outcomeWords[outcome].en} ${count(outcome)}`,
  )
  const versions = record.gateways.map(({ gateway, version }) => `${gateway} ${version ?? '–'}`).join(', ')
  const hash = recordHash(record)
  const lines = [
    `小区 Site: ${record.site}`,
    `枢纽 Hub: ${record.hub.name} ${record.hub.version}   网关 Gateways: ${versions.slice(0, 60)}`,
    `上级平台 Upstreams: ${record.upstreams.join(', ') || '–'}`,
    `验收人 Accepted by: ${drawable(record.by)}`,
    `开始 From: ${record.startedat}   签署 Signed: ${record.signedat} (${record.timequality})`,
    counts.join('   '),
    `SHA-256: ${hash}`,
    `签名证书 Authority (SHA-256): ${fingerprint}`,
    '→ hub: 引脚动作至枢纽落盘 from the pin to the disk of the hub;→ upstream: 落盘至上级确认 from there to its acknowledgement',
  ]
  let y = MARGIN + 5
  marks.push({ type: 'text', x: MARGIN, y, size: 6, text: '验收记录 Acceptance record' })
  marks.push(qrOf(hashUri(record)).at(A4.width - MARGIN - QR_SIZE, MARGIN - 4, QR_SIZE))
  y += 3
  for (const line of lines) {
    y += TEXT * LEADING + 0.5
    marks.push({ type: 'text', x: MARGIN, y, size: TEXT, text: line })
  }
  return y + 6
}

function tableHead(marks: Mark[], y: number): number {
  for (const [index, { x, zh, en }] of COLUMNS.entries())
    marks.push({
      type: 'text',
      x,
      y: y + 3,
      size: TEXT,
      text: index === 0 || index === 3 ? `${zh} ${en}` : index === 1 ? zh : en,
    })
  marks.push(rule(y + 5))
  return y + 5
}

function rowOf(device: DeviceOutcome): [string[], string[], string[], string[]] {
  const { label, building, floor, spot } = device.place
  const place = [building, floor, spot].filter((part) => part !== undefined).join(' · ')
  const name = [
    `${device.gateway}/${device.device}`,
    ...(label === undefined ? [] : [label]),
    ...(place === '' ? [] : [place]),
    kindWords(device.kind),
    ...(device.model === undefined
      ? []
      : [`${device.model}${device.driver === undefined ? '' : ` (${device.driver})`}`]),
    ...(device.note === undefined ? [] : [`备注 Note: ${device.note}`]),
  ]
  const { zh, en } = outcomeWords[device.outcome]
  return [
    name,
    device.checks.map((check) => checkLine(check, 'zh')),
    device.checks.map((check) => checkLine(check, 'en')),
    [zh, en, ...(device.at === undefined ? [] : [device.at.slice(0, 10), `${device.at.slice(11, 19)}Z`])],
  ]
}

function footer(record: AcceptanceRecord, page: number, of: number): Mark[] {
  const left = `${record.site}  SHA-256 ${recordHash(record).slice(0, 16)}…  linli commission verify FILE`
  return [
    { type: 'text', x: MARGIN, y: A4.height - 10, size: SMALL, text: left, grey: true },
    { type: 'text', x: A4.width - MARGIN - 10, y: A4.height - 10, size: SMALL, text: `${page} / ${of}`, grey: true },
  ]
}

function rule(y: number): Mark {
  return { type: 'line', x1: MARGIN, y1: y, x2: A4.width - MARGIN, y2: y, width: 0.15, grey: true }
}

/** The file has what was written; on paper a character that the font lacks is shown by its number, as `[U+1F600]`. */
function replaced({ font }: PrintFont, text: string): string {
  return Array.from(text, (one) => {
    const code = one.codePointAt(0) ?? 0
    return font.hasGlyphForCodePoint(code) ? one : `[U+${code.toString(16).toUpperCase().padStart(4, '0')}]`
  }).join('')
}
