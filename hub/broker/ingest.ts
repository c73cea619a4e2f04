import { mayPublish, type Principal } from '../auth/access.ts'
import { decodeMessage, type Message, PAYLOAD_BYTES_MAX } from '../contract/decode.ts'
import { LinliError } from '../contract/errors.ts'
import { mayHoldPlate } from '../contract/plate.ts'
import type { Topic } from '../contract/topic.ts'
import type { Append, Log } from '../journal/types.ts'
import type { Keeping, Outgoing } from './persistence/keeping.ts'

/**
 * The door of the hub: every message, whoever sends it, is decoded, authorised and written to the journal here, and
 * only then acknowledged and passed on.
 */

/** One MQTT PUBLISH as it came in. */
export interface Inbound {
  topic: string
  payload: Uint8Array
  retain: boolean
  /** 1 when absent: the hub's own. */
  qos?: 0 | 1 | 2
  /** A QoS 2 PUBLISH of a persistent session: its packet id is written with it. */
  from?: Outgoing['from']
}

/**
 * `deliver`: acknowledge and pass on. `swallow`: acknowledge only. `to-gateway`: acknowledge, and hand it to the gateway
 * of its topic alone; it is in no journal. A thrown LinliError closes the connection unacknowledged.
 */
export type Verdict =
  | { kind: 'deliver'; payload: Uint8Array }
  | { kind: 'swallow' }
  | { kind: 'to-gateway'; topic: Topic; payload: Uint8Array }

/**
 * What another room decides about a decoded message before it is written. `continue`: it is written, with what `beside`
 * appends in the same turn, so that both are one commit; `failed` is called when that did not succeed. `kept`: the room has
 * it on disk itself when `first` resolves; `again` says that it was there before.
 */
export type Decision =
  | { kind: 'continue'; payload?: Uint8Array; beside?: () => Promise<unknown>; failed?: () => void }
  | { kind: 'kept'; first: Promise<unknown>; again?: boolean }
  | { kind: 'swallow'; first?: Promise<unknown> }
export type Interceptor = (message: Message, inbound: Inbound, principal: Principal) => Decision

/** Topics beside the contract, decided by the room that knows them and kept in no journal; undefined: not one of these. */
export type Beside = (principal: Principal, inbound: Inbound) => Verdict | undefined

export interface IngestEvents {
  /** After the commit, before the acknowledgement. */
  accepted(message: Message, inbound: Inbound): void
  /** Let through without being kept. */
  passed(message: Message): void
  /** The message is kept in the `rejected` lane for inspection, unless it may hold a plate, and otherwise dropped. */
  rejected(principal: Principal, inbound: Inbound, error: LinliError): void
  duplicate(message: Message): void
  /** Telemetry that the full disk could not take: gone, and counted. */
  telemetryLost(error: LinliError): void
  /** Somebody tried what they may not; the connection is closed after this. */
  denied(principal: Principal, topic: Topic, error: LinliError): void
}

/** Bytes of a refused payload that are kept for inspection. */
const REJECTED_BYTES_MAX = 4096
const SWALLOWED: Verdict = { kind: 'swallow' }

export interface Ingest {
  accept(principal: Principal, inbound: Inbound): Promise<Verdict>
}

