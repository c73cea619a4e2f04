import { Command } from 'commander'
import { LinliError } from '../../contract/errors.ts'
import { fail } from '../fail.ts'
import { type Examined, examine, LEVELS, type Level } from './finding.ts'
import { type Examination, gatewayExamination, hubExamination } from './patient.ts'
import { language, word } from './words.ts'

/** `linli doctor`: exit codes 0 no errors, 1 errors were found, 2 told wrongly. */

interface Options {
  data?: string
  gatewayConfig?: string
  json?: boolean
}

const program = new Command('linli doctor')
  .description(word('about'))
  .option('--data <dir>', word('data'))
  .option('--gateway-config <file>', word('gateway'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('codes')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

try {
  const options: Options = program.opts()
  const { patient, probes } = await chosen(options)
  const found = await examine(probes, patient)
  const count = (level: Level) => found.filter((one) => one.level === level).length
  const counts = Object.fromEntries(LEVELS.map((level) => [level, count(level)]))
  const text = options.json ? `${JSON.stringify({ ...counts, findings: found.map(told) })}\n` : lines(found)
  // Not left to end by itself: what a probe has given up on may go on for minutes.
  process.stdout.write(text, () => process.exit(count('error') > 0 ? 1 : 0))
} catch (error) {
  fail('doctor', error)
}

function chosen({ data, gatewayConfig }: Options): Promise<Examination> {
  if (data !== undefined && gatewayConfig === undefined) return hubExamination(data)
  if (gatewayConfig !== undefined && data === undefined) return gatewayExamination(gatewayConfig)
  throw new LinliError('OPTION_INVALID', word('one'), { kind: 'caller' })
}

function told({ probe, level, code, says, advice }: Examined) {
  return { probe, level, code, message: says[language], ...(advice ? { advice: advice[language] } : {}) }
}

function lines(found: readonly Examined[]): string {
  const text = found.map((one) => {
    const { probe, level, code, message, advice } = told(one)
    const todo = advice === undefined ? '' : `\n    ${word('todo')}: ${advice}`
    return `${word(level)}  ${probe}: ${message}${level === 'ok' ? '' : `  [${code}]`}${todo}`
  })
  const counts = LEVELS.map((level) => `${word(level)} ${found.filter((one) => one.level === level).length}`)
  return `${[...text, '', counts.join(', ')].join('\n')}\n`
}
