import { Command, InvalidArgumentError } from 'commander'
import { reasonOf } from '../../hub/contract/errors.ts'
import { createSerialBytePort } from '../adapters/serialport.ts'
import { readProfiles } from '../drivers/park-sensor/profile/folder.ts'
import { type LineSettings, openLine } from './line.ts'
import { type FoundUnit, type ScanProgress, scan } from './scan.ts'
import { setAddress } from './set-address.ts'
import { refusalText, word } from './words.ts'

/** `linli bus`: an installer's look at a Modbus line. Exit codes: 0 done, 1 nothing found or it failed, 2 told wrongly. */

/** What sensors and modules leave the factory with, the commonest first. */
const BAUDS = [9600, 4800, 19_200, 38_400, 115_200]
const TIMEOUT_MS = 100
const UNIT_MAX = 247
const BAR_CHARACTERS = 24

interface Common {
  port: string
  parity?: Array<LineSettings['parity']>
  timeout: number
  profiles?: string
  json?: boolean
}

const program = new Command('linli bus').description(
  'a Modbus line by hand; stop the gateway before / 手动检查 Modbus 总线;请先停止网关',
)
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
command('scan', 'find units by address and speed, and say what each probably is / 按地址与波特率查找设备并识别')
  .option('--units <list>', 'addresses, e.g. 1-32,100 (all) / 地址(默认全部)', units)
  .option('--bauds <list>', `speeds, in this order (${BAUDS.join(',')}) / 波特率`, bauds)
  .action(onScan)
command('set-address', 'give a unit another address / 修改设备地址')
  .requiredOption('--from <unit>', 'its address now / 现地址', unit)
  .requiredOption('--to <unit>', 'its new address / 新地址', unit)
  .option('--baud <baud>', 'speed of the line / 波特率', baud, BAUDS[0])
  .option('--profile <name>', 'what it is, if it cannot be told / 设备档案')
  .option('--register <address>', 'the holding register that holds its address, from 0 / 地址寄存器', register)
  .option('--multiple', 'write with function 16 / 用功能码 16 写入')
  .action(onSetAddress)

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`linli bus: ${reasonOf(error)}\n`)
  process.exit(1)
}

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--port <path>', 'serial port, e.g. /dev/serial/by-id/… / 串口')
    .option('--parity <list>', 'none, even, odd (none) / 校验', parities)
    .option('--timeout <ms>', 'for the first byte of a reply / 应答超时', timeout, TIMEOUT_MS)
    .option('--profiles <folder>', 'your own profiles beside those of Linli / 自有设备档案目录')
    .option('--json', 'JSON on stdout')
}

async function onScan(options: Common & { units?: number[]; bauds?: number[] }): Promise<void> {
  const profiles = readProfiles(options.profiles)
  const bar = createBar()
  const { found, echo } = await scan(
    { openPort: createSerialBytePort, profiles, onProgress: bar.show },
    {
      path: options.port,
      units: options.units ?? units(`1-${UNIT_MAX}`),
      bauds: options.bauds ?? BAUDS,
      parities: options.parity ?? ['none'],
      timeout_ms: options.timeout,
    },
  ).finally(bar.end)
  if (options.json) process.stdout.write(`${JSON.stringify({ units: found, echo })}\n`)
  else {
    const named = (name: string) => `${profiles.get(name)?.maker} ${profiles.get(name)?.model} (${name})`
    process.stdout.write(found.map((one) => `${lineOf(one, named)}\n`).join(''))
    if (echo) process.stdout.write(`${word('echo')}\n`)
    if (found.length === 0) process.stderr.write(`${word('nobody')}\n`)
  }
  process.exitCode = found.length === 0 ? 1 : 0
}

function lineOf(
  { unit: number, baud: speed, parity, answer, profiles, doubled }: FoundUnit,
  named: (name: string) => string,
) {
  const what = profiles.length === 0 ? word('unknown') : `${word('probably')} ${profiles.map(named).join(' / ')}`
  const said = answer === 'unreadable' ? word('unreadable') : what
  return [
    String(number).padStart(3),
    String(speed).padStart(6),
    parity,
    said,
    ...(doubled ? [word('doubled')] : []),
  ].join('  ')
}

/** On a terminal a bar that moves; elsewhere a line for each speed. */
function createBar() {
  const isTerminal = process.stderr.isTTY === true
  let last = ''
  return {
    show({ baud: speed, parity, unit: number, share, found }: ScanProgress): void {
      const full = Math.round(share * BAR_CHARACTERS)
      const bar = `${'█'.repeat(full)}${'░'.repeat(BAR_CHARACTERS - full)}`
      const at = `${speed} ${parity}`
      if (isTerminal) process.stderr.write(`\r${bar} ${Math.round(share * 100)} %  ${at}  ${number}  (${found}) `)
      else if (at !== last) process.stderr.write(`${at} …\n`)
      last = at
    },
    end(): void {
      if (isTerminal) process.stderr.write('\r\u001b[K')
    },
  }
}

async function onSetAddress(
  options: Common & { from: number; to: number; baud: number; profile?: string; register?: number; multiple?: boolean },
): Promise<void> {
  const {
    from,
    to,
    profile,
    register: place,
    multiple,
    port: path,
    parity = [],
    timeout: timeout_ms,
    baud: speed,
  } = options
  const profiles = readProfiles(options.profiles)
  const line = await openLine(createSerialBytePort, { path, baud: speed, parity: parity[0] ?? 'none', timeout_ms })
  const outcome = await setAddress(line, profiles, {
    from,
    to,
    ...(profile === undefined ? {} : { profile }),
    ...(place === undefined ? {} : { register: place }),
    ...(multiple ? { multiple } : {}),
  }).finally(() => line.close())
  if (options.json) process.stdout.write(`${JSON.stringify(outcome)}\n`)
  else if (outcome.ok) process.stdout.write(`${from} → ${to}  ${word('done')}\n`)
  else process.stderr.write(`linli bus: ${refusalText(outcome.reason, outcome.detail)}\n`)
  process.exitCode = outcome.ok ? 0 : outcome.reason === 'unknown-profile' ? 2 : 1
}

function whole(text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isInteger(value) || value < min || value > max)
    throw new InvalidArgumentError(`is ${text}; give a whole number from ${min} to ${max}`)
  return value
}

function unit(text: string): number {
  return whole(text, 1, UNIT_MAX)
}

function register(text: string): number {
  return whole(text, 0, 0xffff)
}

function timeout(text: string): number {
  return whole(text, 10, 5000)
}

function baud(text: string): number {
  return whole(text, 300, 1_000_000)
}

function bauds(text: string): number[] {
  return text.split(',').map(baud)
}

function units(text: string): number[] {
  const all = text.split(',').flatMap((part) => {
    const [first = '', last = first] = part.split('-')
    const [from, to] = [unit(first), unit(last)]
    if (to < from) throw new InvalidArgumentError(`${part}: the first is above the last`)
    return Array.from({ length: to - from + 1 }, (_, index) => from + index)
  })
  return [...new Set(all)]
}

function parities(text: string): Array<LineSettings['parity']> {
  return text.split(',').map((one) => {
    if (one === 'none' || one === 'even' || one === 'odd') return one
    throw new InvalidArgumentError(`is ${one}; allowed: none, even, odd`)
  })
}
