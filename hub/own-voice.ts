import type { Broker } from './broker/broker.ts'
import type { Sessions } from './broker/persistence/sessions.ts'
import { decodeMessage, type Message } from './contract/decode.ts'
import { encodeJson } from './contract/encode.ts'
import { reasonOf } from './contract/errors.ts'
import type { Append } from './journal/types.ts'

/** What the hub says itself goes through the journal like everybody else's messages. */
export interface OwnVoice {
  /** One that cannot be written is logged, not thrown. */
  send(topic: string, payload: Uint8Array, retain: boolean): void
  say(topic: string, value: unknown, retain: boolean): void
  /** Appends at once; resolves when it is on disk, rejects when it cannot be written. Published by itself after that. `joined`: in one commit with the append before it. */
  keep(topic: string, payload: Uint8Array, retain: boolean, joined?: Append['joined']): Promise<void>
}

export function createOwnVoice(
  deps: {
    sessions: Pick<Sessions, 'append'>
    logger: { error(details: object, message: string): void }
    now_ms: () => number
  },
  accepted: (message: Message) => void,
  broker: () => Pick<Broker, 'publish'>,
): OwnVoice {
  function lost(topic: string): (error: unknown) => void {
    return (error) => deps.logger.error({ topic }, `the hub's own message is lost: ${reasonOf(error)}`)
  }
  function send(topic: string, payload: Uint8Array, retain: boolean): void {
    keep(topic, payload, retain).catch(lost(topic))
  }
  async function keep(topic: string, payload: Uint8Array, retain: boolean, joined?: Append['joined']): Promise<void> {
    const decoded = decodeMessage(topic, payload, retain)
    if (!decoded.ok) throw decoded.error
    const base = { topic, payload, time_ms: deps.now_ms(), ...(joined ? { joined } : {}) }
    const lane = decoded.value.kind === 'telemetry' ? 'telemetry' : 'alarm'
    const append = retain ? { ...base, lane: 'state', key: topic } : { ...base, lane }
    await deps.sessions.append(append, { payload, qos: 1, retain })
    accepted(decoded.value)
    broker().publish({ topic, payload, retain }).catch(lost(topic))
  }
  return { send, keep, say: (topic, value, retain) => send(topic, encodeJson(value), retain) }
}
