import { beforeEach, describe, expect, it } from 'vitest'
import { cardPinHash, credentialId, normalForm } from '../../hub/contract/credentials.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import { afterPowerCut, crashingFolder, createDisk, type Disk } from '../../hub/journal/test-support/crashing-folder.ts'
import { type CredentialDesk, createCredentialDesk, type DeskConfig, type Presence, type Presented } from './desk.ts'
import { card, createTeller, KEY } from './examples.ts'
import { CREDENTIAL_USE_LANE } from './ledger.ts'
import { CONFIDENCE_MIN } from './plates.ts'

const NOON_MS = Date.parse('2026-11-23T12:00:00+08:00')
const reference = (number: number) => `h10301:1:${number}`
const WORKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri'] as const
const config: DeskConfig = {
  siteKeys: [KEY],
  gates: { 'door-1': {}, 'door-2': { area: 'building' }, 'boom-1': { plateConfidence_min: 0.7 } },
  schedules: {
    office: {
      timeZone: 'Asia/Shanghai',
      rules: [{ days: WORKDAYS, from: '08:00', to: '18:00', mode: 'open' }],
      otherwise: { mode: 'shut' },
    },
  },
}

let disk: Disk
let journal: ReturnType<typeof createMemoryDisk>
let log: Awaited<ReturnType<typeof openMemoryLog>>
let teller: ReturnType<typeof createTeller>
let desk: CredentialDesk
let faults: string[]

async function start(): Promise<void> {
  log = await openMemoryLog(journal, { lanes: [CREDENTIAL_USE_LANE] })
  desk = await createCredentialDesk(
    { folder: crashingFolder(disk), log, onFault: ({ code }) => faults.push(code) },
    config,
  )
}

/** A power cut: what was not on disk is gone. */
async function restart(): Promise<void> {
  log.kill()
  journal.isOpen = false
  await start()
}

beforeEach(async () => {
  disk = createDisk()
  journal = createMemoryDisk()
  teller = createTeller()
  faults = []
  await start()
  for (const part of teller.snapshot()) await desk.apply(part)
})

function at(more: Partial<Presence> & { ms?: number } = {}): Presence {
  const { ms = 0, ...rest } = more
  const moment = { wall_ms: NOON_MS + ms, monotonic_ms: ms }
  return { gate: 'door-1', direction: 'in', mode: 'card', at: moment, timeQuality: 'synced', ...rest }
}
const said = ({ access }: Presented) => (access.granted ? access.by : access.reason)

