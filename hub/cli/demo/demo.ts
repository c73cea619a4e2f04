import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { siteKeyFile } from '../../credentials/site-key.ts'
import { newPersonSecret } from '../../people/secret-rules.ts'
import { redacted } from '../../upstream/redacted.ts'
import { languageOf, text } from '../language.ts'
import { addCamera, cameraLine, cameraSimulation, newCameraPassword, picturesOf } from './camera.ts'
import { type Child, createChildren } from './children.ts'
import { type DistrictMessage, listenToDistrict } from './district.ts'
import {
  CREDENTIALS_CSV,
  ENTRANCE_GATEWAY,
  type EntranceSecrets,
  entranceSimulation,
  entranceWiring,
  newSecrets,
  writeSecret,
} from './entrance.ts'
import { DEMO_GATEWAYS, DEMO_SITE_TEXT, gatewayConfig, simulatorConfig } from './estate.ts'
import { readKeys } from './keys.ts'
import type { DemoOptions } from './options.ts'
import { PARK_GATEWAY, parkSimulation, parkWiring } from './park.ts'

/** The whole stack as processes, a short story, and keys to play with it. Resolves with the exit code. */
export async function runDemo(options: DemoOptions, random: () => number): Promise<number> {
  const language = languageOf(process.env)
  const say = (line: string) => {
    // With --json stdout belongs to the messages alone.
    ;(options.json ? process.stderr : process.stdout).write(`${line}\n`)
  }
  const dir = dataDir(options.data)
  const end = endSignal(options.for_s)
  const children = createChildren((name, code) => end.fire(1, `${name}: ${text('died')} (${code ?? 'signal'})`))
  const passwords = { admin: newPersonSecret(), operator: newPersonSecret(), viewer: newPersonSecret() }
  let district: ReturnType<typeof listenToDistrict> | undefined
  try {
    say(text('starting'))
    const onLine = (line: string) => district?.receive(messageOf(line))
    const standIn = options.upstream === undefined ? await startStandIn(children, onLine) : undefined
    const upstream = options.upstream ?? `mqtt://127.0.0.1:${standIn?.ready.port}`
    district = listenToDistrict({
      url: upstream,
      subscribe: standIn === undefined,
      language,
      json: options.json,
      random,
      say,
    })
    const secrets = await newSecrets()
    const camera = newCameraPassword()
    const onSimulated = (line: string) => {
      const told = options.json ? undefined : cameraLine(line, language, new Date().toLocaleTimeString('en-GB'))
      if (told !== undefined) say(told)
    }
    const sim = await startSimulator(children, dir, options, { ...secrets, camera }, onSimulated)
    await addCamera(join(dir, 'hub'), sim.ready, camera)
    const hub = await startHub(children, dir, options, upstream, passwords)
    const hubUrl = `mqtt://127.0.0.1:${hub.ready.mqttPort}`
    await Promise.all([
      ...DEMO_GATEWAYS.map(({ gateway }) => startGateway(children, dir, gateway, hubUrl, secrets)),
      enrol(children, dir),
    ])
    sayReady({ say, options, hub, upstream, passwords, dir })
    const play = () =>
      sim.process.stdin?.write(`${JSON.stringify({ do: 'scenario', steps: options.scenario.steps })}\n`)
    // A button pressed while its board still starts is seen by nobody.
    Promise.race([district.allOnline, end.fired]).then(play)
    const keys = readKeys({
      sim: (step) => sim.process.stdin?.write(`${JSON.stringify(step)}\n`),
      command: (address, name, args) => district?.command(address, name, args),
      isEvacuating: () => district?.isEvacuating() ?? false,
      upstream: standIn && restartable(children, standIn, onLine),
      say,
      quit: () => end.fire(0),
    })
    const { code, why } = await end.fired
    keys?.close()
    if (why) process.stderr.write(`${why}\n`)
    return code
  } finally {
    say(text('stopping'))
    await district?.close()
    await children.stopAll()
    if (options.data === undefined) rmSync(dir, { recursive: true, force: true })
  }
}

/** Of this run, by role, which is the name too. */
type Passwords = Record<'admin' | 'operator' | 'viewer', string>
type Children = ReturnType<typeof createChildren>

function dataDir(wanted: string | undefined): string {
  if (wanted === undefined) return mkdtempSync(join(tmpdir(), 'linli-demo-'))
  try {
    const dir = resolve(wanted)
    mkdirSync(join(dir, 'ports'), { recursive: true })
    return dir
  } catch (error) {
    throw new LinliError('DATA_UNWRITABLE', `cannot write to --data ${wanted}: ${reasonOf(error)}`, { kind: 'caller' })
  }
}

function startStandIn(children: Children, onLine: (line: string) => void, port = 0): Promise<Child> {
  return children.start('district', 'hub/broker/stand-in/main.ts', ['--print', '--port', String(port)], { onLine })
}

/** A line of the stand-in's stdout. */
function messageOf(line: string): DistrictMessage {
  const { topic, retain, payload } = JSON.parse(line) as { topic: string; retain: boolean; payload: string }
  return { topic, retain, payload: Buffer.from(payload) }
}

/** The district goes away and comes back on the same port. */
function restartable(children: Children, first: Child, onLine: (line: string) => void) {
  let current: Child | undefined = first
  return async () => {
    if (current) {
      const leaving = current
      current = undefined
      await children.stop(leaving)
      return false
    }
    current = await startStandIn(children, onLine, Number(first.ready.port))
    return true
  }
}

