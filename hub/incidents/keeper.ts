import { encodeJson } from '../contract/encode.ts'
import { LinliError } from '../contract/errors.ts'
import { makeEvent } from '../contract/event.ts'
import { type Address, formatTopic } from '../contract/topic.ts'
import type { Append, Log } from '../journal/types.ts'
import type { IncidentEffect, Stepped } from './machine.ts'
import { severityOf, stateOf } from './messages.ts'
import { forgottenRecords, headRecord, type Live, pieceRecord, type RoomRecord, roomRecord } from './record.ts'

/** Writes what a batch changed and what is told of it: one commit, so that a crash leaves all of it or nothing. */
export interface Keeper {
  /** Resolves with the key of the piece of story that each incident got; rejects when the journal refused. */
  write(room: RoomRecord, changed: readonly Stepped[]): Promise<ReadonlyMap<string, string>>
  /** The archive has them: their records go, and their retained state. */
  forget(gone: readonly Live[]): Promise<void>
}

export interface KeeperDeps {
  log: Pick<Log, 'append'>
  /** Says it in the hub's own name, in the commit of the append before it. */
  keep: (topic: string, payload: Uint8Array, retain: boolean, joined: Append['joined']) => Promise<void>
  addressOf: (id: string) => Address
  now_ms: () => number
  /** ms since the hub began. */
  uptime_ms: () => number
  onFault: (fault: LinliError) => void
}

export function createKeeper(deps: KeeperDeps): Keeper {
  let said = 0

  function append(record: Pick<Append, 'lane' | 'topic' | 'key' | 'payload'>, isFirst = false): Promise<unknown> {
    return deps.log.append({ ...record, time_ms: deps.now_ms(), ...(isFirst ? {} : { joined: true }) })
  }

  /** What the contract does not take is a mistake of ours: it is told, and holds up no incident. */
  async function say(topic: string, payload: Uint8Array, retain: boolean): Promise<void> {
    try {
      await deps.keep(topic, payload, retain, true)
    } catch (error) {
      if (!(error instanceof LinliError) || error.kind !== 'caller') throw error
      deps.onFault(new LinliError('INCIDENT_UNSAID', `${topic}: ${error.message}`, { kind: 'bug', cause: error }))
    }
  }

  function event(room: RoomRecord, { incident }: Stepped, { event, data }: IncidentEffect & { type: 'say' }) {
    const address = deps.addressOf(incident.id)
    said += 1
    const origin = { address, bootid: `i${room.boots}x${room.created_ms.toString(16)}`, sequence: said }
    const { quality } = room.time
    const stamp = { wall_ms: deps.now_ms(), monotonic_ms: deps.uptime_ms(), quality }
    const made = makeEvent(origin, event, severityOf(event, incident), stamp, data)
    return say(formatTopic({ ...address, channel: 'evt', type: event }), encodeJson(made), false)
  }

  return {
    async write(room, changed) {
      const pieces = new Map<string, string>()
      const written = [append(roomRecord(room), true)]
      for (const stepped of changed) {
        const { incident, story } = stepped
        written.push(append(headRecord(incident)))
        if (story.length > 0) {
          const piece = pieceRecord(incident.id, incident.entries - story.length, story)
          pieces.set(incident.id, piece.key)
          written.push(append(piece))
        }
        for (const effect of told(stepped.effects)) written.push(event(room, stepped, effect))
        const topic = formatTopic({ ...deps.addressOf(incident.id), channel: 'state' })
        written.push(say(topic, encodeJson(stateOf(incident)), true))
      }
      await Promise.all(written)
      return pieces
    },
    async forget(gone) {
      const written: Array<Promise<unknown>> = []
      for (const live of gone) {
        for (const record of forgottenRecords(live)) written.push(append(record, written.length === 0))
        const topic = formatTopic({ ...deps.addressOf(live.incident.id), channel: 'state' })
        written.push(say(topic, new Uint8Array(), true))
      }
      await Promise.all(written)
    },
  }
}

/** Of many repetitions at once the last says it all. */
function told(effects: readonly IncidentEffect[]): Array<IncidentEffect & { type: 'say' }> {
  const said = effects.filter((effect) => effect.type === 'say')
  return said.filter(({ event }, index) => event !== 'repeated' || said[index + 1]?.event !== 'repeated')
}
