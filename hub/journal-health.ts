import type { Log, LogStats } from './journal/types.ts'

/** What `/healthz` and the metrics say of the journal. A fault that has passed is no problem any more. */

export interface JournalHealth {
  problems: string[]
  details: {
    fault: string | undefined
    /** Refused since the start, by lane; lanes without a refusal are left out. */
    refused: Record<string, number>
    /** Evicted before everybody had it, over the life of the file. */
    dropped: Record<string, number>
    /** The newest damage since the start: what was found, where the file is kept, what came of it. */
    recovered: string | undefined
  }
}

export function journalHealth(log: Pick<Log, 'stats' | 'recovery'>): JournalHealth {
  const stats = log.stats()
  return {
    problems: stats.fault ? [`${stats.fault.code}: ${stats.fault.message}`] : [],
    details: {
      fault: stats.fault?.code,
      refused: counted(stats, 'refused'),
      dropped: counted(stats, 'dropped'),
      recovered: log.recovery()?.message,
    },
  }
}

function counted(stats: LogStats, what: 'refused' | 'dropped'): Record<string, number> {
  const counts = Object.entries(stats.lanes).map(([lane, one]): [string, number] => [lane, one[what]])
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}
