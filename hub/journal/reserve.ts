import { closeSync, fsyncSync, openSync, renameSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Room on the disk that is held by a file of no meaning, so that it can be given up when the disk is full. Three of them
 * stand beside a journal: for the entries of lanes that are never evicted, for those of the most urgent lane alone, and for the
 * housekeeping that makes room again (a delete needs room too, and without it a full journal would stay full for ever).
 */
export interface Reserve {
  /** True when the room was there to be given up. */
  release(): boolean
  /** Makes the file again when the disk has `spare_bytes` more than it needs. True when it is there. */
  restore(spare_bytes: number): boolean
  isHeld(): boolean
}

const NO_RESERVE: Reserve = { release: () => false, restore: () => true, isHeld: () => true }
const BLOCK_BYTES = 65_536
/** stat(2): blocks are of this size, whatever the file system's own are. */
const STAT_BLOCK_BYTES = 512

export function createReserve(path: string, bytes: number): Reserve {
  if (bytes === 0) return NO_RESERVE
  let held = isWhole(path, bytes)
  return {
    release() {
      const had = held
      rmSync(path, { force: true })
      held = false
      return had
    },
    restore(spare_bytes) {
      held ||= roomFor(path, bytes + spare_bytes) && fill(path, bytes)
      return held
    },
    isHeld: () => held,
  }
}

/** A file of the right size that takes the room: one cut short, or with holes, would hold nothing when it matters. */
function isWhole(path: string, bytes: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found && !found.isFile()) renameSync(path, `${path}.in-the-way-${Date.now()}`)
  return found?.isFile() === true && found.size === bytes && found.blocks * STAT_BLOCK_BYTES >= bytes
}

/** What is left of a damaged reserve counts as room: it is written over. */
function roomFor(path: string, bytes: number): boolean {
  const disk = statfsSync(dirname(path))
  const left = (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * STAT_BLOCK_BYTES
  return disk.bavail * disk.bsize + left >= bytes
}

/** Written, not merely made long: a sparse file would hold no room. False when the disk became full on the way. */
function fill(path: string, bytes: number): boolean {
  let file: number | undefined
  try {
    file = openSync(path, 'w', 0o600)
    // Not zeros: some file systems store those without using room.
    const block = Buffer.alloc(BLOCK_BYTES, 'linli reserve ')
    for (let at = 0; at < bytes; ) at += writeSync(file, block, 0, Math.min(BLOCK_BYTES, bytes - at))
    fsyncSync(file)
    return true
  } catch {
    rmSync(path, { force: true })
    return false
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
