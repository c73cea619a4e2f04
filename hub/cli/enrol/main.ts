import { Command } from 'commander'
import { formatEnrolment, spokenCode } from '../../contract/enrolment.ts'
import { fail } from '../fail.ts'
import { askEnrolment, ownAddress } from './reach.ts'
import { statusWord, word } from './words.ts'

/**
 * `linli enrol`: which gateways may speak to this hub. `linli gateway claim` at the gateway is the other half.
 * Exit codes: 0 done, 1 it failed, 2 told wrongly.
 */

interface Where {
  data: string
  json?: boolean
}

const program = new Command('linli enrol').description(
  'certificates of the gateways; the hub must run, without --dev / 网关证书;枢纽须在运行(不带 --dev)',
)
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
command('code <gateway>', 'a code by which a gateway enrols once, within 24 hours / 生成网关登记码(一次有效,24 小时内)')
  .option('--host <address>', 'how the gateway reaches this hub (default: its first address) / 网关访问枢纽的地址')
  .action(code)
command('list', 'the certificates that were given out / 已签发的证书').action(list)
command(
  'revoke <gateway>',
  'its certificates count no more, its connection ends at once / 立即吊销网关证书并断开',
).action(revoke)

try {
  await program.parseAsync()
} catch (error) {
  fail('enrol', error)
}

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
    .option('--json', 'one JSON object on stdout / 标准输出一个 JSON 对象')
}

async function code(gateway: string, options: Where & { host?: string }): Promise<void> {
  const answer = await askEnrolment<'enrol-code'>(options.data, { type: 'enrol-code', gateway })
  const { code: plain, fingerprint, httpsPort: port, expires } = answer
  const text = formatEnrolment({ host: options.host ?? ownAddress(), port, gateway, code: plain, fingerprint })
  if (options.json) return print({ gateway, code: plain, expires, text })
  process.stdout.write(
    `${word('code')}  ${spokenCode(plain)}  (${word('until')} ${new Date(expires).toLocaleString()})\n`,
  )
  process.stdout.write(`${word('atTheGateway')}\n  linli gateway claim '${text}' --data DIR\n`)
}

async function list(options: Where): Promise<void> {
  const { gateways } = await askEnrolment<'enrolled'>(options.data, { type: 'enrol-list' })
  if (options.json) return print({ gateways })
  if (gateways.length === 0) process.stdout.write(`${word('none')}\n`)
  for (const { gateway, until, status } of gateways)
    process.stdout.write(`${gateway}  ${statusWord(status)}  ${word('until')} ${until.slice(0, 10)}\n`)
}

async function revoke(gateway: string, options: Where): Promise<void> {
  const { revoked } = await askEnrolment<'enrol-revoked'>(options.data, { type: 'enrol-revoke', gateway })
  if (options.json) return print({ gateway, revoked })
  process.stdout.write(`${gateway}: ${revoked} ${word('revoked')}\n`)
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
