import { GREY, type Mark, type Page } from './drawing.ts'
import type { PrintFont } from './font.ts'

/** A page → SVG with its text as outlines: it looks the same wherever it is opened, with no font and no network. */
export function svgOf(font: PrintFont, page: Page, title: string): string {
  const glyphs = new Map<number, string>()
  const body = page.marks.map((mark) => drawn(font, glyphs, mark)).join('\n')
  const defs = [...glyphs].map(([id, path]) => `<path id="g${id}" d="${path}"/>`).join('\n')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${page.width}mm" height="${page.height}mm" viewBox="0 0 ${page.width} ${page.height}">`,
    `<title>${escaped(title)}</title>`,
    `<defs>\n${defs}\n</defs>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    body,
    '</svg>\n',
  ].join('\n')
}

function drawn(font: PrintFont, glyphs: Map<number, string>, mark: Mark): string {
  switch (mark.type) {
    case 'text':
      return outlines(font, glyphs, mark)
    case 'line': {
      const { x1, y1, x2, y2, width, grey } = mark
      return `<line x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}" stroke="${shade(grey)}" stroke-width="${width}"/>`
    }
    case 'rects': {
      const path = mark.rects.map(
        ([x, y, width, height]) => `M${short(x)} ${short(y)}h${short(width)}v${short(height)}h${short(-width)}z`,
      )
      return `<path shape-rendering="crispEdges" d="${path.join('')}"/>`
    }
  }
}

function outlines(font: PrintFont, glyphs: Map<number, string>, mark: Mark & { type: 'text' }): string {
  const scale = mark.size / font.font.unitsPerEm
  let x = 0
  const uses = Array.from(mark.text, (character) => {
    const glyph = font.font.glyphForCodePoint(character.codePointAt(0) ?? 0)
    if (!glyphs.has(glyph.id)) glyphs.set(glyph.id, glyph.path.toSVG())
    const use = `<use href="#g${glyph.id}" x="${x}"/>`
    x += glyph.advanceWidth
    return use
  })
  const place = `translate(${short(mark.x)} ${short(mark.y)}) scale(${scale.toPrecision(5)} ${(-scale).toPrecision(5)})`
  return `<g aria-label="${escaped(mark.text)}" fill="${shade(mark.grey)}" transform="${place}">${uses.join('')}</g>`
}

function short(value: number): string {
  return String(Math.round(value * 1000) / 1000)
}

function shade(grey: boolean | undefined): string {
  const level = Math.round(255 * (grey ? GREY : 0))
    .toString(16)
    .padStart(2, '0')
  return `#${level}${level}${level}`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
