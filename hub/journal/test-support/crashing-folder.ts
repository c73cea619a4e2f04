import type { Folder } from '../folder.ts'

/**
 * A folder on a disk whose power can be cut after any step, for tests: of what was not synced anything may be lost. A
 * file keeps what was synced and any part of the rest from the front; names come back as they were after any of the
 * steps since they were synced.
 */

export class PowerCut extends Error {}

interface File {
  synced: Buffer
  content: Buffer
}
type Names = Map<string, File>

export interface Disk {
  names: Names
  /** How the names stood when they were synced and after each step since; the last is how they stand. */
  past: Names[]
}

export function createDisk(): Disk {
  return { names: new Map(), past: [new Map()] }
}

/**
 * @param random between 0 and 1: what of the things not synced is there afterwards
 * @returns the disk as it is found when the power is back
 */
export function afterPowerCut(disk: Disk, random: () => number): Disk {
  const pick = (count: number) => Math.min(count - 1, Math.floor(random() * count))
  const found = new Map<File, File>()
  const survivor = (file: File): File => {
    const { synced, content } = file
    const isAppended = content.subarray(0, synced.length).equals(synced)
    const kept = isAppended
      ? content.subarray(0, synced.length + pick(content.length - synced.length + 1))
      : [synced, content.subarray(0, pick(content.length + 1))][pick(2)]
    const copy = Buffer.from(kept ?? synced)
    const result = found.get(file) ?? { synced: copy, content: copy }
    found.set(file, result)
    return result
  }
  const names = new Map(
    [...(disk.past[pick(disk.past.length)] ?? disk.names)].map(([name, file]) => [name, survivor(file)]),
  )
  return { names, past: [new Map(names)] }
}

export interface Faults {
  /** Called before each step; may throw. */
  before?(step: string): void
  /** A disk that says it has synced and has not. */
  isLying?: boolean
}

export function crashingFolder(disk: Disk, faults: Faults = {}): Folder {
  const step = async (name: string, work: () => void): Promise<void> => {
    faults.before?.(name)
    work()
  }
  const named = (name: string, work: () => void) =>
    step(name, () => {
      work()
      disk.past.push(new Map(disk.names))
    })
  const file = (name: string): File => {
    const known = disk.names.get(name)
    if (known) return known
    const made: File = { synced: Buffer.alloc(0), content: Buffer.alloc(0) }
    disk.names.set(name, made)
    disk.past.push(new Map(disk.names))
    return made
  }
  const add = (name: string, text: string) => {
    file(name).content = Buffer.concat([file(name).content, Buffer.from(text)])
  }
  return {
    async read(name) {
      const found = disk.names.get(name)
      return found && Buffer.from(found.content)
    },
    async write(name, chunks) {
      await step(`empty ${name}`, () => {
        file(name).content = Buffer.alloc(0)
      })
      for (const chunk of chunks) await step(`write ${name}`, () => add(name, chunk))
    },
    append: (name, text) => step(`append ${name}`, () => add(name, text)),
    sync: (name) =>
      step(`sync ${name}`, () => {
        if (!faults.isLying) file(name).synced = file(name).content
      }),
    rename: (from, to) =>
      named(`rename ${from} ${to}`, () => {
        const moved = disk.names.get(from)
        if (!moved) throw Object.assign(new Error(`no ${from}`), { code: 'ENOENT' })
        disk.names.delete(from)
        disk.names.set(to, moved)
      }),
    async link(from, to) {
      const found = disk.names.get(from)
      if (found) await named(`link ${from} ${to}`, () => disk.names.set(to, found))
      return found !== undefined
    },
    remove: (name) => named(`remove ${name}`, () => disk.names.delete(name)),
    names: async () => [...disk.names.keys()],
    syncNames: () =>
      step('sync names', () => {
        if (!faults.isLying) disk.past = [new Map(disk.names)]
      }),
  }
}
