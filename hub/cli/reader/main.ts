import { Command } from 'commander'
import { askCounter } from '../../counter/counter.ts'
import type { ListedReader, ReaderAnswer, ReaderRequest } from '../../readers/counter.ts'
import { accepted, checkDataDir } from '../credential/reach.ts'
import { fail } from '../fail.ts'
import { codeWord, statusWord, word } from './words.ts'

/**
 * `linli reader`: how the card readers are, and giving one its key. The key is made on the gateway and is never here.
 * Exit codes: 0 done, 1 it failed, 2 told wrongly.
 */

interface Where {
  data: string
  gateway?: string
  json?: boolean
}

/** How often an installation is looked at while it runs. */
const PROGRESS_MS = 500
const TOLD_WRONGLY: readonly string[] = ['READER_UNKNOWN', 'GATEWAY_UNKNOWN', 'DEVICE_UNKNOWN', 'SCHEMA_VIOLATION']

const program = new Command('linli reader').description(
  'card readers of the gateways; the hub must run / 网关上的读卡器;枢纽须在运行',
)
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
command('list', 'how they are, as their gateways said last / 各读卡器的状态')
  .option('--gateway <id>', 'only of this gateway / 仅此网关')
  .action(list)
command(
  'install',
  'give a reader a new key, or accept another unit in its place / 安装读卡器:写入新密钥,或接受更换的设备',
)
  .requiredOption('--gateway <id>', 'the gateway that it is wired to / 所属网关')
  .requiredOption('--reader <id>', 'its id in the configuration of the gateway / 网关配置中的编号')
  .action(install)

try {
  await program.parseAsync()
} catch (error) {
  fail('reader', error)
}

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
    .option('--json', 'one JSON object on stdout')
}

async function list(options: Where): Promise<void> {
  checkDataDir(options.data)
  const readers = await readersOf(options)
  if (options.json) process.stdout.write(`${JSON.stringify(readers)}\n`)
  else process.stdout.write(readers.length === 0 ? `${word('noReaders')}\n` : readers.map(lineOf).join(''))
}

function lineOf({ gateway, id, gate, status, reason, since, unit, online }: ListedReader): string {
  const parts = [`${gateway}/${id}`, gate, statusWord(status), reason ?? '', since, unit ?? '']
  if (!online) parts.push(`(${word('gatewayAway')})`)
  return `${parts.filter((part) => part !== '').join('  ')}\n`
}

async function install(options: Where & { gateway: string; reader: string }): Promise<void> {
  checkDataDir(options.data)
  const { gateway, reader } = options
  process.stderr.write(`${gateway}/${reader}: ${word('installing')}\n`)
  const stopProgress = showProgress(options)
  const answer = await ask(options, { type: 'reader-install', gateway, reader }).finally(stopProgress)
  if (answer.type !== 'ended') return
  const { status, code, message } = answer.result
  const isDone = status === 'succeeded'
  const unit = (await readersOf(options)).find((one) => one.id === reader)
  if (options.json) process.stdout.write(`${JSON.stringify({ gateway, reader, status, code, message })}\n`)
  else if (isDone) process.stdout.write(`${word(unit?.status === 'plain' ? 'learnt' : 'installed')}\n`)
  else process.stderr.write(`linli reader: ${codeWord(code, message)}\n`)
  if (!isDone) process.exitCode = TOLD_WRONGLY.includes(code ?? '') ? 2 : 1
}

/** Each change of its status, on stderr. */
function showProgress(options: Where & { gateway: string; reader: string }): () => void {
  let shown = ''
  const timer = setInterval(async () => {
    const readers = await readersOf(options).catch(() => [])
    const found = readers.find(({ id }) => id === options.reader)
    const text = found ? [statusWord(found.status), found.reason ?? ''].join(' ').trim() : ''
    if (text !== '' && text !== shown) process.stderr.write(`${options.gateway}/${options.reader}: ${text}\n`)
    shown = text
  }, PROGRESS_MS)
  return () => clearInterval(timer)
}

async function readersOf(options: Where): Promise<ListedReader[]> {
  const answer = await ask(options, { type: 'readers' })
  const readers = answer.type === 'readers' ? answer.readers : []
  return readers.filter(({ gateway }) => options.gateway === undefined || gateway === options.gateway)
}

async function ask({ data }: Where, request: ReaderRequest): Promise<ReaderAnswer> {
  return accepted(await askCounter<ReaderAnswer>(data, request))
}
