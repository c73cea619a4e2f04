import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createFaultShim } from '../support/fault-shim.ts'
import { programPath } from '../support/needs.ts'
import { type Bench, type Findings, inMs, type Row, ratioOf } from './bench.ts'
import type { LoadFigures } from './journal/load.ts'

/** The durable log by itself: what an event costs the disk, and what a slow disk costs the event loop. */

/** An SD card under small writes. */
const CARD_FSYNC_MS = 20
const LOAD = fileURLToPath(new URL('./journal/load.ts', import.meta.url))
const run = promisify(execFile)

interface Load {
  name: string
  per_commit: number
  full: number
  quick: number
  gap_ms: number
  aim_bytes?: number
}

const LOADS: Load[] = [
  { name: 'alone, 20/s', per_commit: 1, full: 200, quick: 40, gap_ms: 50, aim_bytes: 10_000 },
  { name: 'alone, one after the other', per_commit: 1, full: 3_000, quick: 300, gap_ms: 0, aim_bytes: 10_000 },
  { name: '10 per commit', per_commit: 10, full: 2_000, quick: 200, gap_ms: 0, aim_bytes: 1_000 },
  { name: '100 per commit', per_commit: 100, full: 500, quick: 50, gap_ms: 0 },
]
const CARD_LOAD: Load = { name: 'on the card', per_commit: 10, full: 400, quick: 60, gap_ms: 0 }
const LOOP_MS_MAX = 10

export async function journal(bench: Bench): Promise<Findings> {
  const rows: Row[] = []
  const data: Record<string, Record<string, LoadFigures>> = {}
  for (const load of LOADS) {
    const [ours, bare] = [await measure(bench, 'journal', load), await measure(bench, 'plain', load)]
    data[load.name] = { journal: ours, plain: bare }
    rows.push({
      what: `bytes written per event, ${load.name}`,
      linli: `${ours.bytes_per_event.toFixed(0)} B`,
      peer: `plain file ${bare.bytes_per_event.toFixed(0)} B`,
      ratio: ratioOf(ours.bytes_per_event, bare.bytes_per_event),
      ...(load.aim_bytes === undefined
        ? {}
        : { aim: { text: `≤ ${load.aim_bytes / 1000} kB`, met: ours.bytes_per_event <= load.aim_bytes } }),
    })
  }
  if (programPath('cc') === undefined) bench.say('no cc: the SD card is left out (apt-get install gcc libc6-dev)')
  else rows.push(...(await onTheCard(bench, data)))
  const notes = [
    `Events of ${data['10 per commit']?.journal?.payload_bytes} bytes from 20 devices of 4 gateways; bytes are write_bytes of /proc/<pid>/io with what is written in the 2.6 s after the load; plain file: the same events appended as they are, one fsync for each commit, nothing ever deleted.`,
    `The card: every fsync of the process takes ${CARD_FSYNC_MS} ms longer (test/support/fault-shim.c).`,
  ]
  return { rows, notes, data }
}

async function onTheCard(bench: Bench, data: Record<string, Record<string, LoadFigures>>): Promise<Row[]> {
  const shim = createFaultShim(bench.folder('shim'), 'card')
  bench.closers.push(() => shim.close())
  shim.delayFsync(CARD_FSYNC_MS)
  const ours = await measure(bench, 'journal', CARD_LOAD, shim.env)
  const bare = await measure(bench, 'plain', CARD_LOAD, shim.env)
  data[CARD_LOAD.name] = { journal: ours, plain: bare }
  return [
    {
      what: `event loop behind an fsync of ${CARD_FSYNC_MS} ms, p99`,
      linli: inMs(ours.loop_ms_p99),
      peer: `plain file ${inMs(bare.loop_ms_p99)}`,
      ratio: ratioOf(ours.loop_ms_p99, bare.loop_ms_p99),
      aim: { text: `< ${LOOP_MS_MAX} ms`, met: ours.loop_ms_p99 < LOOP_MS_MAX },
    },
    {
      what: 'a commit of 10 there, p50',
      linli: inMs(ours.commit_ms_p50),
      peer: `plain file ${inMs(bare.commit_ms_p50)}`,
      ratio: ratioOf(ours.commit_ms_p50, bare.commit_ms_p50),
    },
  ]
}

async function measure(
  bench: Bench,
  kind: 'journal' | 'plain',
  load: Load,
  env: NodeJS.ProcessEnv = {},
): Promise<LoadFigures> {
  bench.say(`journal: ${load.name}, ${kind}`)
  const commits = bench.quick ? load.quick : load.full
  const args = [LOAD, kind, `${bench.folder(kind)}/log`, load.per_commit, commits, load.gap_ms].map(String)
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, ...env } })
  return JSON.parse(stdout) as LoadFigures
}
