import FakeTimers from '@sinonjs/fake-timers'
import { afterEach, describe, expect, it } from 'vitest'
import type { SimEvent } from '../../events.ts'
import type { Step } from '../../scenario/steps.ts'
import { type HeardReply, TestController } from '../../testing/osdp-controller.ts'
import {
  type Listener,
  listenTo,
  startVirtualWorld,
  VIRTUAL_TIME,
  type VirtualWorld,
} from '../../testing/virtual-world.ts'
import { DEFAULT_KEY } from './secure.ts'

/** Readers on a bus in virtual time, asked by a small controller that knows nothing of them but the standard. */

const SITE_KEY = '00112233445566778899aabbccddeeff'
const KEY = Uint8Array.from(Buffer.from(SITE_KEY, 'hex'))
const BAUD = 9600
const POLL = 0x60
const LED = (color: number, temporary?: number) => [
  0,
  0,
  ...(temporary === undefined ? [0, 0, 0, 0, 0, 0, 0] : [2, 1, 0, temporary, 0, 20, 0]),
  1,
  1,
  0,
  color,
  0,
]

let sim: VirtualWorld
let host: Listener
afterEach(() => sim.end())

function start(...readers: object[]): void {
  const devices = readers.map((more, index) => ({ kind: 'osdp-reader', id: `r${index}`, address: index, ...more }))
  sim = startVirtualWorld(FakeTimers.install(VIRTUAL_TIME), {
    boards: [],
    buses: [{ id: 'bus', baud: BAUD, port: '/sim/bus', devices }],
  })
  host = listenTo(sim.world.endpoint('bus'), BAUD)
}

function exchange(bytes: Uint8Array): number[] {
  host.take()
  host.connection.write(bytes)
  sim.clock.tick(200)
  return host.take()
}

function ask(controller: TestController, ...command: Parameters<TestController['command']>): HeardReply | undefined {
  return controller.take(exchange(controller.command(...command)))
}

/** From nothing to a secure channel. */
function secureWith(controller: TestController, key: Uint8Array, site: boolean): boolean {
  ask(controller, POLL, [], { sequence: 0, plain: true })
  const client = controller.take(exchange(controller.challenge(key, site)))
  const server = client?.code === 0x76 ? controller.serverCryptogram(client, site) : undefined
  const initial = server && controller.take(exchange(server))
  return initial?.code === 0x78 && controller.confirmed(initial)
}

const apply = (step: Step) => sim.world.apply(step)
const of = <T extends SimEvent['type']>(type: T) =>
  sim.events.filter((event): event is SimEvent & { type: T } => event.type === type)
const states = () => of('reader').map(({ state }) => state)
const credentials = () => of('credential').map(({ kind, state }) => `${kind} ${state}`)

