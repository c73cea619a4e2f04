import { LinliError, reasonOf } from '../../contract/errors.ts'
import type { Book } from '../book.ts'
import type { IncidentConfig } from '../config.ts'
import type { Live } from '../record.ts'
import { monthOf } from '../yardsticks.ts'
import type { Archive } from './types.ts'

/**
 * Brings closed incidents to the archive when their time has come. Beside the turns of the room: a slow archive holds up no
 * incident. What was reopened meanwhile stays, and comes again later.
 */
export interface Archiving {
  look(run_ms: number): void
  /** When one that was closed then wants to be looked at. */
  dueAt(closed_ms: number, run_ms: number): number
  fault(): LinliError | undefined
  /** Opens the archive and gives its highest number; what fails is told, and tried again by whoever asks next. */
  open(): Promise<number>
}

const RETRY_MS = 60_000
const AT_ONCE = 50
const SOON_MS = 1_000

export function createArchiving(deps: {
  archive: Archive
  book: Pick<Book, 'all' | 'get'>
  config: () => IncidentConfig
  onFault: (fault: LinliError) => void
  /** They are on disk in the archive. */
  forget: (gone: () => Live[]) => void
}): Archiving {
  const { archive, book } = deps
  let fault: LinliError | undefined
  let from_ms = 0
  let isBusy = false

  function failed(error: unknown): LinliError {
    const message = `the archive of incidents: ${reasonOf(error)}`
    fault = error instanceof LinliError ? error : new LinliError('INCIDENT_ARCHIVE', message, { kind: 'fault' })
    deps.onFault(fault)
    return fault
  }

  async function put(due: Live[], isDue: (live: Live) => boolean, run_ms: number): Promise<void> {
    const { timeZone } = deps.config()
    isBusy = true
    try {
      await archive.put(due.map(({ incident, story }) => ({ incident, story, month: monthOf(incident, timeZone) })))
      fault = undefined
      deps.forget(() => due.flatMap(({ incident }) => book.get(incident.id) ?? []).filter(isDue))
    } catch (error) {
      from_ms = run_ms + RETRY_MS
      failed(error)
    } finally {
      isBusy = false
    }
  }

  return {
    look(run_ms) {
      if (isBusy || run_ms < from_ms) return
      const { keepClosed_ms } = deps.config()
      const isDue = ({ incident: { closed_ms } }: Live) =>
        closed_ms !== undefined && closed_ms + keepClosed_ms <= run_ms
      const due = [...book.all()].filter(isDue).slice(0, AT_ONCE)
      if (due.length > 0) void put(due, isDue, run_ms)
    },
    dueAt: (closed_ms, run_ms) => Math.max(closed_ms + deps.config().keepClosed_ms, from_ms, run_ms + SOON_MS),
    fault: () => fault,
    async open() {
      try {
        const { damage } = await archive.open()
        if (damage !== undefined) failed(new Error(`it was damaged: ${damage}`))
        return await archive.last()
      } catch (error) {
        failed(error)
        return 0
      }
    },
  }
}
