import { install } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeJson } from '../../../hub/contract/encode.ts'
import { LinliError } from '../../../hub/contract/errors.ts'
import type { TimeQuality } from '../../../hub/contract/event.ts'
import { plateTopic } from '../../../hub/contract/plate.ts'
import type { Address } from '../../../hub/contract/topic.ts'
import type { Presence, Presented } from '../../credentials/desk.ts'
import type { PlateReading } from '../../credentials/plates.ts'
import type { AccessGateDriver } from '../../drivers/access-gate/access.ts'
import { momentNow } from '../../moment.ts'
import type { CameraServerDeps } from '../../ports/camera-server.ts'
import { startVirtualTime, type VirtualTime } from '../../testing/virtual-time.ts'
import { type Cameras, createCameras } from './cameras.ts'
import { UNSEEN_MAX } from './watch-machine.ts'

const SITE = { street: 's', community: 'c', estate: 'e' }
const GATEWAY: Address = { ...SITE, gateway: 'gw-1', class: 'gateway', device: 'gw-1' }
const GATE: Address = { ...GATEWAY, class: 'access-gate', device: 'v1' }
const TOPIC = plateTopic(SITE, 'gw-1', 'cam-1')
const READING = { plate: 'JA12345', confidence: 0.9 }

describe('the cameras of a gateway', () => {
  let time: VirtualTime
  let cameras: Cameras
  let asked: Array<[PlateReading, Presence]>
  let admitted: string[]
  let said: string[]
  let availability: object[]
  let server: CameraServerDeps | undefined
  let isPortTaken: boolean
  let opened: number
  let closed: number
  let quality: TimeQuality

  beforeEach(() => {
    time = startVirtualTime(install)
    asked = []
    admitted = []
    said = []
    availability = []
    server = undefined
    isPortTaken = false
    opened = 0
    closed = 0
    quality = 'synced'
    const note = (fields: object, message: string) => void said.push(`${JSON.stringify(fields)} ${message}`)
    const gate = { address: GATE, mode: () => 'normal' } as unknown as AccessGateDriver
    cameras = createCameras(
      {
        log: { debug: note, info: note, warn: note, error: note },
        gates: new Map([['v1', gate]]),
        desk: {
          takeBack: () => undefined,
          plate(reading, presence) {
            asked.push([reading, presence])
            return { access: { granted: true, direction: presence.direction, by: 'plate' } } as Presented
          },
        },
        admission: { admit: (to, presented) => void admitted.push(`${to.address.device} ${presented.access.granted}`) },
        outbox: {
          availability: (address, value) => void availability.push({ camera: address.device, ...value }),
          meta: () => undefined,
          state: () => undefined,
        },
        timeQuality: () => quality,
        randomBytes: (count) => new Uint8Array(count),
        async openServer(handlers) {
          opened++
          if (isPortTaken) throw new LinliError('CAMERA_PORT_IN_USE', 'taken', { kind: 'caller' })
          server = handlers
          return { port: 1, close: async () => void closed++ }
        },
        tokenOf: () => 'token',
        version: '1',
      },
      GATEWAY,
      { listen: { port: 8090 }, list: [{ id: 'cam-1', gate: 'v1', direction: 'in', silentAfter_s: 60 }] },
    )
  })
  afterEach(async () => {
    await cameras.close()
    time.end()
  })

  const mqtt = (reading: object, retain = false) => cameras.onMessage(TOPIC, encodeJson(reading), retain)

  it('bring a plate to the desk and its decision to the gate, by HTTP and by MQTT', async () => {
    cameras.start()
    await time.pass(10)
    expect(server?.onReading('cam-1', READING)).toBe('taken')
    expect(mqtt({ ...READING, plate: 'JB12345' })).toBe(true)
    expect(asked.map(([reading, { gate, direction, mode }]) => [reading.text, gate, direction, mode])).toEqual([
      ['JA12345', 'v1', 'in', 'normal'],
      ['JB12345', 'v1', 'in', 'normal'],
    ])
    expect(admitted).toEqual(['v1 true', 'v1 true'])
    expect(availability).toEqual([
      { camera: 'cam-1', status: 'stale', reason: 'not-heard' },
      { camera: 'cam-1', status: 'online' },
    ])
  })

  it('ask once for a plate that is read again and again', async () => {
    cameras.start()
    for (let count = 0; count < 50; count++) mqtt(READING)
    expect(asked).toHaveLength(1)
    mqtt({ ...READING, confidence: 0.95 })
    await time.pass(3_000)
    mqtt(READING)
    expect(asked).toHaveLength(3)
  })

  it('leave vehicles that drive away, readings of another time, and other messages', () => {
    cameras.start()
    mqtt({ ...READING, direction: 'out' })
    mqtt({ ...READING, at: new Date(Date.now() - 10_000).toISOString() })
    mqtt(READING, true)
    for (const strange of [READING, READING])
      cameras.onMessage(plateTopic(SITE, 'gw-1', 'cam-9'), encodeJson(strange), false)
    expect(said.filter((line) => line.includes('/cameras/list'))).toHaveLength(1)
    expect(cameras.onMessage('linli/v1/s/c/e/gw-1/access-gate/v1/cmd/open/1', encodeJson({}), false)).toBe(false)
    expect(asked).toEqual([])
    expect(availability.at(-1)).toMatchObject({ status: 'fault', reason: 'clock-differs' })
    quality = 'unsynced'
    mqtt({ ...READING, at: new Date(Date.now() - 10_000).toISOString() })
    expect(asked).toHaveLength(1)
  })

  it('are stale when vehicles pass unseen, or nothing is heard for long', async () => {
    cameras.start()
    mqtt(READING)
    const pass = (direction: string) =>
      cameras.heard(GATE, { type: 'passage', severity: 'notice', at: momentNow(), data: { direction } })
    for (let count = 0; count < UNSEEN_MAX; count++) pass('out')
    expect(availability.at(-1)).toMatchObject({ status: 'online' })
    for (let count = 0; count < UNSEEN_MAX; count++) pass('in')
    expect(availability.at(-1)).toMatchObject({ status: 'stale', reason: 'vehicles-unseen' })
    mqtt(READING)
    await time.pass(70_000, 1_000)
    expect(availability.at(-1)).toMatchObject({ status: 'stale', reason: 'silent' })
  })

  it('ask for a port that is taken until they have it', async () => {
    isPortTaken = true
    cameras.start()
    await time.pass(11_000, 1_000)
    expect(opened).toBe(3)
    isPortTaken = false
    await time.pass(30_000, 1_000)
    expect(opened).toBe(4)
    await cameras.close()
    expect(closed).toBe(1)
  })

  it('never write a plate into the log, whatever comes', () => {
    cameras.start()
    const plate = 'QX73519'
    const payloads = fc.constantFrom(
      JSON.stringify({ plate, confidence: 0.1 }),
      JSON.stringify({ plate, confidence: plate }),
      JSON.stringify({ confidence: plate }),
      JSON.stringify({ plate: plate.repeat(9), confidence: 1 }),
      JSON.stringify({ plate, confidence: 1, at: plate }),
      `{"plate":"${plate}`,
      plate,
    )
    const topics = fc.constantFrom(TOPIC, `${TOPIC}/${plate}`, `${TOPIC.replace('cam-1', plate)}`)
    fc.assert(
      fc.property(topics, payloads, fc.boolean(), (topic, payload, retain) => {
        expect(cameras.onMessage(topic, Buffer.from(payload), retain)).toBe(true)
      }),
    )
    expect(said.length).toBeGreaterThan(0)
    expect(said.join()).not.toContain(plate)
  })
})