describe('the desk', () => {
  it('grants what the hub has told, refuses what it has taken back, and names it by its hash only', async () => {
    await desk.apply(teller.change([card(1)]))
    expect(desk.card(reference(1), undefined, at()).access).toEqual({
      granted: true,
      direction: 'in',
      by: 'card',
      credential: card(1).id,
    })
    await desk.apply(teller.change([], [card(1).id]))
    expect(desk.card(reference(1), undefined, at()).access).toEqual({
      granted: false,
      direction: 'in',
      by: 'card',
      reason: 'unknown',
    })
    expect(desk.have()).toEqual({ ...teller.position, need: 'changes' })
  })

  it('reads card and PIN, and duress', async () => {
    const { id } = card(1)
    const pins = { pin: cardPinHash(KEY, id, '4711'), duresspin: cardPinHash(KEY, id, '4712') }
    await desk.apply(teller.change([card(1, pins)]))
    const mode = 'card-and-pin'
    expect(said(desk.card(reference(1), undefined, at({ mode })))).toBe('pin-missing')
    expect(said(desk.card(reference(1), '0000', at({ mode })))).toBe('wrong-pin')
    expect(desk.card(reference(1), '4711', at({ mode })).access).not.toHaveProperty('duress')
    expect(desk.card(reference(1), '4712', at({ mode })).access).toMatchObject({
      granted: true,
      by: 'card-and-pin',
      duress: true,
    })
  })

  it('bars the keypad of one gate after five wrong PINs, and only for a while', async () => {
    const id = credentialId(KEY, 'pin', '2580')
    const gates = ['*']
    await desk.apply(teller.change([normalForm({ id, kind: 'pin', class: 'staff', gates, antipassback: 'none' })]))
    for (let guess = 0; guess < 5; guess++) expect(said(desk.pin(`000${guess}`, at({ ms: guess })))).toBe('unknown')
    expect(said(desk.pin('2580', at({ ms: 10 })))).toBe('too-many-attempts')
    expect(said(desk.pin('2580', at({ ms: 10, gate: 'door-2' })))).toBe('pin')
    expect(said(desk.pin('2580', at({ ms: 70_000 })))).toBe('pin')
  })

  it('asks schedules by the wall clock of the site', async () => {
    await desk.apply(teller.change([card(1, { schedule: 'office' }), card(2, { schedule: 'nights' })]))
    expect(said(desk.card(reference(1), undefined, at()))).toBe('card')
    expect(said(desk.card(reference(1), undefined, at({ ms: 6 * 3_600_000 })))).toBe('out-of-schedule')
    expect(said(desk.card(reference(1), undefined, at({ ms: -4 * 3_600_000 })))).toBe('card')
    expect(said(desk.card(reference(1), undefined, at({ timeQuality: 'unsynced' })))).toBe('time-unknown')
    expect(said(desk.card(reference(1), undefined, at({ timeQuality: 'holdover' })))).toBe('card')
    expect(said(desk.card(reference(2), undefined, at()))).toBe('schedule-unknown')
  })

  it('reads plates, if the camera is sure enough', async () => {
    const id = credentialId(KEY, 'plate', '粤BD12345')
    const plate = normalForm({ id, kind: 'plate', class: 'resident', gates: ['*'], antipassback: 'none' })
    await desk.apply(teller.change([plate]))
    const read = (text: string, confidence: number, gate = 'door-1') =>
      said(desk.plate({ text, confidence }, at({ gate })))
    expect(read('粤B·D12345', CONFIDENCE_MIN)).toBe('plate')
    expect(read('粤BD12345', CONFIDENCE_MIN - 0.01)).toBe('plate-unsure')
    expect(read('粤BD12345', 0.7, 'boom-1')).toBe('plate')
    expect(read('粤BD12345', Number.NaN)).toBe('plate-unsure')
    expect(read('?', 1)).toBe('plate-unreadable')
    expect(desk.plate({ text: '粤BD99999', confidence: 1 }, at()).access).not.toHaveProperty('credential')
  })

  it('refuses a schedule that is none, and keys that are too short', async () => {
    const deps = { folder: crashingFolder(createDisk()), log, onFault: () => undefined }
    const wrong = { timeZone: 'Mars/Olympus', rules: [], otherwise: { mode: 'shut' as const } }
    await expect(createCredentialDesk(deps, { ...config, schedules: { wrong } })).rejects.toMatchObject({
      code: 'CREDENTIALS_CONFIG',
      path: '/schedules/wrong',
    })
    await expect(createCredentialDesk(deps, { ...config, siteKeys: [KEY.slice(1)] })).rejects.toMatchObject({
      code: 'CREDENTIALS_KEY',
    })
  })
})

