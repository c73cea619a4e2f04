import { Command } from 'commander'
import { LinliError } from '../../contract/errors.ts'
import { allDevices, changed, difference } from '../../site/changes.ts'
import type { SiteConfig, SiteDevice } from '../../site/schema.ts'
import { askSite } from '../device/reach.ts'
import { fail } from '../fail.ts'
import { readCsv } from './csv.ts'
import { devicesOf, type SheetDevices } from './devices.ts'
import { bytesOf } from './file.ts'
import type { Row } from './sheet.ts'
import { word } from './words.ts'
import { readXlsx } from './xlsx.ts'

/** `linli import`: exit codes 0 done (or would be), 1 it failed, 2 told wrongly or the sheet has mistakes. */

interface Options {
  data: string
  apply?: boolean
  json?: boolean
}

const program = new Command('linli import')
  .description(word('about'))
  .argument('<file>', 'CSV, .xlsx')
  .requiredOption('--data <dir>', word('data'))
  .option('--apply', word('apply'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('columns')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

try {
  await bring(program.args[0] ?? '', program.opts())
} catch (error) {
  fail('import', error)
}

async function bring(file: string, { data, apply, json }: Options): Promise<void> {
  const sheet = devicesOf(await rowsOf(file))
  if (sheet.mistakes.length > 0) throw mistaken(sheet.mistakes)
  const { config: before, mistake } = await askSite(data, { type: 'site-read' })
  if (mistake !== undefined) throw new LinliError('SITE_INVALID', mistake, { kind: 'caller' })
  const change = { do: 'import', devices: sheet.devices } as const
  const after = changed(structuredClone(before), change)
  if (!after.ok) throw mistaken([inSheet(sheet, before, after.error)])
  const diff = difference(before, after.value)
  const isSame = diff.added.length + diff.changed.length === 0
  const isApplied = apply === true && !isSame
  if (isApplied) await askSite(data, { type: 'site-change', change })
  if (json) return void process.stdout.write(`${JSON.stringify({ ...diff, isApplied })}\n`)
  for (const line of diffLines(before, after.value)) process.stdout.write(`${line}\n`)
  process.stdout.write(
    `${word('add')}: ${diff.added.length}  ${word('change')}: ${diff.changed.length}  ${word('same')}: ${diff.unchanged}\n`,
  )
  process.stdout.write(`${word(isSame ? 'nothing' : isApplied ? 'applied' : 'dry')}\n`)
}

async function rowsOf(file: string): Promise<Row[]> {
  const bytes = await bytesOf(file)
  // A zip, whatever its name says.
  return bytes.subarray(0, 4).toString('latin1') === 'PK\u0003\u0004' ? readXlsx(bytes) : readCsv(bytes)
}

function mistaken(mistakes: readonly string[]): LinliError {
  return new LinliError('IMPORT_REFUSED', `${word('mistakes')}:\n  ${mistakes.join('\n  ')}`, { kind: 'caller' })
}

/** A mistake of the site that would be, with the cell that it comes from. */
function inSheet(sheet: SheetDevices, before: SiteConfig, { path = '', message }: LinliError): string {
  const ofImport = /^\/import\/(\d+)\/(.*)$/.exec(path)
  if (ofImport) return `${sheet.cellOf(Number(ofImport[1]), ofImport[2] ?? '')}: ${message}`
  const [, gateway = '', at = '', field = ''] = /^\/gateways\/([^/]+)\/devices\/(\d+)\/?(.*)$/.exec(path) ?? []
  const known = before.gateways[gateway]?.devices ?? []
  const id = known[Number(at)]?.id
  const added = sheet.devices.filter((one) => one.gateway === gateway && !known.some((old) => old.id === one.fields.id))
  const device =
    id === undefined
      ? added[Number(at) - known.length]
      : sheet.devices.find((one) => one.gateway === gateway && one.fields.id === id)
  if (at === '' || device === undefined) return message
  return `${sheet.cellOf(sheet.devices.indexOf(device), field.split('/').at(-1) ?? '')}: ${message}`
}

function diffLines(before: SiteConfig, after: SiteConfig): string[] {
  const old = new Map(allDevices(before).map(({ gateway, device }) => [`${gateway}/${device.id}`, device]))
  return allDevices(after).flatMap(({ gateway, device }) => {
    const name = `${gateway}/${device.id}`
    const was = old.get(name)
    if (!was) return [`+ ${name}  ${device.kind}`]
    const fields = fieldLines(was, device)
    return fields.length > 0 ? [`~ ${name}  ${fields.join(', ')}`] : []
  })
}

function fieldLines(was: SiteDevice, is: SiteDevice): string[] {
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].flatMap((field) => {
    const [from, to] = [JSON.stringify(was[field]), JSON.stringify(is[field])]
    return from === to ? [] : [`${field}: ${from ?? '–'} → ${to ?? '–'}`]
  })
}
