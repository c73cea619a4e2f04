import { Duplex } from 'node:stream'
import { install } from '@sinonjs/fake-timers'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { decodeJson, decodeMessage } from '../../hub/contract/decode.ts'
import { createMemoryDisk, type MemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import type { Log } from '../../hub/journal/types.ts'
import { loadLibraries } from '../adapters/firmata/libraries.ts'
import { silentLogger } from '../ports/logger.ts'
import { TestBoard } from '../testing/test-board.ts'
import { TestGpio } from '../testing/test-gpio.ts'
import { startVirtualTime, type VirtualTime } from '../testing/virtual-time.ts'
import { createGateway, type Gateway } from './compose.ts'
import type { GatewayConfig } from './config.ts'

const button = (id: string, board: string, contactPin: number) => ({
  kind: 'alarm-button',
  id,
  board,
  place: { building: '3' },
  contactPin,
  ...(contactPin === 2 ? { loopPin: 0, lampPin: 5 } : {}),
})
const config: GatewayConfig = {
  gateway: 'gw-1',
  site: { street: 's', community: 'c', estate: 'e' },
  data: '/nowhere',
  uplink: { url: 'mqtt://hub.invalid:1883' },
  boards: [
    { id: 'board-a', port: 'a' },
    { id: 'board-b', port: 'b' },
  ],
  devices: [button('b1', 'board-a', 2), button('b2', 'board-a', 3), button('b3', 'board-b', 2)],
}

/** A gateway on virtual time whose hub never answers. */
describe('a gateway without a hub', () => {
  let time: VirtualTime
  let disk: MemoryDisk
  let boards: Record<string, TestBoard>
  let lines: TestGpio
  let log: Log & { kill(): void }
  let gateway: Gateway
  let starts = 0
  let [proofs, isHubHere, test] = [0, false, () => {}]

  beforeAll(async () => {
    await loadLibraries()
  })
  beforeEach(async () => {
    time = startVirtualTime(install)
    disk = createMemoryDisk()
    proofs = 0
    isHubHere = false
    boards = { a: new TestBoard(), b: new TestBoard() }
    lines = new TestGpio(54)
    await start()
  })
  afterEach(async () => {
    await stop()
    time.end()
  })

  async function start(settings: GatewayConfig = config, commit_ms = 0): Promise<void> {
    gateway = createGateway(
      {
        openPort: ({ path }) => (boards[path] as TestBoard).port,
        openGpio: async () => lines,
        openSpool: async (lanes) => {
          log = await openMemoryLog(disk, { ...lanes, commit_ms })
          return log
        },
        connect: () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }),
        lifeline: {
          onTest: (listener) => {
            test = listener
          },
          prove: () => proofs++,
          isHubHere: async () => isHubHere,
        },
        openFolder: () => Promise.reject(new Error('this gateway has no credentials')),
        openCameraServer: () => Promise.reject(new Error('no cameras here')),
        readKey: () => new Uint8Array(),
        readProfiles: () => new Map(),
        randomBytes: (count) => new Uint8Array(count),
        random: () => 0.5,
        bootid: `00112233aabbcc${String(++starts).padStart(2, '0')}`,
        clockSynced: () => true,
        rss_bytes: () => 1,
        version: '0.0.0',
        log: silentLogger,
      },
      settings,
    )
    const starting = gateway.start()
    await time.pass(500, 5)
    await starting
  }
  async function stop(): Promise<void> {
    const closing = gateway.close()
    await time.pass(5000, 10)
    await closing
  }
  /** Nothing more is written, and nobody waits for what was under way. */
  async function cutPower(): Promise<void> {
    log.kill()
    void gateway.close()
    await time.pass(100)
  }
  async function press(board: string, pin: number): Promise<void> {
    boards[board]?.setLevel(pin, false)
    await time.pass(60)
    boards[board]?.setLevel(pin, true)
    await time.pass(60)
  }
  async function lane(name: string) {
    const reading = log.read(name, 0, 1000)
    await time.pass(10)
    return (await reading).map(({ topic, payload }) => {
      const decoded = decodeJson(payload)
      const value = decoded.ok ? (decoded.value as Record<string, unknown>) : {}
      return { topic, value, payload, name: topic.split('/').slice(6).join('/') }
    })
  }
  const names = async () => (await lane('alarm')).map(({ name }) => name)
  const latest = async (ending: string) => (await lane('state')).find(({ topic }) => topic.endsWith(ending))?.value

  it('has every press in its spool, in the words of the contract', async () => {
    await press('a', 2)
    await press('b', 2)
    const events = await lane('alarm')
    expect(events.map(({ name }) => name)).toEqual([
      'gateway/gw-1/evt/started',
      'gateway/gw-1/evt/board-ready',
      'gateway/gw-1/evt/board-ready',
      'alarm-button/b1/evt/pressed',
      'alarm-button/b1/evt/released',
      'alarm-button/b3/evt/pressed',
      'alarm-button/b3/evt/released',
    ])
    for (const { topic, payload } of events) expect(decodeMessage(topic, payload, false)).toMatchObject({ ok: true })
    for (const { topic, payload } of await lane('state'))
      expect(decodeMessage(topic, payload, true)).toMatchObject({ ok: true })
    expect(await latest('b1/state')).toMatchObject({ alarm: true, pressed: false, presses: 1, loop: 'normal' })
    expect(await latest('b1/avail')).toMatchObject({ status: 'online' })
  })

  it('keeps every press while another board hangs and the disk is slow', async () => {
    await stop()
    await start(config, 400)
    const hung = boards.b as TestBoard
    hung.hung = true
    for (let count = 0; count < 10; count++) await press('a', 3)
    await time.pass(10_000, 5)
    expect((await names()).filter((name) => name === 'alarm-button/b2/evt/pressed')).toHaveLength(10)
    expect(await latest('b3/avail')).toMatchObject({ status: 'offline', reason: 'board-hung' })
    expect(await latest('b1/avail')).toMatchObject({ status: 'online' })
    expect((await names()).filter((name) => name.includes('board-lost'))).toHaveLength(1)
  })

  it('remembers a latched alarm over a power cut and tells no press again', async () => {
    await press('a', 2)
    await time.pass(1000, 10)
    await cutPower()
    await start()
    expect((await names()).filter((name) => name.endsWith('b1/evt/pressed'))).toHaveLength(1)
    expect(await latest('b1/state')).toMatchObject({ alarm: true, presses: 1 })
    await press('a', 2)
    const presses = (await lane('alarm')).filter(({ name }) => name === 'alarm-button/b1/evt/pressed')
    expect(presses.map(({ value }) => (value.data as { press: number }).press)).toEqual([1, 2])
    expect(new Set(presses.map(({ value }) => value.id)).size).toBe(2)
  })

  it('tells a press that was going on when the power came back as found, once', async () => {
    await stop()
    boards.a?.setLevel(3, false)
    await start()
    await time.pass(500)
    await cutPower()
    await start()
    await time.pass(500)
    const presses = (await lane('alarm')).filter(({ name }) => name === 'alarm-button/b2/evt/pressed')
    expect(presses.map(({ value }) => value.data)).toEqual([{ press: 1, atstart: true }])
  })

  it('has buttons and doors on the GPIO lines of its box; a press keeps its length while the process stands still', async () => {
    await stop()
    const chip = 'gpiochip0'
    const contact = { line: 22, pairLine: 23 }
    const wires = { inputs: { contact }, outputs: { strike: { line: 24 } } }
    const devices = [
      { kind: 'alarm-button', id: 'b9', chip, place: {}, contactLine: 17, lampLine: 25 },
      { kind: 'door', id: 'd9', chip, place: {}, strike: 'fail-secure', ...wires },
    ]
    lines.drive(22, false)
    await start({ ...config, devices })
    expect(await latest('d9/state')).toMatchObject({ position: 'closed', lock: 'locked' })
    expect(await latest('gw-1/state')).toMatchObject({ boards: [{}, {}, { id: chip, status: 'ready' }] })
    lines.drive(17, false)
    time.clock.tick(37)
    lines.drive(17, true)
    time.clock.jump(400)
    await time.pass(200)
    const released = (await lane('alarm')).find(({ name }) => name === 'alarm-button/b9/evt/released')
    expect(released?.value.data).toEqual({ press: 1, held_ms: 37 })
    expect(lines.written).toEqual(['25 low', '24 low'])
    lines.unplug()
    await time.pass(500)
    expect(await latest('b9/avail')).toMatchObject({ status: 'offline', reason: 'board-absent' })
    expect(await latest('d9/state')).toMatchObject({ position: 'unknown' })
    expect((await lane('alarm')).filter(({ name }) => name === 'gateway/gw-1/evt/board-lost')).toHaveLength(1)
    expect(lines.openCount).toBe(0)
  })

  it('clears what is retained of a device that is no longer configured', async () => {
    await stop()
    await start({ ...config, devices: config.devices.slice(0, 2) })
    const b3 = (await lane('state')).filter(({ topic }) => topic.includes('/b3/'))
    expect(b3.length).toBe(3)
    expect(b3.every(({ payload }) => payload.length === 0)).toBe(true)
  })

  it('proves the way of alarms by its disk while the hub is elsewhere, and adds nothing to what waits for the hub', async () => {
    await press('a', 3)
    const before = proofs
    expect(before).toBeGreaterThan(0)
    for (let count = 1; count <= 3; count++) {
      test()
      await time.pass(50)
      expect(proofs).toBe(before + count)
    }
    expect(await names()).not.toContain('gateway/gw-1/evt/self-test')
    disk.full = 'all'
    test()
    await press('a', 3)
    expect(proofs).toBe(before + 3)
  })

  it('does not prove it by its disk alone when the hub is on the same box', async () => {
    await stop()
    isHubHere = true
    proofs = 0
    await start()
    test()
    await press('a', 3)
    expect(proofs).toBe(0)
  })

  describe('with a new configuration', () => {
    const applied = async (next: GatewayConfig) => {
      const applying = gateway.apply(next)
      await time.pass(500, 5)
      await applying
    }
    const openings = () => [boards.a?.openings, boards.b?.openings]
    const told = async (device: string, type: string) =>
      (await names()).filter((name) => name === `alarm-button/${device}/evt/${type}`).length

    it('hears a press that falls into the change, and one that lasts over it, on a board that is not touched', async () => {
      await time.pass(100)
      const before = openings()
      boards.b?.setLevel(2, false)
      await time.pass(60)
      const applying = gateway.apply({ ...config, devices: [...config.devices, button('b4', 'board-a', 4)] })
      boards.b?.setLevel(2, true)
      await time.pass(60)
      await press('b', 2)
      await time.pass(500, 5)
      await applying
      expect([await told('b3', 'pressed'), await told('b3', 'released')]).toEqual([2, 2])
      expect(openings()).toEqual([(before[0] ?? 0) + 1, before[1]])
      await press('a', 4)
      expect(await told('b4', 'pressed')).toBe(1)
    })

    it('leaves everything as it is when a device has only moved, and tells where it is', async () => {
      const before = openings()
      const devices = config.devices.map((device) => ({ ...device, place: { building: '9' } }))
      await applied({ ...config, devices })
      expect(openings()).toEqual(before)
      expect(await latest('b1/meta')).toMatchObject({ place: { building: '9' }, model: expect.any(String) })
    })

    it('remembers the alarm of a device on a board that was opened again, and forgets one that is gone', async () => {
      await press('a', 2)
      await applied({ ...config, devices: [button('b1', 'board-a', 2), button('b3', 'board-b', 2)] })
      expect(await latest('b1/state')).toMatchObject({ alarm: true, presses: 1 })
      expect(await told('b1', 'pressed')).toBe(1)
      const b2 = (await lane('state')).filter(({ topic }) => topic.includes('/b2/'))
      expect(b2.map(({ payload }) => payload.length)).toEqual([0, 0, 0])
      expect(await latest('gw-1/state')).toMatchObject({ boards: [{ id: 'board-b' }, { id: 'board-a' }] })
    })

    it('runs on the one before after one that cannot be had', async () => {
      const credentials = { keyFile: '/no/key' }
      await expect(gateway.apply({ ...config, credentials })).rejects.toThrow('no credentials')
      await applied(config)
      await press('a', 3)
      expect(await told('b2', 'pressed')).toBe(1)
    })
  })

  it('says how it is doing, once a minute', async () => {
    await time.pass(60_000, 20)
    const [reading] = await lane('telemetry')
    expect(decodeMessage(reading?.topic ?? '', reading?.payload ?? new Uint8Array(), false)).toMatchObject({ ok: true })
    expect(reading?.value.data).toMatchObject([{ n: 'rss', u: 'B', v: 1 }, { n: 'uptime' }, {}, {}, {}])
  })
})
