import { Command } from 'commander'
import { restoreBackup } from '../backup/make.ts'
import { passphraseOf } from '../backup/passphrase.ts'
import { progressBar } from '../backup/progress.ts'
import { word } from '../backup/words.ts'
import { fail } from '../fail.ts'

/** `linli restore`: exit codes 0 done, 1 it failed, 2 told wrongly, wrong passphrase or damaged backup. */

const program = new Command('linli restore')
  .description(word('restore'))
  .argument('<file>', word('out'))
  .requiredOption('--data <dir>', word('newData'))
  .option('--passphrase-file <file>', word('passphraseFile'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('notes')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

const bar = progressBar(process.stderr, () => performance.now())
try {
  const options = program.opts<{ data: string; passphraseFile?: string; json?: boolean }>()
  const passphrase = await passphraseOf(options.passphraseFile, false)
  const done = await restoreBackup(program.args[0] ?? '', options.data, { passphrase, progress: bar.at })
  bar.end()
  const { files, made } = done
  if (options.json) process.stdout.write(`${JSON.stringify({ data: options.data, files, made })}\n`)
  else process.stdout.write(`${word('restored')}: ${options.data}, ${files} ${word('files')}, ${made}\n`)
} catch (error) {
  bar.end()
  fail('restore', error)
}
