import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { keyId } from '../../contract/credentials.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { askCounter, type Refused } from '../../counter/counter.ts'
import { audited } from '../../credentials/audited.ts'
import { atCredentials, type CredentialAnswer, type CredentialRequest } from '../../credentials/counter.ts'
import { createCredentialSource } from '../../credentials/source.ts'
import { openFileLog } from '../../journal/open.ts'
import { JOURNAL_LANES } from '../../journal-lanes.ts'
import { auditOf } from '../audit/offline.ts'

export type Reached = (request: CredentialRequest) => Promise<CredentialAnswer>

/**
 * Finds the credentials of a hub: in its journal when it stands still, at its counter when it runs. Whoever holds the
 * journal is the hub, so that no change can go past it.
 * @throws {LinliError} DATA_UNWRITABLE, COUNTER_CLOSED, or what the journal says
 */
export async function withCredentials<T>(
  dataDir: string,
  siteKey: Uint8Array,
  work: (ask: Reached) => Promise<T>,
): Promise<T> {
  const log = await openFileLog(join(dataDir, 'journal'), { lanes: JOURNAL_LANES }).catch((error: unknown) => {
    if (error instanceof LinliError && error.code === 'JOURNAL_LOCKED') return undefined
    throw error
  })
  if (!log) return work(async (request) => accepted(await askCounter<CredentialAnswer>(dataDir, request)))
  try {
    const faults: LinliError[] = []
    const deps = { log, now_s: () => Math.floor(Date.now() / 1000), onFault: (fault: LinliError) => faults.push(fault) }
    const source = await createCredentialSource(deps, { key: keyId(siteKey) })
    for (const fault of faults) process.stderr.write(`${fault.code}: ${fault.message}\n`)
    const audit = await auditOf(log, dataDir)
    const done = await work((request) => atCredentials(audited(source, audit), request))
    await audit.close()
    return done
  } finally {
    await log.close()
  }
}

/** Asked first, so that a mistyped folder is said and not made. */
export function checkDataDir(dataDir: string): void {
  try {
    accessSync(dataDir, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw new LinliError('DATA_UNWRITABLE', `cannot use the data folder ${dataDir}: ${reasonOf(error)}`, {
      kind: 'caller',
    })
  }
}

export function accepted<A extends { type: string }>(answer: A | Refused): A {
  if (isRefused(answer)) throw new LinliError(answer.code, answer.message, { kind: 'caller' })
  return answer
}

function isRefused(answer: { type: string }): answer is Refused {
  return answer.type === 'refused'
}
