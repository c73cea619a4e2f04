import { randomBytes } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { reasonOf } from '../contract/errors.ts'
import { createChildLog, type FlowsLog } from './child-log.ts'
import { createFlowCommands, FLOW_COMMANDS_DEFAULTS, type FlowCommandsConfig } from './commands.ts'
import { addressOf, deviceKey, deviceMessage } from './device-messages.ts'
import { doorOf, type FlowsDoor } from './door.ts'
import type { AcceptedMessage, FallBack, HubForFlows, Unsubscribe } from './hub-port.ts'
import { createLatency, type LatencyCounts } from './latency.ts'
import { OUTBOX_DEFAULTS, Outbox, type OutboxConfig, type OutboxLane } from './outbox.ts'
import { FlowsRun, type PongMessage, type ReadyMessage, type StandingMessage } from './run.ts'
import { type FlowsStatus, statusOf } from './status.ts'
import {
  CAUSES,
  type Cause,
  initialSupervisor,
  SUPERVISOR_DEFAULTS,
  type SupervisorConfig,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorState,
  stepSupervisor,
} from './supervisor.ts'

export interface FlowsHostConfig {
  /** Where the site's flows and credentials are kept, and the child's socket is; made if missing. */
  data_dir: string
  language?: 'zh-CN' | 'en-US'
  /** How often the supervisor looks, ms; memory is sampled as often. */
  tick_ms?: number
  /** Largest JavaScript heap of the child, MB. */
  heap_mb_max?: number
  supervisor?: Partial<SupervisorConfig>
  commands?: Partial<FlowCommandsConfig>
  outbox?: Partial<OutboxConfig>
  /** The program of the child, and the Node binary that runs it; by default `flows/main.ts` and this one. */
  entry?: string
  exec_path?: string
}

export interface FlowsHostDeps {
  hub: HubForFlows
  log: FlowsLog
  /** Called on every change of status; never with the same status twice in a row. */
  onStatus?: (status: FlowsStatus) => void
  /** From the acceptance of an event to the command that a flow sends because of it. */
  onLatency?: (latency_ms: number) => void
}

export interface FlowsMetrics {
  /** Children lost, by cause. */
  lost: Readonly<Record<Cause, number>>
  /** Messages that never reached a flow. */
  dropped: Readonly<Record<OutboxLane, number>>
  waiting: number
  commands: Readonly<{ sent: number; refused: number; pending: number }>
  /** Deploys that were left for the last good version. */
  fell_back: number
  /** Messages of the child that made no sense. */
  invalid: number
  latency: Readonly<LatencyCounts>
  rss_bytes: number
}

export interface FlowsHost {
  /** Starts the child and keeps it running; returns at once, the hub does not wait for flows. */
  start(): void
  /** Asks the child to end, then makes it; resolves when it is gone. */
  close(): Promise<void>
  status(): FlowsStatus
  metrics(): FlowsMetrics
  /** To the pages of the child that runs; undefined while none does. */
  door(): FlowsDoor | undefined
  /** Somebody made another version of the flows the newest. @returns whether they run it already; else when they start */
  reload(): Promise<boolean>
}

/**
 * MB. A leak ends in V8's clear "heap out of memory" well before the limit of resident memory, which catches what is not
 * on the heap.
 */
const HEAP_MB_MAX = 192
const TICK_MS = 500

const FLOWS_ENTRY = fileURLToPath(new URL('../../flows/main.ts', import.meta.url))

/** Runs Node-RED as a supervised child. No fault of a flow throws into, blocks or ends the hub. */
export function createFlowsHost(deps: FlowsHostDeps, config: FlowsHostConfig): FlowsHost {
  const host = new Host(deps, config)
  return {
    start: () => host.start(),
    close: () => host.close(),
    status: () => host.status(),
    metrics: () => host.metrics(),
    door: () => host.door(),
    reload: () => host.reload(),
  }
}

class Host implements FlowsHost {
  readonly #deps: FlowsHostDeps
  readonly #config: FlowsHostConfig
  readonly #supervisor: SupervisorConfig
  readonly #outbox: Outbox
  readonly #commands: ReturnType<typeof createFlowCommands>
  readonly #latency: ReturnType<typeof createLatency>
  readonly #childLog: ReturnType<typeof createChildLog>
  readonly #lost = Object.fromEntries(CAUSES.map((cause) => [cause, 0])) as Record<Cause, number>
  readonly #closed = Promise.withResolvers<void>()
  readonly #clock = () => performance.now()

