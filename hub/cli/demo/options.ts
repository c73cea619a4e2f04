import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { port, upstreamUrl } from '../../config.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { text } from '../language.ts'
import { DEMO_SCENARIO } from './scenario.ts'

export interface DemoOptions {
  upstream: string | undefined
  mqttPort: number
  httpPort: number
  data: string | undefined
  board: 'protocol' | 'firmware'
  scenario: { name?: string; steps: unknown[] }
  for_s: number | undefined
  json: boolean
  flows: boolean
}

/** Reads the command line; ends the process with 2 after one clear line when it is wrong. */
export function demoOptions(argv: string[]): DemoOptions {
  const program = new Command('linli demo')
    .description(text('demoAbout'))
    .option('--upstream <url>', text('optUpstream'))
    .option('--mqtt-port <n>', text('optMqttPort'), '1883')
    .option('--http-port <n>', text('optHttpPort'), '8080')
    .option('--data <dir>', text('optData'))
    .option('--board <kind>', text('optBoard'), 'protocol')
    .option('--scenario <file>', text('optScenario'))
    .option('--for <seconds>', text('optFor'))
    .option('--json', text('optJson'))
    .option('--no-flows', text('optNoFlows'))
    .addHelpText('after', `\n${text('keys')}`)
    .showHelpAfterError()
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
    .parse(argv)
  const given = program.opts<Record<string, string> & { json?: boolean; flows: boolean }>()
  const { board = '', upstream, data, scenario } = given
  if (board !== 'protocol' && board !== 'firmware') throw bad(`--board is ${board}; allowed: protocol, firmware`)
  const seconds = given.for === undefined ? undefined : Number(given.for)
  if (seconds !== undefined && !(seconds > 0)) throw bad(`--for is ${given.for}; give a number of seconds above 0`)
  return {
    upstream: upstream === undefined ? undefined : upstreamUrl(upstream),
    mqttPort: port('--mqtt-port', given.mqttPort ?? ''),
    httpPort: port('--http-port', given.httpPort ?? ''),
    data,
    board,
    scenario: scenario === undefined ? DEMO_SCENARIO : readScenario(scenario),
    for_s: seconds,
    json: given.json === true,
    flows: given.flows,
  }
}

/** The steps are checked by the simulator, which knows them; here only that it is a scenario at all. */
function readScenario(file: string): { steps: unknown[] } {
  let parsed: unknown
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw bad(`--scenario: cannot read ${file}: ${reasonOf(error)}`)
  }
  if (typeof parsed !== 'object' || parsed === null || !Array.isArray((parsed as { steps?: unknown }).steps)) {
    throw bad(`--scenario: ${file} has no "steps" list; see hardware-sim/README.md`)
  }
  return parsed as { steps: unknown[] }
}

function bad(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
