import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJson } from '../contract/decode.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'

/** What was written to the disks of the box, counted over restarts: the kernel's own count begins anew at each. */

const FILE = 'wear.json'
const Disk = Type.Object({
  /** By everybody on the box, in `over_s` seconds in which it was on. */
  written_bytes: Type.Number({ minimum: 0 }),
  over_s: Type.Number({ minimum: 0 }),
  /** The kernel's count at the last look, how long the box was on by then, and in which boot that was. */
  seen_bytes: Type.Number({ minimum: 0 }),
  seen_s: Type.Number({ minimum: 0 }),
  boot: Type.String(),
})
const WearFile = Type.Record(Type.String(), Disk)
export type WearFile = Static<typeof WearFile>
const check = checker(WearFile)

/** Documentation/block/stat.rst: the seventh number, in sectors of 512 bytes whatever the device's own are. */
const SECTORS_WRITTEN_AT = 6
const SECTOR_BYTES = 512
const NOT_DISKS = /^(loop|ram|zram|dm-|md|sr|fd|nbd)/

/** @param root `/`, or a folder of a test with sys and proc below it */
export function diskNames(root: string): string[] {
  try {
    return readdirSync(join(root, 'sys/block')).filter((name) => !NOT_DISKS.test(name))
  } catch {
    return []
  }
}

/** Since the box started. */
export function bytesWritten(root: string, name: string): number {
  const stat = readText(join(root, 'sys/block', name, 'stat'))
    .trim()
    .split(/\s+/)
  return Number(stat[SECTORS_WRITTEN_AT] ?? 0) * SECTOR_BYTES
}

export function readWear(dataDir: string): WearFile {
  const json = decodeJson(Buffer.from(readText(join(dataDir, FILE))))
  const checked = json.ok ? check(json.value) : json
  return checked.ok ? checked.value : {}
}

/** How long the box is on. */
export function upFor_s(root: string): number {
  return Number.parseFloat(readText(join(root, 'proc/uptime'))) || 0
}

/** Looks, and keeps what it saw; what the last hour before a power cut wrote is not counted. @throws as the disk does */
export function countWear(dataDir: string, root: string): void {
  const boot = readText(join(root, 'proc/sys/kernel/random/boot_id')).trim()
  const seen_s = upFor_s(root)
  const known = readWear(dataDir)
  const next: WearFile = {}
  for (const name of diskNames(root)) {
    const seen_bytes = bytesWritten(root, name)
    const disk = known[name] ?? { written_bytes: 0, over_s: 0, seen_bytes, seen_s, boot }
    const since = disk.boot === boot ? disk : { seen_bytes: 0, seen_s: 0 }
    next[name] = {
      written_bytes: disk.written_bytes + Math.max(0, seen_bytes - since.seen_bytes),
      over_s: disk.over_s + Math.max(0, seen_s - since.seen_s),
      seen_bytes,
      seen_s,
      boot,
    }
  }
  const file = join(dataDir, FILE)
  writeFileSync(`${file}.new`, JSON.stringify(next), { mode: 0o600 })
  renameSync(`${file}.new`, file)
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
