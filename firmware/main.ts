import { randomBytes, randomInt } from 'node:crypto'
import { mkdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { Command } from 'commander'
import pino from 'pino'
import { giveBackProcessAtRest } from '../hub/at-rest/at-rest.ts'
import { AFTER_START } from '../hub/at-rest/machine.ts'
import { LinliError, reasonOf } from '../hub/contract/errors.ts'
import { folderAt, openFolder } from '../hub/journal/folder.ts'
import { openFileLog } from '../hub/journal/open.ts'
import { openLifeline, selfTest_ms, TEST_S } from '../hub/lifeline/lifeline.ts'
import packageFile from '../package.json' with { type: 'json' }
import { makeCertificateRequest } from './adapters/certificate-request.ts'
import { openGpioKernel } from './adapters/gpio/kernel.ts'
import { callHub } from './adapters/hub-https.ts'
import { isHubHere } from './adapters/hub-place.ts'
import { openKernelClock } from './adapters/kernel-clock.ts'
import { createSerialBytePort } from './adapters/serialport.ts'
import { readProfiles } from './drivers/park-sensor/profile/folder.ts'
import { createGateway, type Gateway, type GatewayDeps } from './gateway/compose.ts'
import { decodeConfig, type GatewayConfig } from './gateway/config.ts'
import { type Configuration, openConfiguration } from './gateway/configuration.ts'
import { openProfiles } from './gateway/parks.ts'
import { claimIdentity } from './identity/claim.ts'
import { type IdentityFile, identityPath, readIdentity, writeIdentity } from './identity/file.ts'
import { createIdentity, type Identity } from './identity/identity.ts'
import type { Logger } from './ports/logger.ts'

/** `linli gateway`: one gateway as a process. Exit codes: 0 ended as asked, 1 failed while running, 2 told wrongly. */

/** A disk or a board that does not let go must not keep the process from ending; a supervisor would kill it then. */
const CLOSE_MS_MAX = 8000
const AT_REST = new URL('../hub/at-rest/thread.ts', import.meta.url)
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']

interface RunOptions {
  config?: string
  check?: true
  logLevel: string
  watchdog?: string
  selfTest: string
}

const program = new Command('linli gateway')
  .description('Runs one gateway: its boards and devices, its spool, and the way to its hub.')
  .option('--config <file>', 'the configuration of this gateway, JSON')
  .option('--check', 'check the configuration, say so, and end')
  .option(
    '--watchdog <device>',
    'the hardware watchdog, such as /dev/watchdog, fed while the way of alarms is proven / 硬件看门狗',
  )
  .option(
    '--self-test <seconds>',
    'without anything on the way of alarms after which it is tested / 空闲多少秒后自检',
    TEST_S,
  )
  .option('--log-level <level>', LOG_LEVELS.join(', '), 'info')
  .version(packageFile.version)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .action(runWith)
program
  .command('claim <text>')
  .description('enrol this gateway at its hub, with what `linli enrol code` printed there / 在枢纽登记本网关')
  .requiredOption('--data <dir>', 'data folder of this gateway, as in its configuration / 本网关的数据目录')
  .action(claim)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`linli gateway: ${reasonOf(error)}\n`)
  process.exit(error instanceof LinliError && error.kind !== 'bug' ? 2 : 1)
}

async function runWith(options: RunOptions): Promise<void> {
  if (options.config === undefined) throw told('--config is missing: the configuration of this gateway')
  if (!LOG_LEVELS.includes(options.logLevel))
    throw told(`--log-level is ${options.logLevel}; allowed: ${LOG_LEVELS.join(', ')}`)
  const config = readConfig(options.config)
  if (options.check) process.stdout.write(`${options.config}: good\n`)
  else await run(config, options)
}

async function claim(text: string, { data }: { data: string }): Promise<void> {
  const folder = resolve(data)
  makeDataFolder(folder)
  const identity = await claimIdentity({ call: callHub, makeRequest: makeCertificateRequest }, text)
  await writeIdentity(folderAt(folder), identity)
  const { host, mqttsPort } = identity.hub
  process.stdout.write(`${identity.gateway} is enrolled at ${host}:${mqttsPort} / 已登记\n`)
}

function told(message: string): LinliError {
  return new LinliError('CONFIG_INVALID', message, { kind: 'caller' })
}

function readConfig(file: string): GatewayConfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw told(`cannot read the configuration: ${reasonOf(error)}`)
  }
  const decoded = decodeConfig(text)
  if (!decoded.ok) throw told(`${file}: ${decoded.error.message}`)
  try {
    openProfiles(decoded.value, readProfiles)
  } catch (error) {
    throw told(`${file}: ${reasonOf(error)}`)
  }
  return decoded.value
}

/** Not mkdir's own recursion, which never ends where a file system answers ENOENT to every mkdir (/proc does). */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  if (dirname(folder) !== folder) makeFolder(dirname(folder))
  mkdirSync(folder, { mode: 0o700 })
}

