import { createHash } from 'node:crypto'
import type { Audit } from '../audit/audit.ts'
import type { CommandDesk } from '../commands/desk.ts'
import type { Actor, Result } from '../contract/command.ts'
import type { Message } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { makeEvent, type TimeQuality } from '../contract/event.ts'
import { ESTATE_CODES, type EstateCode, type HubState } from '../contract/hub.ts'
import { type Address, formatTopic, gatewayPath } from '../contract/topic.ts'
import type { Devices, DeviceView } from '../devices/devices.ts'
import { onDamage } from '../journal/damage-watch.ts'
import type { Log } from '../journal/types.ts'
import {
  createEvacuationState,
  type EvacuationEffect,
  type EvacuationInput,
  type EvacuationState,
  finish,
  isDelivered,
  progressOf,
  type Round,
  stepEvacuation,
} from './machine.ts'
import { EVACUATION_LANE, gateRecord, orderRecord, restoreEvacuation } from './record.ts'

/** The shell of the evacuation: the hub's own commands, its own state, the clock, the journal. */

export interface Evacuation {
  /** A command to the hub itself. Resolves, and never rejects, when what it orders is on disk. */
  onCommand(message: Message & { kind: 'command' }): Promise<void>
  /** Every accepted message, after the devices have taken it. */
  heard(message: Message): void
  /** Its part of what the hub says of itself. */
  state(): Pick<HubState, 'evacuation'>
  /** What staff have to look at, for people. */
  problems(): string[]
  /** Takes up what stood before the restart. */
  start(): Promise<void>
  close(): void
}

export interface EvacuationDeps {
  log: Pick<Log, 'append' | 'list' | 'recovery' | 'onCommit'>
  audit: Pick<Audit, 'note'>
  devices: Pick<Devices, 'all' | 'get' | 'gatewayOnline'>
  desk: Pick<CommandDesk, 'send' | 'answer' | 'finalOf' | 'openAt'>
  /** Says something in the hub's own name. */
  say: (topic: string, payload: Uint8Array, retain: boolean) => void
  /** What the hub says of itself has changed, perhaps. */
  show: () => void
  now_ms: () => number
  timeQuality: () => TimeQuality
  onFault: (fault: LinliError) => void
}

/** A command to a gate is worth this long: more than a slow gateway needs, less than anybody would wait. */
export const TTL_MS = 30_000
/** A gateway announces itself before it has subscribed to its commands. */
export const SETTLE_MS = 1_000
const TICK_MS = 1_000
const DOUBTFUL_ORDER =
  'stands by a record that was damaged, and may be over: gates go on being opened; if it is over, give end-release'
const LOST_ORDER =
  'the record of evacuations was damaged: one ordered just before may be lost; gates that have it keep it; if there is one, give release-all again'

