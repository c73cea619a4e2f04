import { closeSync, fdatasyncSync, openSync, readFileSync, statfsSync, writeSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, type } from 'node:os'
import { join } from 'node:path'
import { percentile } from './statistics.ts'

/** What the figures were measured on: without it none of them means anything. */

export interface Machine {
  cores: number
  cpu: string
  kernel: string
  node: string
  /** File system under the data folders. */
  disk: string
  /** ms for a 4 KiB write and its fdatasync: nothing durable can answer sooner. */
  fsync_ms_p50: number
  fsync_ms_p99: number
  /** Load average of the minute before: others at work make every figure worse. */
  load: number
}

/** statfs(2), f_type. */
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x01021994, 'tmpfs'],
  [0x9123683e, 'btrfs'],
  [0x58465342, 'xfs'],
  [0x794c7630, 'overlayfs'],
  [0xf2f52010, 'f2fs'],
])
const PAGE_BYTES = 4096

export function describeMachine(dir: string, fsyncs: number): Machine {
  const times = fsyncTimes(join(dir, 'fsync-probe'), fsyncs)
  const { type: magic } = statfsSync(dir)
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    kernel: `${type()} ${release()}`,
    node: process.version,
    disk: FILE_SYSTEMS.get(magic) ?? `file system 0x${magic.toString(16)}`,
    fsync_ms_p50: percentile(times, 50),
    fsync_ms_p99: percentile(times, 99),
    load: loadavg()[0] ?? Number.NaN,
  }
}

function fsyncTimes(file: string, count: number): number[] {
  const handle = openSync(file, 'w')
  const page = Buffer.alloc(PAGE_BYTES, 1)
  const times = Array.from({ length: count }, () => {
    const from_ms = performance.now()
    writeSync(handle, page)
    fdatasyncSync(handle)
    return performance.now() - from_ms
  })
  closeSync(handle)
  return times
}

/** proc(5): bytes that this process caused to be sent to the disk since it started; the file system's own journal is not in it. */
export function writtenBytes(pid: number): number {
  return field(`/proc/${pid}/io`, /^write_bytes: (\d+)$/m)
}

/** proc(5): resident memory now and at its highest, in MB of 10⁶ bytes. */
export function residentMb(pid: number): { now: number; peak: number } {
  const file = `/proc/${pid}/status`
  const mb = (pattern: RegExp) => (field(file, pattern) * 1024) / 1e6
  return { now: mb(/^VmRSS:\s+(\d+) kB$/m), peak: mb(/^VmHWM:\s+(\d+) kB$/m) }
}

/** sysconf(_SC_CLK_TCK) is 100 on every Linux that Node runs on. */
const TICK_MS = 10

/** proc(5): CPU time of a process with all its threads, user and system, in ms. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field is the name in parentheses and may hold blanks; utime and stime are fields 14 and 15.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

function field(file: string, pattern: RegExp): number {
  const match = pattern.exec(readFileSync(file, 'utf8'))
  if (!match) throw new Error(`${file} has no field ${pattern}`)
  return Number(match[1])
}
