import type { Change } from './room.ts'

/**
 * The newest changes, numbered, for who listens and was away for a moment. Whoever was away for longer, or over a restart of the
 * hub, is told to look at the list again.
 */
export interface Numbered {
  id: string
  change: Change
}

export interface ChangeStream {
  /** Undefined: what came after that is not known any more. */
  since(id: string): Numbered[] | undefined
  onChange(listener: (numbered: Numbered) => void): () => void
  /** Of the newest change. */
  last(): string
}

const CHANGES_MAX = 1_000

/** @param run names this run of the hub */
export function createChangeStream(
  subscribe: (listener: (change: Change) => void) => () => void,
  run: string,
): ChangeStream {
  const kept: Numbered[] = []
  const listeners = new Set<(numbered: Numbered) => void>()
  let count = 0
  subscribe((change) => {
    count += 1
    const numbered = { id: `${run}-${count}`, change }
    kept.push(numbered)
    if (kept.length > CHANGES_MAX) kept.shift()
    for (const listener of listeners) listener(numbered)
  })
  return {
    since(id) {
      const [, of = '', number = ''] = /^(.+)-(\d{1,15})$/.exec(id) ?? []
      const from = Number(number)
      if (of !== run || from > count || from < count - kept.length) return undefined
      return kept.slice(kept.length - (count - from))
    },
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    last: () => `${run}-${count}`,
  }
}
