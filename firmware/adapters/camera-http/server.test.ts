import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PlateReading } from '../../../hub/contract/plate.ts'
import type { CameraServer, TakenReading } from '../../ports/camera-server.ts'
import { openCameraServer } from './server.ts'

const TOKEN = 'a1b2c3d4e5f60718'
const PLATE = '沪A7K205'

type Body = string | Uint8Array<ArrayBuffer> | FormData

/** As a camera pushes it: of its fields those that matter, and some that do not. */
function anpr(more: { plate?: string; type?: string; direction?: string; time?: string; sure?: string } = {}): string {
  const { plate = PLATE, type = 'ANPR', direction = 'forward', sure = '97' } = more
  const { time = '2026-11-23T08:15:30+08:00' } = more
  return `<?xml version="1.0" encoding="UTF-8"?>
<EventNotificationAlert version="2.0" xmlns="http://www.isapi.org/ver20/XMLSchema">
  <ipAddress>192.168.0.64</ipAddress><macAddress>28:57:be:ee:d1:5a</macAddress>
  <dateTime>${time}</dateTime><activePostCount>1</activePostCount>
  <eventType>${type}</eventType><eventState>active</eventState>
  <ANPR><country>1</country><licensePlate>${plate}</licensePlate><line>1</line>
    <direction>${direction}</direction><confidenceLevel>${sure}</confidenceLevel>
    <VehicleInfo><color>white</color></VehicleInfo></ANPR>
</EventNotificationAlert>`
}

function withPictures(xml: string, picture_bytes = 300_000): FormData {
  const form = new FormData()
  form.append('licensePlatePicture.jpg', new Blob([new Uint8Array(picture_bytes)], { type: 'image/jpeg' }), 'p.jpg')
  form.append('anpr.xml', new Blob([xml], { type: 'text/xml' }), 'anpr.xml')
  form.append('detectionPicture.jpg', new Blob([new Uint8Array(picture_bytes)], { type: 'image/jpeg' }), 'd.jpg')
  return form
}

