import { CsvError, parse } from 'csv-parse/sync'
import { CELL_CHARS_MAX, COLUMNS_MAX, checkedCell, ROWS_MAX, type Row, refused } from './sheet.ts'

/** CSV as Excel and others write it: comma, semicolon or tab; UTF-8, or GB18030, which Excel writes in China. */

/** Bytes of one row, at four a character. */
const RECORD_MAX = 4 * COLUMNS_MAX * (CELL_CHARS_MAX + 3)

/** @param rows_max with the header. @throws {LinliError} IMPORT_REFUSED */
export function readCsv(bytes: Uint8Array, rows_max = ROWS_MAX): Row[] {
  const text = decoded(bytes)
  if (text.includes('\u0000')) throw refused('the file has NUL bytes: it is no CSV')
  const [head = ''] = text.split('\n', 1)
  const counted = [',', ';', '\t'].map((delimiter) => ({ delimiter, count: head.split(delimiter).length }))
  const { delimiter } = counted.reduce((best, one) => (one.count > best.count ? one : best))
  const rows: Row[] = []
  try {
    // A row may have line ends in its quotes; people see one row there.
    const records = parse(text, { delimiter, relax_column_count: true, max_record_size: RECORD_MAX, to: rows_max + 1 })
    for (const [index, cells] of records.entries()) rows.push(rowOf(index + 1, cells))
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    throw refused(`not a readable CSV file: ${error.message}`)
  }
  if (rows.length > rows_max) throw refused(`the file has more than ${rows_max - 1} rows`)
  return rows
}

function rowOf(row: number, cells: string[]): Row {
  return { row, cells: cells.map((cell, column) => checkedCell(cell, row, column)) }
}

function decoded(bytes: Uint8Array): string {
  for (const encoding of ['utf-8', 'gb18030']) {
    try {
      return new TextDecoder(encoding, { fatal: true }).decode(bytes)
    } catch {
      // The next one.
    }
  }
  throw refused('the file is neither UTF-8 nor GB18030 text')
}
