import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { text } from './language.ts'

/** `linli` without a known subcommand: help and version. The subcommands are programs of their own, see linli.js. */
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

const program = new Command('linli')
  .description(text('about'))
  .version(version)
  .showHelpAfterError(text('seeHelp'))
  .addHelpText('after', `\n${text('eachHelp')}`)

for (const name of [
  'demo',
  'init',
  'hub',
  'device',
  'import',
  'label',
  'scan',
  'commission',
  'doctor',
  'backup',
  'restore',
  'gateway',
  'sim',
  'user',
  'client',
  'enrol',
  'credential',
  'reader',
  'upstream',
  'history',
  'audit',
  'contract',
  'gpio',
  'bus',
  'service',
  'update',
  'rollback',
  'support',
  'completion',
] as const) {
  program.command(name).description(text(name)).helpOption(false)
}

const help = program.command('help [topic]').description(text('help'))
help.action((topic?: string) => {
  if (topic === 'exit-codes') process.stdout.write(`${text('exitCodes')}\n`)
  else program.outputHelp()
})

if (process.argv.length <= 2) program.outputHelp()
else {
  program.exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  program.parse()
}