export function createIngest(deps: {
  log: Log
  /** Write a message for the sessions that want it, in the commit that it is written in. */
  sessions?: Pick<Keeping, 'append' | 'keep'>
  now_ms: () => number
  intercept: Interceptor
  /** Of every message that can be read, before it is asked who may send it. */
  asked?: (message: Message) => void
  admit: (principal: Principal, message: Message) => LinliError | undefined
  /** Answers what the contract refuses, where there is an answer; resolves when it is on disk. */
  refuse: (principal: Principal, inbound: Inbound, error: LinliError) => Promise<unknown> | undefined
  events: IngestEvents
  beside?: Beside
}): Ingest {
  const { log, events } = deps
  const sessions = deps.sessions ?? { append: (append: Append) => log.append(append), keep: async () => undefined }

  async function reject(principal: Principal, inbound: Inbound, error: LinliError): Promise<Verdict> {
    if (principal.role === 'camera' || mayHoldPlate(inbound.topic)) {
      events.rejected(principal, { ...inbound, topic: 'camera', payload: new Uint8Array() }, withoutContents(error))
      return { kind: 'swallow' }
    }
    events.rejected(principal, inbound, error)
    await deps.refuse(principal, inbound, error)
    await log
      .append({
        lane: 'rejected',
        topic: inbound.topic,
        payload: inbound.payload.subarray(0, Math.min(REJECTED_BYTES_MAX, PAYLOAD_BYTES_MAX)),
        time_ms: deps.now_ms(),
      })
      .catch(() => undefined) // Inspection is a courtesy: a full disk must not turn a refusal into a fault.
    return { kind: 'swallow' }
  }

  /** What is not written here, or in another form, is for the sessions that want it. */
  function keepFor({ topic, qos = 1, retain, from }: Inbound, payload: Uint8Array): Promise<void> {
    return sessions.keep({ topic, time_ms: deps.now_ms() }, { payload, qos, retain, ...(from ? { from } : {}) })
  }

  function deny(principal: Principal, topic: Topic, error: LinliError): never {
    events.denied(principal, topic, error)
    throw error
  }

  /** Without a promise of its own for each step: this is the way of every message. */
  function route(principal: Principal, inbound: Inbound): Promise<Verdict> {
    const beside = deps.beside?.(principal, inbound)
    if (beside?.kind === 'deliver') return keepFor(inbound, beside.payload).then(() => beside)
    if (beside) return Promise.resolve(beside)
    const decoded = decodeMessage(inbound.topic, inbound.payload, inbound.retain)
    if (!decoded.ok) return reject(principal, inbound, decoded.error)
    const message = decoded.value
    deps.asked?.(message)
    if (!mayPublish(principal, message.topic)) {
      const where = mayHoldPlate(inbound.topic) ? 'on a topic of cameras' : `on ${inbound.topic}`
      const said = `${principal.name} (${principal.role}) may not publish ${where}`
      return deny(principal, message.topic, new LinliError('ACCESS_DENIED', said, { kind: 'caller' }))
    }
    if (message.kind === 'plate') {
      events.passed(message)
      return Promise.resolve({ kind: 'to-gateway', topic: message.topic, payload: inbound.payload })
    }
    const refusal = deps.admit(principal, message)
    if (refusal) return deny(principal, message.topic, refusal)
    const decision = deps.intercept(message, inbound, principal)
    if (decision.kind === 'swallow') return Promise.resolve(decision.first).then(() => SWALLOWED)
    if (decision.kind === 'kept') return keptElsewhere(message, inbound, decision)
    if (message.kind === 'command')
      throw new LinliError('COMMAND_UNKEPT', 'a command was let through without its record', { kind: 'bug' })
    return keep(message, inbound, decision)
  }

  async function keptElsewhere(
    message: Message,
    inbound: Inbound,
    { first, again }: Decision & { kind: 'kept' },
  ): Promise<Verdict> {
    await Promise.all([first, keepFor(inbound, inbound.payload)])
    if (again) events.duplicate(message)
    else events.accepted(message, inbound)
    return { kind: 'deliver', payload: inbound.payload }
  }

  function keep(
    message: Exclude<Message, { kind: 'plate' | 'command' }>,
    inbound: Inbound,
    { payload = inbound.payload, beside, failed }: Decision & { kind: 'continue' },
  ): Promise<Verdict> {
    const { qos = 1, retain, from } = inbound
    const record = appendOf(message, inbound.topic, payload, deps.now_ms())
    const stored = sessions.append(record, from ? { payload, qos, retain, from } : { payload, qos, retain })
    // Both are appended in this turn of the event loop.
    const written = beside ? Promise.all([stored, beside()]).then(([outcome]) => outcome) : stored
    return written.then(
      (outcome) => {
        if ('duplicate' in outcome) {
          events.duplicate(message)
          return SWALLOWED
        }
        events.accepted(message, inbound)
        return { kind: 'deliver', payload }
      },
      (error: unknown) => {
        // MQTT 3.1.1 has no negative acknowledgement: closing the connection would hold up the alarms behind it, so
        // telemetry that the disk refuses is dropped and counted. An alarm is never acknowledged unwritten.
        if (record.lane === 'telemetry' && error instanceof LinliError && error.code === 'JOURNAL_FULL') {
          events.telemetryLost(error)
          return SWALLOWED
        }
        failed?.()
        throw error
      },
    )
  }

  return {
    accept(principal, inbound) {
      try {
        return route(principal, inbound)
      } catch (error) {
        return Promise.reject(error)
      }
    },
  }
}

/** Messages of errors quote what they found. */
function withoutContents({ code, path }: LinliError): LinliError {
  return new LinliError(code, 'a message that may hold a plate: nothing of it is kept', {
    kind: 'caller',
    ...(path === undefined ? {} : { path }),
  })
}

/** Which lane a message belongs to, and what makes it the same message again. */
function appendOf(
  message: Exclude<Message, { kind: 'plate' | 'command' }>,
  topic: string,
  payload: Uint8Array,
  time_ms: number,
): Append {
  switch (message.kind) {
    case 'event':
    case 'telemetry': {
      const lane = message.kind === 'event' ? 'alarm' : 'telemetry'
      const { bootid, sequence } = message.event
      const stream = `${message.topic.gateway}:${bootid}:${lane}`
      return { lane, topic, payload, time_ms, stream, sequence: Number(sequence) }
    }
    case 'result':
      return { lane: 'alarm', topic, payload, time_ms }
    default:
      return { lane: 'state', topic, payload, time_ms, key: topic }
  }
}
