import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import {
  type Account,
  type AccountAnswer,
  type AccountRequest,
  atAccounts,
  auditedAccounts,
} from '../../auth/accounts-counter.ts'
import { formatGrant, type GrantKind, type Grants, NO_GRANTS, parseGrant, withGrants } from '../../auth/grants.ts'
import { hashSecret, newSecret } from '../../auth/secret.ts'
import { LinliError } from '../../contract/errors.ts'
import { isSegment } from '../../contract/topic.ts'
import { askCounter, type Refused } from '../../counter/counter.ts'
import { durableJson } from '../../registry/durable-json.ts'
import { type ClientEntry, createRegistry, type RegistryData } from '../../registry/registry.ts'
import { withAudit } from '../audit/offline.ts'
import { fail } from '../fail.ts'
import { word } from './words.ts'

/**
 * `linli client`: the MQTT accounts of a hub without `--dev`, of one that runs and of one that stands still. A secret is
 * printed once and never stored. Exit codes: 0 done, 1 it failed, 2 told wrongly.
 */

interface Options {
  data: string
  json?: boolean
  read?: string[]
  command?: string[]
}
interface AddOptions extends Options {
  role: string
  gateway?: string
  camera?: string
}

const program = new Command('linli client').description(word('about'))
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
withGrantOptions(subcommand('add <name>', 'add'))
  .requiredOption('--role <role>', word('role'))
  .option('--gateway <id>', word('gateway'))
  .option('--camera <id>', word('camera'))
  .action(add)
subcommand('remove <name>', 'remove').action(remove)
subcommand('list', 'list').action(list)
subcommand('show <name>', 'show').action(show)
withGrantOptions(subcommand('grant <name>', 'grant')).action(changeGrants('account-grant'))
withGrantOptions(subcommand('revoke <name>', 'revoke')).action(changeGrants('account-revoke'))

try {
  await program.parseAsync()
} catch (error) {
  fail('client', error)
}

function subcommand(usage: string, about: Parameters<typeof word>[0]): Command {
  return program
    .command(usage)
    .description(word(about))
    .requiredOption('--data <dir>', word('data'))
    .option('--json', word('json'))
}

function withGrantOptions(command: Command): Command {
  const collect = (value: string, before: string[] = []) => [...before, value]
  return command.option('--read <filter>', word('read'), collect).option('--command <filter>', word('command'), collect)
}

async function add(name: string, options: AddOptions): Promise<void> {
  const account = accountOf(name, options)
  mkdirSync(options.data, { recursive: true, mode: 0o700 })
  const secret = newSecret()
  const entry: ClientEntry = { ...account, secret: await hashSecret(secret) }
  await ask(options.data, { type: 'account-put', name, entry })
  print(options, { name, role: options.role, secret }, `${name}: ${secret}`)
}

async function remove(name: string, options: Options): Promise<void> {
  await ask(options.data, { type: 'account-remove', name })
  print(options, { name }, `${name} ${word('removed')}`)
}

async function list(options: Options): Promise<void> {
  const accounts = await accountsOf(options.data)
  print(options, { accounts }, accounts.map(lineOf).join('\n') || word('none'))
}

async function show(name: string, options: Options): Promise<void> {
  const account = (await accountsOf(options.data)).find((one) => one.name === name)
  if (!account)
    throw new LinliError('ACCOUNT_UNKNOWN', `there is no account ${name}; linli client list names them`, {
      kind: 'caller',
    })
  const { read, command } = account.grants ?? NO_GRANTS
  const lines = (label: string, grants: Grants[GrantKind]) =>
    grants.length === 0
      ? [`  ${label}  ${word('nothing')}`]
      : grants.map((grant) => `  ${label}  ${formatGrant(grant)}`)
  const grants =
    account.role === 'platform' ? [...lines(word('mayRead'), read), ...lines(word('mayCommand'), command)] : []
  print(options, account, [lineOf(account), ...grants].join('\n'))
}

function changeGrants(type: 'account-grant' | 'account-revoke'): (name: string, options: Options) => Promise<void> {
  return async (name, options) => {
    const grants = grantsOf(options)
    if (!grants) throw told(word('needsSome'))
    await ask(options.data, { type, name, grants })
    await show(name, options)
  }
}

function print({ json }: Options, value: object, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(value) : text}\n`)
}

function lineOf({ name, role, gateway, camera }: Account): string {
  const speaksFor = [gateway, camera].filter((one) => one !== undefined).join('/')
  return [name, role, ...(speaksFor === '' ? [] : [speaksFor])].join('  ')
}

async function accountsOf(data: string): Promise<Account[]> {
  const answer = await ask(data, { type: 'account-list' })
  return answer.type === 'accounts' ? answer.accounts : []
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

/** What the account may speak for, or what it is granted. @throws {LinliError} OPTION_INVALID, GRANT_INVALID */
function accountOf(name: string, options: AddOptions): Omit<ClientEntry, 'secret'> {
  const { role, gateway, camera } = options
  const grants = grantsOf(options)
  if (role === 'platform') {
    if (!grants) throw told(word('needsGrants'))
    return { role, grants }
  }
  if (grants) throw told(word('platformsOnly'))
  if (role === 'home-assistant') return { role }
  if (role === 'gateway') return { role, gateway: segment('--gateway', gateway ?? name) }
  if (role === 'camera') {
    if (gateway === undefined) throw told('--role camera needs --gateway: the gateway that it reads plates for')
    return { role, gateway: segment('--gateway', gateway), camera: segment('--camera', camera ?? name) }
  }
  throw told(`--role is ${role}; allowed: gateway, camera, platform, home-assistant`)
}

/** Undefined: none were given. @throws {LinliError} GRANT_INVALID */
function grantsOf({ read = [], command = [] }: Options): Grants | undefined {
  if (read.length + command.length === 0) return undefined
  let grants = NO_GRANTS
  for (const [kind, texts] of [['read', read] as const, ['command', command] as const])
    for (const text of texts) {
      const parsed = parseGrant(kind, text)
      if (!parsed.ok) throw parsed.error
      grants = withGrants(grants, parsed.value)
    }
  return grants
}

function segment(option: string, value: string): string {
  if (!isSegment(value)) throw told(`${option} is ${value}; allowed: 1–40 of a–z, 0–9, -`)
  return value
}

function told(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
