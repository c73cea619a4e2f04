import { userInfo } from 'node:os'
import { Command } from 'commander'
import { atFlows, type FlowsAnswer, type FlowsRequest } from '../../flows-counter.ts'
import { type Differences, flowVersions } from '../../flows-host/versions.ts'
import { withAudit } from '../audit/offline.ts'
import { checkDataDir } from '../credential/reach.ts'
import { fail } from '../fail.ts'
import { askWhoever } from '../whoever.ts'
import { word } from './words.ts'

/**
 * `linli flows`: the versions of a site's flows, compared by node, and gone back to.
 * Exit codes: 0 done, 1 it failed, 2 told wrongly.
 */

interface Where {
  data: string
  json?: boolean
}

const SIGNS = { added: '+', removed: '-', changed: '~' }
const program = new Command('linli flows').description(word('about')).addHelpText('after', `\n${word('notes')}`)
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
command('list', word('list')).action(list)
command('diff', word('diff')).argument('[from]', word('version'), '0').argument('[to]', word('newest')).action(diff)
command('rollback', word('rollback')).argument('<version>').action(rollback)

try {
  await program.parseAsync()
} catch (error) {
  fail('flows', error)
}

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--data <dir>', word('data'))
    .option('--json', word('json'))
}

async function list(options: Where): Promise<void> {
  const versions = await flowVersions(options.data).list()
  const lines = versions.map(({ version, saved_at, user, changed, removed, good }) => {
    const size = `${word('changed')} ${changed}  ${word('removed')} ${removed}`
    return `${version}  ${saved_at}  ${user}  ${size}${good ? `  ${word('good')}` : ''}`
  })
  print(options, { type: 'versions', versions }, [...lines, `0  ${word('shipped')}`])
}

async function diff(from: string, to: string | undefined, options: Where): Promise<void> {
  const found = await flowVersions(options.data).diff(from, to)
  const lines = found.differences.map(lineOf)
  const none = `${found.from}, ${found.to}: ${word('same')}`
  print(options, { type: 'differences', ...found }, lines.length > 0 ? lines : [none])
}

async function rollback(version: string, options: Where): Promise<void> {
  checkDataDir(options.data)
  // Whoever became root to type it is the one who did it.
  const user = (process.env.SUDO_USER ?? userInfo().username).slice(0, 64)
  const request: FlowsRequest = { type: 'flows-rollback', version, user }
  const versions = flowVersions(options.data)
  // What is mistyped must not make the files of a hub.
  await versions.list()
  const done = await askWhoever<FlowsAnswer>(options.data, request, () =>
    withAudit(options.data, (audit) => atFlows({ versions, audit }, request)),
  )
  const { to, version: saved, isRunning } = done
  print(options, { type: 'rolled-back', to, version: saved, running: isRunning }, [
    `${to} → ${saved}: ${word(isRunning ? 'runs' : 'waits')}`,
  ])
}

function lineOf({ what, flow, type, name, id, properties }: Differences['differences'][number]): string {
  const which = properties.length > 0 ? `: ${properties.join(', ')}` : ''
  return `${SIGNS[what]} ${flow}  ${type} ${name || id}${which}`
}

function print({ json }: Where, answer: object, lines: string[]): void {
  process.stdout.write(json ? `${JSON.stringify(answer)}\n` : lines.map((line) => `${line}\n`).join(''))
}