describe('a reader in the open', () => {
  it('is a port like a board, and says what it is', () => {
    start({})
    expect(sim.events[0]).toEqual({ type: 'ready', boards: [], buses: [{ id: 'bus', port: '/sim/bus' }] })
    const controller = new TestController(0)
    expect(ask(controller, POLL)).toMatchObject({ address: 0x80, sequence: 0, code: 0x40 })
    const id = ask(controller, 0x61, [0])
    expect([id?.code, id?.data.length]).toEqual([0x45, 12])
    const capabilities = ask(controller, 0x62, [0])
    expect([capabilities?.code, capabilities?.data.slice(0, 3)]).toEqual([0x46, [3, 1, 1]])
    expect(ask(controller, 0x64)).toMatchObject({ code: 0x48, data: [0, 0] })
    expect(ask(controller, 0x6b)).toMatchObject({ code: 0x41, data: [3] })
    expect(ask(controller, 0x75, [1, 16, ...KEY])).toMatchObject({ code: 0x41, data: [6] })
  })

  it('answers after its time, at the speed of the line', () => {
    start({ reply_ms: 5 })
    host.connection.write(new TestController(0).command(POLL))
    // 9 bytes there, 5 ms, 9 bytes back, at 10 bits of 9600 baud each.
    const whole_ms = 9 / 0.96 + 5 + 9 / 0.96
    sim.clock.tick(Math.floor(whole_ms))
    expect(host.take().length).toBe(8)
    sim.clock.tick(1)
    expect(host.take().length).toBe(1)
  })

  it('tells a card once, and again only if the controller asks again with the same bytes', () => {
    start({})
    const controller = new TestController(0)
    ask(controller, POLL)
    apply({ do: 'card', reader: 'r0', facility: 0xff, number: 0xffff })
    const poll = controller.command(POLL)
    const first = exchange(poll)
    expect(exchange(poll)).toEqual(first)
    expect(controller.take(first)).toMatchObject({ code: 0x50, data: [0, 0, 26, 0, 0x7f, 0xff, 0xff, 0xc0] })
    expect(credentials()).toEqual(['card read'])
    expect(ask(controller, POLL)).toMatchObject({ code: 0x40 })
    expect(credentials()).toEqual(['card read', 'card sent'])
  })

  it('refuses a wrong sequence number without losing the right one', () => {
    start({})
    const controller = new TestController(0)
    expect(ask(controller, POLL, [], { sequence: 2 })).toMatchObject({ code: 0x41, data: [4] })
    ask(controller, POLL, [], { sequence: 0 })
    ask(controller, POLL)
    expect(ask(controller, POLL, [], { sequence: 1 })).toMatchObject({ code: 0x40 })
    expect(ask(controller, POLL, [], { sequence: 3 })).toMatchObject({ code: 0x41, data: [4] })
    expect(ask(controller, POLL, [], { sequence: 2 })).toMatchObject({ code: 0x40, sequence: 2 })
  })

  it('says that it is busy with number 0, and carries the retry out', () => {
    start({})
    const controller = new TestController(0)
    ask(controller, POLL)
    apply({ do: 'busy', reader: 'r0', count: 2 })
    const poll = controller.command(POLL)
    expect(controller.take(exchange(poll))).toMatchObject({ code: 0x79, sequence: 0 })
    expect(controller.take(exchange(poll))).toMatchObject({ code: 0x79, sequence: 0 })
    expect(controller.take(exchange(poll))).toMatchObject({ code: 0x40, sequence: 1 })
  })

  it('reports keys one by one or together, and its tamper switch', () => {
    start({})
    const controller = new TestController(0)
    ask(controller, POLL)
    apply({ do: 'keypad', reader: 'r0', digits: '1#' })
    sim.clock.tick(300)
    apply({ do: 'keypad', reader: 'r0', digits: '42', together: true })
    apply({ do: 'tamper', reader: 'r0' })
    const told = Array.from({ length: 5 }, () => ask(controller, POLL)).map((reply) => [
      reply?.code,
      ...(reply?.data ?? []),
    ])
    expect(told).toEqual([[0x53, 0, 1, 0x31], [0x53, 0, 1, 0x0d], [0x53, 0, 2, 0x34, 0x32], [0x48, 1, 0], [0x40]])
    expect(ask(controller, 0x64)?.data).toEqual([1, 0])
  })

  it('shows and sounds what it is told to', () => {
    start({})
    const controller = new TestController(0)
    ask(controller, POLL)
    ask(controller, 0x69, LED(1))
    ask(controller, 0x69, LED(1, 2))
    sim.clock.tick(3000)
    ask(controller, 0x6a, [0, 2, 1, 1, 3])
    expect(of('led').map(({ color }) => color)).toEqual(['red', 'green', 'red'])
    const [, green, red] = of('led').map(({ at_ms }) => at_ms)
    expect((red ?? 0) - (green ?? 0)).toBeCloseTo(2000, 3)
    expect(of('buzzer').map(({ beeps }) => beeps)).toEqual([3])
    expect(ask(controller, 0x69, [1, 2, 3])).toMatchObject({ code: 0x41, data: [2] })
    expect(ask(controller, 0x69, LED(9))).toMatchObject({ code: 0x41, data: [9] })
  })

  it('forgets a controller that is silent for eight seconds, and loses the cards that nobody fetched', () => {
    start({})
    const controller = new TestController(0)
    ask(controller, POLL)
    apply({ do: 'card', reader: 'r0', bits: '1010' })
    sim.clock.tick(8000)
    apply({ do: 'card', reader: 'r0', bits: '1010' })
    expect(states()).toEqual(['offline', 'plain', 'offline'])
    expect(credentials()).toEqual(['card read', 'card lost', 'card read', 'card lost'])
    expect(ask(controller, POLL)).toMatchObject({ code: 0x41, data: [4] })
  })
})

