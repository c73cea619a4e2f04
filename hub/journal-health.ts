import type { HubState } from './contract/hub.ts'
import type { Log, LogStats, Recovery } from './journal/types.ts'
import { FORWARDED_LANES } from './upstream/cursor.ts'

/** What `/healthz` and the hub's own state say of the journal. A fault that has passed is no problem any more. */

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

/** As the messages of faults in the contract. */
const MESSAGE_CHARS_MAX = 400

/** What the journal could not keep, and what is wrong with it now: a platform that counts on everything has to know. */
export function journalState(log: Pick<Log, 'stats' | 'recovery'>): Pick<HubState, 'losses' | 'journal'> {
  const { lanes, fault } = log.stats()
  const recovery = log.recovery()
  const told = Object.entries(lanes).filter(
    ([lane, { refused }]) => refused > 0 || (FORWARDED_LANES as readonly string[]).includes(lane),
  )
  const losses = told.map(([lane, { dropped, refused }]) => ({ lane, dropped, refused }))
  if (!fault && !recovery) return { losses }
  return {
    losses,
    journal: {
      ...(fault ? { fault: { code: fault.code, message: fault.message.slice(0, MESSAGE_CHARS_MAX) } } : {}),
      ...(recovery ? { recovered: recoveredOf(recovery) } : {}),
    },
  }
}

function recoveredOf({ message, lanes }: Recovery) {
  const doubtful = Object.entries(lanes)
    .filter(([, { isDoubtful }]) => isDoubtful)
    .map(([lane]) => lane)
  return { message: message.slice(0, MESSAGE_CHARS_MAX), doubtful }
}
