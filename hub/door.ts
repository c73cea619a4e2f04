import { mayPublish, type Principal } from './auth/access.ts'
import type { AvailabilityRoom } from './availability/availability.ts'
import type { BrokerLog } from './broker/broker.ts'
import { type Beside, createIngest, type Decision, type Ingest } from './broker/ingest.ts'
import type { Sessions } from './broker/persistence/sessions.ts'
import type { CommandDesk } from './commands/desk.ts'
import { type CommandMessage, ownerOf } from './commands/own-commands.ts'
import type { Message } from './contract/decode.ts'
import { encodeJson } from './contract/encode.ts'
import { LinliError } from './contract/errors.ts'
import { parseTopic, type Topic } from './contract/topic.ts'
import type { Evacuation } from './evacuation/evacuation.ts'
import type { GatewayLife } from './gateway-life/gateway-life.ts'
import type { HubDeps, HubSettings } from './hub.ts'
import type { Incidents } from './incidents/room.ts'
import { gatewayKey } from './registry/registry.ts'
import type { Replays } from './upstream/replay.ts'

/** What the rooms of the hub have to say about a message at the door, before it is written and acknowledged. */

export function createHubIngest(
  deps: HubDeps,
  settings: HubSettings,
  rooms: {
    self: Principal
    sessions: Pick<Sessions, 'append' | 'keep'>
    desk: CommandDesk
    life: GatewayLife
    evacuation: Evacuation
    availability: AvailabilityRoom
    /** Taken note of, and shown to nobody for now. */
    heldBack: (message: Message) => void
    replays: Replays
    incidents: Pick<Incidents, 'onCommand'>
    asked: (message: Message) => void
    accepted: (message: Message) => void
    beside: Beside | undefined
    denied: (principal: Principal, topic: Topic, error: LinliError) => void
  },
): Ingest {
  const refusals = createRefusalLog(deps.logger)

  function onAvailability(message: Message & { kind: 'availability' }): Decision {
    // A will is written before the fact, so it cannot know since when.
    const since = message.availability.since ?? new Date(deps.now_ms()).toISOString()
    const said = { ...message.availability, since }
    const shown = rooms.availability.onSaid(message.topic, said)
    if (shown === undefined) {
      rooms.heldBack({ ...message, availability: said })
      return { kind: 'swallow' }
    }
    const isAsSaid = shown === said && message.availability.since !== undefined
    message.availability = shown
    return isAsSaid ? { kind: 'continue' } : { kind: 'continue', payload: encodeJson(shown) }
  }

  return createIngest({
    log: deps.log,
    sessions: rooms.sessions,
    now_ms: deps.now_ms,
    ...(rooms.beside ? { beside: rooms.beside } : {}),
    asked: rooms.asked,
    refuse(principal, inbound, error) {
      const topic = parseTopic(inbound.topic)
      // Clearing a retained command is no command.
      const isCommand = topic.ok && topic.value.channel === 'cmd' && inbound.payload.length > 0
      if (!isCommand || !mayPublish(principal, topic.value)) return undefined
      return rooms.desk.refuse(topic.value as Topic & { channel: 'cmd' }, principal, error)
    },
    intercept(message, _inbound, principal) {
      if (message.kind === 'command') return decideCommand(rooms, message, principal)
      if (message.kind === 'result') return decideResult(rooms.desk, message)
      // Before it is kept for anybody: who was granted the place that a device moves to has this very message.
      if (message.kind === 'meta') deps.registry.learn(message.topic, message.meta)
      if (message.kind !== 'availability') return { kind: 'continue' }
      // Said before the will itself is written, so that nothing the gateway says on its next connection can come before it.
      if (message.topic.class === 'gateway' && message.availability.status === 'offline') rooms.life.died(message.topic)
      return onAvailability(message)
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
      denied: rooms.denied,
    },
  })
}

/** The desk has it on disk before it goes on; a command to the hub itself is carried out here. */
function decideCommand(
  rooms: { desk: CommandDesk; evacuation: Evacuation; replays: Replays; incidents: Pick<Incidents, 'onCommand'> },
  message: CommandMessage,
  principal: Principal,
): Decision {
  const { goesOn, written } = rooms.desk.onCommand(message, principal)
  if (!goesOn) return { kind: 'swallow', first: written }
  if (message.topic.class === 'incident') rooms.incidents.onCommand(message)
  if (message.topic.class !== 'hub') return { kind: 'kept', first: written }
  if (message.command.name !== 'replay')
    return { kind: 'kept', first: Promise.all([written, rooms.evacuation.onCommand(message)]) }
  rooms.replays.onCommand(message)
  return { kind: 'kept', first: written }
}

function decideResult(desk: CommandDesk, message: Message & { kind: 'result' }): Decision {
  const heard = desk.onResult(message)
  if (heard.type === 'drop') return { kind: 'swallow', first: heard.written }
  if (heard.type === 'repeat') return { kind: 'kept', first: Promise.resolve(), again: true }
  return { kind: 'continue', beside: heard.beside, failed: heard.failed }
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