describe('a reader with a secure channel', () => {
  it('in install mode takes the default key, then a site key, and then the default key no more', () => {
    start({})
    const controller = new TestController(0)
    expect(secureWith(controller, DEFAULT_KEY, false)).toBe(true)
    expect(ask(controller, 0x75, [1, 16, ...KEY])).toMatchObject({ code: 0x40, macOk: true })
    expect(of('key').length).toBe(1)
    ask(controller, POLL, [], { sequence: 0, plain: true })
    const refused = controller.take(exchange(controller.challenge(DEFAULT_KEY, false)))
    expect(refused).toMatchObject({ code: 0x41, data: [6] })
    expect(secureWith(controller, KEY, true)).toBe(true)
    expect(states().at(-1)).toBe('secure')
  })

  it('hands a card over encrypted, and replays the very bytes on a retry', () => {
    start({ scbk: SITE_KEY })
    const controller = new TestController(0)
    expect(secureWith(controller, KEY, true)).toBe(true)
    for (let count = 0; count < 5; count++) expect(ask(controller, POLL)).toMatchObject({ code: 0x40, macOk: true })
    apply({ do: 'card', reader: 'r0', number: 7 })
    const poll = controller.command(POLL)
    const first = exchange(poll)
    expect(exchange(poll)).toEqual(first)
    expect(controller.take(first)).toMatchObject({
      code: 0x50,
      block: [0x18],
      macOk: true,
      data: [0, 0, 26, 0, 0x80, 0x80, 0x03, 0x80],
    })
    expect(ask(controller, 0x69, LED(2))).toMatchObject({ code: 0x40, macOk: true })
    expect(of('led').map(({ color }) => color)).toEqual(['green'])
  })

  it('keeps its cards to itself in the open', () => {
    start({ scbk: SITE_KEY })
    const controller = new TestController(0)
    ask(controller, POLL)
    apply({ do: 'card', reader: 'r0' })
    expect(ask(controller, POLL)).toMatchObject({ code: 0x40 })
    expect(ask(controller, 0x69, LED(1))).toMatchObject({ code: 0x41, data: [6] })
    expect(secureWith(controller, KEY, true)).toBe(true)
    expect(ask(controller, POLL)).toMatchObject({ code: 0x50, macOk: true })
  })

  it('takes no other key, no plain command and no forged one', () => {
    start({ scbk: SITE_KEY })
    const controller = new TestController(0)
    expect(secureWith(controller, DEFAULT_KEY, true)).toBe(false)
    expect(secureWith(controller, KEY, true)).toBe(true)
    const { sequence } = controller
    expect(ask(controller, POLL, [], { plain: true })).toMatchObject({ code: 0x41, data: [6] })
    expect(ask(controller, POLL, [], { sequence })).toMatchObject({ code: 0x40, macOk: true })
    const forged = controller.command(POLL)
    const body = forged.slice(1, -2)
    body[body.length - 1] = (body.at(-1) ?? 0) ^ 1
    const reply = exchange(withCheck(body))
    expect(controller.take(reply)).toMatchObject({ code: 0x41, data: [6], block: undefined })
    expect(states().at(-1)).toBe('plain')
  })

  it('that has been swapped knows neither the key nor its name', () => {
    start({ scbk: SITE_KEY })
    const controller = new TestController(0)
    ask(controller, POLL)
    const before = ask(controller, 0x61, [0])?.data
    apply({ do: 'swap', reader: 'r0' })
    sim.clock.tick(1000)
    ask(controller, POLL, [], { sequence: 0 })
    expect(ask(controller, 0x61, [0])?.data).not.toEqual(before)
    expect(secureWith(controller, KEY, true)).toBe(false)
    expect(secureWith(controller, DEFAULT_KEY, false)).toBe(true)
  })

  it('that lost its power keeps its key and loses its session', () => {
    start({ scbk: SITE_KEY })
    const controller = new TestController(0)
    secureWith(controller, KEY, true)
    apply({ do: 'power-cycle', reader: 'r0', off_ms: 400 })
    expect(exchange(controller.command(POLL))).toEqual([])
    sim.clock.tick(1000)
    expect(ask(controller, POLL)).toMatchObject({ code: 0x41, data: [4] })
    expect(secureWith(controller, KEY, true)).toBe(true)
    expect(states()).toEqual(['offline', 'plain', 'secure', 'off', 'offline', 'plain', 'secure'])
  })

  it.each([
    ['truncate', (reply: number[], good: number[]) => expect(reply.length).toBe(good.length - 3)],
    ['silent', (reply: number[]) => expect(reply).toEqual([])],
    ['late', (reply: number[]) => expect(reply).toEqual([])],
    ['plain', (reply: number[]) => expect(reply[6]).toBe(0x40)],
    ['forge', (reply: number[], good: number[]) => expect(reply).not.toEqual(good)],
    ['replay', (reply: number[], good: number[]) => expect(reply).not.toEqual(good)],
  ] as const)('can be made to misreply: %s', (how, check) => {
    start({ scbk: SITE_KEY })
    const controller = new TestController(0)
    secureWith(controller, KEY, true)
    for (let count = 0; count < 4; count++) ask(controller, POLL)
    apply({ do: 'misreply', reader: 'r0', how })
    const poll = controller.command(POLL)
    const bad = exchange(poll)
    sim.clock.tick(1000)
    const good = exchange(poll)
    check(bad, good)
    if (how === 'forge') expect(new TestController(0).take(bad)).toBeDefined()
    expect(controller.take(good)).toMatchObject({ code: 0x40, macOk: true })
  })
})

