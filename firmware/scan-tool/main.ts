import { Command, InvalidArgumentError } from 'commander'
import { reasonOf } from '../../hub/contract/errors.ts'
import { openGpioKernel } from '../adapters/gpio/kernel.ts'
import { createSerialBytePort } from '../adapters/serialport.ts'
import { DISCOVERY_MS, discoverCameras, type FoundCamera, type Target } from '../adapters/ws-discovery.ts'
import { type FoundUnit, scan } from '../bus-tool/scan.ts'
import { readProfiles } from '../drivers/park-sensor/profile/folder.ts'
import { type FoundChip, gpioChips } from './chips.ts'
import { askFirmata, type FoundBoard } from './firmata.ts'
import { type SerialLine, serialLines } from './lines.ts'
import { word } from './words.ts'

/** `linli scan`: what is plugged in. Exit codes: 0 something was found, 1 nothing was, 2 told wrongly. */

const PARTS = ['boards', 'buses', 'chips', 'cameras'] as const
type Part = (typeof PARTS)[number]

interface Options {
  port?: string[]
  camera?: Target[]
  only?: Part[]
  deep?: boolean
  json?: boolean
}

/** What installers set; `--deep` and `linli bus scan` ask for the rest. */
const BUS_LIGHT = { units: range(1, 16), bauds: [9600, 4800] }
const BUS_DEEP = { units: range(1, 247), bauds: [9600, 4800, 19_200, 38_400, 115_200] }
const BUS_TIMEOUT_MS = 100
/** Speed of a bus in the site when nothing is said. */
const BUS_BAUD = 9600
const CAMERA_PORT = 3702

interface Found {
  boards: Array<FoundBoard & { path: string }>
  buses: Array<{ path: string; units: FoundUnit[] }>
  chips: FoundChip[]
  cameras: FoundCamera[]
  /** Lines where nothing was found, with why. */
  lines: Array<SerialLine & { error?: string }>
}

const repeated = (one: string, all: string[] = []) => [...all, one]

const options = new Command('linli scan')
  .description(word('about'))
  .option('--port <path>', word('port'), repeated)
  .option('--camera <host>', word('camera'), (text: string, all: Target[] = []) => [...all, target(text)])
  .option('--only <parts>', word('only'), parts)
  .option('--deep', word('deep'))
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('codes')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()
  .opts<Options>()

const found = await look(options)
if (options.json) process.stdout.write(`${JSON.stringify(found)}\n`)
else process.stdout.write(table(found, options.only ?? PARTS))
const { boards, buses, chips, cameras } = found
process.exit(boards.length + buses.length + chips.length + cameras.length > 0 ? 0 : 1)

async function look({ port = [], camera = [], only = [...PARTS], deep }: Options): Promise<Found> {
  const found: Found = { boards: [], buses: [], chips: [], cameras: [], lines: [] }
  const wants = (part: Part) => only.includes(part)
  // The network answers while lines are asked.
  const cameras = wants('cameras')
    ? discoverCameras(camera, ({ name }) => say(word('cameras'), name), DISCOVERY_MS)
    : []
  if (wants('chips')) found.chips = await openGpioKernel().then(gpioChips, () => [])
  const lines = wants('boards') || wants('buses') ? serialLines('/', port) : []
  for (const line of lines) {
    if (line.usedBy) found.lines.push(line)
    else
      await askLine(found, line, wants, deep === true).catch((error) =>
        found.lines.push({ ...line, error: reasonOf(error) }),
      )
  }
  found.cameras = await cameras
  say('', '')
  return found
}

async function askLine(found: Found, line: SerialLine, wants: (part: Part) => boolean, deep: boolean): Promise<void> {
  const { path } = line
  if (wants('boards')) {
    say(word('boards'), path)
    const board = await askFirmata(createSerialBytePort, path)
    if (board) return void found.boards.push({ path, ...board })
  }
  if (wants('buses')) {
    const { found: units } = await scan(
      {
        openPort: createSerialBytePort,
        profiles: readProfiles(undefined),
        onProgress: ({ share, baud, unit }) =>
          say(word('buses'), `${path}  ${Math.round(share * 100)} %  ${baud} ${unit}`),
      },
      { path, ...(deep ? BUS_DEEP : BUS_LIGHT), parities: ['none'], timeout_ms: BUS_TIMEOUT_MS },
    )
    if (units.length > 0) return void found.buses.push({ path, units })
  }
  found.lines.push(line)
}

/** On a terminal, over the line before; nothing elsewhere. */
function say(what: string, detail: string): void {
  if (process.stderr.isTTY)
    process.stderr.write(`\r\u001b[K${what === '' ? '' : `${word('looking')} ${what}: ${detail}`}`)
}

function table(all: Found, only: readonly Part[]): string {
  const sections: Array<[string, string[]]> = [
    [word('boards'), all.boards.map(boardLine)],
    [word('buses'), all.buses.flatMap(({ path, units }) => units.map((unit) => unitLine(path, unit)))],
    [word('chips'), all.chips.map(chipLine)],
    [word('cameras'), all.cameras.map(cameraLine)],
  ]
  const wanted = sections.filter((_section, index) => only.includes(PARTS[index] as Part))
  const lines = all.lines.map(({ path, usedBy, error }) => {
    const why = usedBy ? `${word('usedBy')} ${usedBy.program} (${usedBy.pid})` : (error ?? word('silent'))
    return `  ${path}  ${why}`
  })
  return [...wanted, ...(lines.length > 0 ? [[word('lines'), lines] as const] : [])]
    .map(([title, rows]) => `${title}\n${rows.length > 0 ? rows.join('\n') : `  ${word('none')}`}\n`)
    .join('')
}

function boardLine({ path, firmware, version }: Found['boards'][number]): string {
  return `  ${path}  ${firmware} ${version}\n    ${word('use')}: --board BOARD --port ${path}`
}

function unitLine(path: string, { unit, baud, profiles }: FoundUnit): string {
  const [profile] = profiles
  const named = profiles.length === 0 ? word('unknown') : profiles.join(' / ')
  const set = [`unit=${unit}`, ...(profile === undefined ? [] : [`profile=${profile}`])].map((one) => `--set ${one}`)
  // The line's speed is not the device's: it stands in site.json.
  const speed = baud === BUS_BAUD ? '' : `  ("baud": ${baud})`
  return `  ${path}  ${word('unit')} ${unit}  ${baud}  ${named}\n    ${word('use')}: --bus BUS --port ${path} ${set.join(' ')}${speed}`
}

function chipLine({ path, label, lines, isHeader }: FoundChip): string {
  if (label === undefined) return `  ${path}  ${word('forbidden')}`
  return `  ${path}  ${label}  ${lines} ${word('linesCount')}\n    ${word('use')}: --chip ${isHeader ? 'header' : label}`
}

function cameraLine({ name, hardware, addresses }: FoundCamera): string {
  return `  ${[name, hardware].filter((one) => one !== '').join('  ')}  ${addresses.join(' ')}`
}

function parts(text: string): Part[] {
  return text.split(',').map((one) => {
    const part = PARTS.find((known) => known === one)
    if (part === undefined) throw new InvalidArgumentError(`is ${one}; allowed: ${PARTS.join(', ')}`)
    return part
  })
}

function target(text: string): Target {
  const [, address = '', port = String(CAMERA_PORT)] = /^([A-Za-z0-9.-]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (address === '' || Number(port) < 1 || Number(port) > 65_535)
    throw new InvalidArgumentError(`is ${text}; give a host, or host:port`)
  return { address, port: Number(port) }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}
