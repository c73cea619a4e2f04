/**
 * What was said against what the district acknowledged: nothing lost, nothing that nobody said, order per device and
 * lane, duplicates only as the same event again. Pure, so that it can be shown to find each of these faults.
 */

export interface Said {
  id: string
  /** Within which order has to hold. */
  series: string
  sequence: number
}

export interface Delivered {
  id: string
  /** The event without what a delayed delivery adds. */
  content: string
}

export interface Verdict {
  said: number
  delivered: number
  lost: string[]
  /** Delivered, but never said. */
  phantom: string[]
  /** First deliveries behind a later one of their series. */
  disordered: string[]
  /** Deliveries beyond the first of an id. */
  duplicates: number
  /** Ids that came again with another content. */
  changed: string[]
}

export function judge(said: Iterable<Said>, delivered: Iterable<Delivered>): Verdict {
  const truth = new Map<string, Said>()
  for (const one of said) truth.set(one.id, one)
  const contents = new Map<string, string>()
  const highest = new Map<string, number>()
  const verdict: Verdict = {
    said: truth.size,
    delivered: 0,
    lost: [],
    phantom: [],
    disordered: [],
    duplicates: 0,
    changed: [],
  }
  for (const { id, content } of delivered) {
    verdict.delivered++
    const before = contents.get(id)
    if (before !== undefined) {
      verdict.duplicates++
      if (before !== content) verdict.changed.push(id)
      continue
    }
    contents.set(id, content)
    const origin = truth.get(id)
    if (!origin) {
      verdict.phantom.push(id)
      continue
    }
    if (origin.sequence < (highest.get(origin.series) ?? 0)) verdict.disordered.push(id)
    else highest.set(origin.series, origin.sequence)
  }
  for (const id of truth.keys()) if (!contents.has(id)) verdict.lost.push(id)
  return verdict
}
