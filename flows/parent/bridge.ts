import type { Result } from '../../hub/contract/command.ts'
import { Directory } from './directory.ts'
import type {
  CommandMessage,
  DeliveryMessage,
  DeviceMessage,
  DeviceRecord,
  EventMessage,
  FromHub,
  Notice,
  ReportMessage,
  ToHub,
  UpstreamStatus,
} from './messages.ts'

/** What the Linli nodes see of the hub; they find it as `RED.settings.linli`. */
export interface Bridge {
  readonly devices: Directory
  /** Empty before the hub has told. */
  upstreams(): UpstreamStatus[]
  /** @returns ends the subscription */
  onEvent(listener: (message: EventMessage) => void): () => void
  onUpstream(listener: (upstream: UpstreamStatus) => void): () => void
  /** What holds for a device has changed. `atstart`: the hub tells what held before this process began. */
  onDevice(listener: (change: DeviceChange) => void): () => void
  onNotice(listener: (notice: Notice) => void): () => void
  /** Tells the hub what became of a notice. */
  delivered(delivery: Omit<DeliveryMessage, 'type'>): void
  /** Says something to the platforms upstream; resolves as a command does. */
  report(report: Omit<ReportMessage, 'type' | 'id'>): Promise<Result>
  /** Resolves with the one final result; refused at once when too many are waiting. Never rejects. */
  command(request: Omit<CommandMessage, 'type' | 'id'>): Promise<Result>
}

export interface DeviceChange extends DeviceMessage {
  previous: unknown
  atstart: boolean
}

export interface ParentBridge extends Bridge {
  /** Takes one message of the hub, except `start` and `stop`, which are for `main.ts`. */
  receive(message: FromHub): void
  /** Flows are being stopped, for a deploy: events wait. */
  hold(): void
  /** Flows run: events that waited have their turn. */
  release(): void
}

/** Commands without a result. */
export const PENDING_MAX = 500
/** Per second and at once: twice what the hub allows by default, so that its limit speaks first and a loop stays in here. */
export const RATE_PER_S_MAX = 100
/** Bytes of the arguments of one command as JSON: the largest payload of the contract is 64 KiB. */
export const ARGS_BYTES_MAX = 16 * 1024

/** Events that wait for a deploy to finish; the oldest give way. */
export const HELD_MAX = 1_000
/** ms after which an event that waited is not live any more; the hub's own limit is the same. */
export const LIVE_FOR_MS = 30_000

/** ms after which an event has had its turn: nodes run some turns of the event loop after it came. */
export const TURN_MS = 50

export interface BridgeDeps {
  send(message: ToHub): void
  rss_bytes(): number
  /** ms of the monotonic clock. */
  clock(): number
}

