import type { Principal } from '../auth/access.ts'
import type { Inbound, Verdict } from '../broker/ingest.ts'
import type { CommandDesk, CommandRequest } from '../commands/desk.ts'
import type { Actor, Result } from '../contract/command.ts'
import type { Message } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { type Address, addressPath, type Site } from '../contract/topic.ts'
import type { DeviceView } from '../devices/devices.ts'
import { type Action, actionOf } from './asked.ts'
import { type Announcer, type Discovery, discoveryOf } from './discovery.ts'
import { COMMAND_ID_PREFIX } from './templates.ts'
import { type Asked, discoveryTopic, isDiscoveryOf, parseCommandTopic, STATUS_TOPIC } from './topics.ts'

/**
 * Shows the estate in Home Assistant: announces each device on its discovery topic, again whenever Home Assistant starts,
 * and turns what its users ask into commands of the contract. Retained in the broker, in no journal: it follows from what is.
 */
export interface HomeAssistant {
  /** Announces everything that is known. */
  start(): void
  /** A message that was accepted: what changes a device is announced. */
  heard(message: Message): void
  /** A message on its topics, at the door; undefined: not one of these. */
  accept(principal: Principal, inbound: Inbound): Verdict | undefined
}

export interface HomeAssistantDeps {
  devices: { all(): DeviceView[]; get(address: Address): DeviceView | undefined }
  publish: (message: { topic: string; payload: Uint8Array; retain: boolean }) => Promise<void>
  send: (request: CommandRequest) => Promise<Result>
  /** Answers what may not be, and puts it into the audit log. */
  refuse: CommandDesk['refuse']
  log: { info(details: object, message: string): void; warn(details: object, message: string): void }
  newId: () => string
}

export const HOME_ASSISTANT_CODES = {
  HOME_ASSISTANT_MAY_NOT_OPEN: 'this hub lets nobody open anything from Home Assistant: see --home-assistant-may-open',
  HOME_ASSISTANT_BUSY: 'too many commands from Home Assistant have no result yet',
} as const

const ACTOR: Actor = { kind: 'platform', id: 'home-assistant' }
/** Somebody stands before the gate and waits; later nobody expects it to move any more. */
const COMMAND_TTL_MS = 10_000
const PENDING_MAX = 50
/** Longer than any payload that is understood. */
const PAYLOAD_BYTES_MAX = 32

const NOTHING = new Uint8Array()

export function createHomeAssistant(deps: HomeAssistantDeps, config: Announcer & { site: Site }): HomeAssistant {
  /** By address path: what was announced last. At most one for each device that the hub knows. */
  const announced = new Map<string, { topic: string; discovery: Discovery; text: string }>()
  let pending = 0

  function publish(topic: string, payload: Uint8Array): void {
    deps
      .publish({ topic, payload, retain: true })
      .catch((error: Error) => deps.log.warn({ topic }, `not announced to Home Assistant: ${error.message}`))
  }

  function announce(view: DeviceView | undefined, path: string, again: boolean): void {
    const last = announced.get(path)
    const discovery = view && discoveryOf(view, config)
    if (!discovery || !view) {
      if (last) publish(last.topic, NOTHING)
      announced.delete(path)
      return
    }
    const complete = withRemovals(discovery, last?.discovery)
    const text = JSON.stringify(complete)
    if (last?.text === text && !again) return
    const topic = discoveryTopic(view.address)
    announced.set(path, { topic, discovery: complete, text })
    publish(topic, encodeJson(complete))
  }

  function announceAll(): void {
    for (const view of deps.devices.all()) announce(view, addressPath(view.address), true)
  }

  function perform(principal: Principal, { address }: Asked, { name, opens }: Action): void {
    const id = `${COMMAND_ID_PREFIX}${deps.newId()}`
    const code =
      opens && !config.mayOpen
        ? 'HOME_ASSISTANT_MAY_NOT_OPEN'
        : pending >= PENDING_MAX
          ? 'HOME_ASSISTANT_BUSY'
          : undefined
    if (code) {
      const error = new LinliError(code, HOME_ASSISTANT_CODES[code], { kind: 'caller' })
      deps.log.warn({ device: addressPath(address), command: name, code }, error.message)
      deps
        .refuse({ ...address, channel: 'cmd', name, id }, principal, error)
        .catch((fault: unknown) => deps.log.warn({ id }, `a refusal is not on disk: ${reasonOf(fault)}`))
      return
    }
    pending += 1
    deps.send({ id, address, name, args: {}, ttl_ms: COMMAND_TTL_MS, actor: ACTOR }).then(({ status, code: why }) => {
      pending -= 1
      deps.log.info({ device: addressPath(address), command: name, id, status, code: why }, 'asked in Home Assistant')
    })
  }

  function asked(principal: Principal, inbound: Inbound, what: Asked): void {
    const payload = Buffer.from(inbound.payload.subarray(0, PAYLOAD_BYTES_MAX)).toString('utf8')
    const action = actionOf(what.address.class, what.entity, payload)
    const discovery = announced.get(addressPath(what.address))?.discovery
    const isThere = discovery?.components[what.entity]?.unique_id !== undefined
    // A retained one would act again at every start of the hub.
    if (!action || !isThere || inbound.retain || inbound.payload.length > PAYLOAD_BYTES_MAX) {
      const why = inbound.retain ? 'it is retained' : isThere ? 'its payload is unknown' : 'there is no such entity'
      deps.log.warn({ topic: inbound.topic.slice(0, 300) }, `not done for Home Assistant: ${why}`)
      return
    }
    perform(principal, what, action)
  }

  return {
    start: announceAll,
    heard(message) {
      const isState = message.kind === 'state' && message.topic.class === 'access-gate'
      if (!isState && message.kind !== 'meta' && message.kind !== 'cleared') return
      announce(deps.devices.get(message.topic), addressPath(message.topic), false)
    },
    accept(principal, inbound) {
      if (principal.role !== 'home-assistant' && principal.role !== 'dev') return undefined
      if (inbound.topic === STATUS_TOPIC) {
        const status = Buffer.from(inbound.payload.subarray(0, PAYLOAD_BYTES_MAX)).toString('utf8')
        deps.log.info({ status }, 'Home Assistant')
        if (status === 'online') announceAll()
        // Others on this broker announce themselves at its birth too.
        return status === 'online' || status === 'offline'
          ? { kind: 'deliver', payload: inbound.payload }
          : { kind: 'swallow' }
      }
      // Home Assistant clears what a user has deleted there; it comes again at its next start.
      if (inbound.payload.length === 0 && inbound.retain && isDiscoveryOf(config.site, inbound.topic))
        return { kind: 'deliver', payload: NOTHING }
      const what = parseCommandTopic(config.site, inbound.topic)
      if (!what) return undefined
      asked(principal, inbound, what)
      return { kind: 'swallow' }
    },
  }
}

/** A component that is no longer there is taken away by its platform alone. */
function withRemovals(discovery: Discovery, last: Discovery | undefined): Discovery {
  const gone = Object.entries(last?.components ?? {}).filter(([entity]) => !Object.hasOwn(discovery.components, entity))
  const removals = gone.map(([entity, { platform }]) => [entity, { platform }])
  return { ...discovery, components: { ...Object.fromEntries(removals), ...discovery.components } }
}
