import { mkdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { LinliError } from '../../contract/errors.ts'
import { openSiteKey, siteKeyFile } from '../../credentials/site-key.ts'
import { bytesOf } from '../import/file.ts'
import { credentialOf, idOf, kindOf, type Written } from './enrol.ts'
import { checkDataDir, withCredentials } from './reach.ts'
import { readTable } from './table.ts'

/**
 * `linli credential`: what opens gates. What is typed here is hashed here: nothing readable is stored, sent or printed.
 * The hub may run or stand still.
 */

/** Of one change: a change holds up the hub's journal as long as it is written. */
const TOGETHER_MAX = 1_000

type Where = { data: string; json?: boolean }

const program = new Command('linli credential').description(
  'cards, PINs and number plates that open gates; the hub may run or not / 通行凭证:卡、密码、车牌;枢纽运行与否均可',
)
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
command('add', 'add a credential, or change it / 新增或更改凭证')
  .requiredOption('--kind <kind>', 'card, pin or plate')
  .requiredOption('--text <text>', 'h10301:17:5123, the digits, or the plate; - reads it from standard input')
  .requiredOption('--class <class>', 'resident, visitor, staff or emergency')
  .option('--gates <ids>', 'access gates, separated by commas (default: all)')
  .option('--from <time>', 'valid from, RFC 3339')
  .option('--until <time>', 'valid until before, RFC 3339')
  .option('--uses <n>', 'times to come in')
  .option('--schedule <name>', 'a schedule of the gateway')
  .option('--antipassback <how>', 'none, soft or hard', 'none')
  .option('--pin <digits>', 'kind card: the PIN beside it')
  .option('--duress-pin <digits>', 'kind card: the PIN that says: I am being forced')
  .action(add)
command('remove', 'remove a credential / 删除凭证')
  .option('--id <id>', 'as list prints it')
  .option('--kind <kind>', 'card, pin or plate')
  .option('--text <text>', 'as it was added; - reads it from standard input')
  .action(remove)
command('list', 'ids, kinds and classes; nothing readable is kept / 列出编号、种类与类别').action(list)
command('import <file>', 'add many from a CSV file with a header: kind,text,class,… / 从 CSV 文件导入').action(
  importFile,
)
command('key', 'the key file that each gateway needs a copy of / 各网关所需的密钥文件').action(key)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`linli credential: ${(error as Error).message}\n`)
  process.exit(error instanceof LinliError ? 2 : 1)
}

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
    .option('--json', 'one JSON object on stdout')
}

async function add(options: Where & Written): Promise<void> {
  const siteKey = keyOf(options)
  const credential = credentialOf(siteKey, { ...options, text: given(options.text) })
  const version = await withCredentials(options.data, siteKey, async (ask) => {
    const answer = await ask({ type: 'change', put: [credential], gone: [] })
    return answer.type === 'changed' ? answer.version : undefined
  })
  print(options, { id: credential.id, version }, credential.id)
}

async function remove(options: Where & { id?: string; kind?: string; text?: string }): Promise<void> {
  const siteKey = keyOf(options)
  const id = options.id ?? namedId(siteKey, options)
  await withCredentials(options.data, siteKey, async (ask) => {
    const answer = await ask({ type: 'change', put: [], gone: [id] })
    if (answer.type === 'changed' && answer.unknown.length > 0) throw invalid(`there is no credential ${id}`)
  })
  print(options, { id }, id)
}

function namedId(siteKey: Uint8Array, { kind, text }: { kind?: string; text?: string }): string {
  if (kind === undefined || text === undefined) throw invalid('give --id, or --kind and --text')
  return idOf(siteKey, kindOf(kind), given(text))
}

async function list(options: Where): Promise<void> {
  const answer = await withCredentials(options.data, keyOf(options), (ask) => ask({ type: 'list' }))
  if (answer.type !== 'listed') return
  const lines = answer.credentials.map(({ id, kind, class: klass }) => `${id}  ${kind.padEnd(5)}  ${klass}\n`)
  if (options.json) process.stdout.write(`${JSON.stringify(answer.credentials)}\n`)
  else process.stdout.write(lines.join(''))
}

/** All lines are checked before the first is added. */
async function importFile(file: string, options: Where): Promise<void> {
  const siteKey = keyOf(options)
  const all = readTable(await bytesOf(file)).map(({ line, row }) => {
    try {
      return credentialOf(siteKey, row)
    } catch (error) {
      throw invalid(`${file} line ${line}: ${(error as Error).message}`)
    }
  })
  await withCredentials(options.data, siteKey, async (ask) => {
    for (let start = 0; start < all.length; start += TOGETHER_MAX)
      await ask({ type: 'change', put: all.slice(start, start + TOGETHER_MAX), gone: [] })
  })
  print(options, { added: all.length }, `${all.length}`)
}

function key(options: Where): void {
  mkdirSync(options.data, { recursive: true, mode: 0o700 })
  keyOf(options)
  const file = resolve(siteKeyFile(options.data))
  print(options, { file }, file)
}

function keyOf({ data }: Where): Uint8Array {
  checkDataDir(data)
  return openSiteKey(data).key
}

/** What stands on a command line is seen by everybody on the machine; standard input is not. */
function given(text: string): string {
  return text === '-' ? readFileSync(0, 'utf8').trim() : text
}

function print(options: Where, value: object, text: string): void {
  process.stdout.write(options.json ? `${JSON.stringify(value)}\n` : `${text}\n`)
}

function invalid(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
