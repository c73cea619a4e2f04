import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import type { AuditEntry } from '../../audit/chain.ts'
import { hashSecret, newSecret } from '../../auth/secret.ts'
import { LinliError } from '../../contract/errors.ts'
import { isSegment } from '../../contract/topic.ts'
import { durableJson } from '../../registry/durable-json.ts'
import { type ClientEntry, createRegistry, type Registry, type RegistryData } from '../../registry/registry.ts'
import { withAudit } from '../audit/offline.ts'

/** `linli client add | remove NAME`: MQTT accounts of a hub without `--dev`. A secret is printed once and never stored. */

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
  .description('add an account or give it a new secret; the hub must not be running / 新增账号或重设密钥(须先停止枢纽)')
  .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
  .requiredOption('--role <role>', 'gateway, camera or platform')
  .option(
    '--gateway <id>',
    'role gateway: the gateway it speaks for (default: the name); role camera: the one that it reads plates for',
  )
  .option('--camera <id>', 'role camera: the camera it speaks for (default: the name)')
  .option('--json', 'one JSON object on stdout')
  .action(add)
program
  .command('remove <name>')
  .description('remove an account; the hub must not be running / 删除账号(须先停止枢纽)')
  .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
  .option('--json', 'one JSON object on stdout')
  .action(remove)

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
  const hash = await hashSecret(secret)
  const { role, gateway, camera } = account
  const detail = { role, ...(gateway === undefined ? {} : { gateway }), ...(camera === undefined ? {} : { camera }) }
  await withRegistry(options.data, entryOf('client-add', name, detail), (registry) => {
    registry.putClient(name, { ...account, secret: hash })
  })
  process.stdout.write(
    options.json ? `${JSON.stringify({ name, role: options.role, secret })}\n` : `${name}: ${secret}\n`,
  )
}

async function remove(name: string, options: { data: string; json?: boolean }): Promise<void> {
  await withRegistry(options.data, entryOf('client-remove', name, {}), (registry) => {
    if (!registry.removeClient(name)) throw told(`there is no account ${name}`)
  })
  process.stdout.write(options.json ? `${JSON.stringify({ name })}\n` : `${name}\n`)
}

function entryOf(action: string, name: string, detail: object): Omit<AuditEntry, 'outcome'> {
  return { kind: 'credential', action, actor: 'installer:linli-client', source: 'command-line', target: name, detail }
}

/**
 * Who may connect, changed under the journal of the hub: it does not run, and what is done stands in its audit log before
 * it is done.
 */
async function withRegistry(
  dataDir: string,
  entry: Omit<AuditEntry, 'outcome'>,
  change: (registry: Registry) => void,
): Promise<void> {
  const failures: unknown[] = []
  const adapter = durableJson<RegistryData>(join(dataDir, 'registry.json'), {
    onFallback: ({ file, damagedCopy }) =>
      process.stderr.write(
        `${file} was damaged; the last good copy is used, the damaged one is kept at ${damagedCopy}\n`,
      ),
  })
  await withAudit(dataDir, async (audit) => {
    const registry = await createRegistry({ adapter, onError: (error) => failures.push(error) })
    await audit.record({ ...entry, outcome: 'asked' })
    try {
      change(registry)
      await registry.flush()
      if (failures.length > 0) throw failures[0]
    } catch (error) {
      const code = error instanceof LinliError ? error.code : 'REGISTRY_IO'
      await audit.record({ ...entry, outcome: 'failed', code })
      throw error
    }
    await audit.record({ ...entry, outcome: 'succeeded' })
  })
}

/** What the account may speak for. @throws {LinliError} OPTION_INVALID */
function accountOf(name: string, { role, gateway, camera }: AddOptions): Omit<ClientEntry, 'secret'> {
  if (role === 'platform') return { role }
  if (role === 'gateway') return { role, gateway: segment('--gateway', gateway ?? name) }
  if (role === 'camera') {
    if (gateway === undefined) throw told('--role camera needs --gateway: the gateway that it reads plates for')
    return { role, gateway: segment('--gateway', gateway), camera: segment('--camera', camera ?? name) }
  }
  throw told(`--role is ${role}; allowed: gateway, camera, platform`)
}

function segment(option: string, value: string): string {
  if (!isSegment(value)) throw told(`${option} is ${value}; allowed: 1–40 of a–z, 0–9, -`)
  return value
}

function told(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