describe('what is remembered', () => {
  const visit = () => said(desk.card(reference(1), undefined, at()))

  it('counts a visitor over power cuts', async () => {
    await desk.apply(teller.change([card(1, { class: 'visitor', limits: { uses: 2 } })]))
    const first = desk.card(reference(1), undefined, at())
    expect([said(first), await first.kept]).toEqual(['card', true])
    await restart()
    const second = desk.card(reference(1), undefined, at())
    expect([said(second), await second.kept]).toEqual(['card', true])
    await restart()
    expect(visit()).toBe('used-up')
  })

  it('keeps anti-passback over power cuts, per area, until it is forgiven', async () => {
    await desk.apply(teller.change([card(1, { antipassback: 'hard', gates: ['*'] })]))
    await desk.card(reference(1), undefined, at()).kept
    await restart()
    expect(visit()).toBe('passback')
    expect(said(desk.card(reference(1), undefined, at({ gate: 'door-2' })))).toBe('card')
    expect(await desk.forgive(card(1).id)).toBe(true)
    await restart()
    expect(visit()).toBe('card')
    expect(await desk.forgive()).toBe(true)
    expect(visit()).toBe('card')
  })

  it('takes a use back when nobody came, but not when it was used again since', async () => {
    await desk.apply(teller.change([card(1, { class: 'visitor', gates: ['*'], limits: { uses: 2 } })]))
    expect(visit()).toBe('card')
    desk.takeBack(card(1).id, 'door-1')
    desk.takeBack(card(1).id, 'door-1')
    expect(visit()).toBe('card')
    expect(said(desk.card(reference(1), undefined, at({ gate: 'door-2' })))).toBe('card')
    desk.takeBack(card(1).id, 'door-1')
    expect(visit()).toBe('used-up')
  })

  it('counts one visit once, however often the card is held there before somebody has passed', async () => {
    await desk.apply(teller.change([card(1, { class: 'visitor', antipassback: 'hard', limits: { uses: 1 } })]))
    for (let held = 0; held < 3; held++) {
      const again = desk.card(reference(1), undefined, at({ ms: held * 1000 }))
      expect([said(again), again.keepFirst, again.passback]).toEqual(['card', true, false])
    }
    expect(said(desk.card(reference(1), undefined, at({ ms: 121_000 + 2000 })))).toBe('used-up')
    desk.settle(card(1).id, 'door-1')
    desk.takeBack(card(1).id, 'door-1')
    expect(visit()).toBe('used-up')
  })

  it('counts a visit that nobody can tell the end of, at that gate only', async () => {
    const visitor: Parameters<typeof card>[1] = { class: 'visitor', gates: ['*'], limits: { uses: 2 } }
    await desk.apply(teller.change([card(1, visitor), card(2, visitor)]))
    const present = (number: number, gate: string) => said(desk.card(reference(number), undefined, at({ gate })))
    expect([present(1, 'door-1'), present(2, 'door-2')]).toEqual(['card', 'card'])
    desk.settleAll('door-1')
    expect([present(1, 'door-1'), present(2, 'door-2'), present(2, 'door-2')]).toEqual(['card', 'card', 'card'])
    desk.settleAll('door-1')
    expect(present(1, 'door-1')).toBe('used-up')
  })

  it('lets nobody wait for the disk who may come twice, who goes out, or whose way is open', async () => {
    const waits = (more: Partial<Presence> = {}) => desk.card(reference(1), undefined, at(more)).keepFirst
    const told: Array<[Parameters<typeof card>[1], Partial<Presence>, boolean]> = [
      [{}, {}, false],
      [{ antipassback: 'soft' }, {}, false],
      [{ antipassback: 'hard' }, {}, true],
      [{ limits: { uses: 9 } }, {}, true],
      [{ limits: { uses: 9 } }, { direction: 'out' }, false],
      [{ limits: { uses: 9 } }, { mode: 'free' }, false],
      [{ limits: { uses: 9 }, class: 'emergency' }, {}, false],
    ]
    for (const [rights, where, expected] of told) {
      await desk.apply(teller.change([], [card(1).id]))
      await desk.apply(teller.change([card(1, rights)]))
      expect(waits(where), JSON.stringify([rights, where])).toBe(expected)
    }
  })

  it('outlives a copy that is older than the visitor, and ends with the credential', async () => {
    const older = afterPowerCut(disk, () => 0.999)
    const visitor = card(1, { class: 'visitor', limits: { uses: 1 } })
    await desk.apply(teller.change([visitor]))
    await desk.card(reference(1), undefined, at()).kept
    disk = older
    await restart()
    expect(visit()).toBe('unknown')
    for (const part of teller.snapshot()) expect(await desk.apply(part)).toMatchObject({ status: 'applied' })
    expect(visit()).toBe('used-up')
    await desk.apply(teller.change([], [visitor.id]))
    expect(desk.stats().remembered).toBe(0)
    await desk.apply(teller.change([visitor]))
    expect(visit()).toBe('card')
  })

  it('holds in memory when the disk fails, is told once, and is written when it works again', async () => {
    await desk.apply(teller.change([1, 2].map((n) => card(n, { class: 'visitor', limits: { uses: 1 } }))))
    journal.failures = 2
    expect(await desk.card(reference(1), undefined, at()).kept).toBe(false)
    desk.settle(card(1).id, 'door-1')
    expect(visit()).toBe('used-up')
    journal.failures = 0
    await desk.card(reference(2), undefined, at()).kept
    await restart()
    expect(visit()).toBe('used-up')
    expect(faults).toEqual(['JOURNAL_IO'])
  })
})
