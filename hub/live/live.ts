import type { Message } from '../contract/decode.ts'
import type { IncidentState } from '../contract/incident.ts'
import { type Address, addressPath } from '../contract/topic.ts'
import type { Devices, DeviceView } from '../devices/devices.ts'
import { readingsOf } from '../history/senml.ts'
import { DAY_MS } from '../history/types.ts'
import { addressOf, type ShownDevice, type ShownEvent, type ShownIncident, shownDevice, shownEvent } from './shown.ts'

/**
 * What happens in the estate, for pages that are open: each change once, numbered, and the newest of them kept, so that a
 * page that lost its connection gets what it missed. Whoever comes anew, or was away for too long, gets the whole picture.
 */

/** One change, as it goes to every page: told apart by `name`. */
export interface Told {
  /** `{run of the hub}-{number}`. */
  id: string
  name: string
  data: unknown
}

export interface ShownReading {
  value: number | null
  unit: string
  quality: string
  reason: string | null
  /** RFC 3339. */
  at: string
}
/** By device path, by quantity. */
export type Readings = Record<string, Record<string, ShownReading>>

export interface Picture {
  /** Up to here everything is in it. */
  id: string
  now: string
  devices: ShownDevice[]
  /** Open ones, and those closed a short while ago. */
  incidents: ShownIncident[]
  readings: Readings
  /** Oldest first. */
  events: ShownEvent[]
}

export interface Live {
  /** A message that is in the journal. */
  heard(message: Message): void
  /** Something that a room of the hub has to tell. */
  tell(name: string, data: unknown): void
  /** What came after; undefined when that is not known any more. */
  since(id: string): Told[] | undefined
  onTold(listener: (told: Told) => void): () => void
  picture(): Picture
  /** Events of one device, newest first. */
  eventsOf(path: string): ShownEvent[]
  close(): void
}

type Heard = Message & { kind: 'event' }

/** Changes kept for pages that come back. */
const KEPT_MAX = 2_000
/** Events shown to a page that comes anew. */
const EVENTS_MAX = 300
const EVENTS_PER_DEVICE_MAX = 40
/** Readings go together, at most this often. */
const READINGS_MS = 1_000

export interface LiveDeps {
  devices: Pick<Devices, 'get' | 'all'>
  incidents: () => ShownIncident[]
  now_ms: () => number
  run: string
}

export function createLive(deps: LiveDeps, history: readonly Message[] = []): Live {
  const kept: Told[] = []
  const listeners = new Set<(told: Told) => void>()
  const readings: Readings = {}
  const events: Heard[] = []
  const byDevice = new Map<string, Heard[]>()
  /** By device path, epoch ms. */
  const heard = new Map<string, number>()
  let changed: Readings = {}
  let timer: ReturnType<typeof setTimeout> | undefined
  let number = 0
  /** Changes since somebody looked: a page that was there before them all finds what it missed, until they are too many. */
  let unseen = Number.POSITIVE_INFINITY

  for (const message of history) if (message.kind === 'event') keepEvent(message)

  /** With nobody to see it, and nobody who could come back for it, a change only has its number. */
  function tell(name: string, data: () => unknown): void {
    number += 1
    unseen = listeners.size > 0 ? 0 : unseen + 1
    if (unseen > KEPT_MAX) {
      kept.length = 0
      return
    }
    const told = { id: `${deps.run}-${number}`, name, data: data() }
    kept.push(told)
    if (kept.length > KEPT_MAX) kept.shift()
    for (const listener of listeners) listener(told)
  }

  function keepEvent(message: Heard): void {
    events.push(message)
    if (events.length > EVENTS_MAX) events.shift()
    const path = addressPath(message.topic)
    const mine = byDevice.get(path) ?? []
    mine.push(message)
    if (mine.length > EVENTS_PER_DEVICE_MAX) mine.shift()
    byDevice.set(path, mine)
  }

  function shown(message: Heard): ShownEvent {
    return shownEvent(message, deps.devices.get(message.topic)?.meta?.place)
  }

  function keepReadings(message: Message & { kind: 'telemetry' }): void {
    const path = addressPath(message.topic)
    for (const one of readingsOf(message.event, path, deps.now_ms(), DAY_MS).readings) {
      const mine = readings[path] ?? {}
      readings[path] = mine
      const at = new Date(one.t_ms).toISOString()
      if (mine[one.quantity] && (mine[one.quantity] as ShownReading).at > at) continue
      const { value, unit, quality, reason } = one
      mine[one.quantity] = { value, unit, quality, reason, at }
      changed[path] = mine
    }
    if (Object.keys(changed).length > 0) timer ??= setTimeout(tellReadings, READINGS_MS)
  }

  function tellReadings(): void {
    timer = undefined
    const data = changed
    changed = {}
    tell('readings', () => data)
  }

  function shownNow(view: DeviceView): ShownDevice {
    return shownDevice(view, heard.get(addressPath(view.address)))
  }

  /** An incident stands on the wire like a device, and is none. */
  function tellIncident(message: Message): void {
    const { device: number } = message.topic
    if (message.kind === 'state') tell('incident', () => ({ number, ...(message.state as IncidentState) }))
    if (message.kind === 'cleared') tell('incident-gone', () => ({ number }))
  }

  function tellDevice(address: Address): void {
    const view = deps.devices.get(address)
    if (view) tell('device', () => shownNow(view))
    else tell('device-gone', () => ({ path: addressPath(address) }))
  }

  return {
    heard(message) {
      // What the hub says in a device's name is no sign of life of it.
      if (message.kind !== 'command' && message.kind !== 'availability')
        heard.set(addressPath(message.topic), deps.now_ms())
      if (message.kind === 'event') {
        keepEvent(message)
        tell('event', () => shown(message))
      } else if (message.kind === 'telemetry') keepReadings(message)
      else if (message.kind === 'result')
        tell('result', () => ({ path: addressPath(message.topic), ...message.result }))
      else if (message.topic.class === 'incident') tellIncident(message)
      else if (message.kind !== 'command' && message.kind !== 'plate') tellDevice(addressOf(message.topic))
    },
    tell: (name, data) => tell(name, () => data),
    since(id) {
      const before = number - kept.length
      const seen = id.startsWith(`${deps.run}-`) ? Number(id.slice(deps.run.length + 1)) : Number.NaN
      return seen >= before && seen <= number ? kept.slice(seen - before) : undefined
    },
    onTold(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    picture() {
      unseen = 0
      return {
        id: `${deps.run}-${number}`,
        now: new Date(deps.now_ms()).toISOString(),
        devices: deps.devices.all().map(shownNow),
        incidents: deps.incidents(),
        readings,
        events: events.map(shown),
      }
    },
    eventsOf: (path) => (byDevice.get(path) ?? []).map(shown).reverse(),
    close: () => clearTimeout(timer),
  }
}
