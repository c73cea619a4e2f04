import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { CAMERA_LOGIN, startOnvifCameras, type TestCameras } from '../../test/support/onvif-cameras.ts'
import type { Picture } from './cameras.ts'
import { type CameraConfig, type CameraConfigs, camerasAt, keptFor } from './config.ts'
import { openCameras } from './open.ts'
import { createPictureStore } from './store.ts'

const PLACE = { building: 'school', spot: 'gate' }
const WAIT = { timeout: 20_000, interval: 10 }
/** A busy machine is no slow camera. */
const TIMES = { timeout_ms: 20_000, before_ms: 100, after_ms: 50, late_ms: 10_000 }

let dir: string
let sim: TestCameras
let told: Picture[]
const closers: Array<() => unknown> = []

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'linli-cameras-'))
  writeFileSync(join(dir, 'password'), `${CAMERA_LOGIN.password}\n`, { mode: 0o600 })
  told = []
})
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
  rmSync(dir, { recursive: true, force: true })
})

async function simulate(...all: Parameters<typeof startOnvifCameras>[0]): Promise<void> {
  sim = await startOnvifCameras(all)
  closers.push(() => sim.close())
}
function cameraAt(url: string, more: Partial<CameraConfig> = {}): CameraConfig {
  return { url, place: PLACE, login: { username: CAMERA_LOGIN.user, passwordfile: 'password' }, ...more }
}
function open(cameras: CameraConfigs, times = TIMES) {
  const opened = openCameras(
    dir,
    {
      cameras: () => cameras,
      limits: () => undefined,
      now_ms: Date.now,
      told: (picture) => told.push(picture),
      log: { warn() {} },
    },
    times,
  )
  closers.push(() => opened.cameras.close())
  return opened
}
const said = () => told.map(({ camera, when, error }) => `${camera} ${when} ${error ?? 'picture'}`).sort()

