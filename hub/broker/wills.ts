import { mayLeaveWill, type Principal } from '../auth/access.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import type { Ingest } from './ingest.ts'
import type { StoredWill } from './persistence/records.ts'
import type { Sessions } from './persistence/sessions.ts'

/**
 * MQTT-3.1.2-8: a client whose connection ended without DISCONNECT has died, also when it was the hub that died. Its will
 * passes the door like any other message, in the name that it connected with.
 */
export async function publishWills(deps: {
  sessions: Sessions
  ingest: Ingest
  log: { warn(details: object, message: string): void }
  publish: (message: { topic: string; payload: Uint8Array; qos: 0 | 1 | 2; retain: boolean }) => Promise<void>
}): Promise<void> {
  const { sessions, ingest } = deps
  // All in one turn: whatever their clients say when they come back stands behind them in the journal.
  await Promise.all(
    [...sessions.wills].map(async ([client, will]) => {
      const { topic, qos, retain } = will
      try {
        const inbound = { topic, payload: Buffer.from(will.payload, 'base64'), qos, retain }
        const principal = principalOf(will)
        if (!mayLeaveWill(principal, topic))
          throw new LinliError('ACCESS_DENIED', 'not its to leave', { kind: 'caller' })
        const verdict = await ingest.accept(principal, inbound)
        if (verdict.kind === 'deliver') await deps.publish({ topic, payload: verdict.payload, qos, retain })
      } catch (error) {
        // Its account may be gone or may not publish this any more.
        deps.log.warn({ client, topic }, `a will was not published: ${reasonOf(error)}`)
      }
      // Not when it has connected again meanwhile: its new will stands there then.
      if (sessions.wills.delete(client)) await sessions.store.record(`will/${client}`, undefined)
    }),
  )
}

/** As it was written; what it lacks for its role it may not do either. */
function principalOf({ principal }: StoredWill): Principal {
  return principal as Principal
}
