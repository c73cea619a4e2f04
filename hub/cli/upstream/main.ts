import { Command } from 'commander'
import { askCounter } from '../../counter/counter.ts'
import type { UpstreamAnswer, UpstreamRequest } from '../../upstream/counter.ts'
import { accepted, checkDataDir } from '../credential/reach.ts'
import { fail } from '../fail.ts'

/**
 * `linli upstream`: how the platforms that the hub forwards to are, and what they could not take.
 * Exit codes: 0 done, 1 it failed, 2 told wrongly.
 */

interface Where {
  data: string
  json?: boolean
}

const program = new Command('linli upstream').description(
  'platforms that the hub forwards to; the hub must run / 上级平台;枢纽须在运行',
)
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))

command(program, 'list', 'each upstream, and those that are configured no more / 各上级平台的状态').action(
  async (options: Where) => {
    const answer = await ask(options, { type: 'upstreams' })
    if (answer.type !== 'upstreams') return
    const lines = answer.upstreams.map(({ name, url, connected, since, reason, backlog, deadLetters }) => {
      const status = connected ? 'connected 已连接' : `away 断开: ${reason ?? ''}`
      return `${name}  ${url}  ${status}  ${since}  waiting 待送 ${sum(backlog)}  dead letters 死信 ${deadLetters}`
    })
    const left = answer.left.map(
      ({ name, entries }) =>
        `${name}  configured no more, ${entries} entries kept 已移除,仍保留: linli upstream forget ${name}`,
    )
    print(options, answer, lines.length + left.length === 0 ? ['there are none 没有上级平台'] : [...lines, ...left])
  },
)
command(program, 'forget', 'let go of what is kept for one that is configured no more / 不再为已移除的平台保留数据')
  .argument('<name>')
  .action(async (name: string, options: Where) => done(options, { type: 'upstream-forget', name }))

const letters = program
  .command('dead-letters')
  .description('messages that an upstream could not take / 上级平台无法接收的消息')
command(letters, 'list', 'all of them, oldest first / 列出')
  .option('--upstream <name>', 'only of this one / 仅此平台')
  .action(async (options: Where & { upstream?: string }) => {
    const { upstream } = options
    const answer = await ask(options, { type: 'dead-letters', ...(upstream === undefined ? {} : { upstream }) })
    if (answer.type !== 'dead-letters') return
    const lines = answer.letters.map(
      ({ id, topic, at_ms, tries, reason, bytes }) =>
        `${id}  ${topic}  ${bytes} B  ${new Date(at_ms).toISOString()}  ${tries}×  ${reason}`,
    )
    print(options, answer, lines.length === 0 ? ['there are none 没有死信'] : lines)
  })
command(letters, 'show', 'one with its payload / 查看内容')
  .argument('<id>')
  .action(async (id: string, options: Where) => {
    const answer = await ask(options, { type: 'dead-letter-show', id })
    if (answer.type === 'dead-letter') print(options, answer, [JSON.stringify(answer.letter), answer.payload])
  })
command(letters, 'resend', 'once more; off the list when it is acknowledged / 重新发送')
  .argument('<id>')
  .action(async (id: string, options: Where) => done(options, { type: 'dead-letter-resend', id }))
command(letters, 'drop', 'off the list, for good / 丢弃')
  .argument('<id>')
  .action(async (id: string, options: Where) => done(options, { type: 'dead-letter-drop', id }))

try {
  await program.parseAsync()
} catch (error) {
  fail('upstream', error)
}

function command(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
    .option('--json', 'one JSON object on stdout')
}

async function done(options: Where, request: UpstreamRequest): Promise<void> {
  print(options, await ask(options, request), ['done 完成'])
}

function print({ json }: Where, answer: UpstreamAnswer, lines: string[]): void {
  process.stdout.write(json ? `${JSON.stringify(answer)}\n` : lines.map((line) => `${line}\n`).join(''))
}

function sum(backlog: Record<string, number>): number {
  return Object.values(backlog).reduce((total, lag) => total + lag, 0)
}

async function ask({ data }: Where, request: UpstreamRequest): Promise<UpstreamAnswer> {
  checkDataDir(data)
  return accepted(await askCounter<UpstreamAnswer>(data, request))
}
