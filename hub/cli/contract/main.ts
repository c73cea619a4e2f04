import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { publishedFileList } from '../../contract/published.ts'

/** `linli contract`: what a hub serves under `/contract/`, without a hub. */

const program = new Command('linli contract')
  .description(
    'The contract of a hub: AsyncAPI document and JSON Schemas. Prints one file, or saves all / 枢纽接口契约:打印一个文件或全部导出',
  )
  .argument('[file]', 'what to print, see --list / 要打印的文件', 'asyncapi.json')
  .option('--list', 'names of all files / 列出所有文件')
  .option('--out <dir>', 'save all files there / 全部导出到目录')
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

try {
  run(program.args[0] ?? 'asyncapi.json', program.opts<{ list?: boolean; out?: string }>())
} catch (error) {
  process.stderr.write(`linli contract: ${reasonOf(error)}\n`)
  process.exit(2)
}

function run(name: string, { list, out }: { list?: boolean; out?: string }): void {
  const files = publishedFileList()
  if (list) {
    process.stdout.write(files.map(({ path }) => `${path}\n`).join(''))
  } else if (out !== undefined) {
    for (const file of files) {
      const target = join(out, file.path)
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, file.read())
    }
    process.stdout.write(`${out}: ${files.length} files\n`)
  } else {
    const file = files.find(({ path }) => path === name || path === `schemas/${name}.json`)
    if (!file) throw new LinliError('OPTION_INVALID', `there is no file ${name}; see --list`, { kind: 'caller' })
    process.stdout.write(file.read())
  }
}
