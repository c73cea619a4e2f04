import { Command } from 'commander'
import type { Place } from '../../contract/meta.ts'
import { allDevices, type Difference, findDevice, type SiteChange } from '../../site/changes.ts'
import { fail } from '../fail.ts'
import { fieldsOf } from './fields.ts'
import { askSite } from './reach.ts'
import { statusWord, word } from './words.ts'

/** `linli device`: the devices of a site. Exit codes: 0 done, 1 it failed, 2 told wrongly. */

interface Where {
  data: string
  json?: boolean
}
type PlaceOptions = Partial<Record<'building' | 'floor' | 'spot' | 'label', string>>
type Wiring = Partial<Record<'board' | 'bus' | 'chip' | 'port' | 'kind', string>> & { set: string[] }

const program = new Command('linli device').description(word('device'))
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
wired(placed(command('add <id>', 'add')).requiredOption('--gateway <id>', word('gateway')), true).action(add)
command('list', 'list').option('--gateway <id>', word('gateway')).action(list)
onDevice(command('show <device>', 'show')).action(show)
onDevice(command('rename <device> <id>', 'rename')).action(rename)
placed(onDevice(command('move <device>', 'move')).option('--gateway <id>', word('gateway'))).action(move)
wired(onDevice(command('replace <device>', 'replace')), false).action(replace)
onDevice(command('remove <device>', 'remove')).action(remove)

try {
  await program.parseAsync()
} catch (error) {
  fail('device', error)
}

function command(name: string, key: Parameters<typeof word>[0]): Command {
  return program
    .command(name)
    .description(word(key))
    .requiredOption('--data <dir>', word('data'))
    .option('--json', word('json'))
}

function onDevice(one: Command): Command {
  return one.addHelpText('after', `\n<device>: ${word('deviceName')}`)
}

function placed(one: Command): Command {
  return one
    .option('--building <name>', word('building'))
    .option('--floor <name>', word('floor'))
    .option('--spot <name>', word('spot'))
    .option('--label <name>', word('label'))
}

function wired(one: Command, isNew: boolean): Command {
  const kind = `${word('kind')}: alarm-button, door, barrier, park-sensor`
  return (isNew ? one.requiredOption('--kind <kind>', kind) : one.option('--kind <kind>', kind))
    .option('--board <id>', `${word('carrier')} board`)
    .option('--bus <id>', `${word('carrier')} bus`)
    .option('--chip <id>', `${word('carrier')} chip`)
    .option('--port <path>', word('port'))
    .option('--set <name=value>', word('set'), (one: string, all: string[]) => [...all, one], [])
}

async function add(id: string, options: Where & PlaceOptions & Wiring & { gateway: string }): Promise<void> {
  const fields = { id, place: placeOf(options), ...wiringOf(options) }
  await change(options, { do: 'add', gateway: options.gateway, fields, ...portOf(options) })
}

async function rename(device: string, to: string, options: Where): Promise<void> {
  await change(options, { do: 'rename', device, to })
}

async function move(device: string, options: Where & PlaceOptions & { gateway?: string }): Promise<void> {
  const { gateway } = options
  await change(options, { do: 'move', device, place: placeOf(options), ...(gateway === undefined ? {} : { gateway }) })
}

async function replace(device: string, options: Where & Wiring): Promise<void> {
  await change(options, { do: 'replace', device, fields: wiringOf(options), ...portOf(options) })
}

async function remove(device: string, options: Where): Promise<void> {
  await change(options, { do: 'remove', device })
}

async function change(options: Where, asked: SiteChange): Promise<void> {
  const answer = await askSite(options.data, { type: 'site-change', change: asked })
  if (options.json) return print(answer.difference)
  for (const line of differenceLines(answer.difference)) process.stdout.write(`${line}\n`)
}

function differenceLines({ added, changed, removed }: Difference): string[] {
  const lines = [
    ...added.map((name) => `${word('added')}: ${name}`),
    ...changed.map((name) => `${word('changed')}: ${name}`),
    ...removed.map((name) => `${word('removed')}: ${name}`),
  ]
  return lines.length > 0 ? lines : [word('nothing')]
}

async function list(options: Where & { gateway?: string }): Promise<void> {
  const { config, gateways } = await read(options)
  const devices = allDevices(config)
    .filter(({ gateway }) => options.gateway === undefined || gateway === options.gateway)
    .map(({ gateway, device }) => ({ gateway, ...device }))
  if (options.json) return print({ devices, ...(gateways ? { gateways } : {}) })
  if (devices.length === 0) process.stdout.write(`${word('none')}\n`)
  const rows = devices.map(({ gateway, id, kind, place }) => [`${gateway}/${id}`, kind, placeText(place)])
  const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  const [first, second] = [width(0), width(1)]
  for (const [name = '', kind = '', place = ''] of rows)
    process.stdout.write(`${name.padEnd(first)}  ${kind.padEnd(second)}  ${place}`.trimEnd().concat('\n'))
  for (const [gateway, { status, version, error }] of Object.entries(gateways ?? {})) {
    const said = [
      `${gateway}:`,
      statusWord(status),
      ...(version === undefined ? [] : [`(${word('version')} ${version})`]),
    ]
    process.stdout.write(`${said.join(' ')}${error ? `: ${error.message}` : ''}\n`)
  }
}

async function show(name: string, options: Where): Promise<void> {
  const found = findDevice((await read(options)).config, name)
  if (!found.ok) throw found.error
  const { gateway, device } = found.value
  if (options.json) return print({ gateway, ...device })
  process.stdout.write(`${JSON.stringify({ gateway, ...device }, null, 2)}\n`)
}

async function read({ data }: Where) {
  const { config, mistake, gateways } = await askSite(data, { type: 'site-read' })
  if (mistake !== undefined) process.stderr.write(`linli device: ${mistake}\n`)
  return { config, gateways }
}

function placeOf({ building, floor, spot, label }: PlaceOptions): Place {
  const all = { building, floor, spot, label }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

function placeText({ building, floor, spot, label }: Place): string {
  return [label, building, floor, spot].filter((one) => one !== undefined).join(' · ')
}

function wiringOf({ kind, board, bus, chip, set }: Wiring): Record<string, unknown> {
  const named = Object.entries({ kind, board, bus, chip }).filter(([, value]) => value !== undefined)
  return { ...Object.fromEntries(named), ...fieldsOf(set) }
}

function portOf({ port }: Wiring): { port?: string } {
  return port === undefined ? {} : { port }
}

function print(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}
