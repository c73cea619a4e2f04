import { SetDigest } from '../contract/credentials.ts'
import type { Change } from './parts.ts'

/**
 * What one gateway may know: the credentials of its gates and no others, and the last changes of them. A gateway is
 * recognised by the digest of what it has, so that a gap, a lost disk and a restored backup all look like what they are.
 */
export interface View {
  readonly gates: ReadonlySet<string>
  readonly digest: string
  /** What has to follow on what has this digest; undefined when that is too long ago, or was never here. */
  changesAfter(digest: string): readonly Change[] | undefined
  /** To be called for each change of any credential, in order. */
  change(version: number, id: string, before: string | undefined, after: string | undefined): void
  sees(text: string): boolean
}

/** Changes remembered for a gateway; one that missed more is told everything anew. */
const HISTORY_MAX = 1000

export function createView(gates: readonly string[], texts: Iterable<string>): View {
  const wanted = new Set(gates)
  const digest = new SetDigest()
  let history: Change[] = []
  let oldest: string
  const sees = (text: string) =>
    (JSON.parse(text) as { gates: string[] }).gates.some((gate) => gate === '*' || wanted.has(gate))
  for (const text of texts) if (sees(text)) digest.toggle(text)
  oldest = digest.hex

  return {
    gates: wanted,
    get digest() {
      return digest.hex
    },
    changesAfter(known) {
      const at = history.findLastIndex((change) => change.digest === known)
      if (at >= 0) return history.slice(at + 1)
      return known === oldest ? history : undefined
    },
    change(version, id, before, after) {
      const wasSeen = before !== undefined && sees(before)
      const isSeen = after !== undefined && sees(after)
      if (!wasSeen && !isSeen) return
      if (wasSeen) digest.toggle(before)
      if (isSeen) digest.toggle(after)
      history.push({ version, id, text: isSeen ? after : undefined, digest: digest.hex })
      if (history.length < 2 * HISTORY_MAX) return
      oldest = history[HISTORY_MAX - 1]?.digest ?? oldest
      history = history.slice(HISTORY_MAX)
    },
    sees,
  }
}
