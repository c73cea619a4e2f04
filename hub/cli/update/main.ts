import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { reasonOf } from '../../contract/errors.ts'
import { pack } from '../../update/bundle.ts'
import { installFirst, update } from '../../update/update.ts'
import { exitCodeOf, type JobOptions, jobOf } from './job.ts'
import { word } from './words.ts'

/** `linli update`: exit codes 0 done, 1 it failed or the old version runs again, 2 told wrongly. */

const APP = fileURLToPath(new URL('../../../', import.meta.url))

const program = new Command('linli update')
  .description(word('update'))
  .addHelpText('after', `\n${word('notes')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
program
  .command('to', { isDefault: true })
  .description(word('update'))
  .argument('<file>', word('file'))
  .option('--base <dir>', word('base'), '/opt/linli')
  .option('--keep <n>', word('keep'), '3')
  .option('--first', word('first'))
  .option('--data <dir>', word('data'))
  .option('--passphrase-file <file>', word('passphraseFile'))
  .option('--service <unit...>', word('services'), [])
  .option('--health-url <url>', word('health'))
  .option('--health-seconds <n>', word('healthSeconds'), '120')
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('notes')}`)
  .action(bring)
program
  .command('pack')
  .description(word('pack'))
  .option('--out <dir>', word('out'), '.')
  .option('--key <file>', word('key'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('notes')}`)
  .action(make)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`linli update: ${reasonOf(error)}\n`)
  process.exit(exitCodeOf(error))
}

async function bring(file: string, options: JobOptions & { keep: string; first?: boolean }): Promise<void> {
  const job = jobOf(options)
  if (job.publisher === undefined && !options.json) process.stderr.write(`${word('untrusted')}\n`)
  if (options.first) {
    const to = await installFirst(job, file)
    process.stdout.write(options.json ? `${JSON.stringify({ to })}\n` : `${to} ${word('runs')}\n`)
    return
  }
  const done = await update(job, file, Math.max(1, Number(options.keep) || 1))
  if (options.json) process.stdout.write(`${JSON.stringify(done)}\n`)
  else {
    process.stdout.write(`${done.to} ${word('runs')} (${done.from})\n`)
    for (const version of done.pruned) process.stdout.write(`${word('removed')}: ${version}\n`)
  }
}

async function make({ out, key, json }: { out: string; key?: string; json?: boolean }): Promise<void> {
  const { file, manifest } = await pack(APP, out, key === undefined ? undefined : readFileSync(key, 'utf8'))
  process.stdout.write(json ? `${JSON.stringify({ file, ...manifest })}\n` : `${file}\nsha256 ${manifest.sha256}\n`)
}
