import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openFolder } from '../../hub/journal/folder.ts'
import { writeSite } from '../../hub/site/site-file.ts'
import { Estate, SITE_TEXT, WAIT } from '../support/estate.ts'
import { linli } from '../support/linli.ts'

/** A press, and what two cameras of its place make of it: one that works, and one that answers after half a minute. */

describe('an alarm where two cameras are', () => {
  const login = { user: 'linli', password: 'a password' }
  const onvif = [
    { id: 'good', port: 0, ...login, presets: ['lobby'] },
    { id: 'slow', port: 0, ...login },
    { id: 'far', port: 0, ...login },
  ]
  const estate = new Estate({ boards: [['b1'], ['b2']], onvif })
  const hubDir = join(estate.dir, 'hub')
  const pictures = join(hubDir, 'pictures')
  const asked = () =>
    estate.sim.lines
      .map((line) => JSON.parse(line) as { type: string; camera?: string; what?: string })
      .filter(({ type }) => type === 'camera')
      .map(({ camera, what }) => `${camera} ${what}`)

  beforeAll(async () => {
    await Promise.all([estate.startSim(), estate.startDistrict()])
    const ports = new Map(
      (estate.sim.ready.onvif as Array<{ id: string; port: number }>).map((one) => [one.id, one.port]),
    )
    const camera = (id: string, building: string) => ({
      url: `http://127.0.0.1:${ports.get(id)}/onvif/device_service`,
      place: { building },
      login: { username: login.user, passwordfile: 'camera.password' },
    })
    const cameras = {
      good: { ...camera('good', 'building-1'), preset: 'lobby', past: { path: '/snapshot?at={at}', seconds: 10 } },
      slow: camera('slow', 'building-1'),
      far: camera('far', 'building-9'),
    }
    mkdirSync(hubDir, { mode: 0o700 })
    writeFileSync(join(hubDir, 'camera.password'), login.password, { mode: 0o600 })
    const site = { version: 1, site: SITE_TEXT, name: 'hub-1', language: 'zh', timeZone: 'UTC', gateways: {} } as const
    await writeSite(await openFolder(hubDir), { ...site, cameras })
    await estate.startHub()
    await Promise.all([estate.startGateway('gw-1'), estate.startGateway('gw-2')])
    await estate.online()
    estate.sim.send({ do: 'camera-fault', camera: 'slow', fault: 'slow' })
  })
  afterAll(() => estate.end())

  async function session(role: string): Promise<string> {
    const headers = { origin: estate.httpUrl, 'content-type': 'application/json' }
    const body = JSON.stringify({ name: role, secret: `${role}-secret` })
    const answer = await fetch(`${estate.httpUrl}/api/v1/session`, { method: 'POST', headers, body })
    expect(answer.status).toBe(200)
    return answer.headers.get('set-cookie')?.split(';')[0] ?? ''
  }

  it('has pictures of the one, says what became of the other, and nothing waited', async () => {
    // Until now nobody has spoken to a camera.
    expect(asked()).toEqual([])
    estate.press('b1')
    await vi.waitFor(() => expect(estate.events('pressed')).toHaveLength(1), WAIT)
    await vi.waitFor(() => expect(asked()).toContain('slow connection'), WAIT)
    // The camera hangs; the next alarm goes through all the same.
    estate.press('b2')
    await vi.waitFor(() => expect(estate.events('pressed')).toHaveLength(2), WAIT)
    const cookie = await session('operator')
    const [incident] = estate.events('raised').map(({ device }) => device)
    const said = async () => {
      const answer = await fetch(`${estate.httpUrl}/api/v1/incidents/${incident}`, { headers: { cookie } })
      const { story } = (await answer.json()) as { story: Array<Record<string, string>> }
      const pictures = story.filter(({ what }) => what === 'picture')
      return pictures.map(({ camera, when, error = 'picture' }) => `${camera} ${when} ${error}`).sort()
    }
    const all = [
      'good after picture',
      'good at picture',
      'good before picture',
      'slow after CAMERA_SLOW',
      'slow at CAMERA_SLOW',
    ]
    await vi.waitFor(async () => expect(await said()).toEqual(all), { ...WAIT, timeout: 60_000 })
    await vi.waitFor(() => expect(existsSync(pictures) ? readdirSync(pictures) : []).toHaveLength(3), WAIT)
    expect(asked().filter((what) => what === 'good GotoPreset')).toHaveLength(1)
    expect(asked().filter((what) => what.startsWith('far'))).toEqual([])
  })

  it('shows them to who works on incidents, by the incident that they belong to, and writes each look down', async () => {
    const incidents = estate.events('raised').map(({ device }) => device)
    expect(incidents).toHaveLength(2)
    const [operator, viewer] = [await session('operator'), await session('viewer')]
    const seen = new Map<string, number>()
    for (const name of readdirSync(pictures)) {
      const sha256 = name.replace('.jpg', '')
      for (const incident of incidents) {
        const url = `${estate.httpUrl}/api/v1/incidents/${incident}/pictures/${sha256}`
        const answer = await fetch(url, { headers: { cookie: operator } })
        if (answer.status === 404) continue
        seen.set(incident, (seen.get(incident) ?? 0) + 1)
        const picture = Buffer.from(await answer.arrayBuffer())
        expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/jpeg'])
        expect(picture).toEqual(readFileSync(join(pictures, name)))
        expect(createHash('sha256').update(picture).digest('hex')).toBe(sha256)
        expect((await fetch(url, { headers: { cookie: viewer } })).status).toBe(403)
        expect((await fetch(url)).status).toBe(401)
      }
    }
    // All of the first alarm, and none of the other's: before, at and after.
    expect([...seen]).toEqual([[incidents[0], 3]])
    const shown = await linli('audit', ['show', '--data', hubDir, '--json'])
    expect(shown.split('"picture-look"').length - 1).toBe(6)
    expect(shown).toContain('person:operator')
  })
})
