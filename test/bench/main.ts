import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { type Bench, createFolders, type Findings, type Measurement } from './bench.ts'
import { card } from './card.ts'
import { credentials } from './credentials.ts'
import { desk } from './desk.ts'
import { detectors } from './detectors.ts'
import { drain } from './drain.ts'
import { frozen } from './frozen.ts'
import { fuzz } from './fuzz.ts'
import { hanging } from './hanging.ts'
import { history } from './history.ts'
import { describeMachine } from './host.ts'
import { idle } from './idle.ts'
import { incidents } from './incidents.ts'
import { journal } from './journal.ts'
import { kill } from './kill.ts'
import { latency } from './latency.ts'
import { memory } from './memory.ts'
import { modbus } from './modbus.ts'
import { mosquittoPath, mosquittoVersion } from './mosquitto.ts'
import { outage } from './outage.ts'
import { pi } from './pi.ts'
import { press } from './press.ts'
import { queue } from './queue.ts'
import { rate } from './rate.ts'
import { readers } from './readers.ts'
import { markdown, type Report } from './report.ts'
import { season } from './season.ts'
import { sheet } from './sheet.ts'
import { writes } from './writes.ts'

/** `npm run bench`: Linli beside mosquitto and its bridge, in one run on one machine. */

const MEASUREMENTS: Record<string, Measurement> = {
  latency,
  rate,
  writes,
  journal,
  press,
  memory,
  outage,
  drain,
  kill,
  readers,
  card,
  credentials,
  history,
  detectors,
  season,
  modbus,
  queue,
  fuzz,
  idle,
  frozen,
  hanging,
  sheet,
  desk,
  incidents,
  pi,
}
/** A quarter of an hour by itself: measured only when it is named. */
const LONG = 'season'
/** Needs to be allowed to make a control group. */
const PRIVILEGED = 'pi'
const usual = Object.keys(MEASUREMENTS).filter((name) => name !== LONG && name !== PRIVILEGED)
/** A bench that takes longer hangs. */
const LIMIT_MS = { full: 30 * 60_000, quick: 6 * 60_000, season: 120 * 60_000 }
/** Children that do not end within this are killed when this process exits. */
const CLOSE_LIMIT_MS = 15_000
const FSYNCS = { full: 500, quick: 50 }

interface Options {
  quick?: boolean
  only: string[]
  json?: string
  dir: string
  profile?: string
}

const options = new Command('bench')
  .description('Measures Linli beside mosquitto with its own bridge. Progress on stderr, a Markdown report on stdout.')
  .option(
    '--quick',
    'few events and rounds, two minutes or so on a quiet machine: shows that it runs, its figures are rough',
  )
  .option('--only <names>', `comma-separated, of: ${Object.keys(MEASUREMENTS).join(', ')}`, names, usual)
  .option('--json <file>', 'also write all figures to this file')
  .option('--dir <dir>', 'where the data folders go: the disk under test', tmpdir())
  .option('--profile <dir>', 'CPU profiles of the hub go here, one per measurement and thread')
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Options>()

const base = dataFolder(options.dir)
const closers: Bench['closers'] = []
let ending = false
let failed: (error: Error) => void = () => undefined
const failure = new Promise<never>((_, reject) => {
  failed = reject
})
failure.catch(() => undefined)

process.on('exit', () => rmSync(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => failed(new Interrupted(signal)))
process.on('uncaughtException', (error) => failed(error))
process.on('unhandledRejection', (error) => failed(error instanceof Error ? error : new Error(String(error))))

class Interrupted extends Error {}

try {
  await Promise.race([run(), failure])
} catch (error) {
  const wanted = error instanceof Interrupted
  say(wanted ? `interrupted by ${error.message}` : `failed: ${error instanceof Error ? error.stack : String(error)}`)
  process.exitCode = wanted ? 130 : 1
}
ending = true
await closeAll()
process.exit()

async function run(): Promise<void> {
  const quick = options.quick === true
  const limit = setTimeout(
    () => failed(new Error('the bench takes too long; something hangs')),
    LIMIT_MS[quick ? 'quick' : options.only.includes(LONG) ? 'season' : 'full'],
  )
  const mosquitto = mosquittoPath()
  if (mosquitto === undefined) say('mosquitto is not installed: nothing to compare with (apt-get install mosquitto)')
  const report: Report = {
    machine: describeMachine(base, quick ? FSYNCS.quick : FSYNCS.full),
    quick,
    mosquitto: mosquitto === undefined ? undefined : mosquittoVersion(mosquitto),
    findings: new Map<string, Findings>(),
  }
  const bench: Bench = {
    quick,
    folder: createFolders(base),
    say,
    mosquitto,
    profile: options.profile,
    fail: (error) => {
      if (!ending) failed(error)
    },
    closers,
  }
  for (const name of options.only) {
    const measure = MEASUREMENTS[name] as Measurement
    report.findings.set(name, await measure(bench))
    await closeAll()
  }
  clearTimeout(limit)
  process.stdout.write(markdown(report))
  if (options.json !== undefined) {
    const findings = Object.fromEntries(report.findings)
    writeFileSync(options.json, `${JSON.stringify({ ...report, findings }, null, 2)}\n`)
  }
}

/** Ends what a measurement started, in reverse order; what does not end is killed when this process exits. */
async function closeAll(): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_LIMIT_MS)
  })
  const closing = (async () => {
    for (let close = closers.pop(); close; close = closers.pop()) await close()
  })()
  await Promise.race([closing, late])
  clearTimeout(timer)
}

/** Exits with 2 and one clear line when nothing can be written there. */
function dataFolder(dir: string): string {
  try {
    return mkdtempSync(join(dir, 'linli-bench-'))
  } catch (error) {
    say(`--dir is ${dir}, where no folder can be made: ${(error as Error).message}`)
    process.exit(2)
  }
}

function names(text: string): string[] {
  const wanted = text.split(',').map((name) => name.trim())
  const unknown = wanted.find((name) => !(name in MEASUREMENTS))
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`"${unknown}" is unknown; allowed: ${Object.keys(MEASUREMENTS).join(', ')}`)
  }
  return wanted
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`)
}
