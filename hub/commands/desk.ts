import type { Audit } from '../audit/audit.ts'
import type { AuditEntry } from '../audit/chain.ts'
import { createRarely } from '../audit/rarely.ts'
import type { Principal } from '../auth/access.ts'
import type { Actor, Command, Result } from '../contract/command.ts'
import { isFinal } from '../contract/command.ts'
import type { Message } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { type Address, addressPath, formatTopic, type Topic } from '../contract/topic.ts'
import { onDamage } from '../journal/damage-watch.ts'
import type { Entry, Log } from '../journal/types.ts'
import { askedEntry, doubtfulEntry, knownEntry, type ResultNote, resultEntry } from './audit-entries.ts'
import { COMMAND_RECORD_LANE, commandRecord, forgottenRecord, horizonRecord, restoreTracker } from './record.ts'
import { createTrackerState, stepTracker, type Tracked, type TrackerEffect, type TrackerInput } from './tracker.ts'

/**
 * The shell of the command tracker: it owns the clock and the waiting callers, performs the tracker's effects, and has on
 * disk what they rest on, in one commit with the line of the audit log and with the result.
 */

export interface CommandRequest {
  /** A new one when absent. The same id is never executed twice. */
  id?: string
  address: Address
  name: string
  args: unknown
  /** ms from now until it must never be executed any more. */
  ttl_ms: number
  actor: Actor
  reason?: string
  /**
   * Delivered again while it has no final result: only for what a gateway knows by its id that it has done, and what must
   * get there (an evacuation, after a restart of the hub).
   */
  again?: boolean
}

/** What becomes of a command on its way in. */
export interface Taken {
  /** Pass it on, or swallow it because it was answered here. */
  goesOn: boolean
  /** All that has to be on disk before the message is acknowledged, and before it is passed on. */
  written: Promise<unknown>
}

/** What becomes of a result on its way in. */
export type Heard =
  | { type: 'drop'; written: Promise<unknown> }
  /** Nothing of it is to be written: it was already. */
  | { type: 'repeat' }
  /** `beside` is to be called when the result is being written, `failed` when that did not succeed. */
  | { type: 'pass'; beside: () => Promise<unknown>; failed: () => void }

export interface CommandDesk {
  onCommand(message: Message & { kind: 'command' }, principal: Principal): Taken
  /** A command that the contract refuses, of somebody who may give commands there; resolves when it is answered on disk. */
  refuse(topic: Topic & { channel: 'cmd' }, principal: Principal, error: LinliError): Promise<void>
  /** A gateway's result on its way in. */
  onResult(message: Message & { kind: 'result' }): Heard
  /** Issues a command in the hub's name; resolves with its one final result and never rejects. */
  send(request: CommandRequest): Promise<Result>
  /** The hub's own result of a command to itself; one that comes after the final one is dropped. */
  answer(address: Address, result: Result): void
  /** The final result of a command that is remembered. */
  finalOf(id: string): Result | undefined
  /** Commands to this address without a final result. */
  openAt(address: Address): Array<Pick<Tracked, 'id' | 'name'>>
  /** … to any address whose path begins so. */
  openBelow(path: string): Array<Pick<Tracked, 'id' | 'name' | 'topic'>>
  /** Takes up what stood before the restart. */
  start(): Promise<void>
  counts(): { open: number; remembered: number }
  close(): void
}

export interface DeskDeps {
  now_ms: () => number
  newId: () => string
  log: Pick<Log, 'append' | 'list' | 'recovery' | 'onCommit'>
  audit: Pick<Audit, 'record' | 'note'>
  /** In whose name `send` passes the door. */
  self: Principal
  gatewayOnline: (address: Address) => boolean
  /** Journals a result in the hub's own name, then publishes it; resolves when it is on disk. */
  answer: (topic: string, payload: Uint8Array) => Promise<void>
  /** Puts a command through the hub's own door; rejects when it is refused there. */
  submit: (topic: string, payload: Uint8Array) => Promise<void>
  onFault: (fault: LinliError) => void
}

/** How often silent commands are looked for. */
const TICK_MS = 1_000

