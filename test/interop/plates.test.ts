import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { plateTopic } from '../../hub/contract/plate.ts'
import { freePort } from '../../hub/web/free-port.ts'
import { SITE, WAIT } from '../support/estate.ts'
import { GateEstate } from '../support/gate-estate.ts'
import { linli } from '../support/linli.ts'

/** Plates from a camera to a barrier on real serial lines: by HTTP to the gateway itself, and by MQTT over the hub. */

const TOKEN = '00112233445566778899'
const RESIDENT = '沪A7K205'
const OTHER_RESIDENT = '沪AD31907'
const STRANGER = '京N9X4Q6'

describe('a camera at a barrier', () => {
  let estate: GateEstate
  let url: string

  beforeAll(async () => {
    const port = await freePort('--port', '127.0.0.1', 0)
    url = `http://127.0.0.1:${port}/plate/cam-1`
    const camera = { id: 'cam-1', device: 'v1', post: url, token: TOKEN, misread_share: 0, noread_share: 0, reads: 3 }
    const list = [
      { id: 'cam-1', gate: 'v1', direction: 'in', tokenFile: '' },
      { id: 'cam-2', gate: 'v1', direction: 'in', tokenFile: '' },
    ]
    estate = new GateEstate({
      sim: { cameras: [camera] },
      gateway: { cameras: { listen: { port }, list } },
    })
    const tokenFile = join(estate.dir, 'camera.token')
    writeFileSync(tokenFile, TOKEN, { mode: 0o600 })
    for (const one of list) one.tokenFile = tokenFile
    mkdirSync(estate.hubData, { recursive: true })
    writeFileSync(estate.siteKeyFile, '11'.repeat(32), { mode: 0o600 })
    await estate.start()
    await vi.waitFor(() => expect(estate.availability('v1')?.status).toBe('online'), WAIT)
    let version = 0
    for (const plate of [RESIDENT, OTHER_RESIDENT]) {
      const what = ['--kind', 'plate', '--text', plate, '--class', 'resident']
      const added = await linli('credential', ['add', '--data', estate.hubData, ...what, '--json'])
      version = (JSON.parse(added) as { version: number }).version
    }
    await vi.waitFor(() => {
      const state = estate.told.findLast(({ topic }) => topic.endsWith('/gateway/gw-1/state'))?.payload
      expect((state?.credentials as { version?: number } | undefined)?.version).toBe(version)
    }, WAIT)
  })
  afterAll(() => estate.end())

  const boom = () => estate.physical('boom').at(-1)?.state
  async function post(reading: object, headers: object = { authorization: `Bearer ${TOKEN}` }) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(reading),
    })
    return { status: answer.status, said: await answer.json() }
  }

  it('does not open for a stranger, a plate half read, or a caller who is no camera', async () => {
    const accepted = { status: 200, said: { status: 'accepted' } }
    expect(await post({ plate: STRANGER, confidence: 0.99 })).toEqual(accepted)
    expect(await post({ plate: RESIDENT, confidence: 0.5 })).toEqual(accepted)
    expect(await post({ plate: RESIDENT, confidence: 0.99 }, {})).toMatchObject({ status: 401 })
    await vi.waitFor(
      () =>
        expect(estate.events('v1', 'denied')).toEqual([
          { direction: 'in', reason: 'unknown' },
          { direction: 'in', reason: 'plate-unsure' },
        ]),
      WAIT,
    )
    const avail = () => estate.told.findLast(({ topic }) => topic.endsWith('/camera/cam-1/avail'))?.payload
    await vi.waitFor(() => expect(avail()).toMatchObject({ status: 'online' }), WAIT)
    expect(estate.physical('boom')).toEqual([])
  })

  it('opens for a resident with the hub away, closes behind them, and tells of it afterwards', async () => {
    estate.sim.send({ do: 'vehicle', device: 'v1', plate: RESIDENT, speed_m_s: 15 })
    await estate.hub.kill()
    // A camera further up the road; the one at the boom reads the plate again, which is no second right.
    await post({ plate: RESIDENT, confidence: 0.97 })
    await vi.waitFor(() => expect(boom()).toBe('rising'), WAIT)
    await estate.startHub()
    await vi.waitFor(() => expect(estate.physical('vehicle').at(-1)?.state).toBe('passed'), WAIT)
    await vi.waitFor(() => expect(boom()).toBe('down'), WAIT)
    const passages = () => estate.events('v1', 'passage')
    await vi.waitFor(() => expect(passages()).toMatchObject([{ granted: true, by: 'plate', direction: 'in' }]), WAIT)
    expect(estate.physical('violation')).toEqual([])
  })

  it('opens for a plate that comes by MQTT, which no subscriber sees', async () => {
    const raised = () => estate.physical('boom').filter(({ state }) => state === 'rising').length
    const before = raised()
    const camera = await mqtt.connectAsync({ host: '127.0.0.1', port: estate.hubPort, reconnectPeriod: 0 })
    const reading = { plate: OTHER_RESIDENT, confidence: 0.95, at: new Date().toISOString() }
    // Again and again, as cameras do: the gateway may be on its way back to the hub.
    await vi.waitFor(async () => {
      await camera.publishAsync(plateTopic(SITE, 'gw-1', 'cam-2'), JSON.stringify(reading), { qos: 1 })
      expect(raised()).toBe(before + 1)
    }, WAIT)
    await camera.endAsync()
  })

  it('has left no plate on any disk, in any log and with any subscriber', () => {
    const folders = ['gateway', 'hub'].map((name) => join(estate.dir, name))
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((file) => file.isFile())
        .map((file) => join(file.parentPath, file.name)),
    )
    expect(files.length).toBeGreaterThan(3)
    const everything = [
      ...files.map((file) => readFileSync(file).toString('utf8')),
      ...estate.gateway.errors,
      ...estate.hub.errors,
      JSON.stringify(estate.told),
    ].join('\n')
    for (const plate of [RESIDENT, OTHER_RESIDENT, STRANGER]) expect(everything).not.toContain(plate.slice(1))
  })
})