describe('the port for cameras', () => {
  let server: CameraServer
  let readings: Array<[camera: string, reading: PlateReading]>
  let alive: string[]
  let said: string[]
  let answer: TakenReading

  beforeEach(async () => {
    readings = []
    alive = []
    said = []
    answer = 'taken'
    const note = (fields: object, message: string) => void said.push(`${JSON.stringify(fields)} ${message}`)
    server = await openCameraServer(
      {
        log: { debug: note, info: note, warn: note, error: note },
        randomBytes: (count) => new Uint8Array(count).fill(9),
        onReading(camera, reading) {
          readings.push([camera, reading])
          return answer
        },
        onAlive: (camera) => void alive.push(camera),
      },
      {
        host: '127.0.0.1',
        port: 0,
        cameras: new Map([
          ['cam-1', { token: TOKEN, direction: 'in' as const }],
          ['cam-2', { token: TOKEN, direction: 'out' as const }],
        ]),
      },
    )
  })
  afterEach(() => server.close())

  async function post(path: string, body: Body, type?: string, authorization = `Bearer ${TOKEN}`) {
    const headers = { authorization, ...(type === undefined ? {} : { 'content-type': type }) }
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method: 'POST', headers, body })
    return { status: response.status, said: (await response.json()) as Record<string, unknown>, response }
  }
  const json = (value: unknown) => post('/plate/cam-1', JSON.stringify(value), 'application/json')

  it('takes a reading, and says no more than that', async () => {
    const reading = { plate: PLATE, confidence: 0.93, at: '2026-11-23T08:15:30.125Z', direction: 'in' }
    expect(await json(reading)).toMatchObject({ status: 200, said: { status: 'accepted' } })
    expect(readings).toEqual([['cam-1', reading]])
  })

  it('takes a sign of life', async () => {
    for (const path of ['/alive/cam-1', '/plate/cam-2'])
      expect(await post(path, '', 'application/json')).toMatchObject({ status: 200 })
    expect([alive, readings]).toEqual([['cam-1', 'cam-2'], []])
  })

  it('says when a reading is of another time', async () => {
    answer = 'stale'
    expect(await json({ plate: PLATE, confidence: 1 })).toMatchObject({ status: 422, said: { code: 'READING_STALE' } })
  })

  it.each<[string, Body, string, number, object]>([
    ['no JSON', '{"plate":', 'application/json', 400, { code: 'PAYLOAD_NOT_JSON' }],
    ['no UTF-8', new Uint8Array([0x22, 0x80, 0x22]), 'application/json', 400, { code: 'PAYLOAD_NOT_UTF8' }],
    ['no plate', '{"confidence":1}', 'application/json', 400, { code: 'SCHEMA_VIOLATION', path: '/plate' }],
    [
      'per cent',
      '{"plate":"A12345","confidence":97}',
      'application/json',
      400,
      { code: 'SCHEMA_VIOLATION', path: '/confidence' },
    ],
    ['plain text', 'A12345', 'text/plain', 415, { code: 'MEDIA_TYPE_UNKNOWN' }],
    ['too much', ' '.repeat(70_000), 'application/json', 413, { code: 'PAYLOAD_TOO_LARGE' }],
    ['no XML', '<a>', 'application/xml', 400, { code: 'PAYLOAD_NOT_XML' }],
    ['an entity of its own', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'text/xml', 400, { code: 'PAYLOAD_NOT_XML' }],
    ['deep XML', '<a>'.repeat(40), 'text/xml', 400, { code: 'PAYLOAD_NOT_XML' }],
    [
      'no confidence',
      anpr().replace(/<conf.*Level>/, ''),
      'text/xml',
      400,
      { code: 'SCHEMA_VIOLATION', path: '/confidence' },
    ],
    ['a form without its boundary', 'x', 'multipart/form-data', 400, { code: 'PAYLOAD_NOT_MULTIPART' }],
    ['a form that ends early', '--b\r\n', 'multipart/form-data; boundary=b', 400, { code: 'PAYLOAD_NOT_MULTIPART' }],
  ])('refuses %s, and says what is wrong', async (_what, body, type, status, told) => {
    expect(await post('/plate/cam-1', body, type)).toMatchObject({ status, said: told })
    expect([readings, alive]).toEqual([[], []])
    expect(said).toHaveLength(1)
    expect(said.join()).not.toMatch(/A12345|7K205/)
  })

  it('tells where to go who comes elsewhere', async () => {
    expect(await post('/plates', '{}', 'application/json')).toMatchObject({
      status: 404,
      said: { code: 'ROUTE_UNKNOWN' },
    })
  })

  it('asks who is calling before it reads what they bring', async () => {
    const strange = await post(
      '/plate/cam-1',
      JSON.stringify({ plate: PLATE, confidence: 1 }),
      'application/json',
      'Bearer x',
    )
    expect(strange).toMatchObject({ status: 401, said: { code: 'CAMERA_DENIED' } })
    expect(strange.response.headers.get('www-authenticate')).toMatch(/^Digest .*algorithm=MD5.*Basic /)
    const unknown = await post('/plate/cam-9', '{}', 'application/json')
    expect(unknown.said).toEqual(strange.said)
    expect(readings).toEqual([])
  })

  it('is no port for pages in a browser', async () => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', origin: 'http://127.0.0.1' }
    const body = JSON.stringify({ plate: PLATE, confidence: 1 })
    const response = await fetch(`http://127.0.0.1:${server.port}/plate/cam-1`, { method: 'POST', headers, body })
    expect([response.status, readings]).toEqual([401, []])
  })

  it('takes so many readings a second from a camera and no more, and others are not held up', async () => {
    const answers = await Promise.all(Array.from({ length: 60 }, () => json({ plate: PLATE, confidence: 1 })))
    const tooMany = answers.filter(({ status }) => status === 429)
    expect(tooMany.length).toBeGreaterThan(5)
    expect(tooMany[0]?.said).toMatchObject({ code: 'CAMERA_TOO_FAST' })
    expect(tooMany[0]?.response.headers.get('retry-after')).toBe('1')
    expect(readings.length).toBe(60 - tooMany.length)
    expect(await post('/alive/cam-2', '', 'application/json')).toMatchObject({ status: 200 })
  })

  describe('as Hikvision cameras push', () => {
    const reading = { plate: PLATE, confidence: 0.97, at: '2026-11-23T08:15:30+08:00' }

    it.each<[string, () => [Body, string | undefined]]>([
      ['XML', () => [anpr(), 'application/xml; charset="UTF-8"']],
      ['a form with pictures', () => [withPictures(anpr()), undefined]],
      ['XML with a byte order mark', () => [`\ufeff${anpr()}`, 'text/xml']],
    ])('takes %s', async (_what, make) => {
      const [body, type] = make()
      expect(await post('/plate/cam-1', body, type)).toMatchObject({ status: 200, said: { status: 'accepted' } })
      expect(readings).toEqual([['cam-1', reading]])
    })

    it('turns a vehicle that drives away into the other direction', async () => {
      for (const camera of ['cam-1', 'cam-2'])
        await post(`/plate/${camera}`, anpr({ direction: 'reverse' }), 'text/xml')
      expect(readings.map(([camera, { direction }]) => [camera, direction])).toEqual([
        ['cam-1', 'out'],
        ['cam-2', 'in'],
      ])
    })

    it('has a vehicle without a plate as one that could not be read, and a time without zone as none', async () => {
      await post('/plate/cam-1', anpr({ plate: 'unknown', sure: '0', time: '2026-11-23T08:15:30' }), 'text/xml')
      expect(readings).toEqual([['cam-1', { plate: '?', confidence: 0 }]])
    })

    it('takes every other event for a sign of life', async () => {
      expect(await post('/plate/cam-1', anpr({ type: 'videoloss' }), 'text/xml')).toMatchObject({ status: 200 })
      expect([alive, readings]).toEqual([['cam-1'], []])
    })

    it('lets eight megabytes of pictures pass and no more', async () => {
      expect(await post('/plate/cam-1', withPictures(anpr(), 5_000_000))).toMatchObject({
        status: 413,
        said: { code: 'PAYLOAD_TOO_LARGE' },
      })
      expect(await post('/plate/cam-1', withPictures(anpr({ plate: 'x'.repeat(70_000) }), 10))).toMatchObject({
        status: 413,
      })
      expect(readings).toEqual([])
    })
  })

  it('answers any bytes with a code, and goes on', async () => {
    const bodies = fc.record({
      type: fc.constantFrom('application/json', 'text/xml', 'multipart/form-data; boundary=b', 'image/jpeg', 'x'),
      body: fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.json().map((text) => new TextEncoder().encode(text)),
        fc.nat(anpr().length).map((cut) => new TextEncoder().encode(anpr().slice(0, cut))),
      ),
      camera: fc.constantFrom('cam-1', 'cam-2', '%00', '__proto__'),
    })
    await fc.assert(
      fc.asyncProperty(bodies, async ({ type, body, camera }) => {
        const answered = await post(`/plate/${camera}`, body, type)
        if (answered.status !== 200) {
          expect(answered.status).toBeGreaterThanOrEqual(400)
          expect(answered.status).toBeLessThan(500)
          expect(answered.said.code).toMatch(/^[A-Z0-9_]+$/)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('lets go of a caller who never ends its headers', async () => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write('POST /plate/cam-1 HTTP/1.1\r\n'))
    const open = new Promise<void>((resolve) => socket.once('ready', () => resolve()))
    await open
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => undefined)
    await server.close()
    await closed
  })
})
