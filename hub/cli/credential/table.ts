import { CREDENTIALS_MAX } from '../../contract/credentials.ts'
import { LinliError } from '../../contract/errors.ts'
import { readCsv } from '../import/csv.ts'
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

/** @throws {LinliError} OPTION_INVALID with the line, where what stands there is not repeated; IMPORT_REFUSED for what is no CSV */
export function readTable(bytes: Uint8Array): Row[] {
  const [head, ...rows] = readCsv(bytes, CREDENTIALS_MAX + 1)
  const header = head?.cells ?? []
  const unknown = header.find((name) => !(COLUMNS as readonly string[]).includes(name))
  if (unknown !== undefined) throw invalid(1, `column ${unknown} is unknown; allowed: ${COLUMNS.join(', ')}`)
  for (const name of ['kind', 'text', 'class'])
    if (!header.includes(name)) throw invalid(1, `there is no column ${name}`)
  return rows.flatMap(({ row: line, cells }) => {
    if (cells.every((cell) => cell === '')) return []
    if (cells.length !== header.length) throw invalid(line, `${cells.length} fields; the header has ${header.length}`)
    const filled = header.map((name, column) => [name, cells[column] ?? '']).filter(([, value]) => value !== '')
    const row: Written = { kind: '', text: '', class: '', ...Object.fromEntries(filled) }
    return [{ line, row }]
  })
}

function invalid(line: number, message: string): LinliError {
  return new LinliError('OPTION_INVALID', `line ${line}: ${message}`, { kind: 'caller' })
}
