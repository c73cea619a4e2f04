import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import FakeTimers from '@sinonjs/fake-timers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { SimEvent } from '../events.ts'
import { createPoster } from '../process/poster.ts'
import { createRandom } from '../random.ts'
import { createTimeline } from '../time/timeline.ts'
import type { CameraConfig } from './config.ts'
import { createPlateCamera, type Seen, type Watched } from './plate-camera.ts'

type Plate = SimEvent & { type: 'plate' }

/** Shows plates to a camera, one a minute, and collects what it reads. */
function look(
  count: number,
  more: Partial<CameraConfig>,
  drives: (vehicle: { entered: boolean; left: boolean }) => void = () => {},
): { plates: Plate[]; posted: object[] } {
  const clock = FakeTimers.install({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
  const timeline = createTimeline()
  const plates: Plate[] = []
  const posted: object[] = []
  const vehicle = { plate: 'JA12345', entered: false, left: false }
  let show: ((vehicle: Seen, at_ms: number) => void) | undefined
  const barrier: Watched = {
    watch: (_side, _at_m, see) => {
      show = see
    },
  }
  createPlateCamera({ id: 'c', device: 'g1', ...more }, barrier, {
    timeline,
    random: createRandom(1),
    emit: (event) => plates.push(event as Plate),
    post: (_url, body) => posted.push(body),
  })
  for (let index = 0; index < count; index++) {
    show?.(vehicle, timeline.now())
    clock.tick(30_000)
    drives(vehicle)
    clock.tick(30_000)
  }
  timeline.close()
  clock.uninstall()
  return { plates, posted }
}

describe('a plate camera', () => {
  it('tells what it reads after its time, sure of itself', () => {
    const { plates } = look(1, { misread_share: 0, noread_share: 0, latency_ms: 300 })
    expect(plates).toEqual([
      { type: 'plate', camera: 'c', plate: 'JA12345', confidence: expect.any(Number), at_ms: 300 },
    ])
    expect(plates[0]?.confidence).toBeGreaterThanOrEqual(0.9)
  })

  it('misreads and overlooks as often as it is told to, and is less sure of what is wrong', () => {
    const { plates } = look(2000, { misread_share: 0.1, noread_share: 0.2 })
    expect(plates.length / 2000).toBeCloseTo(0.8, 1)
    const wrong = plates.filter(({ plate }) => plate !== 'JA12345')
    expect(wrong.length / plates.length).toBeCloseTo(0.1, 1)
    expect(Math.max(...wrong.map(({ confidence }) => confidence))).toBeLessThan(0.9)
    for (const { plate } of wrong) expect(plate.length).toBe(7)
  })

  it.each(['entered', 'left'] as const)('reads a vehicle again until it has %s', (how) => {
    const { plates } = look(1, { misread_share: 0, noread_share: 0, again_ms: 12_000 }, (vehicle) => {
      vehicle[how] = true
    })
    expect(plates.map(({ at_ms }) => at_ms)).toEqual([250, 12_250, 24_250])
  })

  it('reads as often as it is told to, and posts each reading', () => {
    const { plates, posted } = look(3, { reads: 4, noread_share: 0, post: 'http://127.0.0.1:1/plates' })
    expect(plates.length).toBe(12)
    expect(posted).toEqual(
      plates.map(({ plate, confidence, at_ms }) => ({ plate, confidence, at: new Date(at_ms).toISOString() })),
    )
  })
})

describe('posting', () => {
  const closers: (() => void)[] = []
  afterEach(() => {
    for (const close of closers.splice(0)) close()
  })

  it('brings JSON to a server on this machine, and tells what fails', async () => {
    const bodies: string[] = []
    const tokens: unknown[] = []
    const server = createServer((request, response) => {
      tokens.push(request.headers.authorization)
      request.setEncoding('utf8').on('data', (text: string) => bodies.push(text))
      request.on('end', () => response.writeHead(bodies.length > 1 ? 500 : 204).end())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => server.close())
    const failures: string[] = []
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/plates`
    const post = createPoster((message) => failures.push(message))
    post(url, { plate: 'A1' })
    await vi.waitFor(() => expect(bodies).toEqual(['{"plate":"A1"}']), 10_000)
    post(url, { plate: 'A2' }, 'secret')
    await vi.waitFor(() => expect(failures).toEqual([`post to ${url}: status 500`]), 10_000)
    expect(tokens).toEqual([undefined, 'Bearer secret'])
    for (let count = 0; count < 40; count++) post(url, {})
    expect(failures.at(-1)).toBe(`post to ${url}: 32 are waiting already`)
  })
})
