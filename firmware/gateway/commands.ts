import { type Command, type FinalStatus, isFinal, type Result, type ResultStatus } from '../../hub/contract/command.ts'
import { decodeJson, decodeMessage } from '../../hub/contract/decode.ts'
import { reasonOf } from '../../hub/contract/errors.ts'
import { type Address, addressPath, parseTopic, type Topic } from '../../hub/contract/topic.ts'
import type { Entry } from '../../hub/journal/types.ts'
import type { Driver, Outcome } from '../drivers/driver.ts'
import type { Logger } from '../ports/logger.ts'
import type { Outbox } from './outbox.ts'

/**
 * Commands from the hub to drivers: each is decoded, refused or executed, and gets exactly one final result. The same
 * id is never executed twice, also not over a restart: a command that a crash cut off ends as failed.
 */

/** Commands remembered; the spool's `handled` lane holds two entries for each. */
export const HANDLED_MAX = 500
/** A driver that does not answer by then has failed the command; gates declare their own, shorter motion limits. */
const ANSWER_TIMEOUT_MS = 60_000
/** The contract's longest result message. */
const MESSAGE_CHARS_MAX = 400

export interface CommandsDeps {
  /** By address path. */
  drivers: ReadonlyMap<string, Driver>
  outbox: Pick<Outbox, 'result' | 'remember'>
  log: Logger
}

type CommandTopic = Topic & { channel: 'cmd' }
type Details = Pick<Result, 'code' | 'message' | 'data'>

export class Commands {
  readonly #deps: CommandsDeps
  /** By command topic, oldest first; undefined while it is executed. */
  readonly #handled = new Map<string, Result | undefined>()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()

  constructor(deps: CommandsDeps) {
    this.#deps = deps
  }

  onMessage(topicName: string, payload: Uint8Array, retain: boolean): void {
    const parsed = parseTopic(topicName)
    if (!parsed.ok || parsed.value.channel !== 'cmd') {
      this.#deps.log.warn({ topic: topicName.slice(0, 300) }, 'not a command topic: ignored')
      return
    }
    const topic = parsed.value
    // Clearing a retained command is no command.
    if (payload.length === 0) return
    const key = keyOf(topic)
    if (this.#handled.has(key)) {
      const known = this.#handled.get(key)
      if (known) this.#deps.outbox.result(addressOf(topic), known)
      return
    }
    const decoded = decodeMessage(topicName, payload, retain)
    if (!decoded.ok) {
      const { code, message } = decoded.error
      this.#finish(topic, 'refused', { code, message })
    } else if (decoded.value.kind === 'command') this.#take(topic, decoded.value.command)
  }

  /** Takes up the memory of the run before; what that run did not finish ends here as failed. */
  restore(entries: Entry[]): void {
    const found = new Map(entries.map((entry) => [entry.topic, finalOf(entry.payload)]))
    for (const [key, result] of found) {
      const topic = parseTopic(key)
      if (result) this.#remember(key, result)
      else if (topic.ok && topic.value.channel === 'cmd')
        this.#finish(topic.value, 'failed', {
          code: 'GATEWAY_RESTARTED',
          message: 'the gateway restarted while it executed this; the outcome is unknown',
        })
    }
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #take(topic: CommandTopic, command: Command): void {
    const driver = this.#deps.drivers.get(addressPath(topic))
    if (!driver) {
      const message = `this gateway has no ${topic.class} ${topic.device}`
      this.#finish(topic, 'refused', { code: 'DEVICE_UNKNOWN', message })
    } else if (Date.parse(command.expiresat) <= Date.now()) {
      this.#finish(topic, 'expired', { code: 'COMMAND_EXPIRED', message: `expired at ${command.expiresat}` })
    } else this.#execute(topic, driver, command)
  }

  #execute(topic: CommandTopic, driver: Driver, command: Command): void {
    const key = keyOf(topic)
    this.#remember(key, undefined)
    this.#deps.outbox.remember(key, null)
    this.#say(topic, 'accepted')
    this.#say(topic, 'executing')
    const answer = this.#answerOnce(topic)
    try {
      const { id, name, args, actor, expiresat } = command
      driver.execute({ id, name, args, actor, expiresat }, answer)
    } catch (error) {
      this.#deps.log.error({ device: topic.device, error: reasonOf(error) }, 'a driver threw on a command')
      answer({ status: 'failed', code: 'DRIVER_FAILED', message: `the driver failed: ${reasonOf(error)}` })
    }
  }

  /** The first answer counts; after `ANSWER_TIMEOUT_MS` it is ours. */
  #answerOnce(topic: CommandTopic): (outcome: Outcome) => void {
    let answered = false
    const answer = (outcome: Outcome) => {
      if (answered) return
      answered = true
      clearTimeout(timer)
      this.#timers.delete(timer)
      if (outcome.status !== 'succeeded')
        this.#finish(topic, outcome.status, { code: outcome.code, message: outcome.message })
      else this.#finish(topic, 'succeeded', outcome.data === undefined ? {} : { data: outcome.data })
    }
    const message = `the driver did not answer within ${ANSWER_TIMEOUT_MS} ms`
    const timer = setTimeout(() => answer({ status: 'failed', code: 'DRIVER_TIMEOUT', message }), ANSWER_TIMEOUT_MS)
    this.#timers.add(timer)
    return answer
  }

  #say(topic: CommandTopic, status: ResultStatus, details: Details = {}): Result {
    const { message, ...rest } = details
    const result: Result = {
      id: topic.id,
      name: topic.name,
      status,
      at: new Date().toISOString(),
      ...rest,
      ...(message === undefined ? {} : { message: message.slice(0, MESSAGE_CHARS_MAX) }),
    }
    this.#deps.outbox.result(addressOf(topic), result)
    return result
  }

  #finish(topic: CommandTopic, status: FinalStatus, details: Details): void {
    const result = this.#say(topic, status, details)
    this.#remember(keyOf(topic), result)
    this.#deps.outbox.remember(keyOf(topic), result)
    const { id, name, device } = topic
    this.#deps.log.info({ id, name, device, status, code: details.code }, 'command ended')
  }

  #remember(key: string, result: Result | undefined): void {
    this.#handled.delete(key)
    this.#handled.set(key, result)
    for (const oldest of this.#handled.keys()) {
      if (this.#handled.size <= HANDLED_MAX) break
      this.#handled.delete(oldest)
    }
  }
}

/** The command's own topic: names device, command and id, and can be parsed again. */
function keyOf(topic: CommandTopic): string {
  return `${addressPath(topic)}/cmd/${topic.name}/${topic.id}`
}

function addressOf({ street, community, estate, gateway, class: deviceClass, device }: Topic): Address {
  return { street, community, estate, gateway, class: deviceClass, device }
}

function finalOf(payload: Uint8Array): Result | undefined {
  const json = decodeJson(payload)
  const result = json.ok ? (json.value as Result | null) : null
  return result !== null && typeof result === 'object' && isFinal(result.status) ? result : undefined
}
