import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSerialBytePort } from '../../firmware/adapters/serialport.ts'
import type { BytePort } from '../../firmware/ports/byte-port.ts'
import { silentLogger } from '../../firmware/ports/logger.ts'
import type { RegisterBus, UnitStats } from '../../firmware/ports/register-bus.ts'
import { createModbusBus } from '../../firmware/protocols/modbus/bus.ts'
import { encodeRequest, type Request, replyBytes } from '../../firmware/protocols/modbus/frame.ts'
import { timingOf } from '../../firmware/protocols/modbus/timing.ts'
import { startProgram } from '../support/program.ts'
import { type Bench, type Findings, pause, ratioOf } from './bench.ts'
import { closeAtEnd } from './paths.ts'
import { percentile } from './statistics.ts'
import { type TappedPort, tapped } from './tapped-port.ts'

/** How many readings a line of Modbus sensors gives, beside what its speed allows for the same frames. */

const BAUDS = [9_600, 19_200] as const
/** Registers per sensor: temperature and humidity, or a whole weather station. */
const REGISTERS = [2, 10] as const
const SENSORS = 8
/** Alternating with the bare loop; the median counts, because others are at work on the machine. */
const ROUNDS = { full: 5, quick: 1 }
const ROUND_MS = 2_000
const WARM_MS = 500
/** Without a reply the bare loop goes on after this. */
const LOST_MS = 200
const AIM = 0.9
/** What nearly every sensor is set to. */
const LINE = { parity: 'none', stopBits: 1 } as const

interface Line {
  id: string
  baud: (typeof BAUDS)[number]
  registers: (typeof REGISTERS)[number]
}

const LINES: Line[] = BAUDS.flatMap((baud) =>
  REGISTERS.map((registers) => ({ id: `m${baud}-${registers}`, baud, registers })),
)

const readOf = (line: Line, unit: number): Extract<Request, { type: 'read' }> => ({
  type: 'read',
  unit,
  table: 'input',
  address: 0,
  count: line.registers,
})

export async function modbus(bench: Bench): Promise<Findings> {
  const folder = bench.folder('modbus')
  mkdirSync(join(folder, 'ports'))
  const portOf = (line: Line) => join(folder, 'ports', line.id)
  const file = join(folder, 'sim.json')
  writeFileSync(
    file,
    JSON.stringify({ exact_timing: true, boards: [], buses: LINES.map((one) => simulated(one, portOf(one))) }),
  )
  closeAtEnd(bench, await startProgram('hardware-sim/main.ts', ['--config', file]))
  const count = bench.quick ? ROUNDS.quick : ROUNDS.full
  const results: Result[] = []
  for (const line of LINES) {
    bench.say(`modbus: ${SENSORS} sensors of ${line.registers} registers at ${line.baud} baud`)
    const port = tapped(createSerialBytePort({ path: portOf(line), baud: line.baud, ...LINE }))
    const bare: number[] = []
    const rounds: Measured[] = []
    for (let round = 0; round < count; round++) {
      bare.push(await readBare(port, line))
      rounds.push(await readAll(port, line))
    }
    results.push({ ...line, bare_per_s: percentile(bare, 50), limit_per_s: limitOf(line), ...middle(rounds) })
  }
  return findings(results)
}

function middle(rounds: Measured[]): Measured {
  const of = (key: keyof Measured) =>
    percentile(
      rounds.map((one) => one[key]),
      50,
    )
  return {
    readings_per_s: of('readings_per_s'),
    cpu_ms_per_1000: of('cpu_ms_per_1000'),
    reply_ms_p50: of('reply_ms_p50'),
    idle_ms_p50: of('idle_ms_p50'),
    troubles: rounds.reduce((sum, { troubles }) => sum + troubles, 0),
  }
}

/** Its slaves answer as soon as the line has been silent for a frame's gap. */
function simulated({ id, baud, registers }: Line, port: string): object {
  const devices = Array.from({ length: SENSORS }, (_, index) => ({
    kind: 'modbus-slave',
    id: `${id}-s${index + 1}`,
    unit: index + 1,
    input: [{ address: 0, values: Array.from({ length: registers }, (_, register) => 100 * index + register) }],
  }))
  return { id, baud, port, devices }
}

/** 1 ÷ the time of request, reply, and the silence that the standard wants before each. */
function limitOf(line: Line): number {
  const { byte_ms, silence_ms } = timingOf({ id: line.id, baud: line.baud, ...LINE })
  const request = readOf(line, 1)
  const bytes = encodeRequest(request).length + replyBytes(request)
  return (line.registers * 1000) / (bytes * byte_ms + 2 * silence_ms)
}

interface Measured {
  readings_per_s: number
  /** CPU time of the master's process for 1,000 readings. */
  cpu_ms_per_1000: number
  /** Requests that were not answered at once. */
  troubles: number
  /** Start of the write → last byte of the reply read. */
  reply_ms_p50: number
  /** Last byte of the reply read → start of the next write. */
  idle_ms_p50: number
}
type Result = Line & Measured & { bare_per_s: number; limit_per_s: number }

