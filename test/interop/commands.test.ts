import { mkdirSync, writeFileSync } from 'node:fs'
import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AuditRecord } from '../../hub/audit/chain.ts'
import { type Command, isFinal, type Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { formatTopic } from '../../hub/contract/topic.ts'
import { SITE, WAIT } from '../support/estate.ts'
import { GateEstate } from '../support/gate-estate.ts'
import { linli } from '../support/linli.ts'

/**
 * Commands to a door and a barrier on real serial lines: sent twice, retained, too late, and with hub, gateway or board lost
 * between the order and its end. Each has one final result, nothing moves twice, and the audit log knows of all.
 */

const estate = new GateEstate()
const clients: MqttClient[] = []
const sent: string[] = []

beforeAll(async () => {
  mkdirSync(estate.hubData, { recursive: true })
  writeFileSync(estate.siteKeyFile, '11'.repeat(32), { mode: 0o600 })
  await estate.start()
  await ready()
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.endAsync(true)))
})
afterAll(() => estate.end())

async function ready(): Promise<void> {
  await vi.waitFor(() => {
    for (const gate of ['d1', 'v1']) expect(estate.availability(gate)?.status).toBe('online')
  }, WAIT)
}

/** Past the last restart of the hub, which remembers its gateway as online: it takes commands now. */
async function reached(): Promise<void> {
  let asked = 0
  await vi.waitFor(async () => {
    const id = await estate.command('d1', 'reset', {}, 1_000 + asked++)
    await vi.waitFor(() => expect(finals(id).map(({ status }) => status)).toEqual(['succeeded']), { timeout: 2_000 })
  }, WAIT)
}

async function client(name: string): Promise<MqttClient> {
  const made = await mqtt.connectAsync({ host: '127.0.0.1', port: estate.hubPort, clientId: name, reconnectPeriod: 0 })
  clients.push(made)
  return made
}

function order(id: string, device: string, name: string, args: object = {}, ttl_ms = 20_000) {
  sent.push(id)
  const at_ms = Date.now()
  const command: Command = {
    id,
    name,
    issuedat: new Date(at_ms).toISOString(),
    expiresat: new Date(at_ms + ttl_ms).toISOString(),
    actor: { kind: 'platform', id: 'desk' },
    args,
  }
  const topic = formatTopic({ ...SITE, gateway: 'gw-1', class: 'access-gate', device, channel: 'cmd', name, id })
  return { topic, payload: Buffer.from(encodeJson(command)) }
}
type Order = ReturnType<typeof order>
const give = (by: MqttClient, { topic, payload }: Order, retain = false) =>
  by.publishAsync(topic, payload, { qos: 1, retain })

/** As a consumer has them who drops what says the same. */
function finals(id: string): Result[] {
  const all = estate.results(id).filter(({ status }) => isFinal(status))
  return [...new Map(all.map((result) => [JSON.stringify(result), result])).values()]
}
const ended = (id: string) => vi.waitFor(() => expect(finals(id)).toHaveLength(1), WAIT).then(() => finals(id)[0])
const said = (id: string, status: string) =>
  vi.waitFor(() => expect(estate.results(id).map((result) => result.status)).toContain(status), WAIT)
/** Times that an output was switched on. */
const motions = (output: 'raise' | 'lower') =>
  estate.physical('output').filter((event) => event.device === 'v1' && event.output === output && event.on).length
const boom = () => estate.physical('boom').at(-1)?.state ?? 'down'
const unlocked = () => estate.physical('lock').filter(({ locked }) => !locked).length