export function createEvacuation(deps: EvacuationDeps, config: { address: Address }): Evacuation {
  const { devices } = deps
  const startedAt_ms = performance.now()
  const bootid = deps.now_ms().toString(16).padStart(16, '0')
  /** Gateways heard since the start: one that is only remembered as online may be dead, and a command to it lost. */
  const onlineSince = new Map<string, number>()
  let state: EvacuationState = createEvacuationState()
  let events = 0
  let closed = false
  let timer: ReturnType<typeof setInterval> | undefined

  function gates(): Map<string, DeviceView> {
    const found = devices.all().filter(({ address, meta }) => address.class === 'access-gate' && meta !== undefined)
    return new Map(found.map((gate) => [nameOf(gate.address), gate]))
  }

  function run(input: EvacuationInput): Promise<void> {
    return perform(stepEvacuation(state, input, deps.now_ms()))
  }

  /** What has to be kept is on disk before the rest happens; an evacuation does not fail with its disk. */
  async function perform(effects: EvacuationEffect[]): Promise<void> {
    if (effects.some(({ type }) => type === 'keep')) await write(orderRecord(state))
    for (const effect of effects) {
      if (effect.type === 'keep-gate') void write(gateRecord(effect.order, effect.gate, effect.progress))
      else if (effect.type === 'answer') answer(effect.answer)
      else if (effect.type === 'event') tell(effect.event, effect.round)
      else if (effect.type === 'send') void send(effect.round, effect.gate, effect.attempt)
    }
    deps.show()
    watch()
  }

  /** The clock is needed only while an evacuation is on. */
  function watch(): void {
    if (state.release && !closed) timer ??= setInterval(tick, TICK_MS)
    else stop()
  }
  function stop(): void {
    clearInterval(timer)
    timer = undefined
  }

  async function write(record: ReturnType<typeof orderRecord>): Promise<void> {
    try {
      await deps.log.append({ ...record, time_ms: deps.now_ms() })
    } catch (error) {
      const message = `the evacuation is not kept over a restart of the hub: ${reasonOf(error)}`
      deps.onFault(new LinliError('EVACUATION_UNKEPT', message, { kind: 'fault', cause: error }))
    }
  }

  function answer({ id, name, status, code, data }: (EvacuationEffect & { type: 'answer' })['answer']): void {
    const why = code === undefined ? {} : { code, message: ESTATE_CODES[code] }
    deps.desk.answer(config.address, { id, name, status, at: now(), ...why, ...(data === undefined ? {} : { data }) })
  }

  async function send(round: Round, gate: string, attempt: number): Promise<void> {
    const address = gates().get(gate)?.address
    if (!address) return
    const isRelease = round.name === 'release-all'
    const result: Result = await deps.desk.send({
      id: freshId(round.id, gate, attempt),
      // What the hub gave before it was killed may not have got there. A gateway carries out an id once.
      again: true,
      address,
      name: isRelease ? 'release-all' : 'set-mode',
      args: isRelease ? {} : { mode: 'schedule', endevacuation: true },
      ttl_ms: TTL_MS,
      actor: round.actor as Actor,
      ...(round.reason === undefined ? {} : { reason: round.reason }),
    })
    const { status, code } = result
    if (status === 'accepted' || status === 'executing') return
    await run({ type: 'outcome', order: round.id, gate, attempt, status, code })
  }

  /** Attempts from before a restart count on: what they failed by would be answered again at once. */
  function freshId(order: string, gate: string, attempt: number): string {
    for (let count = attempt; ; count++) {
      const id = commandId(order, gate, count)
      const final = deps.desk.finalOf(id)
      if (!final || isDelivered({ isDone: final.status === 'succeeded', code: final.code })) return id
    }
  }

  /** Orders that were taken and did not get to where they are kept, and answers that did not get out. */
  function settleOpen(): void {
    for (const { id, name } of deps.desk.openAt(config.address)) {
      const answered = state.answered.find((one) => one.id === id)
      if (answered) answer(answered)
      else if (state.release?.id !== id)
        answer({ id, name: name as Round['name'], status: 'failed', code: 'HUB_RESTARTED' })
    }
  }

  /**
   * A damaged journal may have lost that an evacuation was ended, or that one was begun. A gate that opens for nothing is the
   * lesser harm: the order stands, and everybody is told that staff have to look.
   */
  function doubt(): void {
    const recovery = deps.log.recovery()
    if (!recovery?.lanes[EVACUATION_LANE.name]?.isDoubtful) return
    const { release } = state
    if (release) {
      release.isDoubtful = true
      void write(orderRecord(state))
    }
    const what = release ? `the evacuation ${release.id} ${DOUBTFUL_ORDER}` : LOST_ORDER
    deps.onFault(new LinliError('EVACUATION_DOUBTFUL', `${what} (${recovery.message})`, { kind: 'fault' }))
    deps.audit.note({
      kind: 'audit',
      action: 'evacuation-doubtful',
      actor: 'hub:evacuation',
      source: 'hub',
      outcome: 'failed',
      code: 'EVACUATION_DOUBTFUL',
      detail: { ...(release ? whoOf(release) : {}), found: recovery.message.slice(0, 1_000) },
    })
  }

  /** What is held here is newer than what could be recovered under a running hub. */
  const stopWatching = onDamage(deps.log, EVACUATION_LANE.name, () => {
    void write(orderRecord(state))
    for (const [gate, progress] of state.release?.gates ?? [])
      if (state.release && isDelivered(progress)) void write(gateRecord(state.release.id, gate, progress))
  })

  function tell(type: 'evacuation' | 'evacuation-ended', round: Round): void {
    const stamp = {
      wall_ms: deps.now_ms(),
      monotonic_ms: performance.now() - startedAt_ms,
      quality: deps.timeQuality(),
    }
    const data = { ...whoOf(round), gates: round.gates.size }
    const severity = type === 'evacuation' ? 'alarm' : 'notice'
    const event = makeEvent({ address: config.address, bootid, sequence: ++events }, type, severity, stamp, data)
    deps.say(formatTopic({ ...config.address, channel: 'evt', type }), encodeJson(event), false)
  }

  function tick(): void {
    if (!state.release) return
    const now_ms = deps.now_ms()
    const reachable = new Map<string, number>()
    for (const [gate, { address }] of gates()) {
      const since_ms = onlineSince.get(gatewayPath(address, address.gateway))
      if (since_ms !== undefined && since_ms + SETTLE_MS <= now_ms && devices.gatewayOnline(address))
        reachable.set(gate, since_ms + SETTLE_MS)
    }
    void run({ type: 'tick', reachable })
  }

  function now(): string {
    return new Date(deps.now_ms()).toISOString()
  }

  return {
    async onCommand({ topic, command }) {
      const { id, actor, reason, name } = command
      const order = { id, actor, reason }
      if (topic.device !== config.address.device) {
        const code: EstateCode = 'HUB_UNKNOWN'
        deps.desk.answer(topic, { id, name, status: 'refused', at: now(), code, message: ESTATE_CODES[code] })
      } else if (name === 'release-all') await run({ type: 'release', order, gates: [...gates().keys()] })
      else {
        const evacuating = [...gates()].filter(([, gate]) => modeOf(gate) === 'evacuate').map(([gate]) => gate)
        await run({ type: 'end', order, evacuating })
      }
    },
    heard(message) {
      const { topic } = message
      if (topic.class === 'gateway' && message.kind === 'availability') {
        const path = gatewayPath(topic, topic.gateway)
        if (message.availability.status === 'offline') onlineSince.delete(path)
        else onlineSince.set(path, deps.now_ms())
      } else if (topic.class === 'access-gate' && state.release) {
        const input = saidBy(message, state.release.begun_ms)
        if (input) void run(input)
      }
    },
    state() {
      const { release } = state
      if (!release) return {}
      const since = new Date(release.begun_ms).toISOString()
      const doubtful = release.isDoubtful ? { doubtful: true } : {}
      return { evacuation: { ...whoOf(release), since, ...doubtful, ...progressOf(release) } }
    },
    problems: () =>
      state.release?.isDoubtful ? [`EVACUATION_DOUBTFUL: the evacuation ${state.release.id} ${DOUBTFUL_ORDER}`] : [],
    async start() {
      const restored = restoreEvacuation(await deps.log.list(EVACUATION_LANE.name), [...gates().keys()], deps.now_ms())
      if (!restored.isReadable)
        deps.onFault(
          new LinliError('EVACUATION_DAMAGED', 'the record of the evacuation is not readable', { kind: 'fault' }),
        )
      state = restored.state
      doubt()
      const { ending } = state
      state.ending = undefined
      await perform(ending ? [{ type: 'keep' }, finish(state, ending, 'failed', 'HUB_RESTARTED')] : [])
      settleOpen()
    },
    close() {
      closed = true
      stopWatching()
      stop()
    },
  }
}