describe('an alarm', () => {
  it('has pictures from each camera of its place: before it, at it and after it; a camera that turns has turned', async () => {
    await simulate({ id: 'c1', presets: ['yard', 'gate'] }, { id: 'c2', buffer_s: 0 }, { id: 'c3' })
    const past = { path: '/snapshot?at={at}', seconds: 10 }
    const { cameras, pictures } = open({
      c1: cameraAt(sim.urlOf('c1'), { past, preset: 'gate' }),
      c2: cameraAt(sim.urlOf('c2')),
      elsewhere: cameraAt(sim.urlOf('c3'), { place: { building: 'hospital' } }),
    })
    const at = Date.now()
    cameras.fetch({ incident: 'i1', place: PLACE, at })
    await cameras.settled()
    expect(said()).toEqual([
      'c1 after picture',
      'c1 at picture',
      'c1 before picture',
      'c2 after picture',
      'c2 at picture',
    ])
    // Each another picture, kept for nobody else to read, and by its hash.
    const hashes = told.map(({ sha256 = '' }) => sha256)
    expect(new Set(hashes).size).toBe(5)
    for (const sha256 of hashes) {
      const picture = await pictures.get(sha256)
      expect(
        createHash('sha256')
          .update(picture ?? '')
          .digest('hex'),
      ).toBe(sha256)
      expect(picture?.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]))
      expect(statSync(join(dir, 'pictures', `${sha256}.jpg`)).mode & 0o777).toBe(0o600)
    }
    expect(told.find(({ when }) => when === 'before')?.at).toBe(at - TIMES.before_ms)
    expect(sim.asked.filter((what) => what.startsWith('c1')).filter((what) => /snapshot|Goto/.test(what))).toEqual([
      'c1 snapshot',
      'c1 snapshot',
      'c1 GotoPreset',
      'c1 snapshot',
    ])
    // Another place's camera is not even connected to.
    expect(sim.asked.filter((what) => what.startsWith('c3'))).toEqual([])
  })

  it('elsewhere, and a hub that only knows them, touches no camera', async () => {
    await simulate({ id: 'c1' })
    const { cameras } = open({ c1: cameraAt(sim.urlOf('c1')) })
    for (const place of [undefined, {}, { building: 'school' }, { building: 'hospital', spot: 'gate' }])
      cameras.fetch({ incident: 'i1', place, at: Date.now() })
    await cameras.settled()
    expect([sim.asked, told]).toEqual([[], []])
  })

  it('that comes late has the picture of its moment where a camera remembers it, and one of now', async () => {
    await simulate({ id: 'c1', buffer_s: 60 }, { id: 'c2' })
    const past = { path: '/snapshot?at={at}', seconds: 60 }
    const { cameras } = open({ c1: cameraAt(sim.urlOf('c1'), { past }), c2: cameraAt(sim.urlOf('c2')) })
    cameras.fetch({ incident: 'i1', place: PLACE, at: Date.now() - 30_000 })
    await cameras.settled()
    expect(said()).toEqual([
      'c1 after picture',
      'c1 at picture',
      'c1 before picture',
      'c2 after picture',
      'c2 at PICTURE_LATE',
    ])
  })

  it('in which the hub was restarted has what can still be had, and says what was lost', async () => {
    await simulate({ id: 'c1' }, { id: 'c2' }, { id: 'c3' })
    const { cameras } = open({
      c1: cameraAt(sim.urlOf('c1')),
      c2: cameraAt(sim.urlOf('c2')),
      c3: cameraAt(sim.urlOf('c3')),
    })
    const told = [
      { camera: 'c2', when: 'at' as const },
      { camera: 'c3', when: 'at' as const, error: 'CAMERA_LOGIN' },
    ]
    cameras.fetch({ incident: 'i1', place: PLACE, at: Date.now(), told })
    cameras.fetch({ incident: 'i2', place: PLACE, at: Date.now() - 3_600_000, told })
    await cameras.settled()
    const lost = 'PICTURE_RESTARTED'
    expect(said()).toEqual([
      `c1 after ${lost}`,
      'c1 after picture',
      `c1 at ${lost}`,
      `c1 at ${lost}`,
      `c2 after ${lost}`,
      'c2 after picture',
    ])
    expect(sim.asked.filter((what) => what.startsWith('c3'))).toEqual([])
  })

  it('asks a camera only once who it is, and again when it has changed', async () => {
    await simulate({ id: 'c1' })
    const { cameras } = open({ c1: cameraAt(sim.urlOf('c1')) })
    for (const incident of ['i1', 'i2']) {
      cameras.fetch({ incident, place: PLACE, at: Date.now() })
      await cameras.settled()
    }
    expect(sim.asked.filter((what) => what === 'c1 GetProfiles')).toHaveLength(1)
    expect(said()).toHaveLength(4)
  })
})

