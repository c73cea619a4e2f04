import { LinliError } from '../../contract/errors.ts'
import type { Written } from './enrol.ts'

/** A CSV file (RFC 4180) with a header that names the options of `linli credential add` → one row per credential. */

const COLUMNS = [
  'kind',
  'text',
  'class',
  'gates',
  'from',
  'until',
  'uses',
  'schedule',
  'antipassback',
  'pin',
  'duressPin',
] as const satisfies ReadonlyArray<keyof Written>

export interface Row {
  /** Of the file, from 1. */
  line: number
  row: Written
}

/** @throws {LinliError} OPTION_INVALID with the line; what stands there is not repeated */
export function readTable(text: string): Row[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const header = cells(lines[0] ?? '', 1)
  const unknown = header.find((name) => !(COLUMNS as readonly string[]).includes(name))
  if (unknown !== undefined) throw invalid(1, `column ${unknown} is unknown; allowed: ${COLUMNS.join(', ')}`)
  for (const name of ['kind', 'text', 'class'])
    if (!header.includes(name)) throw invalid(1, `there is no column ${name}`)
  return lines.flatMap((content, at) => {
    if (at === 0 || content.trim() === '') return []
    const values = cells(content, at + 1)
    if (values.length !== header.length)
      throw invalid(at + 1, `${values.length} fields; the header has ${header.length}`)
    const filled = header.map((name, column) => [name, values[column] ?? '']).filter(([, value]) => value !== '')
    const row: Written = { kind: '', text: '', class: '', ...Object.fromEntries(filled) }
    return [{ line: at + 1, row }]
  })
}

/** Quotes may hold commas and doubled quotes; no field of ours has a line break. */
function cells(content: string, line: number): string[] {
  const found: string[] = []
  const cell = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y
  for (let more = true; more; ) {
    const match = cell.exec(content)
    if (!match) throw invalid(line, 'the quotes do not match')
    found.push((match[1]?.replaceAll('""', '"') ?? match[2] ?? '').trim())
    more = match[3] === ','
  }
  return found
}

function invalid(line: number, message: string): LinliError {
  return new LinliError('OPTION_INVALID', `line ${line}: ${message}`, { kind: 'caller' })
}
