import { readFileSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'
import { create, type Font } from 'fontkit'
import { LinliError } from '../contract/errors.ts'

/**
 * The one font of everything printed: Latin and all of the CJK block U+4E00–9FFF (so GB 2312 and GBK), from a file that
 * comes with Linli. What it cannot draw is an error, never an empty box.
 */
export interface PrintFont {
  readonly font: Font
  /** In the unit of `size`. */
  width(text: string, size: number): number
  /** @throws {LinliError} GLYPH_MISSING @param what whose text it is, for people */
  check(text: string, what: string): void
}

export function openPrintFont(): PrintFont {
  const bytes = brotliDecompressSync(readFileSync(new URL('./font/noto-sans-sc.ttf.br', import.meta.url)))
  const font = create(bytes) as Font
  const advances = new Map<number, number>()

  function advance(codePoint: number): number {
    const known = advances.get(codePoint)
    if (known !== undefined) return known
    const made = font.glyphForCodePoint(codePoint).advanceWidth / font.unitsPerEm
    advances.set(codePoint, made)
    return made
  }

  return {
    font,
    width: (text, size) => codePoints(text).reduce((sum, one) => sum + advance(one), 0) * size,
    check(text, what) {
      const missing = codePoints(text).find((one) => !font.hasGlyphForCodePoint(one))
      if (missing === undefined) return
      const name = `U+${missing.toString(16).toUpperCase().padStart(4, '0')}`
      const shown = missing < 0x20 ? name : `${name} (${String.fromCodePoint(missing)})`
      const message = `${what}: the font has no glyph for ${shown}; write it another way`
      throw new LinliError('GLYPH_MISSING', message, { kind: 'caller' })
    },
  }
}

function codePoints(text: string): number[] {
  return Array.from(text, (one) => one.codePointAt(0) ?? 0)
}

/** Lines no wider than `width`; Latin words stay whole where they fit. Undefined: it takes more than `lines_max`. */
export function wrapped(
  font: PrintFont,
  text: string,
  size: number,
  width: number,
  lines_max: number,
): string[] | undefined {
  const lines: string[] = []
  let line = ''
  for (const piece of text.match(/[!-~]+|[^!-~]/gu) ?? []) {
    const next = font.width(line + piece, size) <= width ? line + piece : undefined
    if (next !== undefined) {
      line = next
      continue
    }
    if (line.trim() !== '') lines.push(line.trim())
    line = piece.trimStart()
    // A word longer than a line is parted.
    while (font.width(line, size) > width) {
      let fits = line.length
      while (fits > 1 && font.width(line.slice(0, fits), size) > width) fits--
      if (fits === line.length) return undefined
      lines.push(line.slice(0, fits))
      line = line.slice(fits)
    }
  }
  if (line.trim() !== '') lines.push(line.trim())
  return lines.length <= lines_max ? lines : undefined
}
