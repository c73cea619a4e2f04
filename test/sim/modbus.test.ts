import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { silentLogger } from '../../firmware/ports/logger.ts'
import type { ReadResult, RegisterBus } from '../../firmware/ports/register-bus.ts'
import { createModbusBus } from '../../firmware/protocols/modbus/bus.ts'
import { decodeConfig } from '../../hardware-sim/config.ts'
import { createRandom } from '../../hardware-sim/random.ts'
import type { Step } from '../../hardware-sim/scenario/steps.ts'
import type { MemoryEndpoint } from '../../hardware-sim/serial/duplex.ts'
import { createWorld, type World } from '../../hardware-sim/world.ts'
import { memoryPorts } from '../support/memory-port.ts'

/**
 * The gateway's Modbus master against the simulator's slaves, which know nothing of each other, on virtual time, while
 * replies are late, cut, spoilt or those of somebody else, the line is noisy, and units and adapter come and go.
 */

const UNITS = [1, 2, 3]
const ROOM = 8
const PORT = '/sim/bus'
/** Every register says whose it is; the first one says when it was read: it is counted up before each question. */
const identity = (unit: number, address: number) => unit * 256 + address

let clock: Clock
beforeEach(() => {
  clock = FakeTimers.install({
    now: Date.parse('2026-11-23T00:00:00Z'),
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  })
})
afterEach(() => clock.uninstall())

const spoilt = fc.record({
  do: fc.constant('misreply'),
  slave: fc.constantFrom(...UNITS.map((unit) => `s${unit}`)),
  how: fc.constantFrom('silent', 'truncate', 'corrupt', 'foreign', 'exception', 'twice', 'babble'),
  count: fc.integer({ min: 1, max: 3 }),
})
/** As late as the master allows for: 200 ms of timeout and 500 after it. Mostly of the unit that is asked most. */
const late = fc.record({
  do: fc.constant('misreply'),
  slave: fc.constantFrom('s1', 's1', 's1', 's2', 's3'),
  how: fc.constant('late'),
  count: fc.integer({ min: 1, max: 3 }),
  late_ms: fc.integer({ min: 150, max: 650 }),
})
const onSlave = fc.record({
  do: fc.constantFrom('power-cycle', 'disconnect', 'reconnect'),
  slave: fc.constantFrom(...UNITS.map((unit) => `s${unit}`)),
})
const onBus = fc.record({ do: fc.constantFrom('unplug', 'replug', 'replug'), bus: fc.constant('bus') })
const noise = fc.record({
  do: fc.constant('noise'),
  bus: fc.constant('bus'),
  for_ms: fc.integer({ min: 1, max: 200 }),
  error_rate: fc.double({ min: 0, max: 0.3, noNaN: true }),
  bytes: fc.integer({ min: 0, max: 30 }),
})
const act = fc.record({
  fault: fc.option(fc.oneof({ weight: 6, arbitrary: late }, { weight: 3, arbitrary: spoilt }, onSlave, onBus, noise), {
    nil: undefined,
  }),
  // Much alike: what is late then looks like the answer to the next question.
  unit: fc.constantFrom(1, 1, 1, ...UNITS),
  address: fc.constantFrom(0, 0, 0, 5),
  count: fc.constantFrom(2, 2, 3),
  pause_ms: fc.integer({ min: 0, max: 300 }),
})
const story = fc.record({
  seed: fc.nat(0xffff),
  echo: fc.boolean(),
  baud: fc.constantFrom(4800, 9600, 38_400),
  acts: fc.array(act, { minLength: 1, maxLength: 30 }),
})

const misreply = (slave: string, how: string, count: number, late_ms = 0) => ({
  do: 'misreply',
  slave,
  how,
  count,
  late_ms,
})
const ask = (fault: object | undefined, unit: number, address: number, count: number, pause_ms: number) => ({
  fault,
  unit,
  address,
  count,
  pause_ms,
})
/** Found by chance: a late reply of unit 2 ended the wait for unit 1 early, whose own late reply was then waited out for too short. */
const lateBehindAnother = {
  seed: 5,
  echo: false,
  baud: 4800,
  acts: [
    ask(misreply('s2', 'late', 1, 506), 1, 0, 2, 155),
    ask(undefined, 1, 0, 2, 104),
    ask(misreply('s3', 'babble', 1), 2, 5, 2, 26),
    ask(misreply('s2', 'foreign', 2), 3, 0, 3, 8),
    ask(misreply('s3', 'late', 1, 337), 1, 5, 2, 204),
    ask(misreply('s2', 'late', 1, 158), 1, 0, 2, 109),
    ask(misreply('s1', 'late', 3, 643), 1, 5, 3, 60),
    ask({ do: 'disconnect', slave: 's3' }, 1, 0, 2, 203),
    ask(misreply('s1', 'late', 2, 200), 1, 0, 3, 3),
    ask(misreply('s1', 'late', 2, 231), 1, 0, 2, 179),
    ask(misreply('s2', 'twice', 3), 1, 0, 2, 90),
  ],
}

