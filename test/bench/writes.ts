import { type Bench, type Findings, NOT_INSTALLED, pause, ratioOf } from './bench.ts'
import { writtenBytes } from './host.ts'
import { paced, saturated } from './load.ts'
import { type Path, type PathKind, type Rig, startRig } from './paths.ts'

/** Bytes that one event costs the disk: on an SD card this is its lifetime. */

interface Load {
  name: string
  full: number
  quick: number
  /** Undefined: as fast as it goes. */
  per_second?: number
}

const LOADS: Load[] = [
  { name: '10/s', per_second: 10, full: 100, quick: 10 },
  { name: '2,000/s', per_second: 2_000, full: 10_000, quick: 2_000 },
  { name: 'saturated', full: 40_000, quick: 4_000 },
]
const KINDS: PathKind[] = ['hub', 'bridge', 'bridge-durable']
const WINDOW = 500
/** mosquitto rewrites its whole database at every change: more events than this would take minutes and gigabytes. */
const DURABLE_COUNT_MAX = { full: 2_000, quick: 300 }
/** What is written after the load still belongs to it: the journal trims when it was idle for 2 s. */
const SETTLE_MS = { full: 2_500, quick: 500 }

export async function writes(bench: Bench): Promise<Findings> {
  const findings: Findings = { rows: [], notes: [], data: {} }
  const data: Record<string, Record<string, number>> = {}
  const settle_ms = bench.quick ? SETTLE_MS.quick : SETTLE_MS.full
  const rig = await startRig(bench, KINDS)
  await pause(settle_ms)
  for (const load of LOADS) {
    const perEvent = new Map<PathKind, number>()
    for (const path of rig.paths) {
      bench.say(`writes: ${load.name}, ${path.kind}`)
      perEvent.set(path.kind, await bytesPerEvent(bench, rig, path, load))
    }
    const linli = perEvent.get('hub') ?? Number.NaN
    const plain = perEvent.get('bridge')
    const durable = perEvent.get('bridge-durable')
    findings.rows.push({
      what: `bytes written per event, ${load.name}`,
      linli: inBytes(linli),
      peer: durable === undefined ? NOT_INSTALLED : `${inBytes(durable)} durable, ${inBytes(plain ?? 0)} default`,
      ratio: ratioOf(linli, durable),
    })
    data[load.name] = Object.fromEntries(perEvent)
  }
  findings.notes.push(
    `Bytes written: write_bytes of /proc/<pid>/io, with what is written in the ${settle_ms / 1000} s after the load; mosquitto durable is persistence with autosave_on_changes 1, default keeps nothing on disk; the ratio is to durable.`,
  )
  return { ...findings, data }
}

async function bytesPerEvent(bench: Bench, rig: Rig, path: Path, load: Load): Promise<number> {
  const wanted = bench.quick ? load.quick : load.full
  const durable_max = bench.quick ? DURABLE_COUNT_MAX.quick : DURABLE_COUNT_MAX.full
  const count = path.kind === 'bridge-durable' ? Math.min(wanted, durable_max) : wanted
  const before = writtenBytes(path.pid)
  const { per_second } = load
  if (per_second === undefined) await saturated(rig, path, { count, window: WINDOW })
  else await paced(rig, path, { count, per_second })
  await pause(bench.quick ? SETTLE_MS.quick : SETTLE_MS.full)
  return (writtenBytes(path.pid) - before) / count
}

function inBytes(value: number): string {
  return value >= 10_000 ? `${(value / 1000).toFixed(0)} kB` : `${value.toFixed(0)} B`
}
