import { LinliError, reasonOf } from '../contract/errors.ts'
import type { TimeQuality } from '../contract/event.ts'
import type { Log, QueueLane } from '../journal/types.ts'
import { type AuditEntry, type Head, ORIGIN, readLine, seal } from './chain.ts'
import { SHORTENED } from './verifier.ts'

/**
 * The audit log: append-only, each line carries the hash of the one before. A lane of the journal, so that a command and
 * its line are one commit.
 */
export interface Audit {
  /**
   * Appends at once, in order of the calls; resolves when it is on disk, and the privileged act waits for that.
   * Rejects as the journal does: nothing was recorded then.
   */
  record(entry: AuditEntry): Promise<void>
  /** The same for what has happened already: one that cannot be written is counted and told as a fault. */
  note(entry: AuditEntry): void
  /** The last line on disk. */
  head(): Head
  /** Lines that could not be written since the start. */
  missed(): number
  /** Lines after a position of the lane, oldest first, with the position of the last one. */
  read(after_position: number, limit: number): Promise<{ lines: string[]; position: number }>
  close(): Promise<void>
}

export const AUDIT_LANE: QueueLane = { name: 'audit', kind: 'queue', evict: 'never' }
/** About 50 MB. The oldest go first, and a line says up to where. */
export const AUDIT_LINES_MAX = 100_000
/** Lines that go together, so that saying so is a thousandth of the log. */
const SHORTEN_LINES = 1_000
/** Holds back what may not go yet: the lane drops only what every cursor has passed. */
const CURSOR = 'audit-kept'
/** The head beside the log is this much behind at most. */
const HEAD_EVERY_MS = 1_000

export interface AuditDeps {
  log: Pick<Log, 'append' | 'read' | 'last' | 'cursor'>
  now_ms: () => number
  timeQuality: () => TimeQuality
  onFault: (fault: LinliError) => void
  /** Keeps the head in a second place. @throws when it cannot */
  keepHead?: (head: Head) => Promise<void>
  lines_max?: number
}

export async function openAudit(deps: AuditDeps): Promise<Audit> {
  const { log } = deps
  const lines_max = deps.lines_max ?? AUDIT_LINES_MAX
  const cursor = log.cursor(CURSOR, [AUDIT_LANE.name])
  /** The last line on disk, and the last one on its way there. */
  let durable = await lastOf(log)
  // One for each run: a journal that was damaged may remember more lines of the run before than it has.
  const stream = `audit:${deps.now_ms()}:${durable.sequence}`
  let newest = durable
  let missed = 0
  let headTimer: ReturnType<typeof setTimeout> | undefined
  let keeping: Promise<void> = Promise.resolve()
  let shortening = false

  function record(entry: AuditEntry): Promise<void> {
    const time_ms = deps.now_ms()
    const stamp = { time: new Date(time_ms).toISOString(), timequality: deps.timeQuality() }
    const { head, line } = seal(entry, stamp, newest)
    newest = head
    const payload = Buffer.from(line, 'utf8')
    const append = { lane: AUDIT_LANE.name, topic: AUDIT_LANE.name, payload, time_ms, stream, sequence: head.sequence }
    return log.append(append).then(
      () => {
        durable = head
        headTimer ??= setTimeout(keepHead, HEAD_EVERY_MS)
        void shorten()
      },
      (error: unknown) => {
        missed += 1
        // With it the journal refused whatever came behind it: the chain goes on from what is on disk.
        newest = durable
        throw error
      },
    )
  }

  function fault(what: string, error: unknown): void {
    const code = error instanceof LinliError ? error.code : 'AUDIT_IO'
    deps.onFault(new LinliError(code, `${what}: ${reasonOf(error)}`, { kind: 'fault', cause: error }))
  }

  function keepHead(): void {
    clearTimeout(headTimer)
    headTimer = undefined
    const { keepHead: keep } = deps
    if (!keep) return
    const head = durable
    keeping = keeping
      .then(() => keep(head))
      .catch((error: unknown) => fault('the head of the audit log is not kept beside it', error))
  }

  /** The line that says so is on disk first. */
  async function shorten(): Promise<void> {
    const last = log.last(AUDIT_LANE.name)
    if (shortening || last - cursor.position(AUDIT_LANE.name) < lines_max + SHORTEN_LINES) return
    shortening = true
    try {
      const to = last - lines_max
      const [entry] = await log.read(AUDIT_LANE.name, to - 1, 1)
      const read = entry && readLine(Buffer.from(entry.payload).toString('utf8'))
      const detail: Head = read?.ok ? { sequence: read.value.sequence, hash: read.value.hash } : ORIGIN
      await record({
        kind: 'audit',
        action: SHORTENED,
        actor: 'hub:audit',
        source: 'hub',
        outcome: 'succeeded',
        detail,
      })
      cursor.advance(AUDIT_LANE.name, to)
    } catch (error) {
      fault('the audit log is not shortened', error)
    } finally {
      shortening = false
    }
  }

  return {
    record,
    note(entry) {
      record(entry).catch((error: unknown) => fault(`not in the audit log: ${entry.kind} ${entry.action}`, error))
    },
    head: () => durable,
    missed: () => missed,
    async read(after_position, limit) {
      const entries = await log.read(AUDIT_LANE.name, after_position, limit)
      const lines = entries.map(({ payload }) => Buffer.from(payload).toString('utf8'))
      return { lines, position: entries.at(-1)?.position ?? after_position }
    },
    async close() {
      if (headTimer !== undefined) keepHead()
      await keeping
    },
  }
}

/** The chain goes on from the last line that can be read; what stands behind it is for `linli audit verify` to find. */
async function lastOf(log: Pick<Log, 'read' | 'last'>): Promise<Head> {
  for (let position = log.last(AUDIT_LANE.name); position > 0; position--) {
    const [entry] = await log.read(AUDIT_LANE.name, position - 1, 1)
    if (!entry) return ORIGIN
    const read = readLine(Buffer.from(entry.payload).toString('utf8'))
    if (read.ok) return { sequence: read.value.sequence, hash: read.value.hash }
  }
  return ORIGIN
}