export function createDesk(deps: DeskDeps): CommandDesk {
  let state = createTrackerState()
  const waiting = new Map<string, (result: Result) => void>()
  /** Until a command is on disk, whoever sends it again waits for the same. */
  const writing = new Map<string, Promise<unknown>>()
  /** Ids of `send` with `again`. */
  const again = new Set<string>()
  /** What the disk refused: tried again at each tick. */
  const unwritten = new Set<string>()
  const unsaid = new Map<string, TrackerEffect & { type: 'answer' }>()
  const rarely = createRarely()
  let closed = false
  let timer: ReturnType<typeof setInterval> | undefined
  /** What is held here is newer than what could be recovered under a running hub. */
  const stopWatching = onDamage(deps.log, COMMAND_RECORD_LANE.name, () => {
    for (const id of state.commands.keys()) unwritten.add(id)
    attempt(perform([{ type: 'keep-horizon' }]))
  })

  function settle(result: Result): void {
    if (!isFinal(result.status)) return
    waiting.get(result.id)?.(result)
    waiting.delete(result.id)
  }

  /** The clock is needed only while something is remembered. */
  function watch(): void {
    if (!closed && state.commands.size > 0) timer ??= setInterval(tick, TICK_MS)
  }

  function tick(): void {
    for (const effect of unsaid.values()) void say(effect).catch(() => undefined)
    for (const id of unwritten) void keep(id).catch(() => undefined)
    attempt(perform(step({ type: 'tick' }), { source: 'hub' }))
    if (state.commands.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  function step(input: TrackerInput): TrackerEffect[] {
    return stepTracker(state, input, deps.now_ms())
  }

  async function say(effect: TrackerEffect & { type: 'answer' }): Promise<void> {
    const { topic, result } = effect
    const where = `${topic}/res/${result.id}`
    unsaid.set(where, effect)
    await deps.answer(where, encodeJson(result))
    if (unsaid.get(where) === effect) unsaid.delete(where)
  }

  async function keep(id: string): Promise<void> {
    const entry = state.commands.get(id)
    unwritten.delete(id)
    if (!entry) return
    try {
      await deps.log.append({ ...commandRecord(entry), time_ms: deps.now_ms(), joined: true })
    } catch (error) {
      if (state.commands.get(id) === entry) unwritten.add(id)
      throw error
    }
  }

  /** In one turn, so that all of it is one commit; what is remembered of a result always is in that of the result. */
  function perform(effects: TrackerEffect[], note?: ResultNote): Array<Promise<unknown>> {
    const written: Array<Promise<unknown>> = []
    const lines: AuditEntry[] = []
    for (const effect of effects) {
      if (effect.type === 'answer') {
        settle(effect.result)
        written.push(say(effect))
        const actor = state.commands.get(effect.result.id)?.actor
        if (note) lines.push(resultEntry(effect.topic, effect.result, { actor, ...note }))
      } else if (effect.type === 'keep') written.push(keep(effect.id))
      else if (effect.type === 'keep-horizon')
        written.push(deps.log.append({ ...horizonRecord(state), time_ms: deps.now_ms() }))
      else if (effect.type === 'forget')
        written.push(deps.log.append({ ...forgottenRecord(effect.id), time_ms: deps.now_ms() }))
    }
    watch()
    return [...written, ...lines.map((line) => deps.audit.record(line))]
  }

  /** For what nobody waits for: what the disk refused is tried again, and told. */
  function attempt(written: Array<Promise<unknown>>): void {
    Promise.all(written).catch((error: unknown) => fault('what is known of commands is not on disk', error))
  }

  function fault(what: string, error: unknown): void {
    const code = error instanceof LinliError ? error.code : 'COMMANDS_UNKEPT'
    deps.onFault(new LinliError(code, `${what}: ${reasonOf(error)}`, { kind: 'fault', cause: error }))
  }

  /** What a damaged journal may have lost was perhaps delivered: it must not be so again. */
  function doubt(entries: readonly Entry[]): void {
    const recovery = deps.log.recovery()
    if (!recovery?.lanes[COMMAND_RECORD_LANE.name]?.isDoubtful) return
    // A clock that stands in 1970 after the power cut must not make that moment early.
    const until_ms = entries.reduce((latest, { time_ms }) => Math.max(latest, time_ms), deps.now_ms())
    fault('commands from before may have been carried out and forgotten', new Error(recovery.message))
    deps.audit.note(doubtfulEntry(until_ms, recovery.message))
    attempt(perform(step({ type: 'doubt', until_ms }), { source: 'hub' }))
  }

  function take(message: Message & { kind: 'command' }, principal: Principal): Taken {
    const { topic, command } = message
    const isForHub = topic.class === 'hub'
    const effects = step({
      type: 'command',
      topic: addressPath(topic),
      command,
      gatewayOnline: deps.gatewayOnline(topic),
      from: isForHub ? 'to-hub' : principal === deps.self ? 'hub' : 'others',
      again: again.has(command.id),
    })
    const known = effects.find((effect) => effect.type === 'known')
    if (known) noteKnown(message, principal)
    const goesOn = effects.some(({ type }) => type === 'deliver')
    const isNew = effects.some(({ type }) => type === 'keep')
    const line = known ? [] : [deps.audit.record(askedEntry(message, principal, effects))]
    const written = Promise.all([...line, ...perform(effects)])
    if (!goesOn) return { goesOn, written: known?.isOpen ? Promise.all([written, writing.get(command.id)]) : written }
    return { goesOn, written: isNew ? untilWritten(command, isForHub, written) : written }
  }

  /** One that could not be written was never here, and its sender is not told that it was taken. */
  function untilWritten({ id, name }: Command, isForHub: boolean, written: Promise<unknown>): Promise<unknown> {
    const settled = written.catch((error: unknown) => {
      // People's lives come before the record.
      if (isForHub || name === 'release-all') return fault(`${name} ${id} is carried out and not on disk`, error)
      state.commands.delete(id)
      unwritten.delete(id)
      throw error
    })
    writing.set(id, settled)
    const done = () => void writing.delete(id)
    settled.then(done, done)
    return settled
  }

  function noteKnown(message: Message & { kind: 'command' }, principal: Principal): void {
    const count = rarely(`${principal.name} replayed`)
    if (count !== undefined) deps.audit.note(knownEntry(message, principal, count))
  }

  function hear({ topic, result }: Pick<Message & { kind: 'result' }, 'topic' | 'result'>): Heard {
    const before = state.commands.get(result.id)
    const { said, final } = before ?? {}
    const effects = step({ type: 'result', topic: addressPath(topic), result })
    const [first] = effects
    if (first?.type === 'repeat') return first
    if (first?.type !== 'pass') {
      const isWorthALine = first?.type === 'drop' && first.why !== 'stale' && isFinal(result.status)
      const late = isWorthALine ? [deps.audit.record(resultEntry(addressPath(topic), result, { late: true }))] : []
      return { type: 'drop', written: Promise.all(late) }
    }
    settle(result)
    return {
      type: 'pass',
      beside() {
        const note = { actor: before?.actor }
        const lines = isFinal(result.status) ? [resultEntry(addressPath(topic), result, note)] : []
        const written = perform(effects)
        return Promise.all([...written, ...lines.map((line) => deps.audit.record(line))])
      },
      failed() {
        if (!before) return
        Object.assign(before, { said, final })
        void keep(before.id).catch(() => undefined)
      },
    }
  }

  return {
    onCommand: take,
    async refuse(topic, principal, { code, message }) {
      const { id, name } = topic
      const where = addressPath(topic)
      const note = { source: `${principal.role}:${principal.name}` }
      await Promise.all(
        perform(step({ type: 'malformed', topic: where, id, name, code, message: message.slice(0, 400) }), note),
      )
    },
    onResult: hear,
    send(request) {
      const id = request.id ?? deps.newId()
      const command = commandOf(request, id, deps.now_ms())
      const topic = formatTopic({ ...request.address, channel: 'cmd', name: request.name, id })
      if (request.again) again.add(id)
      return new Promise((resolve) => {
        waiting.set(id, resolve)
        deps
          .submit(topic, encodeJson(command))
          .catch((error: unknown) => {
            waiting.delete(id)
            resolve(refusedAtTheDoor(command, error, deps.now_ms()))
          })
          .finally(() => again.delete(id))
      })
    },
    answer(address, result) {
      const heard = hear({ topic: { ...address, channel: 'res', id: result.id }, result })
      if (heard.type !== 'pass') return
      const topic = addressPath(address)
      attempt([say({ type: 'answer', topic, result }), heard.beside()])
    },
    finalOf: (id) => state.commands.get(id)?.final,
    openAt(address) {
      const topic = addressPath(address)
      return [...state.commands.values()].filter((one) => one.topic === topic && one.final === undefined)
    },
    openBelow: (path) =>
      [...state.commands.values()].filter((one) => one.topic.startsWith(path) && one.final === undefined),
    async start() {
      const entries = await deps.log.list(COMMAND_RECORD_LANE.name)
      const restored = restoreTracker(entries)
      state = restored.state
      if (restored.unreadable > 0)
        fault('the record of commands', new Error(`${restored.unreadable} entries are not readable`))
      doubt(entries)
      tick()
      watch()
    },
    counts: () => ({
      open: [...state.commands.values()].filter(({ final }) => final === undefined).length,
      remembered: state.commands.size,
    }),
    close() {
      closed = true
      stopWatching()
      clearInterval(timer)
    },
  }
}

function commandOf({ name, args, ttl_ms, actor, reason }: CommandRequest, id: string, now_ms: number): Command {
  return {
    id,
    name,
    issuedat: new Date(now_ms).toISOString(),
    expiresat: new Date(now_ms + ttl_ms).toISOString(),
    actor,
    ...(reason === undefined ? {} : { reason }),
    args,
  }
}

function refusedAtTheDoor({ id, name }: Command, error: unknown, now_ms: number): Result {
  const code = error instanceof LinliError ? error.code : 'COMMAND_FAILED'
  const message = reasonOf(error).slice(0, 400)
  return { id, name, status: 'refused', code, message, at: new Date(now_ms).toISOString() }
}
