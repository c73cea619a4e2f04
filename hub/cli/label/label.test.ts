import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { needs } from '../../../test/support/needs.ts'
import type { Mark } from '../../print/drawing.ts'
import { openPrintFont } from '../../print/font.ts'
import { pdfOf } from '../../print/pdf.ts'
import { svgOf } from '../../print/svg.ts'
import { exampleButton, exampleSite } from '../../site/examples.ts'
import { siteLabels } from './entries.ts'
import { labelPages } from './layout.ts'
import { SHEETS, sheetOf } from './sheets.ts'

const font = openPrintFont()
const all = { names: [], gateways: [] }
const plain = { start: 1, cutMarks: false }
const named = (id: string, label: string, building = '3 号楼') => ({
  ...exampleButton(id, 2),
  place: { building, floor: '1 层', label },
})
const site = exampleSite([
  named('b1', '三号楼大堂报警按钮'),
  named('b2', '垚鑫塬 Kindergarten hall', '幼儿园'),
  exampleButton('b3', 4),
])
const labels = siteLabels(site, all)

/** Everything that a mark covers. */
function reach(mark: Mark): { left: number; top: number; right: number; bottom: number } {
  if (mark.type === 'text') {
    const { x, y, size, text } = mark
    return { left: x, top: y - size, right: x + font.width(text, size), bottom: y + size * 0.25 }
  }
  const corners =
    mark.type === 'line'
      ? [[mark.x1, mark.y1] as const, [mark.x2, mark.y2] as const]
      : mark.rects.flatMap(([x, y, width, height]) => [[x, y] as const, [x + width, y + height] as const])
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)]
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) }
}

describe('labels of a site', () => {
  it('are one for each gateway and device, chosen by name, gateway and place', () => {
    expect(labels.map(({ name }) => name)).toEqual(['gw-1', 'gw-1/b1', 'gw-1/b2', 'gw-1/b3'])
    expect(labels[1]?.uri).toBe('linli://device/street/community/estate/gw-1/alarm-button/b1')
    const of = (wanted: object) => siteLabels(site, { ...all, ...wanted }).map(({ name }) => name)
    expect(of({ building: '幼儿园' })).toEqual(['gw-1/b2'])
    expect(of({ names: ['b3', 'gw-1'] })).toEqual(['gw-1', 'gw-1/b3'])
    expect(of({ names: [labels[2]?.uri ?? ''] })).toEqual(['gw-1/b2'])
    expect(() => of({ names: ['b9'] })).toThrow(/no device b9/)
    expect(() => of({ gateways: ['gw-9'] })).toThrow(/no gateway gw-9/)
  })

  it.each(Object.entries(SHEETS))('stay within their places on %s, from any start', (_name, sheet) => {
    const places = sheet.columns * sheet.rows
    const pages = labelPages(font, sheet, labels, { start: places - 1, cutMarks: false })
    expect(pages).toHaveLength(2)
    const used = new Set<number>()
    for (const [page, { marks }] of pages.entries())
      for (const { left, top, right, bottom } of marks.map(reach)) {
        const column = Math.floor((left - sheet.left) / sheet.pitch.x)
        const row = Math.floor((top - sheet.top) / sheet.pitch.y)
        expect(right).toBeLessThanOrEqual(sheet.left + column * sheet.pitch.x + sheet.label.width + 0.01)
        expect(bottom).toBeLessThanOrEqual(sheet.top + row * sheet.pitch.y + sheet.label.height + 0.01)
        used.add(page * places + row * sheet.columns + column)
      }
    expect([...used].sort((a, b) => a - b)).toEqual([places - 2, places - 1, places, places + 1])
  })

  it('are never cut off: what does not fit is told', () => {
    expect(() => labelPages(font, sheetOf('20x12'), labels, plain)).toThrow(/20x12 mm is too small for gw-1: its QR/)
    const long = siteLabels(exampleSite([named('b1', '很长的名字'.repeat(16))]), all)
    expect(() => labelPages(font, sheetOf('40x22'), long, plain)).toThrow(/too small for gw-1\/b1: its text/)
  })

  it('have only characters that can be drawn', () => {
    expect(() => font.check('3 号楼 😀', 'gw-1/b1')).toThrow(/gw-1\/b1: the font has no glyph for U\+1F600/)
    expect(() => font.check('a\tb', 'x')).toThrow(/U\+0009/)
    const decoder = new TextDecoder('gbk')
    for (let high = 0x81; high <= 0xfe; high++)
      for (let low = 0x40; low <= 0xfe; low++) {
        const text = decoder.decode(Uint8Array.of(high, low))
        // GBK with all of GB 2312, as far as it is in the CJK block.
        if (/^[\u4e00-\u9fa5]$/.test(text)) font.check(text, 'GBK')
      }
  })

  it('are an SVG that needs nothing else', () => {
    const [page] = labelPages(font, sheetOf('62x29'), labels, plain)
    const svg = svgOf(font, page ?? { width: 0, height: 0, marks: [] }, 'a < b')
    expect(svg).toMatch(/^<svg [^>]*width="62mm" height="29mm"/)
    expect(svg).toContain('a &lt; b')
    expect(svg).not.toMatch(/<text|<image|font-family|url\(|href="(?!#)/)
  })

  it.each(['a4-9x9', '10x10', '62', '400x30'])('refuse the sheet %s', (name) => {
    expect(() => sheetOf(name)).toThrow(/a4-3x8, .*62x29/)
  })
})

needs('pdftoppm', 'poppler-utils')('a printed sheet', () => {
  const dir = mkdtempSync(join(tmpdir(), 'linli-label-'))
  afterAll(() => rmSync(dir, { recursive: true }))

  needs('zbarimg', 'zbar-tools')('as a scanner sees it', () => {
    it('has every QR readable, and its Chinese as text in an embedded font', async () => {
      const pages = labelPages(font, SHEETS['a4-3x8'], labels, { start: 23, cutMarks: true })
      writeFileSync(join(dir, 'sheet.pdf'), await pdfOf(font, pages, { title: 'labels' }))
      const run = (program: string, args: string[]) =>
        execFileSync(program, args, { cwd: dir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      run('pdftoppm', ['-r', '150', '-gray', '-png', 'sheet.pdf', 'page'])
      const images = readdirSync(dir).filter((name) => name.endsWith('.png'))
      expect(images).toHaveLength(2)
      const read = run('zbarimg', ['-q', '--raw', ...images])
      expect(read.trim().split('\n').sort()).toEqual(labels.map(({ uri }) => uri).sort())
      const text = run('pdftotext', ['sheet.pdf', '-']).replace(/\s/g, '')
      for (const wanted of ['三号楼大堂报警按钮', '垚鑫塬Kindergartenhall', '报警按钮Alarmbutton', 'gw-1/b3'])
        expect(text).toContain(wanted)
      expect(run('pdffonts', ['sheet.pdf'])).toMatch(/NotoSansSC\S* +CID TrueType +Identity-H +yes yes yes/)
    })
  })
})