async function run(config: GatewayConfig, options: RunOptions): Promise<void> {
  const log = pino(
    { level: options.logLevel, base: { gateway: config.gateway } },
    pino.destination({ dest: 2, sync: true }),
  )
  const fatal = (error: unknown) => {
    log.fatal({ error: error instanceof Error ? error.stack : String(error) }, 'unhandled error: ending')
    process.exit(1)
  }
  process.on('uncaughtException', fatal)
  process.on('unhandledRejection', fatal)
  const stopped = new Promise<void>((stop) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop())
    // Started by another program that is gone: nobody could end us any more.
    process.once('disconnect', () => stop())
  })
  makeDataFolder(resolve(config.data))
  const identity = openIdentity(config, log)
  const lifeline = await openLifeline(log, {
    dataDir: resolve(config.data),
    watchdog: options.watchdog,
    test_ms: selfTest_ms('--self-test', options.selfTest),
  })
  const hubUrl = identity?.url ?? config.uplink?.url
  const isHubOnBox = async () => hubUrl !== undefined && (await isHubHere(hubUrl))
  const deps: Omit<GatewayDeps, 'bootid'> = {
    ...(identity ? { identity } : {}),
    lifeline: { ...lifeline, isHubHere: isHubOnBox },
    openPort: createSerialBytePort,
    openGpio: openGpioKernel,
    openSpool: (settings) =>
      openFileLog(join(config.data, 'spool'), {
        ...settings,
        beside: AT_REST,
        onFault: (fault) => log.error({ code: fault.code, fault: fault.message }, 'spool fault'),
      }),
    openFolder: (name) => openFolder(join(config.data, name)),
    openCameraServer: async (...given) => (await import('./adapters/camera-http/server.ts')).openCameraServer(...given),
    readProfiles,
    readKey: (file) => Buffer.from(readFileSync(file, 'utf8').trim(), 'hex'),
    random: () => randomInt(2 ** 32) / 2 ** 32,
    randomBytes: (count) => randomBytes(count),
    clockSynced: await openKernelClock(log),
    rss_bytes: process.memoryUsage.rss,
    version: packageFile.version,
    log,
  }
  const configuration = identity && (await openConfiguration(await configurationDeps(config, identity, log), config))
  const gateway = await started(deps, config, configuration)
  identity?.start()
  process.stdout.write(`${JSON.stringify({ type: 'ready', gateway: config.gateway })}\n`)
  lifeline.ready()
  await giveBackProcessAtRest(AFTER_START)
  const taken = () => configuration?.taken().then(() => configuration) ?? new Promise<never>(() => undefined)
  for (;;) {
    const next = await Promise.race([stopped, taken()])
    log.info({}, next ? 'running on the configuration that the hub has sent' : 'stopping')
    const late = setTimeout(() => fatal(new Error(`not closed within ${CLOSE_MS_MAX} ms`)), CLOSE_MS_MAX)
    if (!next) break
    await applied(gateway, next)
    clearTimeout(late)
  }
  lifeline.close()
  identity?.close()
  await gateway.close()
  process.exit(0)
}

/** On the one before when it cannot be run on, and on the gateway's own file in the end. */
async function applied(gateway: Gateway, configuration: Configuration): Promise<void> {
  for (;;) {
    try {
      return await gateway.apply(configuration.config)
    } catch (error) {
      if (!(await configuration.fallBack(error))) throw error
    }
  }
}

/** On what the hub has sent, on the one before when that does not start, and on the gateway's own file in the end. */
async function started(
  deps: Omit<GatewayDeps, 'bootid'>,
  own: GatewayConfig,
  configuration: Configuration | undefined,
): Promise<Gateway> {
  for (;;) {
    const bootid = randomBytes(8).toString('hex')
    const gateway = createGateway(
      { ...deps, bootid, ...(configuration ? { configuration } : {}) },
      configuration?.config ?? own,
    )
    try {
      await gateway.start()
      return gateway
    } catch (error) {
      if (!(await configuration?.fallBack(error))) throw error
    }
  }
}

async function configurationDeps(config: GatewayConfig, { authority }: Identity, log: Logger) {
  return {
    folder: await openFolder(join(config.data, 'configuration')),
    authority,
    check: (sent: GatewayConfig) => void openProfiles(sent, readProfiles),
    log,
  }
}

function makeDataFolder(folder: string): void {
  try {
    makeFolder(folder)
  } catch (error) {
    throw told(`cannot use the data folder ${folder}: ${reasonOf(error)}`)
  }
}

/** Undefined: it has not enrolled. @throws {LinliError} when it is another gateway's */
function openIdentity(config: GatewayConfig, log: Logger): Identity | undefined {
  const folder = resolve(config.data)
  const known = readIdentity(folder)
  if (!known) return undefined
  if (known.gateway !== config.gateway)
    throw told(
      `${identityPath(folder)} is that of ${known.gateway}, and the configuration is that of ${config.gateway}`,
    )
  const write = (next: IdentityFile) => writeIdentity(folderAt(folder), next)
  const deps = { call: callHub, makeRequest: makeCertificateRequest, write, now_ms: Date.now, logger: log }
  return createIdentity(deps, known)
}
