import { LinliError, reasonOf } from '../../contract/errors.ts'
import { DEVICE_KINDS } from '../../contract/kinds.ts'
import { isSegment } from '../../contract/topic.ts'
import type { NewDevice } from '../../site/changes.ts'
import { setField } from '../device/fields.ts'
import { cellName, type Row } from './sheet.ts'

/** Rows of a sheet → devices. The first row names the columns; each mistake is told with its cell. */

/** Columns by their names in both languages; any other names a field of the device, such as contactPin. */
const COLUMNS: Readonly<Record<string, string>> = {
  网关: 'gateway',
  种类: 'kind',
  编号: 'id',
  楼栋: 'building',
  楼层: 'floor',
  位置: 'spot',
  名称: 'label',
  板: 'board',
  总线: 'bus',
  芯片: 'chip',
  串口: 'port',
}
const REQUIRED = ['gateway', 'kind', 'id'] as const
const PLACES: readonly string[] = ['building', 'floor', 'spot', 'label']
/** More of them help nobody. */
const MISTAKES_MAX = 50

export interface SheetDevices {
  devices: NewDevice[]
  /** For each device, the cell of one of its fields, by what a path in the site calls it. */
  cellOf(index: number, field: string): string
  mistakes: string[]
}

export function devicesOf(rows: readonly Row[]): SheetDevices {
  const [head, ...body] = rows.filter(({ cells }) => cells.some((cell) => cell !== ''))
  const names = (head?.cells ?? []).map((cell) => (Object.hasOwn(COLUMNS, cell) ? (COLUMNS[cell] as string) : cell))
  const mistakes = headMistakes(head?.row ?? 1, names)
  const devices: NewDevice[] = []
  const rowOf: number[] = []
  const seen = new Map<string, number>()
  const wrong = (row: number, column: string, what: string) =>
    mistakes.push(`${cellName(row, Math.max(0, names.indexOf(column)))} (${column}): ${what}`)
  for (const { row, cells } of mistakes.length > 0 ? [] : body) {
    const device = deviceOf(names, cells, (column, what) => wrong(row, column, what))
    if (!device) continue
    const key = `${device.gateway}/${String(device.fields.id)}`
    const before = seen.get(key)
    if (before !== undefined) wrong(row, 'id', `${key} is there already, in row ${before}`)
    seen.set(key, row)
    devices.push(device)
    rowOf.push(row)
  }
  return {
    devices,
    cellOf(index, field) {
      const column = names.indexOf(field)
      const row = rowOf[index] ?? 0
      return column < 0 ? `row ${row} (${field})` : `${cellName(row, column)} (${field})`
    },
    mistakes: mistakes.slice(0, MISTAKES_MAX),
  }
}

function headMistakes(row: number, names: readonly string[]): string[] {
  const missing = REQUIRED.filter((name) => !names.includes(name)).map(
    (name) => `row ${row}: there is no column ${name}`,
  )
  const twice = names.flatMap((name, column) =>
    name !== '' && names.indexOf(name) < column ? [`${cellName(row, column)}: there are two columns ${name}`] : [],
  )
  return [...missing, ...twice]
}

/** Undefined: it has a mistake, and that was said. */
function deviceOf(
  names: readonly string[],
  cells: readonly string[],
  wrong: (column: string, what: string) => void,
): NewDevice | undefined {
  let isGood = true
  const say = (column: string, what: string) => {
    isGood = false
    wrong(column, what)
  }
  const of = (name: string) => cells[names.indexOf(name)] ?? ''
  const [gateway, id, kind] = [of('gateway'), of('id'), of('kind')]
  for (const [name, value] of Object.entries({ gateway, id }))
    if (!isSegment(value)) say(name, `is ${JSON.stringify(value)}; allowed: 1–40 of a–z, 0–9, -`)
  if (!Object.hasOwn(DEVICE_KINDS, kind))
    say('kind', `is ${JSON.stringify(kind)}; allowed: ${Object.keys(DEVICE_KINDS).join(', ')}`)
  const place: Record<string, string> = {}
  const fields: Record<string, unknown> = { kind, id, place }
  for (const [column, cell] of cells.entries()) {
    const name = names[column] ?? ''
    if (cell === '' || ['gateway', 'kind', 'id', 'port'].includes(name)) continue
    if (PLACES.includes(name)) {
      place[name] = cell
      continue
    }
    try {
      setField(fields, name, cell)
    } catch (error) {
      if (!(error instanceof LinliError)) throw error
      say(name, reasonOf(error))
    }
  }
  const port = of('port')
  return isGood ? { gateway, fields, ...(port === '' ? {} : { port }) } : undefined
}
