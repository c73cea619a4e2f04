import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { isFinal, type Result } from '../../hub/contract/command.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { formatTopic } from '../../hub/contract/topic.ts'
import { openFolder } from '../../hub/journal/folder.ts'
import { writeSite } from '../../hub/site/site-file.ts'
import { Estate, SITE, SITE_TEXT, WAIT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'
import { unique } from '../support/story.ts'

/**
 * The life of an incident through real processes, with accounts: pressed, pictures from two cameras of which one answers after half a
 * minute, worked over MQTT by a platform, answered; the hub killed between every two steps, and all of it seen by the district.
 */

const CAMERA = { user: 'linli', password: 'a password' }
const estate = new Estate({
  guarded: true,
  onvif: [
    { id: 'good', port: 0, ...CAMERA },
    { id: 'slow', port: 0, ...CAMERA },
  ],
})
const hubDir = join(estate.dir, 'hub')
const pictures = join(hubDir, 'pictures')
let secret = ''
let cookie = ''

beforeAll(async () => {
  await Promise.all([estate.startSim(), estate.startDistrict()])
  const ports = new Map(
    (estate.sim.ready.onvif as Array<{ id: string; port: number }>).map(({ id, port }) => [id, port]),
  )
  const camera = (id: string) => ({
    url: `http://127.0.0.1:${ports.get(id)}/onvif/device_service`,
    place: { building: 'building-1' },
    login: { username: CAMERA.user, passwordfile: 'camera.password' },
  })
  mkdirSync(hubDir, { mode: 0o700 })
  writeFileSync(join(hubDir, 'camera.password'), CAMERA.password, { mode: 0o600 })
  const site = { version: 1, site: SITE_TEXT, name: 'hub-1', language: 'zh', timeZone: 'UTC', gateways: {} } as const
  const good = { ...camera('good'), past: { path: '/snapshot?at={at}', seconds: 10 } }
  await writeSite(await openFolder(hubDir), { ...site, cameras: { good, slow: camera('slow') } })
  await estate.startHub()
  const own = ['--read', 'class=incident', '--command', 'class=incident']
  const added = await linli('client', ['add', 'desk', '--role', 'platform', ...own, '--data', hubDir, '--json'])
  secret = (JSON.parse(added) as { secret: string }).secret
  cookie = await login()
  await estate.startGateway('gw-1')
  await estate.online()
  estate.sim.send({ do: 'camera-fault', camera: 'slow', fault: 'slow' })
}, 120_000)
afterAll(() => estate.end())

/** Somebody at the duty desk, who chooses a password of their own first. */
async function login(): Promise<string> {
  const made = await linli('user', ['add', 'li', '--role', 'operator', '--data', hubDir, '--json'])
  const first = (JSON.parse(made) as { secret: string }).secret
  const ask = async (method: string, path: string, body: object, more: object = {}) => {
    const headers = { origin: estate.httpUrl, 'content-type': 'application/json', ...more }
    const answer = await fetch(`${estate.httpUrl}/api/v1/${path}`, { method, headers, body: JSON.stringify(body) })
    expect(answer.status).toBe(200)
    return answer.headers.get('set-cookie')?.split(';')[0] ?? ''
  }
  const cookie = await ask('POST', 'session', { name: 'li', secret: first })
  return ask('PUT', 'me/secret', { secret: first, next: 'words of their own' }, { cookie })
}

const told = () => unique(estate.events()).filter(({ gateway }) => gateway === 'hub')
const types = () => told().map(({ type }) => type)
const state = () => estate.retained('hub/incident/1/state')
const results = (id: string) =>
  estate
    .received()
    .filter(({ topic }) => topic.endsWith(`/res/${id}`))
    .map(({ payload }) => payload as unknown as Result)

/** As a platform with an account gives it, and as the district learns upstream what became of it. */
async function give(name: string, args: object = {}, device = '1'): Promise<Result> {
  const id = `${name}-${device}`
  const client = await mqtt.connectAsync({
    ...{ host: '127.0.0.1', port: estate.mqttPort, clientId: 'desk', reconnectPeriod: 0 },
    ...{ username: 'desk', password: secret },
  })
  const at_ms = Date.now()
  const command = {
    ...{ id, name, args },
    issuedat: new Date(at_ms).toISOString(),
    expiresat: new Date(at_ms + 60_000).toISOString(),
    actor: { kind: 'platform', id: 'anybody' },
  }
  const topic = formatTopic({ ...SITE, gateway: 'hub', class: 'incident', device, channel: 'cmd', name, id })
  await client.publishAsync(topic, Buffer.from(encodeJson(command)), { qos: 1 })
  await client.endAsync(true)
  const final = await vi.waitFor(() => {
    const found = results(id).find(({ status }) => isFinal(status))
    if (!found) throw new Error(`no result of ${id}`)
    return found
  }, WAIT)
  return final
}

async function killHub(): Promise<void> {
  await estate.hub.kill()
  await estate.startHub()
}

/** What came of each camera, as the story of the incident says it to who is logged in. */
async function pictured(): Promise<string[]> {
  const answer = await fetch(`${estate.httpUrl}/api/v1/incidents/1`, { headers: { cookie } })
  const { story } = (await answer.json()) as { story: Array<Record<string, string>> }
  return story
    .filter(({ what }) => what === 'picture')
    .map(({ camera, when, error = 'picture' }) => `${camera} ${when} ${error}`)
}

describe('an incident', () => {
  it('goes from the button to an answered resident over a hub that is killed between every two steps', async () => {
    estate.press('b1')
    await vi.waitFor(() => expect(state()).toMatchObject({ status: 'raised', count: 1 }), WAIT)
    await vi.waitFor(async () => expect(await pictured()).toContain('good at picture'), WAIT)
    await killHub()
    // What a hub that died left open is fetched by the next one, or said to be lost.
    await vi.waitFor(async () => {
      const all = await pictured()
      expect(all.filter((one) => one.startsWith('slow at'))).toHaveLength(1)
      expect(all.filter((one) => one.startsWith('slow') && one.endsWith('picture'))).toEqual([])
      expect(all.filter((one) => one.startsWith('good') && one.endsWith('picture'))).not.toEqual([])
    }, WAIT)
    expect(existsSync(pictures) ? readdirSync(pictures).length : 0).toBeGreaterThan(0)
    await killHub()
    estate.press('b1')
    await vi.waitFor(() => expect(state()).toMatchObject({ status: 'raised', count: 2 }), WAIT)
    const steps = {
      acknowledge: 'acknowledged',
      dispatch: 'dispatched',
      arrive: 'on-site',
      resolve: 'resolved',
      answer: 'answered',
    }
    for (const [name, status] of Object.entries(steps)) {
      await killHub()
      expect(await give(name, name === 'resolve' ? { text: '已处理' } : {})).toMatchObject({
        status: 'succeeded',
        data: { incident: '1', status },
      })
      await vi.waitFor(() => expect(state()).toMatchObject({ status }), WAIT)
    }
    await killHub()
    expect(await give('submit', { text: '楼道灯坏了', reference: 'app-7' }, 'new')).toMatchObject({
      data: { incident: '2' },
    })
    await vi.waitFor(() => expect(types()).toHaveLength(8), WAIT)
    expect(types()).toEqual([
      'raised',
      'repeated',
      'acknowledged',
      'dispatched',
      'on-site',
      'resolved',
      'answered',
      'raised',
    ])
    expect(state()).toMatchObject({ device: 'gw-1/alarm-button/b1', place: { building: 'building-1' }, text: '已处理' })
    for (const name of Object.keys(steps)) {
      const finals = results(`${name}-1`).filter(({ status }) => isFinal(status))
      expect(new Set(finals.map((one) => JSON.stringify(one))).size, name).toBe(1)
    }
    const story = JSON.stringify(told().map(({ data }) => data))
    expect(story).not.toContain('楼道灯')
    estate.expectConformity()
  })
})