  #state: SupervisorState = initialSupervisor
  #run: FlowsRun | undefined
  #folder: number | undefined
  #secret = ''
  #timer: ReturnType<typeof setInterval> | undefined
  #subscriptions: Unsubscribe[] = []
  #unsubscribeNotices: Unsubscribe = () => {}
  #ready: ReadyMessage | undefined
  #last_cause: Cause | undefined
  /** Known from a child, and as true while none runs. */
  #fellBack: FallBack | undefined
  /** `at` of the one that was told, or is being. */
  #told_at: string | undefined
  #status: FlowsStatus = { status: 'stopped' }
  #invalid = 0
  #rss_bytes = 0
  #fell_back = 0

  constructor(deps: FlowsHostDeps, config: FlowsHostConfig) {
    this.#deps = deps
    this.#config = config
    this.#supervisor = { ...SUPERVISOR_DEFAULTS, ...config.supervisor }
    this.#outbox = new Outbox({ ...OUTBOX_DEFAULTS, ...config.outbox })
    this.#commands = createFlowCommands(
      { hub: deps.hub, clock: this.#clock },
      { ...FLOW_COMMANDS_DEFAULTS, ...config.commands },
    )
    this.#latency = createLatency(deps.onLatency)
    this.#childLog = createChildLog(deps.log)
  }

