import type { Random } from '../../../hardware-sim/random.ts'
import { makeEvent } from '../../../hub/contract/event.ts'
import { type Address, formatTopic } from '../../../hub/contract/topic.ts'
import type { HistoryBackend, Pack, RawReading } from '../../../hub/history/types.ts'
import type { ToldPack } from './believed-park.ts'

/**
 * The way from a gateway to the history as the spool and the uplink make it: in order, late after an outage, and the last ones
 * twice when a connection or a process broke. What was told is remembered as a count and a sum per series, to be held against
 * what is there.
 */

/** As many as may be sent and not acknowledged. */
const WINDOW = 100
const HOUR_MS = 3_600_000
const PAGE = 20_000

export interface Road {
  tell(told: ToldPack): void
  /** The gateway was killed: what was not acknowledged comes again. */
  broke(): void
  /** What arrives by this time. */
  arrived(now_ms: number): Pack[]
  /** All that still waits, at the end. */
  rest(now_ms: number): Pack[]
}

export interface RoadOptions {
  park: number
  random: Random
  /** Hours from one outage to the next, and how long they last, on average. */
  every_h: number
  lasts_h: number
}

export function createRoad(options: RoadOptions, told: Tally): Road {
  const { park, random, every_h, lasts_h } = options
  const gateway = `gw-${park}`
  const site = { street: 's', community: 'c', estate: 'e' }
  const between = (mean_h: number) => -Math.log(1 - random()) * mean_h * HOUR_MS
  let waiting: Pack[] = []
  let sent: Pack[] = []
  let cut_ms: number | undefined
  let heal_ms = 0
  let sequence = 0
  function rest(now_ms: number): Pack[] {
    const packs = waiting.map((pack) => ({ ...pack, arrived_ms: now_ms }))
    sent = [...sent, ...waiting].slice(-WINDOW)
    waiting = []
    return packs
  }
  return {
    rest,
    tell({ device, pack, at_ms }) {
      const address: Address = { ...site, gateway, class: 'park-sensor', device }
      const stamp = { wall_ms: at_ms, monotonic_ms: at_ms, quality: 'synced' } as const
      const event = makeEvent({ address, bootid: 'b', sequence: ++sequence }, 'telemetry', 'notice', stamp, pack)
      const topic = formatTopic({ ...address, channel: 'tele' })
      waiting.push({ topic, text: JSON.stringify(event), arrived_ms: at_ms })
      const from_ms = (pack[0]?.bt ?? 0) * 1000
      for (const { n = '', t = 0, v } of pack) told.add(`${gateway}/${device}/${n}`, from_ms + t * 1000, v ?? null)
    },
    broke() {
      waiting = [...sent, ...waiting]
    },
    arrived(now_ms) {
      cut_ms ??= now_ms + between(every_h)
      if (heal_ms === 0 && now_ms >= cut_ms) {
        heal_ms = now_ms + between(lasts_h)
        waiting = [...sent, ...waiting]
      }
      if (now_ms < heal_ms) return []
      if (heal_ms > 0) [cut_ms, heal_ms] = [now_ms + between(every_h), 0]
      return waiting.length === 0 ? [] : rest(now_ms)
    },
  }
}

/** How many readings a stretch of days has, and a sum that any lost, doubled or changed one would change. */
export interface Tally {
  add(series: string, t_ms: number, value: number | null): void
  of(stretch: number): { count: number; sum: number }
}

export function createTally(stretch_ms: number): Tally {
  const stretches = new Map<number, { count: number; sum: number }>()
  const of = (stretch: number) => stretches.get(stretch) ?? { count: 0, sum: 0 }
  return {
    of,
    add(series, t_ms, value) {
      const at_ms = Math.round(t_ms)
      // FNV-1a; a sum does not ask for the order.
      let hash = 0x811c9dc5
      const text = `${series} ${at_ms} ${value}`
      for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
      const stretch = Math.floor(at_ms / stretch_ms)
      const { count, sum } = of(stretch)
      stretches.set(stretch, { count: count + 1, sum: (sum + (hash >>> 0)) % Number.MAX_SAFE_INTEGER })
    },
  }
}

/** What the history holds of some time. */
export async function tallyHeld(backend: HistoryBackend, into: Tally, from_ms: number, to_ms: number): Promise<void> {
  const names = new Map(
    (await backend.series()).map(({ id, device, quantity }) => {
      const [, , , , , gateway, , name] = device.split('/')
      return [id, `${gateway}/${name}/${quantity}`]
    }),
  )
  for (let after: { t_ms: number; series: number } | null = null; ; ) {
    const page: RawReading[] = await backend.raw({ from_ms, to_ms }, after, PAGE)
    for (const { series, t_ms, value } of page) into.add(names.get(series) ?? '', t_ms, value)
    const last = page.at(-1)
    if (last === undefined) return
    after = { t_ms: last.t_ms, series: last.series }
  }
}
