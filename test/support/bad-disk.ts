import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A folder whose disk can fail and lose power, for a child process; how is said in bad-disk.c. */
export interface BadDisk {
  /** For the child that works in the folder. */
  env: Record<string, string>
  /** Every fsync of the write-ahead log (or of the database) fails while this is on. */
  fail(what: 'wal' | 'db', isOn: boolean): void
  /** Makes a folder with what is really on the disk by now; end the child before. */
  afterPowerCut(into: string): void
}

/** Needs the program `cc`. Keeps its own files in `scratch`. */
export function createBadDisk(folder: string, scratch: string): BadDisk {
  const [twins, control] = [join(scratch, 'twins'), join(scratch, 'control')]
  for (const made of [folder, twins, control]) mkdirSync(made, { recursive: true })
  return {
    env: {
      LD_PRELOAD: compiled(scratch),
      BAD_DISK_DIR: folder,
      BAD_DISK_TWINS: twins,
      BAD_DISK_CONTROL: control,
    },
    fail(what, isOn) {
      const flag = join(control, `fail-${what}`)
      if (isOn) writeFileSync(flag, '')
      else rmSync(flag, { force: true })
    },
    afterPowerCut(into) {
      mkdirSync(into, { recursive: true })
      const known = new Set(readdirSync(twins))
      for (const name of readdirSync(folder)) {
        const { ino } = statSync(join(folder, name))
        if (known.has(String(ino))) copyFileSync(join(twins, String(ino)), join(into, name))
      }
    },
  }
}

function compiled(scratch: string): string {
  mkdirSync(scratch, { recursive: true })
  const library = join(mkdtempSync(join(scratch, 'cc-')), 'bad-disk.so')
  const source = fileURLToPath(new URL('./bad-disk.c', import.meta.url))
  execFileSync('cc', ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror', '-o', library, source, '-ldl'])
  return library
}