describe('a camera', () => {
  it.each([
    ['is down', { fault: 'down' }, 'CAMERA_AWAY'],
    ['answers garbage', { fault: 'garbage' }, 'CAMERA_ANSWER'],
    ['refuses the password', { fault: 'locked' }, 'CAMERA_LOGIN'],
    ['gives half a picture', { fault: 'half' }, 'CAMERA_AWAY'],
    ['gives a picture without end', { fault: 'endless' }, 'CAMERA_TOO_LARGE'],
  ] as const)('that %s is told of in the incident, and holds nothing up', async (_what, step, code) => {
    await simulate({ id: 'bad' }, { id: 'good' })
    sim.apply({ do: 'camera-fault', camera: 'bad', ...step })
    const { cameras } = open({ bad: cameraAt(sim.urlOf('bad')), good: cameraAt(sim.urlOf('good')) })
    cameras.fetch({ incident: 'i1', place: PLACE, at: Date.now() })
    await cameras.settled()
    const failures = step.fault === 'locked' ? [`bad at ${code}`] : [`bad after ${code}`, `bad at ${code}`]
    expect(said()).toEqual([...failures, 'good after picture', 'good at picture'])
    // A wrong password is not tried again: cameras lock who does.
    if (step.fault === 'locked') expect(sim.asked.filter((what) => what === 'bad refused').length).toBeLessThan(3)
  })

  it('that does not answer is given up in time, and the others do not wait for it', async () => {
    await simulate({ id: 'slow' }, { id: 'good' })
    sim.apply({ do: 'camera-fault', camera: 'slow', fault: 'slow', slow_ms: 600_000 })
    const { cameras } = open({ good: cameraAt(sim.urlOf('good')) })
    const late = open({ slow: cameraAt(sim.urlOf('slow')) }, { ...TIMES, timeout_ms: 200 }).cameras
    const wanted = { incident: 'i1', place: PLACE, at: Date.now() }
    late.fetch(wanted)
    cameras.fetch(wanted)
    await cameras.settled()
    await late.settled()
    expect(said()).toEqual(['good after picture', 'good at picture', 'slow after CAMERA_SLOW', 'slow at CAMERA_SLOW'])
  })

  it('that sends us elsewhere is not followed, by a redirect or by an address that it names', async () => {
    const visitors: string[] = []
    const trap = createServer((request, response) => {
      visitors.push(request.url ?? '')
      response.end()
    })
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve))
    closers.push(() => trap.close())
    const { port } = trap.address() as AddressInfo
    await simulate({ id: 'c1' }, { id: 'c2', host: 'cameras.example.org' })
    sim.apply({ do: 'camera-fault', camera: 'c1', fault: 'elsewhere', to: `http://127.0.0.1:${port}/trap` })
    const { cameras } = open({ c1: cameraAt(sim.urlOf('c1')), c2: cameraAt(sim.urlOf('c2')) })
    cameras.fetch({ incident: 'i1', place: PLACE, at: Date.now() })
    await cameras.settled()
    // The second believes to be somewhere else, and is asked where it is.
    expect(said()).toEqual(['c1 after CAMERA_ELSEWHERE', 'c1 at CAMERA_ELSEWHERE', 'c2 after picture', 'c2 at picture'])
    expect(visitors).toEqual([])
  })

  it.each<[string, string | undefined, number, string]>([
    ['is missing', undefined, 0, 'CAMERA_SECRET'],
    ['can be read by others', CAMERA_LOGIN.password, 0o644, 'CAMERA_SECRET'],
    ['is empty', '\n', 0o600, 'CAMERA_SECRET'],
    ['holds another password', 'wrong', 0o600, 'CAMERA_LOGIN'],
  ])('whose password file %s gives none', async (_what, content, mode, code) => {
    await simulate({ id: 'c1' })
    rmSync(join(dir, 'password'))
    if (content !== undefined) writeFileSync(join(dir, 'password'), content, { mode })
    const { cameras } = open({ c1: cameraAt(sim.urlOf('c1')) })
    cameras.fetch({ incident: 'i1', place: PLACE, at: Date.now() })
    await cameras.settled()
    expect(said()).toEqual([`c1 at ${code}`])
  })

  it('whose clock is years off lets us in all the same', async () => {
    await simulate({ id: 'c1', clock_ms: -300 * 86_400_000, presets: ['gate'] })
    const past = { path: '/snapshot?at={at}', seconds: 10 }
    const { cameras } = open(
      { c1: cameraAt(sim.urlOf('c1'), { preset: 'gate', past }) },
      { ...TIMES, before_ms: 3_000 },
    )
    cameras.fetch({ incident: 'i1', place: PLACE, at: Date.now() })
    await cameras.settled()
    expect(said()).toEqual(['c1 after picture', 'c1 at picture', 'c1 before picture'])
    expect(sim.asked).toContain('c1 GotoPreset')
  })

  it.each<[string, RequestListener, string]>([
    [
      'entities of its own',
      (_request, response) => response.end('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'),
      'CAMERA_ANSWER',
    ],
    [
      'a hundred levels',
      (_request, response) => response.end(`${'<a>'.repeat(100)}${'</a>'.repeat(100)}`),
      'CAMERA_ANSWER',
    ],
    [
      'a fault',
      (_request, response) => response.end('<e:Envelope><e:Body><e:Fault>no</e:Fault></e:Body></e:Envelope>'),
      'CAMERA_ANSWER',
    ],
    ['megabytes', (_request, response) => response.end(`<a>${'x'.repeat(1_000_000)}</a>`), 'CAMERA_TOO_LARGE'],
    ['nothing', (_request, response) => response.end(), 'CAMERA_ANSWER'],
    [
      'a wish for the password in the clear',
      (_request, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
      'CAMERA_LOGIN',
    ],
  ])('that answers with %s is understood as that', async (_what, listener, code) => {
    const server = createServer(listener)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => server.close())
    const { cameras } = open({ odd: cameraAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`) })
    cameras.fetch({ incident: 'i1', place: PLACE, at: Date.now() })
    await cameras.settled()
    expect(said()).toContain(`odd at ${code}`)
  })

  it('is asked for one thing at a time, and for so many at most', async () => {
    await simulate({ id: 'c1' })
    const { cameras } = open({ c1: cameraAt(sim.urlOf('c1')) })
    for (let n = 0; n < 30; n++) cameras.fetch({ incident: `i${n}`, place: PLACE, at: Date.now() })
    await cameras.settled()
    expect(said().filter((one) => one === 'c1 at picture')).toHaveLength(20)
    expect(said().filter((one) => one === 'c1 at CAMERA_BUSY')).toHaveLength(10)
  })

  it('that is asked when the hub ends keeps nobody', async () => {
    await simulate({ id: 'slow' })
    sim.apply({ do: 'camera-fault', camera: 'slow', fault: 'slow', slow_ms: 600_000 })
    const { cameras } = open({ slow: cameraAt(sim.urlOf('slow')) }, { ...TIMES, timeout_ms: 600_000 })
    cameras.fetch({ incident: 'i1', place: PLACE, at: Date.now() })
    await vi.waitFor(() => expect(sim.asked).toContain('slow connection'), WAIT)
    cameras.close()
    await cameras.settled()
    expect(told).toEqual([])
  })
})

describe('pictures', () => {
  const DAY_MS = 86_400_000

  it('go when they are too old or too many, the oldest first', async () => {
    const store = createPictureStore(join(dir, 'p'), { now_ms: Date.now })
    const taken: string[] = []
    for (let days = 5; days >= 0; days--) {
      const sha256 = await store.put(Buffer.alloc(1_000, days))
      const at_s = (Date.now() - days * DAY_MS) / 1000
      utimesSync(join(dir, 'p', `${sha256}.jpg`), at_s, at_s)
      taken.push(sha256)
    }
    expect(await store.tidy({ age_ms_max: 3.5 * DAY_MS, bytes_max: 1_000_000 })).toBe(2)
    expect(await store.tidy({ age_ms_max: 30 * DAY_MS, bytes_max: 2_500 })).toBe(2)
    expect(await Promise.all(taken.map(async (one) => (await store.get(one)) !== undefined))).toEqual([
      ...[false, false, false, false],
      ...[true, true],
    ])
    expect(keptFor({ days: 2 })).toEqual({ age_ms_max: 2 * DAY_MS, bytes_max: 1_000_000_000 })
  })

  it('go by themselves, without an alarm', async () => {
    const { cameras, pictures } = open({})
    const sha256 = await pictures.put(Buffer.from('old'))
    utimesSync(join(dir, 'pictures', `${sha256}.jpg`), 1, 1)
    cameras.start()
    await vi.waitFor(async () => expect(await pictures.get(sha256)).toBeUndefined(), WAIT)
  })

  it('are told from what was changed on disk, and from names that are no pictures', async () => {
    const store = createPictureStore(join(dir, 'p'), { now_ms: Date.now })
    const sha256 = await store.put(Buffer.from('picture'))
    expect((await store.get(sha256))?.toString()).toBe('picture')
    writeFileSync(join(dir, 'p', `${sha256}.jpg`), 'another')
    await expect(store.get(sha256)).rejects.toMatchObject({ code: 'PICTURE_DAMAGED' })
    for (const name of ['../password', '', 'x'.repeat(64), sha256.toUpperCase()])
      expect(await store.get(name)).toBeUndefined()
    expect(readdirSync(join(dir, 'p'))).toEqual([`${sha256}.jpg`])
    expect(readFileSync(join(dir, 'password'), 'utf8')).toContain('snap')
  })
})

it('a camera shows the places that it names, and no others', () => {
  const at = (place: CameraConfig['place']) =>
    Object.keys(camerasAt({ c: { url: 'http://c', place: { building: '3' } } }, place).map(([id]) => id))
  expect([at({ building: '3', spot: 'lobby' }), at({ building: '4' }), at({ spot: 'lobby' })]).toEqual([['0'], [], []])
})