describe('a bus', () => {
  it('has many readers, of which only the one that is asked answers', () => {
    start({}, {}, { scbk: SITE_KEY })
    for (const address of [0, 1, 2]) {
      expect(ask(new TestController(address), POLL)).toMatchObject({ address: address | 0x80, code: 0x40 })
    }
    expect(exchange(new TestController(9).command(POLL))).toEqual([])
    apply({ do: 'disconnect', reader: 'r1' })
    expect(exchange(new TestController(1).command(POLL))).toEqual([])
    apply({ do: 'reconnect', reader: 'r1' })
    expect(exchange(new TestController(1).command(POLL)).length).toBe(9)
  })

  it('lets two that speak at once destroy each other', () => {
    start({}, {})
    const reply = exchange(new TestController(0x7f).command(POLL))
    expect(reply.length).toBe(9)
    expect(new TestController(0).take(reply)).toBeUndefined()
  })

  it('can be disturbed and unplugged', () => {
    start({})
    apply({ do: 'noise', bus: 'bus', for_ms: 100, error_rate: 1, bytes: 0 })
    expect(exchange(new TestController(0).command(POLL))).toEqual([])
    expect(exchange(new TestController(0).command(POLL)).length).toBe(9)
    apply({ do: 'unplug', bus: 'bus' })
    expect(() => host.connection.write(Uint8Array.of(1))).not.toThrow()
    apply({ do: 'replug', bus: 'bus' })
    host = listenTo(sim.world.endpoint('bus'), BAUD)
    expect(exchange(new TestController(0).command(POLL)).length).toBe(9)
    expect(of('bus').map(({ state }) => state)).toEqual(['unplugged', 'plugged'])
  })

  it('names what it does not know', () => {
    start({})
    expect(() => apply({ do: 'card', reader: 'x' })).toThrow('reader "x" is not configured; there are r0')
    expect(() => apply({ do: 'noise', bus: 'x' })).toThrow('bus "x" is not configured; there are bus')
  })
})

function withCheck(body: Uint8Array): Uint8Array {
  let crc = 0x1d0f
  for (const byte of body) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff
  }
  return Uint8Array.of(0xff, ...body, crc & 0xff, crc >> 8)
}