  start(): void {
    if (this.#state.is !== 'idle') return
    const { hub } = this.#deps
    this.#timer = setInterval(() => this.#tick(), this.#config.tick_ms ?? TICK_MS)
    this.#subscriptions = [
      hub.onMessage((accepted) => this.#onAccepted(accepted)),
      hub.onUpstream((upstream) => {
        if (this.#state.is === 'running') this.#run?.send({ type: 'upstream', upstream })
      }),
    ]
    this.#input({ type: 'start' })
  }

  async close(): Promise<void> {
    this.#input({ type: 'close' })
    await this.#closed.promise
  }

  status(): FlowsStatus {
    return { ...this.#status, ...(this.#rss_bytes > 0 ? { rss_bytes: this.#rss_bytes } : {}) }
  }

  door(): FlowsDoor | undefined {
    if (this.#state.is !== 'running' || this.#folder === undefined) return undefined
    return doorOf(this.#folder, this.#secret)
  }

  async reload(): Promise<boolean> {
    return this.#state.is === 'running' && this.#run !== undefined && this.#run.reload()
  }

  metrics(): FlowsMetrics {
    return {
      lost: { ...this.#lost },
      dropped: this.#outbox.dropped,
      waiting: this.#outbox.waiting,
      commands: { ...this.#commands.counts },
      invalid: this.#invalid,
      fell_back: this.#fell_back,
      latency: { ...this.#latency.counts },
      rss_bytes: this.#rss_bytes,
    }
  }

  #input(input: SupervisorInput): void {
    const { state, effects } = stepSupervisor(this.#supervisor, this.#state, input, this.#clock())
    this.#state = state
    for (const effect of effects) this.#perform(effect)
    this.#show()
  }

  #show(): void {
    const next = statusOf(this.#supervisor, this.#state, {
      pid: this.#run?.pid,
      ready: this.#ready,
      last_cause: this.#last_cause,
      fell_back: this.#fellBack,
    })
    if (isDeepStrictEqual(next, this.#status)) return
    this.#status = next
    this.#deps.onStatus?.(next)
  }

  #perform(effect: SupervisorEffect): void {
    switch (effect.type) {
      case 'spawn':
        this.#spawn()
        break
      case 'ping':
        this.#run?.send({ type: 'ping', n: effect.n })
        break
      case 'lost':
        this.#lost[effect.cause] += 1
        this.#last_cause = effect.cause
        // What it had read and not finished waits for the next one.
        this.#run?.lose()
        this.#unsubscribeNotices()
        this.#outbox.childLost()
        this.#deps.log.warn(
          { cause: effect.cause, in_a_row: effect.failures, pid: this.#run?.pid },
          'flows process lost; it will be started again',
        )
        break
      case 'ask-to-end':
        this.#run?.send({ type: 'stop' })
        break
      case 'signal':
        this.#run?.signal(effect.signal)
        break
      case 'closed':
        clearInterval(this.#timer)
        for (const unsubscribe of this.#subscriptions) unsubscribe()
        this.#unsubscribeNotices()
        if (this.#folder !== undefined) closeSync(this.#folder)
        this.#folder = undefined
        this.#closed.resolve()
        break
    }
  }

  #spawn(): void {
    const { hub, log } = this.#deps
    const config = this.#config
    this.#ready = undefined
    this.#secret = randomBytes(32).toString('base64url')
    const run: FlowsRun = new FlowsRun(
      { hub, outbox: this.#outbox, clock: this.#clock },
      {
        onReady: (ready) => this.#onReady(ready),
        onStanding: (standing) => this.#onStanding(standing),
        onPong: (pong) => this.#onPong(pong),
        onSeen: (seq) => {
          this.#outbox.seen(seq)
          if (this.#state.is === 'running') run.pump()
        },
        onCommand: (command, answer) => {
          if (command.event !== undefined) this.#latency.command(command.event, this.#clock())
          this.#commands.handle(command, answer)
        },
        onReport: (report, answer) => this.#commands.report(report, answer),
        onDelivery: ({ notice, person, delivery, error }) =>
          hub.delivered({ notice, person, delivery, ...(error === undefined ? {} : { error }) }),
        onInvalid: (message) => {
          this.#invalid += 1
          this.#childLog.line(`message from flows refused: ${message}`, this.#clock())
        },
        onFlood: () => this.#input({ type: 'flood' }),
        onLine: (line) => this.#childLog.line(line, this.#clock()),
        onGone: ({ spawned, reason }) => {
          log.info({ pid: run.pid, reason }, 'flows process ended')
          this.#run = undefined
          this.#rss_bytes = 0
          this.#input({ type: spawned ? 'exit' : 'spawn-failed' })
        },
      },
      {
        entry: config.entry ?? FLOWS_ENTRY,
        exec_path: config.exec_path ?? process.execPath,
        heap_mb_max: config.heap_mb_max ?? HEAP_MB_MAX,
        data_dir: config.data_dir,
      },
      {
        type: 'start',
        data_dir: config.data_dir,
        secret: this.#secret,
        ...(this.#state.is === 'starting' && this.#state.failures > 0 ? { lost: this.#last_cause ?? 'crash' } : {}),
        language: config.language ?? 'zh-CN',
      },
    )
    this.#run = run
  }

  #onReady(ready: ReadyMessage): void {
    if (this.#state.is !== 'starting') return
    const { hub, log } = this.#deps
    this.#ready = ready
    // It listens in there: so it is there.
    this.#folder ??= openSync(this.#config.data_dir, 'r')
    log.info({ pid: this.#run?.pid, boot_ms: Math.round(ready.boot_ms) }, 'flows process ready')
    this.#onStanding(ready)
    this.#run?.send({ type: 'snapshot', ...hub.snapshot() })
    for (const upstream of hub.upstreams()) this.#run?.send({ type: 'upstream', upstream })
    this.#input({ type: 'ready' })
    this.#run?.pump()
    this.#unsubscribeNotices()
    // Anew for each child: it then gets those that the last one did not deliver.
    this.#unsubscribeNotices = hub.onNotice((notice) => this.#run?.send({ type: 'notice', notice }))
  }

  #onStanding(standing: StandingMessage): void {
    const { log } = this.#deps
    const { flows, reason, fell_back } = standing
    if (flows === 'stopped') log.error({ reason }, 'flows do not run; the editor shows why')
    if (this.#ready) {
      const { type, boot_ms } = this.#ready
      this.#ready = { ...standing, type, boot_ms }
    }
    if (this.#fellBack && !fell_back) log.info({}, 'the flows that were deployed last are good')
    this.#fellBack = fell_back && withoutTold(fell_back)
    if (this.#fellBack && !fell_back?.told) this.#tellFellBack(this.#fellBack)
    this.#show()
  }

  #tellFellBack(left: FallBack): void {
    const { hub, log } = this.#deps
    if (this.#told_at === left.at) return
    this.#told_at = left.at
    this.#fell_back += 1
    log.error(left, 'a deploy of flows lost their process twice: the last good version runs again (0: the shipped one)')
    hub.fellBack(left).then(
      () => this.#run?.send({ type: 'fell-back-told' }),
      (error: unknown) => {
        // The next child says it again.
        this.#told_at = undefined
        log.error({ reason: reasonOf(error) }, 'that the flows fell back could not be told')
      },
    )
  }

  #onPong(pong: PongMessage): void {
    this.#input({ type: 'pong' })
    this.#onRss(pong.rss_bytes)
  }

  #onRss(bytes: number): void {
    this.#rss_bytes = bytes
    this.#input({ type: 'rss', bytes })
  }

  #onAccepted({ message, place, replayed }: AcceptedMessage): void {
    const running = this.#state.is === 'running'
    if (message.kind === 'event') {
      const { topic, event } = message
      const at = this.#clock()
      this.#latency.event(event.id, at)
      const given = { address: addressOf(topic), name: topic.type, event, place: place ?? null, replayed }
      this.#outbox.addEvent({ type: 'event', ...given }, at)
    } else {
      const device = deviceMessage(message)
      // Without a running child there is nobody to tell; it gets a snapshot when it is ready.
      if (!device || !running) return
      this.#outbox.addDevice(deviceKey(device), device)
    }
    if (running) this.#run?.pump()
  }

  #tick(): void {
    this.#childLog.report()
    const run = this.#run
    run?.rss_bytes().then((bytes) => {
      if (bytes !== undefined && this.#run === run) this.#onRss(bytes)
    })
    this.#input({ type: 'tick' })
  }
}

function withoutTold({ told: _told, ...left }: FallBack & { told: boolean }): FallBack {
  return left
}
