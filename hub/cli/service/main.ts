import { Argument, Command } from 'commander'
import { LinliError } from '../../contract/errors.ts'
import { installedUnit, removeUnits, run, serviceState, systemdVersion, writeUnits } from '../../service/install.ts'
import { SERVICES, type Service, type UnitSettings, unitFiles, unitName } from '../../service/units.ts'
import { fail } from '../fail.ts'
import { environmentOf, flagsOf } from '../programs.ts'
import { word } from './words.ts'

/** `linli service`: exit codes 0 done, 1 it failed or a service does not run, 2 told wrongly. */

interface Options {
  app: string
  root: string
  watchdog?: string
  dryRun?: boolean
  json?: boolean
}

const ENTRIES = { hub: 'hub/main.ts', gateway: 'firmware/main.ts' } as const
const which = () => new Argument('<service>').choices(SERVICES)

const program = new Command('linli service')
  .description(word('about'))
  .addHelpText('after', `\n${word('codes')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
program
  .command('install')
  .description(word('install'))
  .addArgument(which())
  .argument('[args...]')
  .option('--app <dir>', word('app'), '/opt/linli/current')
  .option('--watchdog <device>', word('watchdog'))
  .option('--root <dir>', word('root'), '/')
  .option('--dry-run', word('dryRun'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('examples')}\n${word('codes')}`)
  .action(install)
program
  .command('uninstall')
  .description(word('uninstall'))
  .addArgument(which())
  .option('--root <dir>', word('root'), '/')
  .addHelpText('after', `\n${word('codes')}`)
  .action(uninstall)
program
  .command('status')
  .description(word('status'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('codes')}`)
  .action(status)
program
  .command('show')
  .description(word('show'))
  .addArgument(which())
  .option('--root <dir>', word('root'), '/')
  .addHelpText('after', `\n${word('codes')}`)
  .action(show)

try {
  await program.parseAsync()
} catch (error) {
  fail('service', error)
}

async function install(service: Service, args: string[], options: Options): Promise<void> {
  const settings: UnitSettings = {
    app: options.app,
    nodeFlags: flagsOf(ENTRIES[service]),
    environment: environmentOf(ENTRIES[service]),
    args,
    watchdog: options.watchdog,
    systemd: await systemdVersion(),
  }
  const files = unitFiles(service, settings)
  if (options.dryRun) {
    const text = files.map((file) => `# ${file.path}\n${file.text}`).join('\n')
    process.stdout.write(options.json ? `${JSON.stringify({ files })}\n` : text)
    return
  }
  const written = writeUnits(options.root, files)
  const isRunning = options.root === '/'
  if (isRunning) {
    await run('systemd-sysusers', [])
    await run('systemctl', ['daemon-reload'])
    await run('systemctl', ['enable', unitName(service)])
    await run('systemctl', ['restart', unitName(service)])
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ written, started: isRunning })}\n`)
  else
    process.stdout.write(
      `${written.map((file) => `${word('written')}: ${file}\n`).join('')}${isRunning ? `${unitName(service)}: ${word('started')}\n` : ''}`,
    )
}

async function uninstall(service: Service, { root }: Options): Promise<void> {
  if (installedUnit(root, service) === undefined) throw missing(service)
  if (root === '/') await run('systemctl', ['disable', '--now', unitName(service)])
  removeUnits(
    root,
    unitFiles(service, { app: '', nodeFlags: [], environment: {}, args: [], watchdog: undefined, systemd: 0 }),
  )
  if (root === '/') await run('systemctl', ['daemon-reload'])
  process.stdout.write(`${unitName(service)}: ${word('removed')} /var/lib/linli-${service}\n`)
}

async function status({ json }: Options): Promise<void> {
  const installed = SERVICES.filter((service) => installedUnit('/', service) !== undefined)
  const states = await Promise.all(installed.map(async (service) => [service, await serviceState(service)] as const))
  if (json) process.stdout.write(`${JSON.stringify(Object.fromEntries(states))}\n`)
  for (const service of SERVICES) {
    const state = states.find(([name]) => name === service)?.[1]
    if (json) continue
    const told = state ? Object.entries(state).map(([name, value]) => `${name}=${value}`) : [word('missing')]
    process.stdout.write(`${unitName(service)}: ${told.join(' ')}\n`)
  }
  if (states.some(([, state]) => state.ActiveState !== 'active')) process.exitCode = 1
}

function show(service: Service, { root }: Options): void {
  const text = installedUnit(root, service)
  if (text === undefined) throw missing(service)
  process.stdout.write(text)
}

function missing(service: Service): LinliError {
  return new LinliError('SERVICE_MISSING', `${unitName(service)} ${word('missing')}`, { kind: 'caller' })
}