function createBench({ seed, echo, baud }: { seed: number; echo: boolean; baud: number }) {
  const devices = UNITS.map((unit) => ({
    kind: 'modbus-slave',
    id: `s${unit}`,
    unit,
    holding: [{ address: 0, values: Array.from({ length: ROOM }, (_, address) => identity(unit, address)) }],
    coil: [{ address: 0, values: [0] }],
  }))
  const config = decodeConfig({ seed, boards: [], buses: [{ id: 'bus', baud, port: PORT, devices }] })
  const world = createWorld(config, { endpoints: 'memory', random: createRandom(seed), emit: () => {} })
  world.start()
  if (echo) world.apply({ do: 'echo', bus: 'bus' })
  const openPort = memoryPorts(
    world,
    () => 'bus',
    () => {},
  )
  const line = { baud, parity: 'none', stopBits: 1 } as const
  const bus = createModbusBus(
    { port: openPort({ path: PORT, ...line }), random: createRandom(seed + 1), log: silentLogger },
    { id: 'bus', ...line },
  )
  bus.start()
  return { world, bus }
}

function setVersion(world: World<MemoryEndpoint>, version: number): void {
  for (const unit of UNITS)
    world.apply({ do: 'set-registers', slave: `s${unit}`, table: 'holding', address: 0, values: [version] })
}

/** What was read is of the unit that was asked, of the places that were asked for, and no older than the question. */
function isTrue(result: ReadResult, asked: { unit: number; address: number; count: number; version: number }): boolean {
  if (!result.ok) return true
  return (
    result.values.length === asked.count &&
    result.values.every((value, index) => {
      const address = asked.address + index
      return address === 0 ? value >= asked.version : value === identity(asked.unit, address)
    })
  )
}

async function read(bus: RegisterBus, unit: number): Promise<ReadResult> {
  let result: ReadResult | undefined
  void bus.read({ unit, table: 'holding', address: 1, count: 2 }).then((answer) => {
    result = answer
  })
  while (!result) await clock.tickAsync(20)
  return result
}

it('no question is lost, none is answered with what it did not ask for, and all is well again when the line is', async () => {
  await fc.assert(
    fc.asyncProperty(story, async ({ acts, ...line }) => {
      const { world, bus } = createBench(line)
      await clock.tickAsync(100)
      const wrong: unknown[] = []
      let open = 0
      for (const [index, { fault, unit, address, count: wanted, pause_ms }] of acts.entries()) {
        if (fault) world.apply(fault as Step)
        const asked = { unit, address, count: Math.min(wanted, ROOM - address), version: index + 1 }
        setVersion(world, asked.version)
        open++
        void bus.read({ table: 'holding', ...asked }).then((result) => {
          open--
          if (!isTrue(result, asked)) wrong.push({ asked, result })
        })
        await clock.tickAsync(pause_ms)
      }
      world.apply({ do: 'replug', bus: 'bus' })
      for (const unit of UNITS) world.apply({ do: 'reconnect', slave: `s${unit}` })
      await clock.tickAsync(5000)
      expect({ wrong, open }).toEqual({ wrong: [], open: 0 })
      // What was planned to go wrong is used up by polls.
      for (const unit of UNITS) bus.poll({ unit, table: 'holding', address: 4, count: 1, every_ms: 200 }, () => {})
      await clock.tickAsync(40_000)
      for (const unit of UNITS)
        expect(await read(bus, unit)).toMatchObject({ ok: true, values: [identity(unit, 1), identity(unit, 2)] })
      const closing = bus.close()
      await clock.tickAsync(1500)
      await closing
      world.close()
    }),
    { numRuns: 40, examples: [[lateBehindAnother]] },
  )
})

it('behind an adapter that repeats what it sends, a slow unit has as long to answer as elsewhere', async () => {
  const { world, bus } = createBench({ seed: 1, echo: true, baud: 9600 })
  await clock.tickAsync(100)
  world.apply({ do: 'misreply', slave: 's1', how: 'late', late_ms: 150, count: 4 })
  for (let turn = 0; turn < 4; turn++) expect(await read(bus, 1)).toMatchObject({ ok: true })
  expect(bus.stats().get(1)?.counts).toMatchObject({ requests: 4, timeouts: 0, corrupted: 0 })
  const closing = bus.close()
  await clock.tickAsync(1500)
  await closing
  world.close()
})