function nameOf({ gateway, device }: Address): string {
  return `${gateway}/${device}`
}

function whoOf({ id, actor, reason }: Round) {
  return { command: id, actor: `${actor.kind}:${actor.id}`, ...(reason === undefined ? {} : { reason }) }
}

function modeOf({ state }: Pick<DeviceView, 'state'>): unknown {
  return (state as { mode?: unknown } | undefined)?.mode
}

/** What a gate says that the order has to know. */
function saidBy(message: Message, since_ms: number): EvacuationInput | undefined {
  const gate = nameOf(message.topic)
  if (message.kind === 'state') {
    const { lock, position } = (message.state ?? {}) as { lock?: unknown; position?: unknown }
    const isOpen = modeOf(message) === 'evacuate' && (lock === 'unlocked' || position === 'open')
    return isOpen ? { type: 'open-there', gate } : undefined
  }
  if (message.kind !== 'event' || message.topic.type !== 'mode-changed') return undefined
  const { previous } = message.event.data as { previous?: unknown }
  const isEnd = previous === 'evacuate' && Date.parse(message.event.time) >= since_ms
  return isEnd ? { type: 'ended-there', gate } : undefined
}

/** The same for the same order, gate and attempt: after a restart of the hub the gateway knows what it has done. */
function commandId(order: string, gate: string, attempt: number): string {
  return `estate-${createHash('sha256').update(`${order} ${gate} ${attempt}`).digest('hex').slice(0, 40)}`
}
