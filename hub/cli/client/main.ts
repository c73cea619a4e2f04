import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { type AccountAnswer, type AccountRequest, atAccounts, auditedAccounts } from '../../auth/accounts-counter.ts'
import { hashSecret, newSecret } from '../../auth/secret.ts'
import { LinliError } from '../../contract/errors.ts'
import { isSegment } from '../../contract/topic.ts'
import { askCounter, type Refused } from '../../counter/counter.ts'
import { durableJson } from '../../registry/durable-json.ts'
import { type ClientEntry, createRegistry, type RegistryData } from '../../registry/registry.ts'
import { withAudit } from '../audit/offline.ts'

/**
 * `linli client add | remove | list`: the MQTT accounts of a hub without `--dev`, of one that runs and of one that stands
 * still. A secret is printed once and never stored.
 */

interface AddOptions {
  data: string
  role: string
  gateway?: string
  camera?: string
  json?: boolean
}

const program = new Command('linli client').description('MQTT accounts of a hub / 枢纽的 MQTT 账号')
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
program
  .command('add <name>')
  .description('add an account or give it a new secret; its connections end / 新增账号或重设密钥(其连接将断开)')
  .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
  .requiredOption('--role <role>', 'gateway, camera, platform or home-assistant')
  .option(
    '--gateway <id>',
    'role gateway: the gateway it speaks for (default: the name); role camera: the one that it reads plates for',
  )
  .option('--camera <id>', 'role camera: the camera it speaks for (default: the name)')
  .option('--json', 'one JSON object on stdout')
  .action(add)
program
  .command('remove <name>')
  .description('remove an account; its connections end at once / 删除账号(其连接立即断开)')
  .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
  .action(remove)
program
  .command('list')
  .description('the accounts, without their secrets / 列出账号')
  .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
  .action(list)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`linli client: ${(error as Error).message}\n`)
  process.exit(error instanceof LinliError ? 2 : 1)
}

async function add(name: string, options: AddOptions): Promise<void> {
  const account = accountOf(name, options)
  mkdirSync(options.data, { recursive: true, mode: 0o700 })
  const secret = newSecret()
  const entry: ClientEntry = { ...account, secret: await hashSecret(secret) }
  await ask(options.data, { type: 'account-put', name, entry })
  process.stdout.write(
    options.json ? `${JSON.stringify({ name, role: options.role, secret })}\n` : `${name}: ${secret}\n`,
  )
}

async function remove(name: string, options: { data: string }): Promise<void> {
  await ask(options.data, { type: 'account-remove', name })
  process.stdout.write(`${name} is removed / 已删除\n`)
}

async function list(options: { data: string }): Promise<void> {
  const answer = await ask(options.data, { type: 'account-list' })
  for (const { name, role, gateway, camera } of answer.type === 'accounts' ? answer.accounts : []) {
    const speaksFor = [gateway, camera].filter((one) => one !== undefined).join('/')
    process.stdout.write(`${[name, role, ...(speaksFor === '' ? [] : [speaksFor])].join('  ')}\n`)
  }
}

/** Of the hub that runs there, or else of its registry. */
async function ask(data: string, request: AccountRequest): Promise<AccountAnswer> {
  let answer: AccountAnswer | Refused
  try {
    answer = await askCounter<AccountAnswer>(data, request)
  } catch (error) {
    if (!(error instanceof LinliError) || error.code !== 'COUNTER_CLOSED') throw error
    return ofRegistry(data, request)
  }
  if (answer.type === 'refused') throw new LinliError(answer.code, answer.message, { kind: 'caller' })
  return answer
}

async function ofRegistry(data: string, request: AccountRequest): Promise<AccountAnswer> {
  const failures: unknown[] = []
  const adapter = durableJson<RegistryData>(join(data, 'registry.json'), {
    onFallback: ({ file, damagedCopy }) =>
      process.stderr.write(
        `${file} was damaged; the last good copy is used, the damaged one is kept at ${damagedCopy}\n`,
      ),
  })
  const registry = await createRegistry({ adapter, onError: (error) => failures.push(error) })
  if (request.type === 'account-list') return atAccounts(registry, request)
  const answer = await withAudit(data, (audit) => auditedAccounts(audit, registry, request))
  if (failures.length > 0) throw failures[0]
  return answer
}

/** What the account may speak for. @throws {LinliError} OPTION_INVALID */
function accountOf(name: string, { role, gateway, camera }: AddOptions): Omit<ClientEntry, 'secret'> {
  if (role === 'platform' || role === 'home-assistant') return { role }
  if (role === 'gateway') return { role, gateway: segment('--gateway', gateway ?? name) }
  if (role === 'camera') {
    if (gateway === undefined) throw told('--role camera needs --gateway: the gateway that it reads plates for')
    return { role, gateway: segment('--gateway', gateway), camera: segment('--camera', camera ?? name) }
  }
  throw told(`--role is ${role}; allowed: gateway, camera, platform, home-assistant`)
}

function segment(option: string, value: string): string {
  if (!isSegment(value)) throw told(`${option} is ${value}; allowed: 1–40 of a–z, 0–9, -`)
  return value
}

function told(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
