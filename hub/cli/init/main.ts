import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { Command } from 'commander'
import { LinliError } from '../../contract/errors.ts'
import { openFolder } from '../../journal/folder.ts'
import { checkSite, SITE_VERSION, type SiteConfig } from '../../site/schema.ts'
import { readSite, SITE_FILE, writeSite } from '../../site/site-file.ts'
import { initLanguage, word } from './words.ts'

/** `linli init`: the first thing on a new box. Exit codes: 0 done, 1 it failed, 2 told wrongly. */

type Answers = Pick<SiteConfig, 'site' | 'name' | 'timeZone'> & { language: string }
interface Options extends Partial<Answers> {
  data: string
  yes?: boolean
  json?: boolean
}

const ASKED = ['site', 'name', 'language', 'timeZone'] as const
/** Of a terminal where somebody keeps typing nonsense. */
const TRIES_MAX = 5

const defaults = {
  name: 'hub-1',
  language: initLanguage,
  timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
}

const program = new Command('linli init')
  .description(word('about'))
  .option('--data <dir>', word('data'), './linli-data')
  .option('--site <street/community/estate>', word('site'))
  .option('--name <name>', `${word('name')} (${defaults.name})`)
  .option('--language <zh|en>', `${word('language')} (${defaults.language})`)
  .option('--time-zone <name>', `${word('timeZone')} (${defaults.timeZone})`)
  .option('--yes', word('yes'))
  .option('--json', word('json'))
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

try {
  await init(program.opts())
} catch (error) {
  const isCaller = error instanceof LinliError && error.kind === 'caller'
  process.stderr.write(`linli init: ${(error as Error).message}\n`)
  process.exit(isCaller ? 2 : 1)
}

async function init(options: Options): Promise<void> {
  if (existsSync(options.data)) await refuseSecond(options.data)
  const { data, yes, json, ...given } = options
  // What is given is looked at before anything is asked.
  for (const field of ASKED) if (given[field] !== undefined) check(field, given[field])
  const config = siteOf(yes || !process.stdin.isTTY ? { ...defaults, ...given } : await answers(given))
  const folder = await openFolder(data)
  await refuseSecond(data)
  await writeSite(folder, config)
  const file = join(data, SITE_FILE)
  if (json) process.stdout.write(`${JSON.stringify({ file, ...config })}\n`)
  else process.stdout.write(`${word('made')}: ${file}\n${word('next')}: linli hub --data ${data}\n`)
}

async function refuseSecond(data: string): Promise<void> {
  const folder = await openFolder(data)
  // One that cannot be read is somebody's site as well.
  const isThere = await readSite(folder).then(
    (read) => read !== undefined,
    () => true,
  )
  if (!isThere) return
  const message = `${join(data, SITE_FILE)} is there already: linli device changes it, and so can you with an editor`
  throw new LinliError('SITE_EXISTS', message, { kind: 'caller' })
}

async function answers(given: Partial<Answers>): Promise<Partial<Answers>> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const gone = new AbortController()
  // Ctrl-D and Ctrl-C: nothing was written yet.
  terminal.once('close', () => gone.abort())
  terminal.once('SIGINT', () => terminal.close())
  const answered: Partial<Answers> = { ...given }
  try {
    for (const field of ASKED) {
      if (answered[field] === undefined) answered[field] = await askFor(field)
    }
  } catch (error) {
    if (!gone.signal.aborted) throw error
    throw new LinliError('INIT_ABORTED', 'ended before all was answered: nothing was written', { kind: 'caller' })
  } finally {
    terminal.close()
  }
  return answered

  async function askFor(field: (typeof ASKED)[number]): Promise<string> {
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
function check(field: (typeof ASKED)[number], answer: string): void {
  const filled = { site: 'a/b/c', name: 'hub-1', language: 'en', timeZone: 'UTC', [field]: answer }
  siteOf(filled)
}

/** @throws {LinliError} OPTION_INVALID */
function siteOf(answered: Partial<Answers>): SiteConfig {
  if (answered.site === undefined)
    throw new LinliError('OPTION_INVALID', `--site is missing: ${word('site')}`, { kind: 'caller' })
  const { site, name, language, timeZone } = answered
  const checked = checkSite({ version: SITE_VERSION, site, name, language, timeZone, gateways: {} })
  if (checked.ok) return checked.value
  const { path = '/', message } = checked.error
  const option = `--${path.slice(1).replace('timeZone', 'time-zone')}`
  throw new LinliError('OPTION_INVALID', `${option}: ${message.replace(`${path} `, '')}`, { kind: 'caller', path })
}
