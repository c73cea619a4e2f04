import type { Duplex } from 'node:stream'
import { mayReceive } from '../../auth/access.ts'
import { Persistence } from './persistence.ts'
import type { BrokerClient, Cut, Queues } from './queues.ts'
import { createQueues } from './queues.ts'
import { openSessions, type Sessions, type SessionsLog } from './sessions.ts'
import { volatileStore } from './store.ts'

/** What the broker needs of sessions; without sessions handed in they last as long as the process. */
export async function openPersistence(
  deps: { sessions?: Sessions; log: SessionsLog },
  /** Told of each connection that is ended. */
  front: { report(connection: Duplex, cut: Cut): void },
): Promise<{ sessions: Sessions; queues: Queues; persistence: Persistence }> {
  const sessions = deps.sessions ?? (await openSessions({ store: volatileStore(), now_ms: Date.now, log: deps.log }))
  const queues = createQueues(sessions, ({ conn }, cut) => conn && front.report(conn, cut))
  return { sessions, queues, persistence: new Persistence(sessions, queues) }
}

/** Before CONNACK: the session is there and on disk, or it is said why not. */
export async function claimSession(sessions: Sessions, client: BrokerClient, log: SessionsLog): Promise<boolean> {
  const owner = client.principal?.name ?? ''
  const claim = sessions.claim(client.id, owner, client.clean !== false)
  if (claim !== 'granted') {
    log.warn({ client: client.id, claim }, 'connection refused: the client cannot have a session')
    return false
  }
  if (client.clean !== false) return true
  const { subscriber, written } = sessions.open(client.id, owner)
  const { principal } = client
  if (principal) subscriber.mayReceive = (topic) => mayReceive(principal, topic)
  await written
  return true
}
