/**
 * The inputs of a gate as last reported. A level is known only while it is fresh: when no report has confirmed it for
 * the age limit, it is unknown, and unknown never counts in favour of a motion.
 */

/** Undefined: not read, failed, contradictory or too old. */
export type Level = boolean | undefined

export interface Watched {
  level: Level
  /** Last report of it. */
  seenAt_ms: number
  /** Since when it has this level. */
  sinceAt_ms: number
}

export type Levels<N extends string> = Readonly<Record<N, Watched>>

export function unknownLevels<N extends string>(names: readonly N[], at_ms: number): Levels<N> {
  const unknown: Watched = { level: undefined, seenAt_ms: at_ms, sinceAt_ms: at_ms }
  return Object.fromEntries(names.map((name) => [name, unknown])) as Record<N, Watched>
}

/** Takes a report; names that the gate does not have are ignored. */
export function takeLevels<N extends string>(
  levels: Levels<N>,
  report: Readonly<Partial<Record<string, Level>>>,
  at_ms: number,
): Levels<N> {
  const next: Record<N, Watched> = { ...levels }
  for (const name of Object.keys(report) as N[]) {
    const before = levels[name]
    if (!Object.hasOwn(levels, name) || !before) continue
    const level = report[name]
    next[name] = { level, seenAt_ms: at_ms, sinceAt_ms: level === before.level ? before.sinceAt_ms : at_ms }
  }
  return next
}

/** When a level becomes unknown if nothing confirms it; undefined when it is unknown already. */
export function staleAt({ level, seenAt_ms }: Watched, fresh_ms: number): number | undefined {
  return level === undefined ? undefined : seenAt_ms + fresh_ms
}

export function forget<N extends string>(levels: Levels<N>, name: N, at_ms: number): Levels<N> {
  return { ...levels, [name]: { level: undefined, seenAt_ms: levels[name].seenAt_ms, sinceAt_ms: at_ms } }
}
