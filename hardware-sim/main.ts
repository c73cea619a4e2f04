import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openCameras } from './cameras/onvif/cameras.ts'
import { decodeConfig } from './config.ts'
import { SimError } from './error.ts'
import type { SimEvent } from './events.ts'
import { decodeCommand } from './process/commands.ts'
import { createLineSplitter } from './process/lines.ts'
import { createPoster } from './process/poster.ts'
import { createRandom } from './random.ts'
import { decodeScenario, type Scenario } from './scenario/steps.ts'
import { createWorld, type World } from './world.ts'

const HELP = `Usage: node hardware-sim/main.ts --config FILE [--scenario FILE]

Boards with alarm buttons, doors and barriers, and buses with card readers, behind real serial ports (ptys);
plate cameras, network cameras and traffic.

  --config FILE    boards, buses and devices, JSON (see hardware-sim/README.md)
  --scenario FILE  what happens to them, JSON; starts as soon as the ports are there
  --help           this text

stdout carries one JSON object per line; stdin takes one command per line, for example
  {"do":"press","device":"b1","for_ms":200}
SIGTERM or SIGINT ends it. Exit code 0: ended as asked; 2: bad option, configuration or port.
`
const EXIT_USAGE = 2

interface Options {
  config: string
  scenario: string | undefined
}

function fail(message: string): never {
  process.stderr.write(`hardware-sim: ${message}\n`)
  process.exit(EXIT_USAGE)
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: { config: { type: 'string' }, scenario: { type: 'string' }, help: { type: 'boolean' } },
    })
    if (values.help) {
      process.stdout.write(HELP)
      process.exit(0)
    }
    if (!values.config) fail('--config FILE is missing; --help tells more')
    return { config: values.config, scenario: values.scenario }
  } catch (cause) {
    fail(`${(cause as Error).message}; --help tells more`)
  }
}

/** Reads and decodes a JSON file, or ends the process with one clear line. */
function load<T>(path: string, decode: (data: unknown) => T): T {
  try {
    return decode(JSON.parse(readFileSync(path, 'utf8')))
  } catch (cause) {
    fail(`${path}: ${(cause as Error).message}`)
  }
}

function say(event: SimEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}

/** Runs a command, and reports instead of ending when it is a bad one. */
function attempt(run: () => void): void {
  try {
    run()
  } catch (cause) {
    if (!(cause instanceof SimError)) throw cause
    say({ type: 'error', message: cause.message })
  }
}

function obey(world: World, line: string): void {
  if (line.trim() === '') return
  const command = decodeCommand(line)
  if (command.type === 'step') world.apply(command.step)
  else world.run(command.scenario)
}

function listen(world: World): void {
  const split = createLineSplitter((line) =>
    line === undefined ? say({ type: 'error', message: 'command: line too long' }) : attempt(() => obey(world, line)),
  )
  process.stdin.setEncoding('utf8')
  process.stdin.on('data', split)
  // The reader of stdin may go at any time; the simulator lives until it is told to end.
  process.stdin.on('error', () => {})
}

/** What the configuration makes impossible (a port, a missing firmware) is one clear line. */
function orFail<T>(run: () => T): T {
  try {
    return run()
  } catch (cause) {
    if (cause instanceof SimError) fail(cause.message)
    throw cause
  }
}

async function main(): Promise<void> {
  const options = readOptions()
  const config = load(options.config, decodeConfig)
  const scenario: Scenario | undefined = options.scenario ? load(options.scenario, decodeScenario) : undefined
  const post = createPoster((message) => say({ type: 'error', message }))
  const onvif = await openCameras(config, { emit: say, now_ms: Date.now }).catch((cause: unknown) =>
    orFail(() => {
      throw cause
    }),
  )
  const world = orFail(() =>
    createWorld(config, { endpoints: 'pty', random: createRandom(config.seed), emit: say, post, onvif }),
  )
  const end = () => {
    world.close()
    process.exit(0)
  }
  // Before anything is said: whoever reads `ready` may end us at once.
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  // Whoever started us is gone, or nobody hears us any more: without this the ports would outlive them.
  process.on('disconnect', end)
  process.stdout.on('error', end)
  orFail(() => world.start())
  listen(world)
  if (!scenario) return
  try {
    world.run(scenario)
  } catch (cause) {
    world.close()
    fail(`${options.scenario}: ${(cause as Error).message}`)
  }
}

await main()
