import sax from 'sax'
import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { COLUMNS_MAX, cellName, checkedCell, ROWS_MAX, type Row, refused } from './sheet.ts'

/**
 * The first sheet of an Excel workbook (ECMA-376, Office Open XML): a zip of XML. Read without a library for sheets,
 * because those give the last result of a formula for a value; here a formula is refused. Nothing is ever written to disk,
 * and what is unpacked is counted while it is unpacked, whatever the file says of its size.
 */

const UNPACKED_BYTES_MAX = 64 * 1024 * 1024
const ENTRIES_MAX = 1_000
/** Characters of all texts that cells share. */
const TEXTS_CHARS_MAX = 8_000_000
const WORKBOOK = 'xl/workbook.xml'
const RELATIONS = 'xl/_rels/workbook.xml.rels'
const TEXTS = 'xl/sharedStrings.xml'

/** @throws {LinliError} IMPORT_REFUSED */
export async function readXlsx(bytes: Buffer): Promise<Row[]> {
  try {
    const zip = await fromBufferPromise(bytes, { lazyEntries: true, validateEntrySizes: true, strictFileNames: true })
    const entries = new Map<string, Entry>()
    for await (const entry of zip.eachEntry()) {
      if (entries.size >= ENTRIES_MAX) throw refused(`the workbook has more than ${ENTRIES_MAX} parts`)
      entries.set(entry.fileName, entry)
    }
    const budget = { left: UNPACKED_BYTES_MAX }
    const part = (name: string, handler: Handler) => readPart(zip, entries.get(name), name, budget, handler)
    const sheet = await firstSheet(part)
    const texts = entries.has(TEXTS) ? await sharedTexts(part) : []
    return await rowsOf(part, sheet, texts)
  } catch (error) {
    if (error instanceof LinliError) throw error
    throw refused(`not a readable Excel file (.xlsx): ${reasonOf(error).split('\n')[0]}`)
  }
}

interface Handler {
  open?(name: string, attributes: Readonly<Record<string, string>>): void
  text?(text: string): void
  close?(name: string): void
}
type Part = (name: string, handler: Handler) => Promise<void>

async function readPart(
  zip: ZipFile,
  entry: Entry | undefined,
  name: string,
  budget: { left: number },
  handler: Handler,
): Promise<void> {
  if (!entry) throw refused(`not an Excel workbook: it has no ${name}`)
  // Strict, and without entities of the document's own: nothing in it can make it read or grow anything.
  const parser = sax.parser(true, { trim: false })
  const open: string[] = []
  parser.onopentag = ({ name: tag, attributes }) => {
    open.push(localName(tag))
    handler.open?.(localName(tag), attributes)
  }
  parser.ontext = (text) => handler.text?.(text)
  parser.oncdata = (text) => handler.text?.(text)
  parser.onclosetag = () => handler.close?.(open.pop() ?? '')
  parser.onerror = (error) => {
    throw refused(`${name} is not well-formed XML: ${reasonOf(error).split('\n')[0]}`)
  }
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    budget.left -= (chunk as Buffer).length
    if (budget.left < 0) throw refused(`the workbook unpacks to more than ${UNPACKED_BYTES_MAX} bytes`)
    parser.write(decoder.decode(chunk as Buffer, { stream: true }))
  }
  parser.close()
}

const localName = (tag: string) => tag.slice(tag.indexOf(':') + 1)

async function firstSheet(part: Part): Promise<string> {
  let id: string | undefined
  await part(WORKBOOK, {
    open(name, attributes) {
      if (name === 'sheet') id ??= attributes['r:id']
    },
  })
  let target: string | undefined
  await part(RELATIONS, {
    open(name, attributes) {
      if (name === 'Relationship' && attributes.Id === id) target = attributes.Target
    },
  })
  if (id === undefined || target === undefined) throw refused('the workbook has no sheet')
  return target.startsWith('/') ? target.slice(1) : `xl/${target}`
}

async function sharedTexts(part: Part): Promise<string[]> {
  const texts: string[] = []
  let chars = 0
  let isText = false
  let isReading = true
  await part(TEXTS, {
    open(name) {
      if (name === 'si') texts.push('')
      // How a text is spoken (furigana) stands beside it.
      if (name === 'rPh') isReading = false
      isText = name === 't'
    },
    text(text) {
      if (!isText || !isReading) return
      chars += text.length
      if (chars > TEXTS_CHARS_MAX)
        throw refused(`the texts of the workbook are longer than ${TEXTS_CHARS_MAX} characters`)
      texts[texts.length - 1] += text
    },
    close(name) {
      isText = false
      if (name === 'rPh') isReading = true
    },
  })
  return texts
}

async function rowsOf(part: Part, sheet: string, texts: readonly string[]): Promise<Row[]> {
  const rows: Row[] = []
  let current: Row = { row: 0, cells: [] }
  let cell = { column: 0, type: 'n', text: '' }
  let isValue = false
  await part(sheet, {
    open(name, { r, t }) {
      isValue = name === 'v' || name === 't'
      if (name === 'row') {
        current = { row: r === undefined ? current.row + 1 : Number(r), cells: [] }
        if (rows.push(current) > ROWS_MAX) throw refused(`the sheet has more than ${ROWS_MAX - 1} rows`)
      }
      if (name === 'c')
        cell = { column: r === undefined ? current.cells.length : columnOf(r), type: t ?? 'n', text: '' }
      if (name === 'f') throw refused(`cell ${cellName(current.row, cell.column)} is a formula; paste values instead`)
    },
    text(text) {
      if (isValue) cell.text += text
    },
    close(name) {
      isValue = false
      if (name !== 'c') return
      while (current.cells.length < cell.column) current.cells.push('')
      current.cells[cell.column] = checkedCell(textOf(cell, current.row, texts), current.row, cell.column)
    },
  })
  return rows
}

function textOf(
  { column, type, text }: { column: number; type: string; text: string },
  row: number,
  texts: readonly string[],
): string {
  if (type === 'e') throw refused(`cell ${cellName(row, column)} holds an error (${text.slice(0, 20)})`)
  if (type === 'b') return text === '1' ? 'true' : 'false'
  if (type !== 's' || text === '') return text
  const shared = texts[Number(text)]
  if (shared === undefined) throw refused(`cell ${cellName(row, column)} names a text that the workbook does not have`)
  return shared
}

/** `AB12` → 27. */
function columnOf(reference: string): number {
  const letters = /^([A-Z]{1,3})\d{1,7}$/.exec(reference)?.[1]
  if (letters === undefined) throw refused(`${JSON.stringify(reference.slice(0, 20))} is not the name of a cell`)
  const column = [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1
  if (column >= COLUMNS_MAX) throw refused(`cell ${reference}: a sheet has at most ${COLUMNS_MAX} columns`)
  return column
}