describe('commands', () => {
  it('act once when two clients give them, and again, and the answer is the same', async () => {
    const [one, two] = [await client('one'), await client('two')]
    const open = order('twice', 'd1', 'open')
    const before = unlocked()
    await Promise.all([give(one, open), give(two, open), give(one, open)])
    await vi.waitFor(() => expect(unlocked()).toBe(before + 1), WAIT)
    estate.sim.send({ do: 'walk-through', device: 'd1', direction: 'in' })
    expect(await ended('twice')).toMatchObject({ status: 'succeeded' })
    const answers = estate.results('twice').length
    await give(two, open)
    await vi.waitFor(() => expect(estate.results('twice').length).toBe(answers + 1), WAIT)
    expect(finals('twice')).toHaveLength(1)
    // The same id for another gate.
    await give(two, order('twice', 'v1', 'hold-open', { for_ms: 60_000 }))
    await vi.waitFor(
      () => expect(finals('twice').map(({ code }) => code)).toEqual([undefined, 'COMMAND_REPLAYED']),
      WAIT,
    )
    expect([unlocked(), motions('raise')]).toEqual([before + 1, 0])
  })

  it('that are retained, expired, unreadable or of no use are refused by name, and nothing moves', async () => {
    const by = await client('by')
    const before = [unlocked(), motions('raise')]
    await give(by, order('kept', 'd1', 'open'), true)
    await give(by, order('late', 'd1', 'open', {}, -1))
    await give(by, order('long', 'd1', 'open', {}, 25 * 3_600_000))
    await give(by, order('bad', 'd1', 'open', { for_ms: 'long' }))
    await give(by, order('dance', 'd1', 'dance'))
    const codes = {
      kept: 'RETAIN_FORBIDDEN',
      late: 'COMMAND_EXPIRED',
      long: 'COMMAND_EXPIRY_TOO_FAR',
      bad: 'SCHEMA_VIOLATION',
      dance: 'COMMAND_UNKNOWN',
    }
    for (const [id, code] of Object.entries(codes)) expect(await ended(id)).toMatchObject({ code })
    // Whoever subscribes later is given none of them.
    const later = await client('later')
    const heard: string[] = []
    later.on('message', (topic) => void heard.push(topic))
    await later.subscribeAsync('linli/v1/+/+/+/+/+/+/cmd/#', { qos: 1 })
    await give(by, order('kept', 'd1', 'open'))
    await give(by, order('marker', 'd1', 'reset'))
    await vi.waitFor(() => expect(heard.some((topic) => topic.endsWith('/marker'))).toBe(true), WAIT)
    expect(heard.filter((topic) => !topic.endsWith('/marker'))).toEqual([])
    expect(finals('kept')).toHaveLength(1)
    expect([unlocked(), motions('raise')]).toEqual(before)
  })

  it('end once, and as they ended, when the hub is killed before it hears of it', async () => {
    const raise = order('over-hub', 'v1', 'hold-open', { for_ms: 120_000 })
    await give(await client('by'), raise)
    await said('over-hub', 'executing')
    await estate.hub.kill()
    await estate.startHub()
    expect(await ended('over-hub')).toMatchObject({ status: 'succeeded' })
    await vi.waitFor(() => expect(boom()).toBe('up'), WAIT)
    await give(await client('again'), raise)
    await reached()
    expect(finals('over-hub')).toHaveLength(1)
    expect(motions('raise')).toBe(1)
  })

  it('fail by name when the gateway is killed in the middle of the motion, which is not taken up again', async () => {
    await give(await client('by'), order('over-gateway', 'v1', 'close'))
    await vi.waitFor(() => expect(motions('lower')).toBe(1), { ...WAIT, interval: 5 })
    await estate.gateway.kill()
    await estate.startGateway()
    expect(await ended('over-gateway')).toMatchObject({ status: 'failed', code: 'GATEWAY_RESTARTED' })
    await ready()
    await reached()
    expect(finals('over-gateway')).toHaveLength(1)
    expect(motions('lower')).toBe(1)
  })

  it('fail by name when the board is unplugged in the middle of the motion', async () => {
    const before = motions('raise')
    await give(await client('by'), order('over-board', 'v1', 'hold-open', { for_ms: 120_000 }))
    await vi.waitFor(() => expect(motions('raise')).toBe(before + 1), WAIT)
    estate.sim.send({ do: 'unplug', board: 'board-1' })
    expect(await ended('over-board')).toMatchObject({ status: 'failed', code: 'GATE_OFFLINE' })
    estate.sim.send({ do: 'replug', board: 'board-1' })
    await ready()
    expect(finals('over-board')).toHaveLength(1)
  })

  it('are unknown when hub and gateway are both killed; what the gateway says too late is no second answer', async () => {
    const lost = order('lost', 'v1', 'hold-open', { for_ms: 120_000 }, 1_500)
    await give(await client('by'), lost)
    await vi.waitFor(() => expect(estate.results('lost')).not.toEqual([]), { ...WAIT, interval: 5 })
    await Promise.all([estate.gateway.kill(), estate.hub.kill()])
    await estate.startHub()
    await give(await client('again'), lost)
    expect(await ended('lost')).toMatchObject({ status: 'failed', code: 'RESULT_UNKNOWN' })
    await estate.startGateway()
    await ready()
    await reached()
    await give(await client('once-more'), lost)
    await reached()
    expect(finals('lost')).toHaveLength(1)
  })

  it('stand in an audit log that is whole, each with its end', async () => {
    expect(JSON.parse(await linli('audit', ['verify', '--data', estate.hubData, '--json']))).toMatchObject({
      whole: true,
    })
    const text = await linli('audit', ['show', '--data', estate.hubData, '--kind', 'command', '--json'])
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as AuditRecord & { detail: { id?: string; late?: true } })
    for (const id of new Set(sent)) {
      const own = lines.filter(({ detail }) => detail.id === id)
      expect(
        own.some(({ outcome, code }) => outcome !== 'asked' && code !== 'COMMAND_REPLAYED'),
        id,
      ).toBe(true)
    }
    expect(lines.find(({ detail }) => detail.id === 'lost' && detail.late)).toMatchObject({
      code: 'GATEWAY_RESTARTED',
      source: 'gateway:gw-1',
    })
    // A hub that stands still is read from its journal; and one line less is found.
    await estate.hub.stop()
    expect(await linli('audit', ['show', '--data', estate.hubData, '--kind', 'command', '--json'])).toBe(text)
    const file = `${estate.dir}/audit.ndjson`
    const all = (await linli('audit', ['show', '--data', estate.hubData, '--json'])).split('\n')
    writeFileSync(file, all.toSpliced(7, 1).join('\n'))
    await expect(linli('audit', ['verify', '--file', file])).rejects.toThrow('ended with 3')
  })
})
