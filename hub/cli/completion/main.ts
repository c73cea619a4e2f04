import { writeSync } from 'node:fs'
import { Argument, Command } from 'commander'
import { languageOf } from '../language.ts'
import { SHELLS } from './render.ts'
import { readTree } from './tree.ts'

/** `linli completion`: exit codes 0 done, 2 told wrongly. */

const words = {
  about: { zh: '生成命令行补全脚本', en: 'what a shell needs to complete linli' },
  notes: {
    zh: 'bash:linli completion bash > /etc/bash_completion.d/linli\nzsh:linli completion zsh > /usr/local/share/zsh/site-functions/_linli\nfish:linli completion fish > ~/.config/fish/completions/linli.fish\njson:全部命令,供程序使用\n退出码:0 完成,2 参数有误。',
    en: 'bash: linli completion bash > /etc/bash_completion.d/linli\nzsh: linli completion zsh > /usr/local/share/zsh/site-functions/_linli\nfish: linli completion fish > ~/.config/fish/completions/linli.fish\njson: all commands, for programs\nExit codes: 0 done, 2 told wrongly.',
  },
} as const
const language = languageOf(process.env)
const end = process.exit.bind(process)

const program = new Command('linli completion')
  .description(words.about[language])
  .addArgument(new Argument('<shell>').choices([...Object.keys(SHELLS), 'json']))
  .addHelpText('after', `\n${words.notes[language]}`)
  .showHelpAfterError()
  .exitOverride((error) => end(error.exitCode === 0 ? 0 : 2))
  .parse()

const [shell] = program.args as [keyof typeof SHELLS | 'json']
const tree = await readTree(program)
// The programs that were loaded may have left things that would keep us.
writeAll(shell === 'json' ? `${JSON.stringify(tree)}\n` : SHELLS[shell](tree))
end(0)

function writeAll(text: string): void {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) at += writeSync(1, bytes, at)
}
