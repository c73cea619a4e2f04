import PDFDocument from 'pdfkit'
import { GREY, type Mark, type Page } from './drawing.ts'
import type { PrintFont } from './font.ts'

/** Pages → PDF, the font embedded as a subset, its text selectable. */

const PT_PER_MM = 72 / 25.4
const pt = (mm: number) => mm * PT_PER_MM

export interface PdfOptions {
  title: string
  onPage?: (done: number) => void
}

export async function pdfOf(font: PrintFont, pages: readonly Page[], options: PdfOptions): Promise<Buffer> {
  const doc = new PDFDocument({
    autoFirstPage: false,
    lang: 'zh-CN',
    displayTitle: true,
    info: { Title: options.title, Creator: 'Linli' },
  })
  const chunks: Buffer[] = []
  const ended = new Promise<void>((resolve, reject) => {
    doc.on('data', (chunk: Buffer) => chunks.push(chunk))
    doc.once('end', resolve)
    doc.once('error', reject)
  })
  // The types know no opened font; the library takes one, and opens it only once that way.
  doc.registerFont('print', font.font as unknown as Buffer)
  doc.font('print')
  for (const [index, page] of pages.entries()) {
    doc.addPage({ size: [pt(page.width), pt(page.height)], margin: 0 })
    for (const mark of page.marks) draw(doc, mark)
    options.onPage?.(index + 1)
    // Others have their turn.
    if (index % 20 === 19) await new Promise((resolve) => setImmediate(resolve))
  }
  doc.end()
  await ended
  return Buffer.concat(chunks)
}

function draw(doc: PDFKit.PDFDocument, mark: Mark): void {
  switch (mark.type) {
    case 'text':
      doc.fillColor(shade(mark.grey)).fontSize(pt(mark.size))
      doc.text(mark.text, pt(mark.x), pt(mark.y), { lineBreak: false, baseline: 'alphabetic' })
      return
    case 'line':
      doc.lineWidth(pt(mark.width)).strokeColor(shade(mark.grey))
      doc.moveTo(pt(mark.x1), pt(mark.y1)).lineTo(pt(mark.x2), pt(mark.y2)).stroke()
      return
    case 'rects':
      for (const [x, y, width, height] of mark.rects) doc.rect(pt(x), pt(y), pt(width), pt(height))
      doc.fillColor('black').fill()
  }
}

function shade(grey: boolean | undefined): PDFKit.Mixins.ColorValue {
  const level = Math.round(255 * (grey ? GREY : 0))
  return [level, level, level]
}
