import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import { siteOf as siteParts } from '../../config.ts'
import { LinliError } from '../../contract/errors.ts'
import { isSegment } from '../../contract/topic.ts'
import { openFolder, replaceFile } from '../../journal/folder.ts'
import { checkSite, SITE_VERSION, type SiteConfig } from '../../site/schema.ts'
import { readSite, SITE_FILE, writeSite } from '../../site/site-file.ts'
import { fail } from '../fail.ts'
import { initLanguage, word } from './words.ts'

/** `linli init`: the first thing on a new box, a hub, a gateway or both. Exit codes: 0 done, 1 it failed, 2 told wrongly. */

const ROLES = ['hub', 'gateway', 'both'] as const
type Role = (typeof ROLES)[number]
type Answers = Pick<SiteConfig, 'site' | 'name' | 'timeZone'> & { language: string; role: string; gateway: string }
interface Options extends Partial<Answers> {
  data: string
  yes?: boolean
  json?: boolean
}

/** In the order in which they are asked; of which role. */
const ASKED = {
  role: ROLES,
  site: ROLES,
  name: ['hub', 'both'],
  language: ['hub', 'both'],
  timeZone: ['hub', 'both'],
  gateway: ['gateway', 'both'],
} as const satisfies Record<keyof Answers, readonly Role[]>
type Field = keyof typeof ASKED
/** Of a terminal where somebody keeps typing nonsense. */
const TRIES_MAX = 5
const GATEWAY_FILE = 'gateway.json'
/** Of a box that is both. */
const GATEWAY_FOLDER = 'gateway'

const defaults = {
  role: 'hub',
  name: 'hub-1',
  language: initLanguage,
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  gateway: 'gw-1',
}

const program = new Command('linli init')
  .description(word('about'))
  .option('--data <dir>', word('data'), './linli-data')
  .option('--role <hub|gateway|both>', `${word('role')} (${defaults.role})`)
  .option('--site <street/community/estate>', word('site'))
  .option('--name <name>', `${word('name')} (${defaults.name})`)
  .option('--language <zh|en>', `${word('language')} (${defaults.language})`)
  .option('--time-zone <name>', `${word('timeZone')} (${defaults.timeZone})`)
  .option('--gateway <id>', `${word('gateway')} (${defaults.gateway})`)
  .option('--yes', word('yes'))
  .option('--json', word('json'))
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

try {
  await init(program.opts())
} catch (error) {
  fail('init', error)
}

