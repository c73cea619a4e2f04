import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Audit, openAudit } from '../../audit/audit.ts'
import { type AuditPage, type AuditPageRequest, PAGE_LINES } from '../../audit/counter.ts'
import { writeHead } from '../../audit/head-file.ts'
import { LinliError } from '../../contract/errors.ts'
import { askCounter, type Refused } from '../../counter/counter.ts'
import { openFileLog } from '../../journal/open.ts'
import type { Log } from '../../journal/types.ts'
import { JOURNAL_LANES } from '../../journal-lanes.ts'
import { createTimeQuality, openKernelClock } from '../../kernel-clock.ts'

/** The audit log for the command line: in the journal of a hub that stands still, at the counter of one that runs. */

type Ask = (after: number) => Promise<Pick<AuditPage, 'lines' | 'position'>>

/**
 * Every line, oldest first.
 * @throws {LinliError} AUDIT_MISSING, COUNTER_CLOSED, or what the journal says
 */
export async function* auditLines(dataDir: string): AsyncGenerator<string> {
  if (!existsSync(join(dataDir, 'journal')))
    throw new LinliError('AUDIT_MISSING', `no hub has run with the data folder ${dataDir}`, { kind: 'caller' })
  const log = await openUnlessRunning(dataDir)
  try {
    if (!log) return yield* pages((after) => askRunning(dataDir, after))
    const audit = await auditOf(log, dataDir)
    yield* pages((after) => audit.read(after, PAGE_LINES))
  } finally {
    await log?.close()
  }
}

/** For what is done to a hub that stands still. @throws {LinliError} JOURNAL_LOCKED while it runs */
export async function withAudit<T>(dataDir: string, work: (audit: Audit) => Promise<T>): Promise<T> {
  const log = await openFileLog(join(dataDir, 'journal'), { lanes: JOURNAL_LANES })
  try {
    const audit = await auditOf(log, dataDir)
    try {
      return await work(audit)
    } finally {
      await audit.close()
    }
  } finally {
    await log.close()
  }
}

/** The log in an open journal, as the hub itself would go on with it. */
export async function auditOf(log: Log, dataDir: string): Promise<Audit> {
  return openAudit({
    log,
    now_ms: Date.now,
    timeQuality: createTimeQuality(await openKernelClock((message) => process.stderr.write(`${message}\n`))),
    onFault: (fault) => process.stderr.write(`${fault.code}: ${fault.message}\n`),
    keepHead: (head) => writeHead(dataDir, head),
  })
}

async function openUnlessRunning(dataDir: string) {
  try {
    return await openFileLog(join(dataDir, 'journal'), { lanes: JOURNAL_LANES })
  } catch (error) {
    if (error instanceof LinliError && error.code === 'JOURNAL_LOCKED') return undefined
    throw error
  }
}

async function askRunning(dataDir: string, after: number): Promise<AuditPage> {
  const request: AuditPageRequest = { type: 'audit', after }
  const answer = await askCounter<AuditPage>(dataDir, request)
  if (isRefused(answer)) throw new LinliError(answer.code, answer.message, { kind: 'fault' })
  return answer
}

function isRefused(answer: AuditPage | Refused): answer is Refused {
  return answer.type === 'refused'
}

async function* pages(ask: Ask): AsyncGenerator<string> {
  for (let after = 0; ; ) {
    const { lines, position } = await ask(after)
    if (lines.length === 0) return
    yield* lines
    after = position
  }
}
