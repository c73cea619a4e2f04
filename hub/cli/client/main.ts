import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { hashSecret, newSecret } from '../../auth/secret.ts'
import { LinliError } from '../../contract/errors.ts'
import { isSegment } from '../../contract/topic.ts'
import { durableJson } from '../../registry/durable-json.ts'
import { createRegistry, type RegistryData } from '../../registry/registry.ts'

/** `linli client add NAME`: an MQTT account of a hub without `--dev`. The secret is printed once and never stored. */

interface AddOptions {
  data: string
  role: string
  gateway?: string
  json?: boolean
}

const program = new Command('linli client').description('MQTT accounts of a hub / 枢纽的 MQTT 账号')
program
  .command('add <name>')
  .description('add an account or give it a new secret; the hub must not be running / 新增账号或重设密钥(须先停止枢纽)')
  .requiredOption('--data <dir>', 'data folder of the hub / 枢纽数据目录')
  .requiredOption('--role <role>', 'gateway or platform')
  .option('--gateway <id>', 'role gateway: the gateway it speaks for (default: the name)')
  .option('--json', 'one JSON object on stdout')
  .action(add)
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`linli client: ${(error as Error).message}\n`)
  process.exit(error instanceof LinliError ? 2 : 1)
}

async function add(name: string, options: AddOptions): Promise<void> {
  if (options.role !== 'gateway' && options.role !== 'platform') {
    throw new LinliError('OPTION_INVALID', `--role is ${options.role}; allowed: gateway, platform`, { kind: 'caller' })
  }
  const gateway = options.gateway ?? name
  if (options.role === 'gateway' && !isSegment(gateway)) {
    throw new LinliError('OPTION_INVALID', `--gateway is ${gateway}; allowed: 1–40 of a–z, 0–9, -`, { kind: 'caller' })
  }
  mkdirSync(options.data, { recursive: true, mode: 0o700 })
  const failures: unknown[] = []
  const adapter = durableJson<RegistryData>(join(options.data, 'registry.json'), {
    onFallback: ({ file, damagedCopy }) =>
      process.stderr.write(
        `${file} was damaged; the last good copy is used, the damaged one is kept at ${damagedCopy}\n`,
      ),
  })
  const registry = await createRegistry({ adapter, onError: (error) => failures.push(error) })
  const secret = newSecret()
  registry.putClient(name, {
    role: options.role,
    secret: await hashSecret(secret),
    ...(options.role === 'gateway' ? { gateway } : {}),
  })
  await registry.flush()
  if (failures.length > 0) throw failures[0]
  process.stdout.write(
    options.json ? `${JSON.stringify({ name, role: options.role, secret })}\n` : `${name}: ${secret}\n`,
  )
}
