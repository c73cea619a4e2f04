import { randomInt } from 'node:crypto'
import { Command, InvalidArgumentError } from 'commander'
import { createGpioChip } from '../adapters/gpio/chip.ts'
import { openGpioKernel } from '../adapters/gpio/kernel.ts'
import { silentLogger } from '../ports/logger.ts'
import { checkLines } from './check.ts'

/** `linli gpio`: the lines of a box, tried by hand. Exit codes: 0 all moved, 1 something did not, 2 told wrongly. */

const ON_MS = 1000

const program = new Command('linli gpio')
  .description(
    'Tries GPIO lines: tells every edge of inputs, switches outputs on for a second. Stop the gateway before.',
  )
  .option('--chip <name>', 'header (the 40 pins of a Pi), a label, or e.g. gpiochip0', 'header')
  .option('--watch <lines>', 'inputs, e.g. 17,27', lines, [])
  .option('--switch <lines>', 'outputs, e.g. 24', lines, [])
  .option('--seconds <count>', 'how long edges are told', seconds, 20)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
const options = program.opts<{ chip: string; watch: number[]; switch: number[]; seconds: number }>()
if (options.watch.length + options.switch.length === 0) {
  process.stderr.write('linli gpio: name lines with --watch or --switch; --help tells more\n')
  process.exit(2)
}

const chip = createGpioChip(
  { openKernel: openGpioKernel, random: () => randomInt(2 ** 32) / 2 ** 32, log: silentLogger },
  { id: options.chip },
)
const check = { watch: options.watch, switch: options.switch, time_ms: options.seconds * 1000, on_ms: ON_MS }
const good = await checkLines(chip, check, (line) => process.stdout.write(`${line}\n`))
process.exit(good ? 0 : 1)

function lines(text: string): number[] {
  const all = text.split(',').map(Number)
  if (all.some((line) => !Number.isInteger(line) || line < 0)) throw new InvalidArgumentError('give numbers: 17,27')
  return all
}

function seconds(text: string): number {
  const count = Number(text)
  if (!(count > 0 && count <= 3600)) throw new InvalidArgumentError('give seconds, at most 3600')
  return count
}
