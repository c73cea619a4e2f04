import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { fingerprintOf } from '../../authority/authority.ts'
import { formatSigned, readSigned, recordHash, type SignedRecord } from '../../commissioning/record.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { openPrintFont } from '../../print/font.ts'
import { pdfOf } from '../../print/pdf.ts'
import { allDevices, type Found, findDevice } from '../../site/changes.ts'
import type { SiteConfig } from '../../site/schema.ts'
import { askSite } from '../device/reach.ts'
import { openDialogue } from './dialogue.ts'
import { recordPages } from './paper.ts'
import { openSession, readSession } from './session.ts'
import { askSignature, standAt } from './stand.ts'
import { inOrder, outcomesOf, walk } from './walk.ts'
import { word } from './words.ts'

/** `linli commission`: exit codes 0 all passed and signed, 1 it failed, 2 told wrongly, 3 not finished, 4 signed with open ends. */

interface Run {
  data: string
  by?: string
  gateway?: string
  building?: string
  again?: boolean
  restart?: boolean
  out: string
  yes?: boolean
  json?: boolean
}

const NOT_FINISHED = 3
const OPEN_ENDS = 4
const HOLDS_NOT = 3

const program = new Command('linli commission').description(word('about'))
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
program
  .command('run', { isDefault: true })
  .description(word('run'))
  .argument('[devices...]', word('devices'))
  .requiredOption('--data <dir>', word('data'))
  .option('--by <name>', word('by'))
  .option('--gateway <id>', word('gateway'))
  .option('--building <name>', word('building'))
  .option('--again', word('again'))
  .option('--restart', word('restart'))
  .option('--out <dir>', word('out'), '.')
  .option('--yes', word('yes'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('codes')}`)
  .action(run)
program
  .command('status')
  .description(word('status'))
  .requiredOption('--data <dir>', word('data'))
  .option('--json', word('statusJson'))
  .action(status)
program
  .command('verify <file>')
  .description(word('verify'))
  .option('--ca <file>', word('authority'))
  .option('--fingerprint <sha256>', word('fingerprint'))
  .option('--json', word('statusJson'))
  .addHelpText('after', `\n${word('verifyCodes')}`)
  .action(verify)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`linli commission: ${reasonOf(error)}\n`)
  process.exit(codeOf(error))
}

function codeOf(error: unknown): number {
  if (!(error instanceof LinliError)) return 1
  if (error.code === 'COMMISSION_STOPPED') return NOT_FINISHED
  return error.kind === 'caller' ? 2 : 1
}

async function run(names: string[], options: Run): Promise<void> {
  const { data, json = false, yes: unattended = false } = options
  const { config, mistake } = await askSite(data, { type: 'site-read' })
  if (mistake !== undefined) throw new LinliError('SITE_INVALID', mistake, { kind: 'caller' })
  const all = inOrder(allDevices(config))
  const wanted = chosen(config, all, names, options)
  const [first] = wanted
  if (!first) throw told(word('nothing'))
  const look = await standAt(data, first, 'linli').look()
  if (!look.canSign)
    throw told('this hub runs with --dev and has no key to sign a record with: start it without, then commission')
  const dialogue = openDialogue({ input: process.stdin, output: process.stdout, json, unattended })
  try {
    const by = async () => {
      const given = options.by ?? (await dialogue.text('by'))
      if (given.trim() === '') throw told(word('needsName'))
      return given.trim().slice(0, 80)
    }
    const fresh = { site: config.site, startedat: new Date().toISOString(), by }
    const session = await openSession(data, fresh, options.restart === true)
    if (!session.isNew) dialogue.say(word('resumed'))
    if ((await dialogue.ask('warn', ['yes', 'no'], 'yes')) === 'no') throw stopped()
    const clocks = { now_ms: Date.now, monotonic_ms: () => performance.now() }
    const stand = (found: Found) => standAt(data, found, session.kept.by)
    await walk({ standAt: stand, dialogue, session, ...clocks }, wanted, options.again === true)
    if ((await dialogue.ask('sign', ['yes', 'no'], 'yes')) === 'no') return void dialogue.say(word('notSigned'))
    const { by: who, startedat } = session.kept
    const devices = outcomesOf(session.kept, all)
    const { signed } = await askSignature(data, { by: who, startedat, devices })
    const files = await writeRecord(signed, options.out)
    const lines = [...files, `${word('hash')} ${recordHash(signed.record)}`]
    if (json) process.stdout.write(`${JSON.stringify({ type: 'record', files, sha256: recordHash(signed.record) })}\n`)
    else process.stdout.write(`\n${word('signed')}:\n${lines.map((line) => `  ${line}\n`).join('')}`)
    process.exitCode = devices.every(({ outcome }) => outcome === 'pass' || outcome === 'skip') ? 0 : OPEN_ENDS
  } finally {
    dialogue.close()
  }
}

function chosen(
  config: SiteConfig,
  all: readonly Found[],
  names: readonly string[],
  { gateway, building }: Run,
): Found[] {
  const named = names.map((name) => {
    const found = findDevice(config, name)
    if (!found.ok) throw found.error
    return found.value
  })
  const isNamed = ({ gateway: own, device }: Found) =>
    named.length === 0 || named.some((one) => one.gateway === own && one.device.id === device.id)
  return all.filter(
    (found) =>
      isNamed(found) &&
      (gateway === undefined || found.gateway === gateway) &&
      (building === undefined || found.device.place.building === building),
  )
}

/** The file, and the same for people. */
async function writeRecord(signed: SignedRecord, dir: string): Promise<string[]> {
  mkdirSync(dir, { recursive: true })
  const { site, signedat } = signed.record
  const stem = join(dir, `acceptance-${site.replaceAll('/', '-')}-${signedat.slice(0, 19).replaceAll(/[:-]/g, '')}`)
  writeFileSync(`${stem}.json`, formatSigned(signed))
  const font = openPrintFont()
  const title = `验收记录 Acceptance record ${site}`
  writeFileSync(`${stem}.pdf`, await pdfOf(font, recordPages(font, signed), { title }))
  return [`${stem}.json`, `${stem}.pdf`]
}

async function status({ data, json }: { data: string; json?: boolean }): Promise<void> {
  const { config } = await askSite(data, { type: 'site-read' })
  const kept = await readSession(data, config.site)
  const none = { version: 1, site: config.site, startedat: '', by: '', devices: {} } as const
  const devices = outcomesOf(kept ?? none, inOrder(allDevices(config)))
  if (json) return void process.stdout.write(`${JSON.stringify({ by: kept?.by, devices })}\n`)
  for (const { gateway, device, outcome, note } of devices)
    process.stdout.write(`${gateway}/${device}  ${word(outcome)}${note === undefined ? '' : `  ${note}`}\n`)
  const passed = devices.filter(({ outcome }) => outcome === 'pass').length
  process.stdout.write(`${word('pass')}: ${passed}/${devices.length}\n`)
}

async function verify(file: string, options: { ca?: string; fingerprint?: string; json?: boolean }): Promise<void> {
  const read = readSigned(readFileSync(file))
  const own = read.ok ? fingerprintOf(read.value.certificate) : undefined
  const wanted = options.ca === undefined ? options.fingerprint : fingerprintOf(readFileSync(options.ca, 'utf8'))
  const isOther = wanted !== undefined && own !== wanted
  const holds = read.ok && !isOther
  if (!holds) process.exitCode = HOLDS_NOT
  const why = read.ok ? word('otherAuthority') : read.error.message
  const hash = read.ok ? recordHash(read.value.record) : undefined
  if (options.json)
    return void process.stdout.write(
      `${JSON.stringify({ holds, ...(holds ? {} : { why }), sha256: hash, authority: own, isAuthorityKnown: wanted !== undefined })}\n`,
    )
  if (!read.ok || isOther) return void process.stdout.write(`${word('holdsNot')}: ${why}\n`)
  const { record } = read.value
  const lines = [
    `${word('holds')}: ${record.site}, ${record.by}, ${record.signedat}`,
    `${word('hash')} ${hash}`,
    `${word('authorityIs')} ${own}`,
    ...(wanted === undefined ? [word('compare')] : []),
  ]
  process.stdout.write(lines.map((line) => `${line}\n`).join(''))
}

function stopped(): LinliError {
  return new LinliError('COMMISSION_STOPPED', word('stopped'), { kind: 'caller' })
}

function told(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
