import { type Broker, createBroker } from '../../hub/broker/broker.ts'
import type { Inbound } from '../../hub/broker/ingest.ts'
import type { SessionLimits } from '../../hub/broker/persistence/limits.ts'
import { openSessions, type Sessions } from '../../hub/broker/persistence/sessions.ts'
import { journalStore } from '../../hub/broker/persistence/store.ts'
import { createMemoryDisk, type MemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import { JOURNAL_LANES } from '../../hub/journal-lanes.ts'
import { type FramePeer, framePeer } from './mqtt-frames.ts'

/** The broker with its sessions over real sockets, on a journal in memory that loses what no fsync has kept when the power goes. */
export interface SessionRoom {
  readonly broker: Broker
  readonly sessions: Sessions
  readonly log: Awaited<ReturnType<typeof openMemoryLog>>
  readonly warnings: string[]
  /** Payloads, in the order in which the door took them. */
  readonly accepted: string[]
  /** Of the next start. */
  limits: Partial<SessionLimits>
  now_ms: number
  start(): Promise<void>
  powerCut(): Promise<void>
  restart(): Promise<void>
  peer(...packets: Uint8Array[]): FramePeer
}

export async function openSessionRoom(): Promise<SessionRoom> {
  const disk: MemoryDisk = createMemoryDisk()
  const peers: FramePeer[] = []
  const warnings: string[] = []
  const accepted: string[] = []
  let log: SessionRoom['log']
  let sessions: Sessions
  let broker: Broker
  let port: number

  const quiet = { info() {}, warn: (_: object, message: string) => void warnings.push(message) }
  const ingest = {
    async accept(_principal: unknown, { topic, payload, qos = 1, retain, from }: Inbound) {
      accepted.push(Buffer.from(payload).toString('utf8'))
      const append = retain ? { lane: 'state', key: topic } : { lane: topic.includes('/tele') ? 'telemetry' : 'alarm' }
      await sessions.append(
        { ...append, topic, payload, time_ms: room.now_ms },
        { payload, qos, retain, ...(from ? { from } : {}) },
      )
      return { kind: 'deliver' as const, payload }
    },
  }

  const room: SessionRoom = {
    get broker() {
      return broker
    },
    get sessions() {
      return sessions
    },
    get log() {
      return log
    },
    warnings,
    accepted,
    limits: {},
    now_ms: 1_800_000_000_000,
    async start() {
      const now_ms = () => room.now_ms
      log = await openMemoryLog(disk, { lanes: JOURNAL_LANES })
      sessions = await openSessions({ store: journalStore(log, now_ms), now_ms, log: quiet }, room.limits)
      broker = await createBroker({
        ingest,
        sessions,
        authenticate: async ({ clientId }) => ({ role: 'dev', name: clientId }),
        log: quiet,
        events: { connected() {}, disconnected() {}, shed() {}, refused() {}, throttled() {} },
      })
      for (const { topic, payload } of await log.list('state')) broker.restoreRetained({ topic, payload })
      await broker.publishWills()
      port = (await broker.listen({ host: '127.0.0.1', port: 0 })).port
    },
    async powerCut() {
      log.kill()
      for (const peer of peers.splice(0)) peer.end()
      await broker.close()
    },
    async restart() {
      await room.powerCut()
      await room.start()
    },
    peer(...packets) {
      const made = framePeer(port, ...packets)
      peers.push(made)
      return made
    },
  }
  await room.start()
  return room
}