function startSimulator(
  children: Children,
  dir: string,
  options: DemoOptions,
  secrets: EntranceSecrets & { camera: string },
  onLine: (line: string) => void,
): Promise<Child> {
  mkdirSync(join(dir, 'ports'), { recursive: true })
  const buttons = simulatorConfig(dir, options.board)
  const entrance = entranceSimulation(dir, options.board, secrets)
  const { bus, ...park } = parkSimulation(dir)
  const config = {
    ...buttons,
    ...entrance,
    ...park,
    ...cameraSimulation(secrets.camera),
    boards: [...buttons.boards, ...entrance.boards],
    buses: [...entrance.buses, bus],
  }
  const file = writeSecret(dir, 'simulator.json', JSON.stringify(config, null, 2))
  return children.start('simulator', 'hardware-sim/main.ts', ['--config', file], { onLine })
}

function startHub(
  children: Children,
  dir: string,
  options: DemoOptions,
  upstream: string,
  passwords: Passwords,
): Promise<Child> {
  const args = [
    '--dev',
    '--data',
    join(dir, 'hub'),
    '--site',
    DEMO_SITE_TEXT,
    '--upstream',
    upstream,
    '--log-level',
    'warn',
  ]
  args.push('--mqtt-port', String(options.mqttPort), '--http-port', String(options.httpPort))
  if (!options.flows) args.push('--no-flows')
  const devPeople = Object.entries(passwords).map((one) => one.join(':'))
  const env = { LINLI_DEV_PEOPLE: devPeople.join(',') }
  return children.start('hub', 'hub/main.ts', args, { env })
}

function startGateway(
  children: Children,
  dir: string,
  gateway: string,
  hubUrl: string,
  secrets: EntranceSecrets,
): Promise<Child> {
  const buttons = gatewayConfig(dir, gateway, hubUrl)
  const atEntrance = gateway === ENTRANCE_GATEWAY ? withEntrance(buttons, dir, secrets) : buttons
  const config = gateway === PARK_GATEWAY ? withPark(buttons, dir) : atEntrance
  const file = writeSecret(dir, `${gateway}.json`, JSON.stringify(config, null, 2))
  return children.start(gateway, 'firmware/main.ts', ['--config', file, '--log-level', 'warn'])
}

function withEntrance(buttons: ReturnType<typeof gatewayConfig>, dir: string, secrets: EntranceSecrets): object {
  const entrance = entranceWiring(dir, siteKeyFile(join(dir, 'hub')), secrets)
  return {
    ...buttons,
    ...entrance,
    boards: [...buttons.boards, ...entrance.boards],
    devices: [...buttons.devices, ...entrance.devices],
  }
}

function withPark(buttons: ReturnType<typeof gatewayConfig>, dir: string): object {
  const park = parkWiring(dir)
  return { ...buttons, ...park, devices: [...buttons.devices, ...park.devices] }
}

/** Cards and plates as staff would add them; the hub brings them to the gateway. */
async function enrol(children: Children, dir: string): Promise<void> {
  const file = writeSecret(dir, 'credentials.csv', CREDENTIALS_CSV)
  const args = ['import', file, '--data', join(dir, 'hub'), '--json']
  await children.start('credential', 'hub/cli/credential/main.ts', args, { expendable: true })
  rmSync(file)
}

function sayReady(told: {
  say: (line: string) => void
  options: DemoOptions
  hub: Child
  upstream: string
  passwords: Passwords
  dir: string
}): void {
  const { say, options, hub, upstream, passwords, dir } = told
  say('')
  say(`  ${text('ready')}`)
  say(
    `  MQTT      mqtt://127.0.0.1:${hub.ready.mqttPort}   (mosquitto_sub -p ${hub.ready.mqttPort} -v -t 'linli/v1/#')`,
  )
  say(`  HTTP      http://127.0.0.1:${hub.ready.httpPort}/healthz   http://127.0.0.1:${hub.ready.httpPort}/metrics`)
  say(`  Contract  http://127.0.0.1:${hub.ready.httpPort}/contract/`)
  say(`  Pages     http://127.0.0.1:${hub.ready.httpPort}/desk/`)
  for (const [name, secret] of Object.entries(passwords)) say(`            ${name.padEnd(8)}  ${secret}`)
  if (options.flows) say(`  Flows     http://127.0.0.1:${hub.ready.httpPort}/editor/`)
  say(`  District  ${redacted(upstream)}`)
  if (options.data !== undefined) say(`  Data      ${dir}`)
  if (options.data !== undefined) say(`  Pictures  ${picturesOf(join(dir, 'hub'))}`)
  say('')
  say(`  ${text('receives')}`)
}

/** The first of: a signal, the time is over, a key, a part that died. */
function endSignal(for_s: number | undefined) {
  let fire: (code: number, why?: string) => void = () => undefined
  const fired = new Promise<{ code: number; why: string | undefined }>((done) => {
    fire = (code, why) => done({ code, why })
  })
  // `on`, not `once`: an impatient second Ctrl-C must not leave the children behind.
  process.on('SIGINT', () => fire(0))
  process.on('SIGTERM', () => fire(0))
  if (for_s !== undefined) setTimeout(() => fire(0), for_s * 1000).unref()
  return { fired, fire: (code: number, why?: string) => fire(code, why) }
}
