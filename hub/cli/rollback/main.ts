import { Command } from 'commander'
import { reasonOf } from '../../contract/errors.ts'
import { rollback } from '../../update/update.ts'
import { exitCodeOf, type JobOptions, jobOf } from '../update/job.ts'
import { word } from '../update/words.ts'

/** `linli rollback`: exit codes 0 done, 1 it failed, 2 told wrongly. */

const program = new Command('linli rollback')
  .description(word('rollback'))
  .option('--base <dir>', word('base'), '/opt/linli')
  .option('--to <version>', word('to'))
  .option('--data <dir>', word('data'))
  .option('--service <unit...>', word('services'), [])
  .option('--health-url <url>', word('health'))
  .option('--health-seconds <n>', word('healthSeconds'), '120')
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('notes')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

try {
  const options = program.opts<JobOptions & { to?: string }>()
  const done = await rollback(jobOf(options), options.to)
  process.stdout.write(options.json ? `${JSON.stringify(done)}\n` : `${done.to} ${word('runs')} (${done.from})\n`)
} catch (error) {
  process.stderr.write(`linli rollback: ${reasonOf(error)}\n`)
  process.exit(exitCodeOf(error))
}
