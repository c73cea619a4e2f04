import { rmSync, writeFileSync } from 'node:fs'
import { extname } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { formatEnrolment, spokenCode } from '../../contract/enrolment.ts'
import { LinliError } from '../../contract/errors.ts'
import type { Page } from '../../print/drawing.ts'
import { openPrintFont, type PrintFont } from '../../print/font.ts'
import { pdfOf } from '../../print/pdf.ts'
import { svgOf } from '../../print/svg.ts'
import { progressBar } from '../backup/progress.ts'
import { askSite } from '../device/reach.ts'
import { askEnrolment, ownAddress } from '../enrol/reach.ts'
import { fail } from '../fail.ts'
import { type SiteLabel, siteLabels } from './entries.ts'
import { labelPages } from './layout.ts'
import { sheetOf } from './sheets.ts'
import { codeLine, word } from './words.ts'

/** `linli label`: exit codes 0 done, 1 it failed, 2 told wrongly. */

interface Options {
  data: string
  out: string
  sheet: string
  start: number
  cutMarks?: boolean
  gateway?: string[]
  building?: string
  floor?: string
  enrolmentCodes?: boolean
  host?: string
  json?: boolean
}

const program = new Command('linli label')
  .description(word('about'))
  .argument('[devices...]', word('devices'))
  .requiredOption('--data <dir>', word('data'))
  .requiredOption('--out <file>', word('out'))
  .option('--sheet <name>', word('sheet'), 'a4-3x8')
  .option('--start <position>', word('start'), position, 1)
  .option('--cut-marks', word('cut'))
  .option('--gateway <id>', word('gateway'), (one: string, all: string[] = []) => [...all, one])
  .option('--building <name>', word('building'))
  .option('--floor <name>', word('floor'))
  .option('--enrolment-codes', word('codes'))
  .option('--host <address>', word('host'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('codesOut')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

try {
  await print(program.args, program.opts())
} catch (error) {
  fail('label', error)
}

async function print(names: readonly string[], options: Options): Promise<void> {
  const sheet = sheetOf(options.sheet)
  const format = extname(options.out).toLowerCase()
  if (format !== '.pdf' && format !== '.svg') throw told(`--out ${options.out}: end it in .pdf or .svg`)
  if (options.start > sheet.columns * sheet.rows)
    throw told(`--start ${options.start}: such a sheet has ${sheet.columns * sheet.rows} labels`)
  const { config } = await askSite(options.data, { type: 'site-read' })
  const { building, floor, gateway: gateways = [] } = options
  const place = { ...(building === undefined ? {} : { building }), ...(floor === undefined ? {} : { floor }) }
  const labels = siteLabels(config, { names, gateways, ...place })
  if (labels.length === 0) throw told(word('none'))
  const font = openPrintFont()
  for (const { name, ...texts } of labels)
    for (const text of [texts.title, texts.place, texts.site]) font.check(text, name)
  // Looked at without codes first: none is made for what cannot be printed.
  const layout = { start: options.start, cutMarks: options.cutMarks === true }
  const plain = labelPages(font, sheet, labels, layout)
  const isSecret = options.enrolmentCodes === true && labels.some(({ isGateway }) => isGateway)
  const all = isSecret ? await withCodes(labels, options) : labels
  const pages = isSecret ? labelPages(font, sheet, all, layout) : plain
  const title = `Linli ${config.site}`
  const files =
    format === '.pdf'
      ? await writePdf(font, pages, title, options, isSecret)
      : writeSvgs(font, pages, title, options, isSecret)
  if (options.json)
    return void process.stdout.write(
      `${JSON.stringify({ files, labels: all.length, pages: pages.length, secret: isSecret })}\n`,
    )
  process.stdout.write(
    `${word('written')}: ${files.join(' ')}  (${all.length} ${word('labels')}, ${pages.length} ${word('pages')})\n`,
  )
  if (isSecret) process.stdout.write(`${word('secret')}\n`)
}

async function withCodes(labels: readonly SiteLabel[], { data, host }: Options): Promise<SiteLabel[]> {
  const made: SiteLabel[] = []
  for (const label of labels) made.push(label.isGateway ? await withCode(label, data, host) : label)
  return made
}

async function withCode(label: SiteLabel, data: string, host: string | undefined): Promise<SiteLabel> {
  const { gateway } = label
  const answer = await askEnrolment<'enrol-code'>(data, { type: 'enrol-code', gateway })
  const { code, fingerprint, httpsPort: port, expires } = answer
  return {
    ...label,
    uri: formatEnrolment({ host: host ?? ownAddress(), port, gateway, code, fingerprint }),
    secret: codeLine(spokenCode(code), `${expires.slice(0, 16).replace('T', ' ')} UTC`),
  }
}

async function writePdf(font: PrintFont, pages: readonly Page[], title: string, { out }: Options, isSecret: boolean) {
  const bar = progressBar(process.stderr, () => performance.now())
  const onPage = (done: number) => bar.at(done, pages.length, `${done}/${pages.length}`)
  const bytes = await pdfOf(font, pages, { title, onPage }).finally(bar.end)
  return [write(out, bytes, isSecret)]
}

function writeSvgs(font: PrintFont, pages: readonly Page[], title: string, { out }: Options, isSecret: boolean) {
  const stem = out.slice(0, -'.svg'.length)
  return pages.map((page, index) =>
    write(pages.length === 1 ? out : `${stem}-${index + 1}.svg`, svgOf(font, page, title), isSecret),
  )
}

function write(file: string, content: string | Buffer, isSecret: boolean): string {
  // One that was there before would keep its mode.
  if (isSecret) rmSync(file, { force: true })
  writeFileSync(file, content, { mode: isSecret ? 0o600 : 0o644 })
  return file
}

function position(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('give a whole number from 1')
  return value
}

function told(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
