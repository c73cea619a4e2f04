import { LinliError } from '../../contract/errors.ts'

/** A sheet as a person sees it: rows of text, with the number that the row has in their program. */

export interface Row {
  /** From 1. */
  row: number
  cells: string[]
}

/** 5,000 devices with 20 columns are 1 MB as CSV. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024
export const ROWS_MAX = 20_001
export const COLUMNS_MAX = 64
export const CELL_CHARS_MAX = 500

/** `B7`, as every program for sheets names a cell. @param column from 0 */
export function cellName(row: number, column: number): string {
  let letters = ''
  for (let rest = column + 1; rest > 0; rest = Math.floor((rest - 1) / 26))
    letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters
  return `${letters}${row}`
}

export function refused(message: string): LinliError {
  return new LinliError('IMPORT_REFUSED', message, { kind: 'caller' })
}

/** @throws {LinliError} IMPORT_REFUSED for what is no text that belongs in a sheet of devices */
export function checkedCell(text: string, row: number, column: number): string {
  const cell = text.trim()
  const name = () => `cell ${cellName(row, column)}`
  if (column >= COLUMNS_MAX) throw refused(`${name()}: a sheet has at most ${COLUMNS_MAX} columns`)
  if (cell.length > CELL_CHARS_MAX) throw refused(`${name()} has ${cell.length} characters; allowed: ${CELL_CHARS_MAX}`)
  if (/\p{Cc}/u.test(cell)) throw refused(`${name()} has control characters`)
  if (/^[=@+]|^-(?![\d.])/.test(cell))
    throw refused(`${name()} is a formula (${JSON.stringify(cell.slice(0, 20))}); paste values instead`)
  return cell
}
