import type { Principal } from './auth/access.ts'
import type { BrokerLog } from './broker/broker.ts'
import { createIngest, type Ingest } from './broker/ingest.ts'
import type { Sessions } from './broker/persistence/sessions.ts'
import type { CommandDesk } from './commands/desk.ts'
import { type CommandMessage, isCredentialCommand, ownerOf } from './commands/own-commands.ts'
import type { Message } from './contract/decode.ts'
import { encodeJson } from './contract/encode.ts'
import { LinliError } from './contract/errors.ts'
import type { Evacuation } from './evacuation/evacuation.ts'
import type { GatewayLife } from './gateway-life/gateway-life.ts'
import type { HubDeps, HubSettings } from './hub.ts'
import { gatewayKey } from './registry/registry.ts'

/** What the rooms of the hub have to say about a message at the door, before it is written and acknowledged. */

export function createHubIngest(
  deps: HubDeps,
  settings: HubSettings,
  rooms: {
    self: Principal
    sessions: Pick<Sessions, 'append'>
    desk: CommandDesk
    life: GatewayLife
    evacuation: Evacuation
    accepted: (message: Message) => void
  },
): Ingest {
  const refusals = createRefusalLog(deps.logger)
  return createIngest({
    log: deps.log,
    append: rooms.sessions.append,
    now_ms: deps.now_ms,
    intercept(message) {
      if (message.kind === 'command') {
        const kind = rooms.desk.onCommand(message)
        if (message.topic.class === 'hub' && kind === 'continue')
          return { kind, first: rooms.evacuation.onCommand(message) }
        return isCredentialCommand(message) ? { kind, record: withoutArguments(message.command) } : { kind }
      }
      if (message.kind === 'result') return { kind: rooms.desk.onResult(message) }
      if (message.kind !== 'availability') return { kind: 'continue' }
      // Said before the will itself is written, so that nothing the gateway says on its next connection can come before it.
      if (message.topic.class === 'gateway' && message.availability.status === 'offline') rooms.life.died(message.topic)
      if (message.availability.since === undefined) {
        // A will is written before the fact, so it cannot know since when.
        const since = new Date(deps.now_ms()).toISOString()
        message.availability = { ...message.availability, since }
        return { kind: 'continue', payload: encodeJson(message.availability) }
      }
      return { kind: 'continue' }
    },
    admit(principal, message) {
      if (message.kind === 'command') return refusedCommand(rooms.self, principal, message)
      const key = gatewayKey(message.topic)
      if (deps.registry.knowsGateway(key)) return undefined
      if (!settings.dev && principal.role !== 'gateway') {
        return new LinliError('GATEWAY_UNKNOWN', `gateway ${key} is not registered`, { kind: 'caller' })
      }
      deps.registry.addGateway(key)
      return undefined
    },
    events: {
      passed: (message) => deps.counters.accepted(message.kind),
      accepted(message) {
        deps.counters.accepted(message.kind)
        rooms.accepted(message)
      },
      rejected(principal, inbound, error) {
        deps.counters.rejected(error.code)
        refusals(principal.name, inbound.topic, error)
      },
      duplicate: () => deps.counters.duplicate(),
      telemetryLost: () => deps.counters.telemetryLost(),
    },
  })
}

/** Logs each cause of each sender once, then at every thousandth: a broken device must not fill the disk with its errors. */
function createRefusalLog(logger: BrokerLog): (sender: string, topic: string, error: LinliError) => void {
  const counts = new Map<string, number>()
  const SENDERS_MAX = 1_000
  return (sender, topic, error) => {
    const key = `${sender} ${error.code}`
    const count = (counts.get(key) ?? 0) + 1
    if (counts.size >= SENDERS_MAX && !counts.has(key)) counts.clear()
    counts.set(key, count)
    if (count === 1 || count % 1000 === 0) {
      logger.warn(
        { client: sender, topic: topic.slice(0, 200), code: error.code, path: error.path, count },
        `message refused: ${error.message}`,
      )
    }
  }
}

/** Not the district's, not a flow's. */
function refusedCommand(self: Principal, principal: Principal, message: CommandMessage): LinliError | undefined {
  const { actor, name } = message.command
  const owner = ownerOf(message)
  const isOurs = principal === self && actor.kind === owner?.kind && actor.id === owner.id
  if (!owner || isOurs) return undefined
  return new LinliError('ACCESS_DENIED', `${name} comes from the hub itself and from nobody else`, { kind: 'caller' })
}

/** Ten thousand commands are kept for the record: it does not need the credentials a second time. */
function withoutArguments(command: CommandMessage['command']): Uint8Array {
  return encodeJson({ ...command, args: {} })
}
