import { randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { DEMO_SITE } from '../../../hub/cli/demo/estate.ts'
import { encodeJson } from '../../../hub/contract/encode.ts'
import { makeEvent } from '../../../hub/contract/event.ts'
import { type Address, formatTopic } from '../../../hub/contract/topic.ts'
import { openFileLog } from '../../../hub/journal/open.ts'
import type { Append } from '../../../hub/journal/types.ts'
import { writtenBytes } from '../host.ts'
import { percentile } from '../statistics.ts'

/**
 * A process of its own that commits events of twenty devices and says what they cost: `load.ts KIND FOLDER PER_COMMIT COMMITS
 * GAP_MS`. KIND is `journal`, with a reader that follows as an upstream does, or `plain`: the same events appended to a
 * file as they are, with one fsync for each commit, which is the least that durable can be without being clever.
 */

export interface LoadFigures {
  bytes_per_event: number
  payload_bytes: number
  commit_ms_p50: number
  loop_ms_p99: number
  per_second: number
}

const [kind, folder = '', per_commit, commits, gap_ms] = process.argv.slice(2)
/** The journal trims when nothing came for 2 s; what that writes belongs to the load. */
const SETTLE_MS = 2_600
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

let sequence = 0
function event(): Append {
  sequence += 1
  const device = randomInt(20)
  const address: Address = {
    ...DEMO_SITE,
    gateway: `gw-${device % 4}`,
    class: 'alarm-button',
    device: `b${device}`,
  }
  const bootid = `00000190f3a1b${device % 4}c2`
  const stamp = { wall_ms: Date.now(), monotonic_ms: performance.now(), quality: 'synced' } as const
  const said = makeEvent({ address, bootid, sequence }, 'pressed', 'alarm', stamp, {
    press: randomInt(100_000),
    atstart: false,
  })
  return {
    lane: 'alarm',
    topic: formatTopic({ ...address, channel: 'evt', type: 'pressed' }),
    payload: encodeJson(said),
    time_ms: stamp.wall_ms,
    stream: `gw-${device % 4}:${bootid}:alarm`,
    sequence,
  }
}

async function journal() {
  const log = await openFileLog(folder, {
    lanes: [
      { name: 'alarm', kind: 'queue', evict: 'never' },
      { name: 'telemetry', kind: 'queue', evict: { oldest: { entries_max: 1_000_000 } } },
    ],
  })
  const cursor = log.cursor('upstream', ['alarm'])
  await cursor.flush()
  log.onCommit(() => setTimeout(() => cursor.advance('alarm', log.last('alarm')), 1))
  return {
    commit: async (events: Append[]) => void (await Promise.all(events.map((one) => log.append(one)))),
    close: () => log.close(),
  }
}

async function plain() {
  mkdirSync(folder, { recursive: true })
  const file = await open(join(folder, 'events'), 'a')
  return {
    async commit(events: Append[]) {
      await file.write(Buffer.concat(events.flatMap(({ topic, payload }) => [Buffer.from(topic), payload])))
      await file.sync()
    },
    close: () => file.close(),
  }
}

const under = kind === 'journal' ? await journal() : await plain()
const payload_bytes = event().payload.length
await under.commit([event()])
await pause(500)
const delay = monitorEventLoopDelay({ resolution: 1 })
const before = writtenBytes(process.pid)
const begun_ms = performance.now()
const times: number[] = []
delay.enable()
for (let commit = 0; commit < Number(commits); commit += 1) {
  const events = Array.from({ length: Number(per_commit) }, event)
  const from_ms = performance.now()
  await under.commit(events)
  times.push(performance.now() - from_ms)
  if (Number(gap_ms) > 0) await pause(Number(gap_ms))
}
delay.disable()
const took_ms = performance.now() - begun_ms
await pause(SETTLE_MS)
const count = Number(commits) * Number(per_commit)
const figures: LoadFigures = {
  bytes_per_event: (writtenBytes(process.pid) - before) / count,
  payload_bytes,
  commit_ms_p50: percentile(times, 50),
  loop_ms_p99: delay.percentile(99) / 1e6,
  per_second: (count / took_ms) * 1000,
}
await under.close()
process.stdout.write(`${JSON.stringify(figures)}\n`)
