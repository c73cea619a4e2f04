import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import type { HubState } from '../../hub/contract/hub.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import { SITE, SITE_TEXT, WAIT } from '../support/estate.ts'
import { type Program, startProgram } from '../support/program.ts'

/** The evacuation of an estate of two gateways with a door each: one is dead at the time, the hub is killed in between. */

const HUB: Address = { ...SITE, gateway: 'hub', class: 'hub', device: 'hub-1' }
const PINS = { strikePin: 5, contactPin: 2 }
const dir = mkdtempSync(join(tmpdir(), 'linli-release-'))
const gateways = new Map<string, Program>()
const told: Array<{ topic: string; payload: Record<string, unknown> }> = []
let sim: Program
let hub: Program
let hubPort = 0
let platform: MqttClient

function json(name: string, value: unknown): string {
  const file = join(dir, name)
  writeFileSync(file, JSON.stringify(value))
  return file
}
const portOf = (gateway: string) => join(dir, 'ports', `tty-${gateway}`)

async function startSim(): Promise<void> {
  mkdirSync(join(dir, 'ports'))
  const board = (gateway: string, door: string) => ({
    id: `board-${gateway}`,
    kind: 'protocol',
    baud: 57600,
    port: portOf(gateway),
    devices: [{ kind: 'door', id: door, strike: 'fail-secure', ...PINS }],
  })
  const config = { seed: 1, boards: [board('gw-1', 'd1'), board('gw-2', 'd2')] }
  sim = await startProgram('hardware-sim/main.ts', ['--config', json('sim.json', config)])
}

async function startHub(): Promise<void> {
  const args = ['--dev', '--no-flows', '--data', join(dir, 'hub'), '--site', SITE_TEXT, '--log-level', 'info']
  hub = await startProgram('hub/main.ts', [...args, '--mqtt-port', String(hubPort), '--http-port', '0'])
  hubPort = Number(hub.ready.mqttPort)
  await platform?.endAsync(true)
  platform = await mqtt.connectAsync({ host: '127.0.0.1', port: hubPort, clientId: 'platform', reconnectPeriod: 50 })
  platform.on('message', (topic, payload) => {
    if (payload.length > 0) told.push({ topic, payload: JSON.parse(payload.toString()) as Record<string, unknown> })
  })
  await platform.subscribeAsync('linli/#', { qos: 1 })
}

async function startGateway(gateway: string, door: string): Promise<void> {
  const device = { kind: 'door', id: door, board: 'board-1', place: { spot: door }, strike: 'fail-secure' }
  const config = {
    gateway,
    site: SITE,
    data: join(dir, gateway),
    uplink: { url: `mqtt://127.0.0.1:${hubPort}` },
    boards: [{ id: 'board-1', port: portOf(gateway), baud: 57600 }],
    devices: [{ ...device, inputs: { contact: { pin: PINS.contactPin } }, outputs: { strike: PINS.strikePin } }],
  }
  const args = ['--config', json(`${gateway}.json`, config), '--log-level', 'info']
  gateways.set(gateway, await startProgram('firmware/main.ts', args))
}

async function order(name: string, id: string, to: Address = HUB): Promise<void> {
  const at_ms = Date.now()
  const command = {
    id,
    name,
    issuedat: new Date(at_ms).toISOString(),
    expiresat: new Date(at_ms + 10_000).toISOString(),
    actor: { kind: 'platform', id: 'desk' },
    args: {},
  }
  const topic = formatTopic({ ...to, channel: 'cmd', name, id })
  await platform.publishAsync(topic, Buffer.from(encodeJson(command)), { qos: 1 })
}

const said = (ending: string) => told.findLast(({ topic }) => topic.endsWith(ending))?.payload
const availability = (door: string) => said(`/access-gate/${door}/avail`)?.status
/** Takes commands from the hub that runs now: it is remembered as online either way. */
async function isReached(gateway: string, device: string): Promise<void> {
  let asked = 0
  await vi.waitFor(async () => {
    const id = `ask-${gateway}-${++asked}`
    await order('reset', id, { ...SITE, gateway, class: 'access-gate', device })
    const answers = told.filter(({ topic }) => topic.includes(`/res/ask-${gateway}-`))
    expect(answers.map(({ payload }) => payload.status)).toContain('succeeded')
  }, WAIT)
}
const evacuation = () => (said('/hub/hub/hub-1/state') as HubState | undefined)?.evacuation
const finals = (id: string) =>
  told
    .filter(
      ({ topic, payload }) => topic.endsWith(`/hub-1/res/${id}`) && /succeeded|failed/.test(String(payload.status)),
    )
    .map(({ payload }) => payload as unknown as Result)
const isLocked = (door: string) =>
  sim.lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .findLast(({ type, device }) => type === 'lock' && device === door)?.locked ?? true

describe('the evacuation of an estate', () => {
  beforeAll(async () => {
    await startSim()
    await startHub()
    await Promise.all([startGateway('gw-1', 'd1'), startGateway('gw-2', 'd2')])
    await vi.waitFor(() => expect([availability('d1'), availability('d2')]).toEqual(['online', 'online']), WAIT)
  })
  afterAll(async () => {
    await platform?.endAsync(true)
    await Promise.all([...gateways.values(), hub, sim].map((program) => program?.kill()))
    rmSync(dir, { recursive: true, force: true })
  })

  it('opens what it reaches at once, and names the gate of a dead gateway', async () => {
    await gateways.get('gw-2')?.kill()
    await vi.waitFor(() => expect(availability('d2')).toBe('offline'), WAIT)
    await order('release-all', 'fire')
    await vi.waitFor(() => expect(finals('fire')).toHaveLength(1), WAIT)
    expect(finals('fire')[0]).toMatchObject({
      status: 'failed',
      code: 'ESTATE_RELEASE_INCOMPLETE',
      data: { gates: 2, released: 1, missing: [{ gate: 'gw-2/d2', code: 'GATEWAY_OFFLINE' }] },
    })
    await vi.waitFor(() => expect(isLocked('d1')).toBe(false), WAIT)
    expect(isLocked('d2')).toBe(true)
  })

  it('opens that gate when its gateway is back, although the hub was killed meanwhile', async () => {
    await hub.kill()
    await startHub()
    await startGateway('gw-2', 'd2')
    await vi.waitFor(() => expect(isLocked('d2')).toBe(false), WAIT)
    await vi.waitFor(() => expect(evacuation()).toMatchObject({ gates: 2, released: 2, missing: [] }), WAIT)
    expect(isLocked('d1')).toBe(false)
    expect(finals('fire')).toHaveLength(1)
  })

  it('ends everywhere by one command, and does not begin again', async () => {
    await isReached('gw-1', 'd1')
    await isReached('gw-2', 'd2')
    await order('end-release', 'over')
    await vi.waitFor(() => expect(finals('over')).toMatchObject([{ status: 'succeeded', data: { released: 2 } }]), WAIT)
    await vi.waitFor(() => expect([isLocked('d1'), isLocked('d2')]).toEqual([true, true]), WAIT)
    await gateways.get('gw-2')?.kill()
    await vi.waitFor(() => expect(availability('d2')).toBe('offline'), WAIT)
    await hub.kill()
    await startHub()
    await startGateway('gw-2', 'd2')
    await vi.waitFor(() => expect(availability('d2')).toBe('online'), WAIT)
    expect(evacuation()).toBeUndefined()
    expect(isLocked('d2')).toBe(true)
    expect(said('/access-gate/d2/state')).toMatchObject({ mode: 'card', modeby: 'schedule' })
  })
})
