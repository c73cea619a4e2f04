import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeJson, decodeMessage } from '../../hub/contract/decode.ts'
import type { LinliError } from '../../hub/contract/errors.ts'
import type { Address } from '../../hub/contract/topic.ts'
import { createMemoryDisk, type MemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import type { Append, Entry, Log } from '../../hub/journal/types.ts'
import { momentNow } from '../moment.ts'
import { silentLogger } from '../ports/logger.ts'
import { startVirtualTime, type VirtualTime } from '../testing/virtual-time.ts'
import { Outbox, SPOOL_LANES } from './outbox.ts'

const address: Address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'alarm-button',
  device: 'b1',
}

describe('the outbox', () => {
  let time: VirtualTime
  let disk: MemoryDisk
  let log: Log
  let outbox: Outbox
  let faults: Array<string | undefined>

  beforeEach(async () => {
    time = startVirtualTime(install)
    disk = createMemoryDisk()
    log = await openMemoryLog(disk, { lanes: SPOOL_LANES })
    faults = []
    outbox = new Outbox({
      log,
      logger: silentLogger,
      bootid: '00112233aabbccdd',
      startedAt: momentNow(),
      timeQuality: () => 'holdover',
      onFault: (fault: LinliError | undefined) => faults.push(fault?.code),
    })
  })
  afterEach(async () => {
    outbox.close()
    const closing = log.close()
    await time.pass(100)
    await closing
    time.end()
  })

  const press = (number: number) =>
    outbox.event(address, {
      type: 'pressed',
      severity: 'alarm',
      at: momentNow(),
      data: { press: number, atstart: false },
    })
  const state = (alarm: boolean) =>
    outbox.state(address, {
      alarm,
      pressed: alarm,
      presses: 1,
      stuck: false,
      loop: 'normal',
      lamp: false,
      siren: false,
    })
  const json = (entry: Pick<Entry, 'payload'>) => {
    const decoded = decodeJson(entry.payload)
    return decoded.ok ? (decoded.value as Record<string, unknown>) : {}
  }
  const lane = async (name: string) => {
    const entries = log.read(name, 0, 1000)
    await time.pass(10)
    return await entries
  }
  const presses = (entries: Array<Pick<Entry, 'payload'>>) =>
    entries.map((entry) => (json(entry).data as { press: number }).press)

  it('says everything in the words of the contract, numbered by one counter', async () => {
    await time.pass(1234)
    press(1)
    outbox.telemetry({ ...address, class: 'gateway', device: 'gw-1' }, momentNow(), [{ n: 'rss', u: 'B', v: 1 }])
    press(2)
    state(true)
    outbox.availability(address, { status: 'online' }, momentNow())
    outbox.result(address, { id: 'c-1', name: 'reset', status: 'succeeded', at: new Date().toISOString() })
    await time.pass(10)
    const sent = [...(await lane('alarm')), ...(await lane('state')), ...(await lane('telemetry'))]
    expect(sent).toHaveLength(6)
    for (const { topic, payload, lane: name } of sent)
      expect(decodeMessage(topic, payload, name === 'state')).toMatchObject({ ok: true })
    const sequences = sent.map((entry) => json(entry).sequence).filter((sequence) => sequence !== undefined)
    expect(sequences.toSorted()).toEqual(['000000000001', '000000000002', '000000000003'])
    expect(json(sent[0] as Entry)).toMatchObject({ monotonicms: '1234', timequality: 'holdover', severity: 'alarm' })
  })

  it('puts what one step says into one commit', async () => {
    await time.pass(10)
    const before = log.stats().commits
    press(1)
    state(true)
    outbox.availability(address, { status: 'online' }, momentNow())
    await time.pass(10)
    expect(log.stats().commits).toBe(before + 1)
  })

  it('holds alarms that the disk refuses, and writes them in order when it works again', async () => {
    press(1)
    await time.pass(10)
    disk.full = 'all'
    press(2)
    await time.pass(50)
    press(3)
    state(true)
    await time.pass(1000)
    state(false)
    await time.pass(1000)
    expect(faults).toEqual(['JOURNAL_FULL'])
    expect(presses(await lane('alarm'))).toEqual([1])
    disk.full = 'no'
    press(4)
    await time.pass(5000)
    expect(presses(await lane('alarm'))).toEqual([1, 2, 3, 4])
    expect((await lane('state')).map((entry) => json(entry).alarm)).toEqual([false])
    expect(faults).toEqual(['JOURNAL_FULL', undefined])
  })

  it('loses and doubles nothing when single commits fail at random', async () => {
    for (let number = 1; number <= 60; number++) {
      if (number % 7 === 0) disk.failures = 1 + (number % 3)
      press(number)
      if (number % 2 === 0) await time.pass(number * 5)
    }
    await time.pass(10_000)
    expect(presses(await lane('alarm'))).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
    expect(faults.at(-1)).toBeUndefined()
  })

  it('sends alarms past a dead disk as soon as somebody takes them', async () => {
    const direct: Append[] = []
    let up = false
    outbox.setDirect(async (append) => {
      if (!up) throw new Error('no uplink')
      direct.push(append)
    })
    disk.full = 'all'
    press(1)
    press(2)
    await time.pass(1000)
    expect(direct).toEqual([])
    up = true
    press(3)
    await time.pass(1000)
    expect(presses(direct)).toEqual([1, 2, 3])
    disk.full = 'no'
    await time.pass(5000)
    // What the hub has acknowledged needs no disk any more.
    expect(await lane('alarm')).toEqual([])
    press(4)
    await time.pass(3000)
    expect(presses(await lane('alarm'))).toEqual([4])
  })

  it('repeats every availability for a hub that took all of them for offline', async () => {
    outbox.availability(address, { status: 'fault', reason: 'loop-open' }, momentNow())
    outbox.availability({ ...address, device: 'b2' }, { status: 'online' }, momentNow())
    state(true)
    await time.pass(10)
    const [before] = await lane('state')
    outbox.repeatAvailability()
    await time.pass(10)
    const after = await lane('state')
    expect(after.map(({ topic }) => topic.split('/').slice(7).join('/'))).toEqual(['b1/state', 'b1/avail', 'b2/avail'])
    // The same words, told anew: `since` stays the moment of the change.
    expect(json(after[1] as Entry)).toEqual(json(before as Entry))
  })

  it('counts telemetry that the disk refuses instead of holding it', async () => {
    disk.full = 'all'
    for (let count = 0; count < 3; count++) outbox.telemetry(address, momentNow(), [{ n: 'x', v: count }])
    await time.pass(2000)
    expect(outbox.telemetryDropped()).toBe(3)
    expect(faults).toEqual([])
  })
})
