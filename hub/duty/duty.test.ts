import { beforeEach, describe, expect, it } from 'vitest'
import type { Address } from '../contract/topic.ts'
import { createDevices, type Devices } from '../devices/devices.ts'
import { createMemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import type { Log } from '../journal/types.ts'
import { JOURNAL_LANES } from '../journal-lanes.ts'
import type { ShownIncident } from '../live/shown.ts'
import { createHandovers, type Handovers } from './handover.ts'
import { createPlan } from './plan.ts'
import { openRecords } from './records.ts'

const SITE = { street: 's', community: 'c', estate: 'e' }
const at = (gateway: string, kind: Address['class'], device: string): Address => ({
  ...SITE,
  gateway,
  class: kind,
  device,
})

let disk: ReturnType<typeof createMemoryDisk>
let log: Log
let devices: Devices
let now_ms: number
let incidents: ShownIncident[]

async function restarted(): Promise<{ handovers: Handovers; plan: ReturnType<typeof createPlan> }> {
  await log?.close()
  log = await openMemoryLog(disk, { lanes: JOURNAL_LANES })
  const records = await openRecords({ log, now_ms: () => now_ms })
  return {
    handovers: createHandovers({ records, devices, incidents: () => incidents, now_ms: () => now_ms }),
    plan: createPlan(records),
  }
}

beforeEach(() => {
  disk = createMemoryDisk()
  devices = createDevices()
  incidents = []
  now_ms = Date.parse('2026-11-30T08:00:00Z')
  return () => log.close()
})

const incidentOf = (number: string, status: ShownIncident['status']): ShownIncident => ({
  number,
  status,
  kind: 'major',
  source: 'event',
  cause: 'button',
  since: '2026-11-30T07:50:00Z',
  count: 1,
  late: false,
  steps: [],
  overdue: [],
})
const code = (expected: string) => expect.objectContaining({ code: expected })

describe('a handover sheet', () => {
  it('holds what the hub knows of the estate, what is written, and both names, over a restart', async () => {
    const { handovers } = await restarted()
    const button = at('gw-1', 'alarm-button', 'b1')
    devices.apply({
      kind: 'availability',
      topic: { ...button, channel: 'avail' },
      availability: { status: 'fault', reason: 'loop-open' },
    })
    const door = at('gw-1', 'access-gate', 'd1')
    devices.apply({
      kind: 'state',
      topic: { ...door, channel: 'state' },
      state: { mode: 'free', modeby: 'command', held: true, alarm: 'none', faults: [] },
    })
    incidents.push(incidentOf('7', 'dispatched'), incidentOf('6', 'answered'))
    await handovers.write('李明', '钥匙在抽屉里')
    const again = (await restarted()).handovers
    expect(again.list(5)).toMatchObject([
      {
        number: 1,
        notes: '钥匙在抽屉里',
        incidents: [{ what: 'hub/incident/7', status: 'dispatched', detail: 'button' }],
        devices: [{ what: 'gw-1/alarm-button/b1', status: 'fault', detail: 'loop-open' }],
        gates: [{ status: 'free' }, { status: 'held' }],
        outgoing: { name: '李明' },
      },
    ])
    await again.sign(1, '王芳', '已收钥匙')
    expect((await restarted()).handovers.list(5)[0]).toMatchObject({ incoming: { name: '王芳' }, remark: '已收钥匙' })
  })

  it('is signed by another person, once, and begins where the one before ended', async () => {
    const { handovers } = await restarted()
    const first = await handovers.write('李明', '')
    await expect(handovers.sign(1, '李明', '')).rejects.toEqual(code('HANDOVER_SAME_PERSON'))
    await expect(handovers.write('王芳', '')).rejects.toEqual(code('HANDOVER_OPEN'))
    await expect(handovers.sign(2, '王芳', '')).rejects.toEqual(code('HANDOVER_UNKNOWN'))
    // Whoever wrote it may write it anew until somebody has taken over.
    expect((await handovers.write('李明', '再看一眼')).number).toBe(1)
    await handovers.sign(1, '王芳', '')
    await expect(handovers.sign(1, '张伟', '')).rejects.toEqual(code('HANDOVER_SIGNED'))
    now_ms += 8 * 3_600_000
    expect(await handovers.write('王芳', '')).toMatchObject({ number: 2, from: first.to })
  })
})

const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452000004b0000002f80806000000', 'hex')
const WEBP = Buffer.concat([Buffer.from('RIFF....WEBPVP8X'), Buffer.from('0a00000000000000af0400f70200', 'hex')])
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffc0001108 02f804b003'.replace(' ', ''), 'hex')

describe('the plan of the site', () => {
  it.each([
    ['image/png', PNG],
    ['image/webp', WEBP],
    ['image/jpeg', JPEG],
  ])('knows %s by its bytes, and keeps it over a restart', async (type, bytes) => {
    const { plan } = await restarted()
    await plan.putImage(bytes)
    await plan.putPositions({ 'gw-1/alarm-button/b1': { x: 0.5, y: 0.25 } })
    const again = (await restarted()).plan
    expect(again.image()).toMatchObject({ type, width: 1200, height: 760 })
    expect(again.positions()).toEqual({ 'gw-1/alarm-button/b1': { x: 0.5, y: 0.25 } })
    await again.removeImage()
    expect((await restarted()).plan.image()).toBeUndefined()
  })

  it.each([
    [
      'a drawing that can carry scripts',
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
      'PLAN_TYPE',
    ],
    ['a picture that ends too early', PNG.subarray(0, 18), 'PLAN_TYPE'],
    ['a JPEG without a frame', Buffer.from('ffd8ffe00004ffffffda', 'hex'), 'PLAN_TYPE'],
    ['nothing', Buffer.alloc(0), 'PLAN_TYPE'],
    ['more bytes than fit', Buffer.concat([PNG, Buffer.alloc(1_000_000)]), 'PLAN_TOO_LARGE'],
    [
      'more pixels than a phone can hold',
      Buffer.from(PNG.toString('hex').replace('000004b0', '00ffffff'), 'hex'),
      'PLAN_TOO_LARGE',
    ],
  ])('refuses %s', async (_what, bytes, expected) => {
    const { plan } = await restarted()
    await expect(plan.putImage(bytes)).rejects.toEqual(code(expected))
    expect(plan.image()).toBeUndefined()
  })
})
