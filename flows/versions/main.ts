import { statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { LinliError } from '../../hub/contract/errors.ts'
import { readShipped } from '../storage/storage.ts'
import { mergeUnits, type SiteEdits, splitUnits } from '../storage/units.ts'
import { createVersions, type Versions } from '../storage/versions.ts'
import { compareFlows, type Difference } from './compare.ts'

/**
 * `linli flows`: the versions of a site's flows, compared by node, and gone back to.
 * Exit codes: 0 done, 1 it failed, 2 told wrongly.
 */

interface Where {
  data: string
  json?: boolean
}

const SHIPPED = fileURLToPath(new URL('..', import.meta.url))
const SIGNS = { added: '+', removed: '-', changed: '~' }
const NOTHING: SiteEdits = { format: 1, saved_at: '', user: '', order: [], units: [], removed: [] }
const program = new Command('linli flows').description(
  'versions of the flows of this site; 0 is the shipped one / 本小区流程的版本,0 为出厂版',
)
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))

command('list', 'every version that is kept, newest first / 列出各版本').action(async (options: Where) => {
  const versions = open(options)
  const [all, { good }] = [await versions.all(), await versions.standing()]
  const listed = all.map(({ number, edits }) => ({
    ...{ version: number, saved_at: edits.saved_at, user: edits.user, good: number === good },
    ...{ changed: edits.units.length, removed: edits.removed.length },
  }))
  const lines = listed.map(
    ({ version, saved_at, user, changed, removed, good: isGood }) =>
      `${version}  ${saved_at}  ${user}  flows changed 改动 ${changed}  removed 移除 ${removed}${isGood ? '  good 稳定' : ''}`,
  )
  print(options, { type: 'versions', versions: listed }, [...lines, '0  shipped 出厂'])
})

command('diff', 'what differs by node; without versions: the newest from the shipped ones / 按节点比较')
  .argument('[from]', 'version / 版本', '0')
  .argument('[to]', 'version; the newest when absent / 默认最新')
  .action(async (from: string, to: string | undefined, options: Where) => {
    const versions = open(options)
    const newest = (await versions.latest())?.number ?? 0
    const [one, other] = [numberOf(from), to === undefined ? newest : numberOf(to)]
    const differences = compareFlows(await flowsOf(versions, one), await flowsOf(versions, other))
    const lines = differences.map(lineOf)
    const none = `no difference between ${one} and ${other} 没有差别`
    print(options, { type: 'differences', from: one, to: other, differences }, lines.length > 0 ? lines : [none])
  })

command('rollback', 'make an older version the newest; nothing is deleted / 退回旧版本,不删除任何版本')
  .argument('<version>')
  .action(async (version: string, options: Where) => {
    const versions = open(options)
    checkOwner(options)
    const number = numberOf(version)
    const known = number === 0 ? NOTHING : await editsOf(versions, number)
    const edits = { ...known, saved_at: new Date().toISOString(), user: `cli:${userInfo().username}`.slice(0, 120) }
    const saved = await versions.save(edits)
    print(options, { type: 'rolled-back', to: number, version: saved }, [
      `version ${number} is the newest now, as ${saved}; it runs when the flows start next: restart the hub`,
      `版本 ${number} 已成为最新版 ${saved},流程下次启动时生效:请重启枢纽`,
    ])
  })

try {
  await program.parseAsync()
} catch (error) {
  const isCaller = error instanceof LinliError && error.kind === 'caller'
  process.stderr.write(`linli flows: ${(error as Error).message}\n`)
  process.exit(isCaller ? 2 : 1)
}

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
    .option('--json', 'one JSON object on stdout')
}

function open({ data }: Where): Versions {
  if (!statSync(join(data, 'flows'), { throwIfNoEntry: false }))
    throw new LinliError('FLOWS_DATA', `no flows are kept in ${data} 没有流程数据: give the data folder of the hub`, {
      kind: 'caller',
    })
  return createVersions(join(data, 'flows', 'versions'), ({ file, reason }) =>
    process.stderr.write(`linli flows: ${file} is damaged 已损坏: ${reason}\n`),
  )
}

/** A file of another owner would keep the hub's flows from starting. */
function checkOwner({ data }: Where): void {
  const { uid } = statSync(join(data, 'flows'))
  if (uid === process.getuid?.()) return
  const message = `${data} belongs to the user with id ${uid}: run this as that user 请用该用户运行 (sudo -u '#${uid}')`
  throw new LinliError('FLOWS_DATA', message, { kind: 'caller' })
}

function numberOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw new LinliError('FLOWS_VERSION', `${text} is no version; see linli flows list`, { kind: 'caller' })
}

async function editsOf(versions: Versions, number: number): Promise<SiteEdits> {
  const edits = await versions.read(number)
  if (edits) return edits
  const message = `there is no whole version ${number}; see linli flows list 没有这个版本`
  throw new LinliError('FLOWS_VERSION', message, { kind: 'caller' })
}

async function flowsOf(versions: Versions, number: number) {
  const shipped = splitUnits(await readShipped(SHIPPED))
  return mergeUnits(shipped, number === 0 ? undefined : await editsOf(versions, number)).nodes
}

function lineOf({ what, flow, type, name, id, properties }: Difference): string {
  const which = properties.length > 0 ? `: ${properties.join(', ')}` : ''
  return `${SIGNS[what]} ${flow}  ${type} ${name || id}${which}`
}

function print({ json }: Where, answer: object, lines: string[]): void {
  process.stdout.write(json ? `${JSON.stringify(answer)}\n` : lines.map((line) => `${line}\n`).join(''))
}