async function readAll(port: TappedPort, line: Line): Promise<Measured> {
  const bus = createModbusBus(
    { port, random: Math.random, log: silentLogger },
    { id: line.id, baud: line.baud, ...LINE },
  )
  let readings = 0
  for (let unit = 1; unit <= SENSORS; unit++)
    bus.poll({ ...readOf(line, unit), every_ms: 1 }, (result) => {
      if (result.ok) readings += result.values.length
    })
  bus.start()
  await pause(WARM_MS)
  port.take()
  const before = { readings, troubles: troublesOf(bus), cpu: process.cpuUsage(), at_ms: performance.now() }
  await pause(ROUND_MS)
  const taken_ms = performance.now() - before.at_ms
  const { user, system } = process.cpuUsage(before.cpu)
  const count = readings - before.readings
  const troubles = troublesOf(bus) - before.troubles
  const exchanges = port.take().filter(({ read_bytes }) => read_bytes > 0)
  await bus.close()
  if (count === 0) throw new Error(`the sensors of ${line.id} do not answer`)
  return {
    readings_per_s: (count * 1000) / taken_ms,
    cpu_ms_per_1000: (user + system) / count,
    troubles,
    reply_ms_p50: percentile(
      exchanges.map(({ sent_ms, heard_ms }) => heard_ms - sent_ms),
      50,
    ),
    idle_ms_p50: percentile(
      exchanges.slice(1).map(({ sent_ms }, index) => sent_ms - (exchanges[index]?.heard_ms ?? 0)),
      50,
    ),
  }
}

function troublesOf(bus: RegisterBus): number {
  const of = ({ counts }: UnitStats) =>
    counts.timeouts + counts.corrupted + counts.exceptions + counts.foreign + counts.late
  return [...bus.stats().values()].reduce((sum, one) => sum + of(one), 0)
}

/** A loop that checks nothing and waits out the silence in a spin: what pty, `serialport` and simulator allow. */
async function readBare(port: BytePort, line: Line): Promise<number> {
  const { silence_ms } = timingOf({ id: line.id, baud: line.baud, ...LINE })
  const connection = await port.open()
  const reply = replyBytes(readOf(line, 1))
  let heard_bytes = 0
  let replies = 0
  let sent_ms = Number.POSITIVE_INFINITY
  const send = () => {
    const from_ms = performance.now()
    while (performance.now() - from_ms < silence_ms);
    sent_ms = performance.now()
    connection.write(encodeRequest(readOf(line, (replies % SENSORS) + 1)))
  }
  connection.onData((bytes) => {
    heard_bytes += bytes.length
    if (heard_bytes < reply || sent_ms === Number.POSITIVE_INFINITY) return
    heard_bytes = 0
    replies++
    send()
  })
  // What was under way when the line was closed passes by.
  await pause(WARM_MS)
  heard_bytes = 0
  replies = 0
  const from_ms = performance.now()
  send()
  const lost = setInterval(() => {
    if (performance.now() - sent_ms < LOST_MS) return
    heard_bytes = 0
    send()
  }, LOST_MS)
  await pause(ROUND_MS / 2)
  clearInterval(lost)
  const per_s = (replies * line.registers * 1000) / (performance.now() - from_ms)
  await connection.close()
  return per_s
}

function findings(results: Result[]): Findings {
  const troubles = results.reduce((sum, one) => sum + one.troubles, 0)
  return {
    rows: results.map((one) => {
      const { baud, registers, readings_per_s, limit_per_s, bare_per_s, cpu_ms_per_1000, reply_ms_p50, idle_ms_p50 } =
        one
      const ratio = ratioOf(readings_per_s, limit_per_s)
      const cycle = (registers * 1000) / (reply_ms_p50 + idle_ms_p50)
      return {
        what: `Modbus readings, ${baud.toLocaleString('en')} baud, ${registers} registers a sensor`,
        linli: `${readings_per_s.toFixed(1)}/s, ${cycle.toFixed(1)}/s by the median exchange; CPU ${(cpu_ms_per_1000 / 10).toFixed(1)} % of a core per 1,000/s`,
        peer: `the line's limit ${limit_per_s.toFixed(1)}/s; bare loop ${bare_per_s.toFixed(1)}/s`,
        ratio,
        aim: { text: `≥ ${AIM * 100} % of the line`, met: (ratio ?? 0) >= AIM },
      }
    }),
    notes: [
      `Modbus: ${SENSORS} simulated sensors on a paced pty, 8N1, asked one after the other as fast as it goes in rounds of ${ROUND_MS / 1000} s, of which the median counts; they answer after 3.5 characters. A reading is one register; the limit is request, reply and 3.5 characters of silence before each. CPU is that of the process with the master and \`serialport\` alone. ${troubles} requests were not answered at once. The bare loop checks nothing and spins through the silence.`,
    ],
    data: results,
  }
}
