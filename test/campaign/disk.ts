import { execFileSync } from 'node:child_process'
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Each failed fsync sets a journal of some 10 MB aside for good: room for dozens of them. */
const DISK_BYTES = 512 * 1024 * 1024

/** A disk of its own for the hub, in memory: it can be filled without harming anybody. Needs root. */
export function mountDisk(at: string): () => void {
  mkdirSync(at, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', at])
  return () => execFileSync('umount', ['-l', at])
}

/** Leaves not one block; what writes meanwhile finds ENOSPC. */
export function fillDisk(path: string): void {
  const MIB = Buffer.alloc(1024 * 1024)
  for (const step of [MIB, MIB.subarray(0, 64 * 1024), MIB.subarray(0, 4096)]) {
    try {
      while (statfsSync(dirname(path)).bavail > 0) writeFileSync(path, step, { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
}