async function init(options: Options): Promise<void> {
  if (existsSync(options.data)) await refuseSecond(options.data)
  const { data, yes, json, ...given } = options
  // What is given is looked at before anything is asked.
  for (const field of Object.keys(ASKED) as Field[]) if (given[field] !== undefined) check(field, given[field])
  const answered = yes || !process.stdin.isTTY ? { ...defaults, ...given } : await answers(given)
  const role = answered.role as Role
  const gatewayData = role === 'both' ? join(data, GATEWAY_FOLDER) : data
  const site = role === 'gateway' ? undefined : siteOf(answered)
  const gateway = role === 'hub' ? undefined : gatewayOf(answered, resolve(gatewayData))
  await refuseSecond(data)
  if (site) await writeSite(await openFolder(data), site)
  if (gateway) await replaceFile(await openFolder(gatewayData), GATEWAY_FILE, `${JSON.stringify(gateway, null, 2)}\n`)
  const [siteFile, gatewayFile] = [join(data, SITE_FILE), join(gatewayData, GATEWAY_FILE)]
  if (json)
    return print(JSON.stringify({ ...(site ? { file: siteFile, ...site } : {}), ...(gateway ? { gatewayFile } : {}) }))
  if (site) print(`${word('made')}: ${siteFile}\n${word('next')}: linli hub --data ${data}`)
  if (!gateway) return
  print(`${word('made')}: ${gatewayFile}`)
  print(`${word('atTheHub')}: linli enrol code ${gateway.gateway} --data ${site ? data : 'DIR'}`)
  print(`${word('afterwards')}: linli gateway claim 'linli://enrol/…' --data ${gatewayData}`)
  print(`${word('afterwards')}: linli gateway --config ${gatewayFile}`)
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

async function refuseSecond(data: string): Promise<void> {
  const folder = await openFolder(data)
  // One that cannot be read is somebody's site as well.
  const isThere = await readSite(folder).then(
    (read) => read !== undefined,
    () => true,
  )
  const gateway = [join(data, GATEWAY_FILE), join(data, GATEWAY_FOLDER, GATEWAY_FILE)].find((file) => existsSync(file))
  if (isThere) {
    const message = `${join(data, SITE_FILE)} is there already: linli device changes it, and so can you with an editor`
    throw new LinliError('SITE_EXISTS', message, { kind: 'caller' })
  }
  if (gateway)
    throw new LinliError('GATEWAY_EXISTS', `${gateway} is there already: change it with an editor`, { kind: 'caller' })
}

async function answers(given: Partial<Answers>): Promise<Partial<Answers>> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const gone = new AbortController()
  // Ctrl-D and Ctrl-C: nothing was written yet.
  terminal.once('close', () => gone.abort())
  terminal.once('SIGINT', () => terminal.close())
  const answered: Partial<Answers> = { ...given }
  try {
    for (const [field, roles] of Object.entries(ASKED) as Array<[Field, readonly Role[]]>) {
      const isOfRole = answered.role === undefined || roles.includes(answered.role as Role)
      if (answered[field] === undefined && isOfRole) answered[field] = await askFor(field)
    }
  } catch (error) {
    if (!gone.signal.aborted) throw error
    throw new LinliError('INIT_ABORTED', 'ended before all was answered: nothing was written', { kind: 'caller' })
  } finally {
    terminal.close()
  }
  return answered

  async function askFor(field: Field): Promise<string> {
    const preset = field === 'site' ? undefined : defaults[field]
    for (let tries = 1; ; tries++) {
      const prompt = `${word(field)}${preset === undefined ? '' : ` [${preset}]`}: `
      const answer = (await terminal.question(prompt, { signal: gone.signal })).trim() || preset || ''
      try {
        check(field, answer)
        return answer
      } catch (error) {
        if (tries >= TRIES_MAX) throw error
        process.stderr.write(`  ${(error as Error).message}\n`)
      }
    }
  }
}

/** @throws {LinliError} OPTION_INVALID */
function check(field: Field, answer: string): void {
  if (field === 'role' && !(ROLES as readonly string[]).includes(answer))
    throw told(`--role is ${answer}; allowed: ${ROLES.join(', ')}`)
  if (field === 'gateway' && !isSegment(answer)) throw told(`--gateway is ${answer}; allowed: 1–40 of a–z, 0–9, -`)
  const filled = { role: 'hub', site: 'a/b/c', name: 'hub-1', language: 'en', timeZone: 'UTC', [field]: answer }
  siteOf(filled)
}

/** A box that is both serves its own gateway. @throws {LinliError} OPTION_INVALID */
function siteOf(answered: Partial<Answers>): SiteConfig {
  const { role, name, language, timeZone, gateway } = answered
  const gateways = role === 'both' && gateway !== undefined ? { [gateway]: { boards: [], devices: [] } } : {}
  const site = placeOf(answered)
  const checked = checkSite({ version: SITE_VERSION, site, name, language, timeZone, gateways })
  if (checked.ok) return checked.value
  const { path = '/', message } = checked.error
  const option = `--${path.slice(1).replace('timeZone', 'time-zone')}`
  throw told(`${option}: ${message.replace(`${path} `, '')}`)
}

/** What a gateway has to be told before it has enrolled; everything else comes from its hub. */
function gatewayOf(answered: Partial<Answers>, data: string) {
  const gateway = answered.gateway ?? defaults.gateway
  return { gateway, site: siteParts(placeOf(answered)), data, boards: [], devices: [] }
}

/** @throws {LinliError} OPTION_INVALID */
function placeOf({ site }: Partial<Answers>): string {
  if (site === undefined) throw told(`--site is missing: ${word('site')}`)
  return site
}

function told(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
