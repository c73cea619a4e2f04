import type { Command, FinalStatus, Result, ResultStatus } from '../../hub/contract/command.ts'
import { decodeMessage } from '../../hub/contract/decode.ts'
import { reasonOf } from '../../hub/contract/errors.ts'
import type { TimeQuality } from '../../hub/contract/event.ts'
import { type Address, addressPath, parseTopic, type Topic } from '../../hub/contract/topic.ts'
import type { Entry } from '../../hub/journal/types.ts'
import type { Driver, Outcome } from '../drivers/driver.ts'
import type { Logger } from '../ports/logger.ts'
import { CommandMemory, REMEMBERED_MAX, RESERVED } from './command-memory.ts'
import type { Outbox } from './outbox.ts'

/**
 * Commands from the hub to drivers: each is decoded, refused or executed, and gets exactly one final result. What is begun
 * is on disk first, so the same id is never executed twice, also not over a restart: a command that a crash cut off ends as
 * failed.
 */

/** A driver that does not answer by then has failed the command; gates declare their own, shorter motion limits. */
const ANSWER_TIMEOUT_MS = 60_000
/** A disk that has not taken it by then will not soon; a siren does not wait for it, and the hub sends nothing twice. */
export const KEEP_MS_MAX = 1_000
/** Without a clock that was ever set, a command is worth this long at most, from the moment it came. */
export const UNSYNCED_TTL_MS_MAX = 30_000
/** The contract's longest result message. */
const MESSAGE_CHARS_MAX = 400

export interface CommandsDeps {
  /** By address path. */
  drivers: Pick<ReadonlyMap<string, Driver>, 'get'>
  outbox: Pick<Outbox, 'result' | 'remember'>
  timeQuality: () => TimeQuality
  log: Logger
}

type CommandTopic = Topic & { channel: 'cmd' }
type Details = Pick<Result, 'code' | 'message' | 'data'>

export class Commands {
  readonly #deps: CommandsDeps
  readonly #memory = new CommandMemory()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  /** What drivers have still to answer, with the path of each. */
  readonly #asked = new Map<(outcome: Outcome) => void, string>()
  #closed = false

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
    if (this.#memory.has(key)) {
      const known = this.#memory.final(key)
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
    for (const key of this.#memory.restore(entries)) {
      const topic = parseTopic(key)
      if (topic.ok && topic.value.channel === 'cmd')
        this.#finish(topic.value, 'failed', {
          code: 'GATEWAY_RESTARTED',
          message: 'the gateway restarted while it executed this; the outcome is unknown',
        })
    }
  }

  /** A driver is gone: what it did not finish ends as failed. */
  abandon(path: string): void {
    const message = 'the device was started again while it executed this; the outcome is unknown'
    for (const [answer, asked] of [...this.#asked])
      if (asked === path) answer({ status: 'failed', code: 'GATEWAY_RESTARTED', message })
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #take(topic: CommandTopic, command: Command): void {
    const driver = this.#deps.drivers.get(addressPath(topic))
    const expires_ms = this.#expiryOf(command)
    if (!driver) this.#refuseUnknown(topic)
    else if (expires_ms <= Date.now()) this.#expire(topic, command)
    // The final result of something that may be forgotten was given: it gets no other one.
    else if (this.#isClockSet() && this.#memory.isBeyondHorizon(expires_ms)) return
    else void this.#begin(topic, command, expires_ms)
  }

  #refuseUnknown(topic: CommandTopic): void {
    const message = `this gateway has no ${topic.class} ${topic.device}`
    this.#finish(topic, 'refused', { code: 'DEVICE_UNKNOWN', message })
  }

  #expire(topic: CommandTopic, { expiresat }: Command): void {
    this.#finish(topic, 'expired', { code: 'COMMAND_EXPIRED', message: `expired at ${expiresat}` })
  }

  #isClockSet(): boolean {
    return this.#deps.timeQuality() !== 'unsynced'
  }

  /** By this gateway's clock. One that was never set cannot tell when another clock says so: only for how long it is worth. */
  #expiryOf({ issuedat, expiresat }: Command): number {
    const expires_ms = Date.parse(expiresat)
    if (this.#isClockSet()) return expires_ms
    return Date.now() + Math.min(expires_ms - Date.parse(issuedat), UNSYNCED_TTL_MS_MAX)
  }

  /** Nothing moves before it is on disk that it was begun. */
  async #begin(topic: CommandTopic, command: Command, expires_ms: number): Promise<void> {
    const key = keyOf(topic)
    const places = REMEMBERED_MAX + (topic.name === 'release-all' ? RESERVED : 0)
    const appends = this.#memory.begin(key, expires_ms, places, Date.now())
    if (!appends) {
      const message = 'too many commands have not expired yet; try again later'
      this.#say(topic, 'refused', { code: 'COMMANDS_BUSY', message })
      return
    }
    this.#say(topic, 'accepted')
    await this.#within(KEEP_MS_MAX, Promise.all(appends.map((append) => this.#deps.outbox.remember(append))))
    if (this.#closed) return
    if (expires_ms <= Date.now()) this.#expire(topic, command)
    else this.#execute(topic, { ...command, expiresat: new Date(expires_ms).toISOString() })
  }

  /** Resolves when it is done, when it failed, or when it takes too long. */
  #within(timeout_ms: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer)
        this.#deps.log.warn({}, 'the disk takes its time: a command is executed before it is on it')
        resolve()
      }, timeout_ms)
      this.#timers.add(timer)
      const done = () => {
        clearTimeout(timer)
        this.#timers.delete(timer)
        resolve()
      }
      work.then(done, (error: unknown) => {
        this.#deps.log.error({ error: reasonOf(error) }, 'a command is executed and not remembered over a restart')
        done()
      })
    })
  }

  #execute(topic: CommandTopic, command: Command): void {
    // Another than at first, when a new configuration came meanwhile.
    const driver = this.#deps.drivers.get(addressPath(topic))
    if (!driver) {
      this.#refuseUnknown(topic)
      return
    }
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
      this.#asked.delete(answer)
      if (outcome.status !== 'succeeded')
        this.#finish(topic, outcome.status, { code: outcome.code, message: outcome.message })
      else this.#finish(topic, 'succeeded', outcome.data === undefined ? {} : { data: outcome.data })
    }
    const message = `the driver did not answer within ${ANSWER_TIMEOUT_MS} ms`
    const timer = setTimeout(() => answer({ status: 'failed', code: 'DRIVER_TIMEOUT', message }), ANSWER_TIMEOUT_MS)
    this.#timers.add(timer)
    this.#asked.set(answer, addressPath(topic))
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

  /** Both in one commit: a result that was told is remembered. */
  #finish(topic: CommandTopic, status: FinalStatus, details: Details): void {
    const result = this.#say(topic, status, details)
    const appends = this.#memory.end(keyOf(topic), result, Date.now())
    Promise.all(appends.map((append) => this.#deps.outbox.remember(append))).catch((error: unknown) => {
      this.#deps.log.error({ error: reasonOf(error) }, 'how a command ended is not remembered over a restart')
    })
    const { id, name, device } = topic
    this.#deps.log.info({ id, name, device, status, code: details.code }, 'command ended')
  }
}

/** The command's own topic: names device, command and id, and can be parsed again. */
function keyOf(topic: CommandTopic): string {
  return `${addressPath(topic)}/cmd/${topic.name}/${topic.id}`
}

function addressOf({ street, community, estate, gateway, class: deviceClass, device }: Topic): Address {
  return { street, community, estate, gateway, class: deviceClass, device }
}
