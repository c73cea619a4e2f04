import type { CommandDesk } from '../commands/desk.ts'
import type { ResultStatus } from '../contract/command.ts'
import type { Message } from '../contract/decode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import {
  ESTATE_CODES,
  type EstateCode,
  REPLAY_CODES,
  REPLAY_MAX,
  type ReplayArgs,
  type ReplayCode,
} from '../contract/hub.ts'
import { type Address, parseTopic } from '../contract/topic.ts'
import type { Entry, Log } from '../journal/types.ts'
import { cursorOf, FORWARDED_LANES } from './cursor.ts'
import type { Forwarder } from './forwarder.ts'
import type { Upstreams } from './upstreams.ts'

/** A platform that misses events asks for them again: the command `replay` to the hub. */
export interface Replays {
  onCommand(message: Message & { kind: 'command' }): void
}

/** Commands that wait for the one that is under way. */
const WAITING_MAX = 8
const READ_ENTRIES = 256
const LANES = ['alarm', 'telemetry'] as const

export function createReplays(deps: {
  log: Pick<Log, 'read' | 'last' | 'cursor'>
  desk: Pick<CommandDesk, 'answer'>
  upstreams: () => Pick<Upstreams, 'forwarder' | 'names' | 'askedThrough'>
  now_ms: () => number
  /** Name of this hub. */
  hub: string
}): Replays {
  let waiting = 0
  let last: Promise<void> = Promise.resolve()

  /** Each reads the journal from its beginning, so only one at a time. */
  async function replay(args: ReplayArgs, forwarder: Forwarder): Promise<object> {
    const counts = { found: 0, more: false }
    const sent = await forwarder.sendAgain(held(deps.log, args, forwarder, counts))
    return { sent, ...counts }
  }

  function forwarderFor(id: string, { upstream }: ReplayArgs): Forwarder {
    const { askedThrough, names, forwarder } = deps.upstreams()
    const through = askedThrough(id)
    const [first, ...more] = names()
    const name = upstream ?? through ?? (more.length === 0 ? first : undefined)
    const found = name === undefined ? undefined : forwarder(name)
    if (!found || (through !== undefined && through !== name)) throw refusal('REPLAY_UPSTREAM')
    return found
  }

  return {
    onCommand({ topic, command }) {
      const { id, name } = command
      const args = command.args as ReplayArgs
      const answer = (status: ResultStatus, more: object = {}): void =>
        deps.desk.answer(topic, { id, name, status, at: new Date(deps.now_ms()).toISOString(), ...more })
      try {
        if (topic.device !== deps.hub)
          throw new LinliError('HUB_UNKNOWN' satisfies EstateCode, ESTATE_CODES.HUB_UNKNOWN, { kind: 'caller' })
        checkRange(args)
        const forwarder = forwarderFor(id, args)
        if (waiting > WAITING_MAX) throw refusal('REPLAY_BUSY')
        waiting += 1
        answer('accepted')
        last = last
          .then(() => {
            answer('executing')
            return replay(args, forwarder)
          })
          .then(
            (data) => answer('succeeded', { data }),
            (error: unknown) =>
              answer('failed', { code: 'REPLAY_BROKEN' satisfies ReplayCode, message: reasonOf(error).slice(0, 400) }),
          )
          .finally(() => {
            waiting -= 1
          })
      } catch (error) {
        const code = error instanceof LinliError ? error.code : 'REPLAY_BROKEN'
        answer('refused', { code, message: reasonOf(error).slice(0, 400) })
      }
    },
  }
}

function refusal(code: ReplayCode): LinliError {
  return new LinliError(code, REPLAY_CODES[code], { kind: 'caller' })
}

function checkRange({ bootid, from, to, since, until }: ReplayArgs): void {
  const hasSequence = bootid !== undefined && (to === undefined || from === undefined || from <= to)
  const hasTime = since !== undefined && (until === undefined || Date.parse(since) <= Date.parse(until))
  const isOne = (bootid !== undefined) !== (since !== undefined)
  const isMixed = (bootid === undefined && (from ?? to) !== undefined) || (since === undefined && until !== undefined)
  if (!isOne || isMixed || !(hasSequence || hasTime)) throw refusal('REPLAY_RANGE')
}

/** What the journal still has of it, and the upstream once had: the rest comes by itself. */
async function* held(
  log: Pick<Log, 'read' | 'last' | 'cursor'>,
  args: ReplayArgs,
  forwarder: Forwarder,
  counts: { found: number; more: boolean },
): AsyncGenerator<Entry> {
  const cursor = log.cursor(cursorOf(forwarder.name), FORWARDED_LANES)
  const fits = matcher(args)
  for (const lane of LANES) {
    const upto = cursor.position(lane)
    let after = 0
    while (after < upto) {
      const entries = await log.read(lane, after, READ_ENTRIES)
      const last = entries.at(-1)
      if (!last) break
      after = last.position
      for (const entry of entries) {
        if (entry.position > upto || !fits(entry) || !forwarder.wants(entry)) continue
        if (counts.found >= REPLAY_MAX) {
          counts.more = true
          return
        }
        counts.found += 1
        yield entry
      }
    }
  }
}

function matcher({ gateway, bootid, from, to, since, until }: ReplayArgs): (entry: Entry) => boolean {
  const first = from === undefined ? 0 : Number(from)
  const final = to === undefined ? Number.POSITIVE_INFINITY : Number(to)
  const begin_ms = since === undefined ? 0 : Date.parse(since)
  const end_ms = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until)
  return ({ topic, stream, sequence, time_ms }) => {
    // Only what has a number of its own: events and telemetry, and not results.
    if (stream === undefined || sequence === undefined) return false
    if (gateway !== undefined && gatewayOf(topic) !== gateway) return false
    if (bootid !== undefined) return stream.split(':')[1] === bootid && sequence >= first && sequence <= final
    return time_ms >= begin_ms && time_ms <= end_ms
  }
}

function gatewayOf(topic: string): Address['gateway'] | undefined {
  const parsed = parseTopic(topic)
  return parsed.ok ? parsed.value.gateway : undefined
}
