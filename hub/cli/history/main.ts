import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { Command } from 'commander'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { fail } from '../fail.ts'
import { historyWord as word } from './words.ts'

/** `linli history export`: raw readings of a running hub as CSV. Exit codes: 0 done, 1 it failed, 2 told wrongly. */

interface Wanted {
  hub: string
  from: string
  to?: string
  device?: string
  quantity?: string
  output?: string
}

const BAR_CELLS = 30
/** The bar is drawn so often. */
const DRAW_MS = 100
const NEWLINE = 10

const program = new Command('linli history').description(word('about'))
program
  .command('export')
  .description(word('export'))
  .requiredOption('--from <time>', word('from'))
  .option('--to <time>', word('to'))
  .option('--device <path>', word('device'))
  .option('--quantity <name>', word('quantity'))
  .option('-o, --output <file>', word('output'))
  .option('--hub <url>', word('hub'), 'http://127.0.0.1:8080')
  .action(save)
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))

try {
  await program.parseAsync()
} catch (error) {
  fail('history', error)
}

async function save({ hub, output, ...fields }: Wanted): Promise<void> {
  const answer = await ask(hub, fields)
  const rows = Number(answer.headers.get('linli-rows'))
  const body = Readable.fromWeb(answer.body as ReadableStream)
  if (output === undefined) return pipeline(body, process.stdout, { end: false })
  // Under its own name only when it is whole.
  const part = `${output}.part`
  const bar = showProgress(rows)
  try {
    await pipeline(body, counting(bar.line), createWriteStream(part))
    if (bar.seen() !== rows) throw new Error(`${word('cut')} (${bar.seen()}/${rows})`)
    await rename(part, output)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  } finally {
    bar.end()
  }
  process.stderr.write(`${output}: ${rows} ${word('rows')}\n`)
}

async function ask(hub: string, fields: Omit<Wanted, 'hub' | 'output'>): Promise<Response> {
  if (!URL.canParse(hub)) throw new LinliError('OPTION_INVALID', `--hub ${hub}: ${word('noUrl')}`, { kind: 'caller' })
  const url = new URL('/history.csv', hub)
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) url.searchParams.set(name, value)
  const answer = await fetch(url).catch((error: unknown) => {
    throw new Error(`${hub}: ${word('noHub')} (${reasonOf((error as Error).cause ?? error)})`)
  })
  if (answer.ok) return answer
  const said = (await answer.json()) as { code: string; message: string; path?: string }
  const message = `${said.code}${said.path === undefined ? '' : ` (${said.path})`}: ${said.message}`
  throw new LinliError(said.code, message, { kind: answer.status < 500 ? 'caller' : 'fault' })
}

/** Rows go by; the heading is not one. */
function counting(line: (count: number) => void): Transform {
  return new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      let count = 0
      for (const byte of chunk) if (byte === NEWLINE) count += 1
      line(count)
      done(null, chunk)
    },
  })
}

/** A bar on a terminal, on stderr; elsewhere nothing. */
function showProgress(rows: number) {
  let seen = -1
  const draw = () => {
    const share = rows === 0 ? 1 : Math.max(0, seen) / rows
    const full = Math.round(share * BAR_CELLS)
    const bar = '█'.repeat(full) + '░'.repeat(BAR_CELLS - full)
    process.stderr.write(`\r${bar} ${Math.floor(share * 100)} %  ${Math.max(0, seen)}/${rows}`)
  }
  const timer = process.stderr.isTTY ? setInterval(draw, DRAW_MS) : undefined
  return {
    line(count: number) {
      seen += count
    },
    seen: () => Math.max(0, seen),
    end() {
      clearInterval(timer)
      if (timer === undefined) return
      draw()
      process.stderr.write('\n')
    },
  }
}
