import { Command } from 'commander'
import { checkDataDir } from '../credential/reach.ts'
import { fail } from '../fail.ts'
import { makeBackup } from './make.ts'
import { passphraseOf } from './passphrase.ts'
import { progressBar } from './progress.ts'
import { word } from './words.ts'

/** `linli backup`: exit codes 0 done, 1 it failed, 2 told wrongly. */

const program = new Command('linli backup')
  .description(word('backup'))
  .requiredOption('--data <dir>', word('data'))
  .requiredOption('--out <file>', word('out'))
  .option('--passphrase-file <file>', word('passphraseFile'))
  .option('--with-history', word('withHistory'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('notes')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

const bar = progressBar(process.stderr, () => performance.now())
try {
  const options = program.opts<{
    data: string
    out: string
    passphraseFile?: string
    withHistory?: boolean
    json?: boolean
  }>()
  checkDataDir(options.data)
  const passphrase = await passphraseOf(options.passphraseFile, true)
  const made = await makeBackup(options.data, options.out, {
    passphrase,
    progress: bar.at,
    history: options.withHistory === true,
  })
  bar.end()
  if (options.json) process.stdout.write(`${JSON.stringify({ file: options.out, ...made })}\n`)
  else {
    process.stdout.write(`${word('made')}: ${options.out}, ${made.files} ${word('files')}, ${made.bytes} B\n`)
    for (const path of made.skipped) process.stdout.write(`${word('skipped')}: ${path}\n`)
  }
} catch (error) {
  bar.end()
  fail('backup', error)
}
