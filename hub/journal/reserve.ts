import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Room on the disk that is held by a file of no meaning, so that it can be given up when the disk is full. Two of them
 * stand beside a journal: one for the entries of lanes that are never evicted, one for the housekeeping that makes room
 * again (a delete needs room too, and without it a full journal would stay full for ever).
 */
export interface Reserve {
  /** True when the room was there to be given up. */
  release(): boolean
  /** Makes the file again when the disk has `spare_bytes` more than it needs. True when it is there. */
  restore(spare_bytes: number): boolean
}

const NO_RESERVE: Reserve = { release: () => false, restore: () => true }
const BLOCK_BYTES = 65_536

export function createReserve(path: string, bytes: number): Reserve {
  if (bytes === 0) return NO_RESERVE
  let held = sizeOf(path) === bytes
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
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1
}

function roomFor(path: string, bytes: number): boolean {
  const disk = statfsSync(dirname(path))
  return disk.bavail * disk.bsize >= bytes
}

/** Written, not merely made long: a sparse file would hold no room. False when the disk became full on the way. */
function fill(path: string, bytes: number): boolean {
  const file = openSync(path, 'w', 0o600)
  try {
    // Not zeros: some file systems store those without using room.
    const block = Buffer.alloc(BLOCK_BYTES, 'linli reserve ')
    for (let at = 0; at < bytes; ) at += writeSync(file, block, 0, Math.min(BLOCK_BYTES, bytes - at))
    fsyncSync(file)
    return true
  } catch {
    rmSync(path, { force: true })
    return false
  } finally {
    closeSync(file)
  }
}
