import { Command } from 'commander'
import programs from '../programs.json' with { type: 'json' }

/** What can be typed after `linli`, as the programs themselves define it. */
export interface Node {
  name: string
  description: string
  /** Long flags, with what they take: `file` for paths, `value` for anything else. */
  options: Array<{ flag: string; takes?: 'file' | 'value' }>
  /** Words that an argument may be. */
  choices: string[]
  children: Node[]
}

const ITSELF = 'completion'
const ROOT = new URL('../../../', import.meta.url)

/**
 * Each program is loaded up to where it reads its arguments, and stopped there: its commands are then defined, and nothing has
 * been done. This process is of no use for anything else afterwards.
 */
export async function readTree(self: Command): Promise<Node[]> {
  const trees: Node[] = []
  const say = process.stderr.write
  process.stderr.write = () => true
  for (const [name, { entry }] of Object.entries(programs)) {
    const program = name === ITSELF ? undefined : await definedBy(new URL(entry, ROOT).href)
    if (program) trees.push({ ...nodeOf(program), name })
    else if (name === ITSELF) trees.push({ ...nodeOf(self), name })
    else trees.push({ name, description: '', options: [{ flag: '--help' }], choices: [], children: [] })
  }
  process.stderr.write = say
  return trees
}

/** Undefined: it reads its arguments by other means. */
function definedBy(module: string): Promise<Command | undefined> {
  return new Promise((resolve) => {
    Command.prototype.parse = function stop(this: Command): never {
      resolve(this)
      throw new Error('stopped')
    }
    Command.prototype.parseAsync = function stop(this: Command) {
      resolve(this)
      // For ever: whoever waits for it does nothing more.
      return new Promise<never>(() => undefined)
    }
    // Some programs end by themselves when reading fails.
    process.exit = () => {
      throw new Error('stopped')
    }
    import(module).then(
      () => resolve(undefined),
      () => resolve(undefined),
    )
  })
}

function nodeOf(command: Command): Node {
  const options = command.options.flatMap(({ long, required, optional, flags }) => {
    if (!long) return []
    if (!required && !optional) return [{ flag: long }]
    return [{ flag: long, takes: /<(file|dir|device|path)/.test(flags) ? ('file' as const) : ('value' as const) }]
  })
  return {
    name: command.name(),
    description: command.description(),
    options: [...options, { flag: '--help' }],
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    children: command.commands.map(nodeOf),
  }
}
