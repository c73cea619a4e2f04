import { createHash } from 'node:crypto'
import { GATEWAY_AWAY } from '../availability/machine.ts'
import type { Message } from '../contract/decode.ts'
import { addressPath, ROOT } from '../contract/topic.ts'
import type { DeviceView } from '../devices/devices.ts'
import type { Book, Changes } from './book.ts'
import type { IncidentConfig } from './config.ts'
import { raiseIncident, stepIncident } from './machine.ts'
import type { IncidentDeps } from './room.ts'
import type { Moment, StoryEntry } from './types.ts'

/**
 * Devices that report a fault or are gone, and no event says so. Read from what is shown of them (hub/availability), where flapping is
 * one state of its own; looked at again at each start, so that nothing of it has to be kept: an outage is known by when it began, and
 * has an incident when that stands in a story.
 */
export interface Absences {
  start(): void
  heard(message: Message): void
  close(): void
}

export interface AbsencesHost {
  book: Pick<Book, 'all' | 'ofDevice'>
  moment(): Moment
  changes(): Changes
  number(): number
  commit(changes: Changes, number: number): Promise<void>
  inTurn(work: () => Promise<void>): void
}

export const CAUSE = 'unavailable'
/** An incident of the device that an event raised about then says it already: tamper, stuck, forced. */
const TOLD_BEFORE_MS = 60_000
const LOOK_MS_MAX = 3_600_000

interface Outage {
  device: string
  view: DeviceView
  event: string
  since_ms: number
  type: string
}

export function createAbsences(
  deps: Pick<IncidentDeps, 'devices' | 'config' | 'now_ms'>,
  host: AbsencesHost,
): Absences {
  let timer: ReturnType<typeof setTimeout> | undefined
  let armedFor_ms = Number.POSITIVE_INFINITY
  let from_ms = Number.POSITIVE_INFINITY

  function outages({ unavailable }: IncidentConfig): Outage[] {
    return (deps.devices?.all() ?? []).flatMap((view) => outageOf(view, unavailable.classes) ?? [])
  }

  function dueAt({ since_ms }: Outage, { unavailable }: IncidentConfig): number {
    // What is said again after a start may be better by then.
    return Math.max(since_ms, from_ms) + unavailable.after_ms
  }

  async function look(): Promise<void> {
    const config = deps.config()
    const now_ms = deps.now_ms()
    const all = outages(config)
    const due = all.filter((one) => dueAt(one, config) <= now_ms)
    const stories = due.length === 0 ? [] : [...host.book.all()].map(({ story }) => story)
    const told = new Set(stories.flatMap((story) => story.flatMap(({ event }) => event ?? [])))
    const changes = host.changes()
    let number = host.number()
    for (const one of due) {
      if (told.has(one.event)) continue
      const open = host.book.ofDevice(one.device)
      const same = open.find(({ cause }) => cause === CAUSE)
      if (open.some(({ cause, raised }) => cause !== CAUSE && raised.wall_ms >= one.since_ms - TOLD_BEFORE_MS)) continue
      if (same) {
        const outcome = stepIncident(
          config,
          same,
          { type: 'repeat', event: one.event, eventType: one.type },
          host.moment(),
        )
        if (!('refused' in outcome)) changes.add(outcome)
      } else changes.add(raised(config, one, ++number))
    }
    if (changes.all().length > 0) await host.commit(changes, number)
    arm(Math.min(...all.map((one) => dueAt(one, config)).filter((due_ms) => due_ms > now_ms)))
  }

  function raised(config: IncidentConfig, { device, view, event, type }: Outage, number: number) {
    const place = view.meta?.place
    const about = {
      source: 'event',
      cause: CAUSE,
      kind: 'shared',
      actor: 'hub:incidents',
      rule: { skill: 'property' },
    } as const
    const what = { id: String(number), number, device, event, eventType: type, ...(place ? { place } : {}) }
    const stepped = raiseIncident(config, { ...about, ...what }, host.moment())
    // No camera is touched without an alarm.
    return { ...stepped, effects: stepped.effects.filter((effect) => effect.type !== 'fetch-pictures') }
  }

  /** It is told with the incident that it is back; whoever works on it closes it. */
  function returned(device: string): void {
    const open = host.book.ofDevice(device).filter(({ cause }) => cause === CAUSE)
    const isOver = ({ id }: { id: string }) =>
      lastOf([...host.book.all()].find(({ incident }) => incident.id === id)?.story)
    if (open.every((one) => isOver(one) === 'online')) return
    host.inTurn(async () => {
      const changes = host.changes()
      for (const incident of host.book.ofDevice(device)) {
        if (incident.cause !== CAUSE || isOver(incident) === 'online') continue
        const event = idOf(device, `online ${deps.now_ms()}`)
        const outcome = stepIncident(
          deps.config(),
          incident,
          { type: 'follow', event, eventType: 'online' },
          host.moment(),
        )
        if (!('refused' in outcome)) changes.add(outcome)
      }
      if (changes.all().length > 0) await host.commit(changes, host.number())
    })
  }

  function arm(due_ms: number): void {
    if (due_ms === Number.POSITIVE_INFINITY || due_ms >= armedFor_ms) return
    clearTimeout(timer)
    armedFor_ms = due_ms
    // By a wall clock that may be wrong: looked at once more, and not all at once.
    timer = setTimeout(ring, Math.min(Math.max(1, due_ms - deps.now_ms()), LOOK_MS_MAX))
  }

  function ring(): void {
    armedFor_ms = Number.POSITIVE_INFINITY
    host.inTurn(look)
  }

  return {
    start() {
      from_ms = deps.now_ms()
      arm(from_ms + deps.config().unavailable.after_ms)
    },
    heard(message) {
      if (message.kind !== 'availability' || from_ms === Number.POSITIVE_INFINITY) return
      const config = deps.config()
      const { availability } = message
      const outage = outageOf(
        { address: message.topic, availability, meta: undefined, state: undefined },
        config.unavailable.classes,
      )
      if (outage) arm(dueAt(outage, config))
      else if (availability.status === 'online') returned(pathOf(message.topic))
    },
    close: () => clearTimeout(timer),
  }
}

function outageOf(view: DeviceView, classes: readonly string[]): Outage | undefined {
  const { address, availability } = view
  if (!classes.includes(address.class) || !availability) return undefined
  const { status, reason = '', since } = availability
  if (status !== 'fault' && status !== 'offline') return undefined
  // Its gateway's own outage, or the loss of its board, says it for all that hang on them.
  if (reason === GATEWAY_AWAY || reason.startsWith('board-')) return undefined
  const device = pathOf(address)
  const since_ms = Date.parse(since ?? '')
  if (Number.isNaN(since_ms)) return undefined
  return { device, view, event: idOf(device, String(since)), since_ms, type: reason === '' ? status : reason }
}

const pathOf = (address: DeviceView['address']) =>
  addressPath(address)
    .slice(ROOT.length + 1)
    .split('/')
    .slice(3)
    .join('/')

/** It rests on no event; what it rests on has an id all the same, so that it is counted once. */
function idOf(device: string, what: string): string {
  return `${CAUSE}:${createHash('sha256').update(`${device} ${what}`).digest('base64url').slice(0, 22)}`
}

function lastOf(story: readonly StoryEntry[] = []): string | undefined {
  return story.findLast(({ what }) => what === 'raised' || what === 'repeated' || what === 'followed')?.type
}
