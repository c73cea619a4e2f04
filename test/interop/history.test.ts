import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeJson } from '../../hub/contract/encode.ts'
import { makeEvent } from '../../hub/contract/event.ts'
import type { SenmlPack } from '../../hub/contract/senml.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import { SITE, SITE_TEXT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'
import { type Program, startProgram } from '../support/program.ts'
import { connectTo } from '../support/publisher.ts'

/** Telemetry over MQTT into a real hub that is killed on the way, and out again as CSV. */

const AIR: Address = { ...SITE, gateway: 'gw-9', class: 'park-sensor', device: 'air-1' }
const BEGIN_MS = Math.floor(Date.now() / 60_000) * 60_000 - 600_000

let dir: string
let hub: Program
let client: MqttClient

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'linli-history-'))
  await start()
})
afterAll(async () => {
  client?.end(true)
  await hub?.stop()
  rmSync(dir, { recursive: true, force: true })
})

async function start(): Promise<void> {
  const ports = ['--mqtt-port', '0', '--http-port', '0']
  const args = ['--dev', '--no-flows', '--data', dir, '--site', SITE_TEXT, '--log-level', 'error', ...ports]
  hub = await startProgram('hub/main.ts', args)
  client = await connectTo(Number(hub.ready.mqttPort), 'gw-9')
}

const ask = async (path: string) => {
  const response = await fetch(`http://127.0.0.1:${hub.ready.httpPort}${path}`)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Ten seconds after the one before; every seventh is not good. */
function packOf(number: number): { topic: string; payload: Buffer; line: string } {
  const t_ms = BEGIN_MS + number * 10_000
  const stamp = { wall_ms: t_ms, monotonic_ms: number, quality: 'synced' } as const
  const isBad = number % 7 === 0
  const data: SenmlPack = [
    {
      bn: 'air-1/',
      bt: t_ms / 1000,
      n: 'temperature',
      u: 'Cel',
      v: number / 10,
      ...(isBad ? { q: 'bad', qr: 'stuck' } : {}),
    },
  ]
  const event = makeEvent({ address: AIR, bootid: 'boot1', sequence: number }, 'telemetry', 'notice', stamp, data)
  const line = `${t_ms},gw-9,park-sensor,air-1,temperature,Cel,${number / 10},${isBad ? 'bad,stuck' : 'good,'}`
  return { topic: formatTopic({ ...AIR, channel: 'tele' }), payload: Buffer.from(encodeJson(event)), line }
}

describe('the history of a hub that is killed', () => {
  it('has every acknowledged reading once, and gives it back as CSV', async () => {
    const packs = Array.from({ length: 50 }, (_, index) => packOf(index + 1))
    for (const [index, { topic, payload }] of packs.entries()) {
      await client.publishAsync(topic, payload, { qos: 1 })
      // In the middle of what it gathers, and right after it has written.
      if (index % 15 !== 14) continue
      if (index === 29) await ask('/history/series')
      await hub.kill()
      client.end(true)
      await start()
      for (const again of packs.slice(index - 3, index + 1))
        await client.publishAsync(again.topic, again.payload, { qos: 1 })
    }
    const file = join(dir, 'out.csv')
    const from = new Date(BEGIN_MS).toISOString()
    await linli('history', [
      'export',
      '--hub',
      `http://127.0.0.1:${hub.ready.httpPort}`,
      '--from',
      from,
      '--device',
      'gw-9/air-1',
      '-o',
      file,
    ])
    const [heading, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\r\n')
    expect(heading).toBe('time,gateway,class,device,quantity,unit,value,quality,reason')
    const found = lines.map((line) => line.replace(/^[^,]*/, (time) => String(Date.parse(time))))
    expect(found).toEqual(packs.map(({ line }) => line))
    const minutes = await ask(
      `/history?device=air-1&quantity=temperature&from=${new Date(BEGIN_MS - 7_200_000).toISOString()}`,
    )
    expect(minutes.body).toMatchObject({ resolution: 'minute', step_ms: 60_000 })
    const points = minutes.body.points as { count: number; min: number | null; good: number | null }[]
    // Two hours before it there is nothing, and that is said.
    expect(points[0]).toMatchObject({ count: 0, min: null })
    expect(points.reduce((sum, { count }) => sum + count, 0)).toBe(50 - 7)
  })

  it('says what is wrong with a question', async () => {
    expect(await ask('/history?device=air-1&quantity=temperature&from=tomorrow')).toMatchObject({
      status: 400,
      body: { code: 'HISTORY_QUERY', path: '/from' },
    })
    expect(await ask('/history?device=air-1&quantity=ph')).toMatchObject({
      status: 404,
      body: { code: 'HISTORY_SERIES_UNKNOWN' },
    })
    expect(await ask('/history?devise=air-1')).toMatchObject({ status: 400, body: { path: '/devise' } })
    await expect(linli('history', ['export', '--hub', 'http://127.0.0.1:1', '--from', '2026-01-01'])).rejects.toThrow(
      '127.0.0.1:1',
    )
  })
})
