import { isOpen } from './life-machine.ts'
import type { Stepped } from './machine.ts'
import type { Live } from './record.ts'
import type { Incident } from './types.ts'

/** The incidents that are not in the archive yet, in memory; by their id, and by the device that raised them. */
export interface Book {
  get(id: string): Live | undefined
  all(): IterableIterator<Live>
  readonly size: number
  put(live: Live): void
  remove(id: string): void
  /** Open ones of a device. */
  ofDevice(device: string): Incident[]
}

export function createBook(): Book {
  const byId = new Map<string, Live>()
  const byDevice = new Map<string, Set<string>>()

  return {
    get: (id) => byId.get(id),
    all: () => byId.values(),
    get size() {
      return byId.size
    },
    put(live) {
      const { id, device } = live.incident
      byId.set(id, live)
      if (device === undefined) return
      const ids = byDevice.get(device) ?? new Set()
      byDevice.set(device, ids)
      if (isOpen(live.incident)) ids.add(id)
      else ids.delete(id)
      if (ids.size === 0) byDevice.delete(device)
    },
    remove: (id) => void byId.delete(id),
    ofDevice(device) {
      const found: Incident[] = []
      for (const id of byDevice.get(device) ?? []) {
        const live = byId.get(id)
        if (live) found.push(live.incident)
      }
      return found
    },
  }
}

/** What a batch changes, over what is in the book: nothing of it is there until it is on disk. */
export interface Changes {
  /** As it will be. */
  incident(id: string): Incident | undefined
  ofDevice(device: string): Incident[]
  add(stepped: Stepped): void
  all(): Stepped[]
}

export function createChanges(book: Pick<Book, 'get' | 'ofDevice'>): Changes {
  const changed = new Map<string, Stepped>()
  return {
    incident: (id) => changed.get(id)?.incident ?? book.get(id)?.incident,
    ofDevice(device) {
      const known = book.ofDevice(device)
      const found = known.map((one) => changed.get(one.id)?.incident ?? one)
      for (const { incident } of changed.values())
        if (incident.device === device && !known.some(({ id }) => id === incident.id)) found.push(incident)
      return found.filter(isOpen)
    },
    add({ incident, story, effects }) {
      const before = changed.get(incident.id)
      if (!before) changed.set(incident.id, { incident, story: [...story], effects: [...effects] })
      else {
        before.incident = incident
        before.story.push(...story)
        before.effects.push(...effects)
      }
    },
    all: () => [...changed.values()],
  }
}
