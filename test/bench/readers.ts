import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSerialBytePort } from '../../firmware/adapters/serialport.ts'
import type { ReaderStats } from '../../firmware/protocols/osdp/bus.ts'
import { startProgram } from '../support/program.ts'
import { type Bench, type Findings, inMs, pause, ratioOf } from './bench.ts'
import { closeAtEnd } from './paths.ts'
import { characters_ms, IDLE_CHARACTERS, pollBare, type ReaderLine, simulatedBus, startBus } from './reader-line.ts'
import { percentile } from './statistics.ts'
import { type Exchange, tapped } from './tapped-port.ts'

/** How often the readers of a line are polled, beside what its speed allows for the very frames that were sent. */

const BAUDS = [9_600, 38_400, 115_200]
const READERS = [1, 8]
const MEASURE_MS = { full: 6_000, quick: 600 }

const LINES: ReaderLine[] = BAUDS.flatMap((baud) =>
  READERS.flatMap((readers) =>
    [false, true].map((secure) => ({
      id: `b${baud}-${readers}-${secure ? 'secure' : 'plain'}`,
      baud,
      readers,
      secure,
    })),
  ),
)

interface Figures {
  polls: number
  polls_per_s: number
  /** 1 ÷ the time that the frames sent and heard take on the line, each after two characters of silence. */
  limit_per_s: number
  bytes_per_poll: number
  /** Start of the write → last byte of the reply read. */
  reply_ms_p50: number
  reply_ms_p99: number
  /** Last byte of the reply read → start of the next write. */
  idle_ms_p50: number
}

export async function readers(bench: Bench): Promise<Findings> {
  const folder = bench.folder('readers')
  mkdirSync(join(folder, 'ports'))
  const portOf = (line: ReaderLine) => join(folder, 'ports', line.id)
  const file = join(folder, 'sim.json')
  const buses = LINES.map((line) => simulatedBus(line, portOf(line)))
  writeFileSync(file, JSON.stringify({ exact_timing: true, boards: [], buses }))
  closeAtEnd(bench, await startProgram('hardware-sim/main.ts', ['--config', file]))

  const for_ms = bench.quick ? MEASURE_MS.quick : MEASURE_MS.full
  const results: Result[] = []
  for (const line of LINES) {
    bench.say(`readers: ${line.readers} at ${line.baud} baud, ${line.secure ? 'secure' : 'plain'}`)
    const port = tapped(createSerialBytePort({ path: portOf(line), baud: line.baud }))
    // Any poll is as good as another to a loop that knows no sessions.
    const isBare = line.readers === 1 && !line.secure
    if (isBare) await pollBare(port, line, for_ms)
    const bare = isBare ? figuresOf(line, port.take()) : undefined
    const bus = await startBus(port, line, { timing: { pollInterval_ms: 0 } })
    const before = troublesOf(bus.stats())
    port.take()
    await pause(for_ms)
    const figures = figuresOf(line, port.take())
    const troubles = troublesOf(bus.stats()) - before
    await bus.close()
    results.push({ ...line, ...figures, troubles, bare })
  }
  return findings(results, for_ms)
}

type Result = ReaderLine & Figures & { troubles: number; bare: Figures | undefined }

function figuresOf({ id, baud }: ReaderLine, all: Exchange[]): Figures {
  const exchanges = all.filter(({ read_bytes }) => read_bytes > 0)
  const [first, last] = [exchanges[0], exchanges.at(-1)]
  if (!first || !last || first === last) throw new Error(`the readers of ${id} do not answer`)
  const polls = exchanges.length
  const bytes = exchanges.reduce((sum, { written_bytes, read_bytes }) => sum + written_bytes + read_bytes, 0) / polls
  const replies_ms = exchanges.map(({ sent_ms, heard_ms }) => heard_ms - sent_ms)
  const idles_ms = exchanges.slice(1).map(({ sent_ms }, index) => sent_ms - (exchanges[index]?.heard_ms ?? 0))
  return {
    polls,
    polls_per_s: ((polls - 1) * 1000) / (last.sent_ms - first.sent_ms),
    limit_per_s: 1000 / characters_ms(baud, bytes + 2 * IDLE_CHARACTERS),
    bytes_per_poll: bytes,
    reply_ms_p50: percentile(replies_ms, 50),
    reply_ms_p99: percentile(replies_ms, 99),
    idle_ms_p50: percentile(idles_ms, 50),
  }
}

/** Whatever kept a poll from being answered at once. */
function troublesOf(stats: ReadonlyMap<number, ReaderStats>): number {
  return [...stats.values()].reduce(
    (sum, { counts }) => sum + counts.timeouts + counts.corrupted + counts.retries + counts.refused,
    0,
  )
}

function findings(results: Result[], for_ms: number): Findings {
  const troubles = results.reduce((sum, result) => sum + result.troubles, 0)
  const bare = results.flatMap(({ bare: one, baud }) =>
    one ? [`${one.polls_per_s.toFixed(0)}/s at ${baud.toLocaleString('en')}`] : [],
  )
  return {
    rows: results.map((result) => {
      const { baud, readers: count, secure, polls_per_s, limit_per_s, reply_ms_p50, reply_ms_p99 } = result
      const each = count > 1 ? `, ${(polls_per_s / count).toFixed(1)}/s each` : ''
      return {
        what: `reader polls, ${baud.toLocaleString('en')} baud, ${count}${secure ? ', secure' : ''}`,
        linli: `${polls_per_s.toFixed(1)}/s${each}; reply p50 / p99 ${inMs(reply_ms_p50)} / ${inMs(reply_ms_p99)}`,
        peer: `the line's limit ${limit_per_s.toFixed(1)}/s`,
        ratio: ratioOf(polls_per_s, limit_per_s),
      }
    }),
    notes: [
      `Reader polls: OSDP as fast as it goes on a pty for ${for_ms / 1000} s each, simulated readers that answer after two characters; the limit is the bytes really sent and heard at ${characters_ms(1000, 1)} bits each and two characters of silence before each frame, which Linli leaves to the hardware where they take less than 1 ms; ${troubles} polls were not answered at once. A bare loop without sessions polls one plain reader at ${bare.join(', ')}.`,
    ],
    data: results,
  }
}
