import { reasonOf } from '../contract/errors.ts'
import { makeEvent } from '../contract/event.ts'
import type { Meta, Place } from '../contract/meta.ts'
import type { SenmlPack } from '../contract/senml.ts'
import { type Address, formatTopic, parseTopic, type Site } from '../contract/topic.ts'
import type { DeviceView } from '../devices/devices.ts'
import type { History } from '../history/history.ts'
import type { RawReading, Series } from '../history/types.ts'
import { airOf, airOfDay, packOf, type Sensor, sensorsOf, thermalOf } from './air.ts'
import { HOLD_MS, HOUR_MS } from './means.ts'
import { placeName } from './places.ts'

/**
 * A device of the hub's own per place with sensors of air: it says what is derived from them, as telemetry like any other.
 * Everything is taken from the history, so that a restart forgets nothing.
 */

/** Heat index and dew point at every tenth minute; the air quality of an hour at ten past, when late readings have come. */
const TICK_MS = 600_000
const DAY_MS = 24 * HOUR_MS
const PAGE = 10_000
/** The gateway of what the hub derives. No gateway may have this name: the hub's own topics have it too. */
const GATEWAY = 'hub'

interface Group {
  name: string
  place: Place | undefined
  series: Series[]
}

export interface Station {
  start(): void
  close(): Promise<void>
}

export function createStation(
  deps: {
    history: Pick<History, 'flush' | 'backend'>
    device: (address: Address) => DeviceView | undefined
    say: (topic: string, value: unknown, retain: boolean) => void
    now_ms: () => number
    monotonic_ms: () => number
    newId: () => string
    onError: (message: string) => void
  },
  config: { site: Site; version: string },
): Station {
  const bootid = deps.newId().replaceAll('-', '').slice(0, 32).toLowerCase()
  let sequence = 0
  let told_hour_ms = 0
  /** Places whose heat index and dew point were known when they were told last. */
  const known = new Set<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let ticking: Promise<void> = Promise.resolve()
  let isClosed = false

  function schedule(): void {
    if (isClosed) return
    timer = setTimeout(
      () => {
        ticking = tick(Math.floor(deps.now_ms() / TICK_MS) * TICK_MS)
          .catch((error: unknown) => deps.onError(`air quality could not be derived: ${reasonOf(error)}`))
          .finally(schedule)
      },
      TICK_MS - (deps.now_ms() % TICK_MS),
    )
  }

  async function tick(now_ms: number): Promise<void> {
    await deps.history.flush()
    const groups = groupsOf(await deps.history.backend.series())
    if (groups.length === 0) return
    const hour_ms = Math.floor((now_ms - TICK_MS) / HOUR_MS) * HOUR_MS
    const isNewHour = hour_ms > told_hour_ms
    const from_ms = isNewHour ? hour_ms - DAY_MS - HOLD_MS : now_ms - HOLD_MS
    const all = groups.flatMap(({ series }) => series)
    const sensors = sensorsOf(all, await readings(all, from_ms, now_ms))
    for (const group of groups) {
      const mine = group.series.flatMap(({ id }) => sensors.get(id) ?? [])
      sayThermal(group, mine, now_ms)
      if (isNewHour) sayAir(group, mine, hour_ms)
    }
    if (isNewHour) told_hour_ms = hour_ms
  }

  async function readings(series: Series[], from_ms: number, to_ms: number): Promise<RawReading[]> {
    const slice = { from_ms, to_ms: to_ms + 1, series: series.map(({ id }) => id) }
    const found: RawReading[] = []
    for (let page: RawReading[] = []; ; ) {
      const last = page.at(-1)
      page = await deps.history.backend.raw(slice, last ? { t_ms: last.t_ms, series: last.series } : null, PAGE)
      found.push(...page)
      if (page.length < PAGE || isClosed) return found
    }
  }

  function groupsOf(series: Series[]): Group[] {
    const groups = new Map<string, Group>()
    for (const one of series) {
      const parsed = parseTopic(`${one.device}/tele`)
      if (!parsed.ok || parsed.value.class !== 'park-sensor' || parsed.value.gateway === GATEWAY) continue
      const place = deps.device(parsed.value)?.meta?.place
      const name = placeName(place, parsed.value.gateway)
      const group = groups.get(name) ?? { name, place, series: [] }
      groups.set(name, group)
      group.series.push(one)
    }
    return [...groups.values()]
  }

  function sayThermal(group: Group, sensors: Sensor[], now_ms: number): void {
    const derived = thermalOf(sensors, now_ms)
    const isKnown = derived.some(({ v }) => v !== undefined)
    // That nothing is known any more is told once: sensors that were taken away would be missing for ever.
    if (!isKnown && !known.delete(group.name)) return
    if (isKnown) known.add(group.name)
    say(group, now_ms, (device) => packOf(device, now_ms, derived))
  }

  function sayAir(group: Group, sensors: Sensor[], hour_ms: number): void {
    const hour = airOf(sensors, hour_ms)
    if (hour) say(group, hour_ms, (device) => packOf(device, hour_ms, hour.readings, { name: 'aqi', value: hour.aqi }))
    // A calendar day of the estate, not of Greenwich.
    if (new Date(hour_ms).getHours() !== 0) return
    const day = airOfDay(sensors, hour_ms)
    // Its last moment belongs to the day.
    const at_ms = hour_ms - 1
    if (day) say(group, at_ms, (device) => packOf(device, at_ms, day.readings, { name: 'aqi.day', value: day.aqi }))
  }

  function say(group: Group, t_ms: number, pack: (device: string) => SenmlPack): void {
    const device = `${group.name}-air`
    const address: Address = { ...config.site, gateway: GATEWAY, class: 'park-sensor', device }
    announce(address, group.place)
    sequence += 1
    const stamp = { wall_ms: t_ms, monotonic_ms: deps.monotonic_ms(), quality: 'synced' } as const
    const event = makeEvent({ address, bootid, sequence }, 'telemetry', 'notice', stamp, pack(device))
    deps.say(formatTopic({ ...address, channel: 'tele' }), event, false)
  }

  /** Once, and again when its place has changed its name for people. */
  function announce(address: Address, place: Place = {}): void {
    const meta: Meta = {
      class: 'park-sensor',
      model: 'derived',
      driver: { name: 'hub-derived', version: config.version },
      place,
      capabilities: ['aqi', 'heat-index', 'dew-point'],
      units: { aqi: '/', 'heat-index': 'Cel', 'dew-point': 'Cel' },
    }
    const known = deps.device(address)
    if (JSON.stringify(known?.meta) !== JSON.stringify(meta))
      deps.say(formatTopic({ ...address, channel: 'meta' }), meta, true)
    if (known?.availability?.status === 'online') return
    const since = new Date(deps.now_ms()).toISOString()
    deps.say(formatTopic({ ...address, channel: 'avail' }), { status: 'online', since }, true)
  }

  return {
    start: schedule,
    async close() {
      isClosed = true
      clearTimeout(timer)
      await ticking
    },
  }
}