export function createBridge({ send, rss_bytes, clock }: BridgeDeps): ParentBridge {
  const devices = new Directory()
  const events = new Set<(message: EventMessage) => void>()
  const deviceListeners = new Set<(change: DeviceChange) => void>()
  const noticeListeners = new Set<(notice: Notice) => void>()
  const upstreamListeners = new Set<(upstream: UpstreamStatus) => void>()
  const upstreams = new Map<string | undefined, UpstreamStatus>()
  const pending = new Map<string, (result: Result) => void>()
  const rate = createRate(RATE_PER_S_MAX)
  let commands = 0
  let taken = 0
  let reported = 0
  let reporting = false
  /** Until flows run for the first time, nobody listens either. */
  let held: Array<{ message: EventMessage; since: number }> | undefined = []
  const heldNotices: Notice[] = []

  /** Says which events had their turn; a node that hangs over one of them keeps the timer from ever firing. */
  function reportTaken(): void {
    if (reporting || taken === reported) return
    reporting = true
    const seq = taken
    setTimeout(() => {
      reporting = false
      reported = seq
      send({ type: 'seen', seq })
      reportTaken()
    }, TURN_MS)
  }

  function give(message: EventMessage): void {
    for (const listener of events) listener(message)
    taken = message.seq
    reportTaken()
  }

  function release(): void {
    const waiting = held ?? []
    held = undefined
    for (const { message, since } of waiting) {
      const late = clock() - since > LIVE_FOR_MS
      give(late ? { ...message, replayed: true } : message)
    }
    for (const notice of heldNotices.splice(0)) tell(notice)
  }

  function tell(notice: Notice): void {
    for (const listener of noticeListeners) listener(notice)
  }

  function change(message: DeviceMessage, atstart: boolean): void {
    const previous = devices.get(message.address)?.[message.field]
    devices.update(message)
    if (JSON.stringify(previous ?? null) === JSON.stringify(message.value)) return
    for (const listener of deviceListeners) listener({ ...message, previous, atstart })
  }

  function snapshot(all: DeviceRecord[]): void {
    devices.keepOnly(all)
    for (const device of all)
      for (const field of ['meta', 'availability', 'state'] as const) {
        const value = device[field] ?? null
        change({ type: 'device', address: device.address, field, value }, true)
      }
  }

  function receive(message: FromHub): void {
    switch (message.type) {
      case 'event':
        if (held) {
          held.push({ message, since: clock() })
          if (held.length > HELD_MAX) held.shift()
        } else give(message)
        break
      case 'device':
        change(message, false)
        break
      case 'snapshot':
        snapshot(message.devices)
        break
      case 'notice':
        if (!held) tell(message.notice)
        else if (heldNotices.push(message.notice) > HELD_MAX) heldNotices.shift()
        break
      case 'upstream':
        upstreams.set(message.upstream.name, message.upstream)
        for (const listener of upstreamListeners) listener(message.upstream)
        break
      case 'ping':
        send({ type: 'pong', n: message.n, rss_bytes: rss_bytes() })
        break
      case 'command-result':
        pending.get(message.id)?.(message.result)
        pending.delete(message.id)
        break
    }
  }

  function command(request: Omit<CommandMessage, 'type' | 'id'>): Promise<Result> {
    return ask({ type: 'command', id: nextId(), ...request }, request.args)
  }

  function nextId(): string {
    commands += 1
    return `flow-${commands}`
  }

  function ask(asked: CommandMessage | ReportMessage, args: unknown): Promise<Result> {
    const { id, name } = asked
    const refused = (code: string, message: string): Promise<Result> =>
      Promise.resolve({ id, name, status: 'refused', at: new Date().toISOString(), code, message })
    if (pending.size >= PENDING_MAX) return refused('FLOWS_BUSY', 'too many commands of flows have no result yet')
    if (!rate(clock())) return refused('FLOWS_RATE_LIMITED', `flows may send ${RATE_PER_S_MAX} commands per second`)
    if (JSON.stringify(args ?? null).length > ARGS_BYTES_MAX)
      return refused('FLOWS_ARGS_TOO_LARGE', `arguments are larger than ${ARGS_BYTES_MAX} bytes`)
    const { promise, resolve } = Promise.withResolvers<Result>()
    pending.set(id, resolve)
    send(asked)
    return promise
  }

  return {
    devices,
    upstreams: () => [...upstreams.values()],
    onEvent: (listener) => subscribe(events, listener),
    onUpstream: (listener) => subscribe(upstreamListeners, listener),
    onDevice: (listener) => subscribe(deviceListeners, listener),
    onNotice: (listener) => subscribe(noticeListeners, listener),
    delivered: (delivery) => send({ type: 'delivery', ...delivery }),
    report: (report) => ask({ type: 'report', id: nextId(), ...report }, report.data),
    command,
    receive,
    hold() {
      held ??= []
    },
    release,
  }
}

/** A token bucket: true when one more is allowed now. */
function createRate(per_s: number): (now: number) => boolean {
  let tokens = per_s
  let filled_at: number | undefined
  return (now) => {
    tokens = Math.min(per_s, tokens + ((now - (filled_at ?? now)) * per_s) / 1000)
    filled_at = now
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
