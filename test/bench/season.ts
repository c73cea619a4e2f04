import { readProfiles } from '../../firmware/drivers/park-sensor/profile/folder.ts'
import type { Quantity } from '../../firmware/drivers/park-sensor/quantity.ts'
import { createPark } from '../../hardware-sim/park/park.ts'
import { createWeather } from '../../hardware-sim/park/weather.ts'
import { createRandom, forkRandom, type Random } from '../../hardware-sim/random.ts'
import type { SensorModelName } from '../../hardware-sim/sensors/models.ts'
import { createThreadBackend } from '../../hub/history/thread.ts'
import { DAY_MS, type HistoryBackend, MINUTE_MS, type Pack, RETENTION } from '../../hub/history/types.ts'
import type { Bench, Findings, Row } from './bench.ts'
import { FAULT_KINDS, type FaultKind } from './detectors/faults.ts'
import { type BelievedPark, createBelievedPark } from './season/believed-park.ts'
import { createRoad, createTally, type Road, type Tally, tallyHeld } from './season/road.ts'
import { addScore, noScore, type Score } from './season/shown.ts'
import { createUnit } from './season/unit.ts'

/**
 * A season of pocket parks in the simulator's weather: labelled faults, gateways that restart, networks that are cut. Every
 * reading told has to be in the history once, and what is wrong should be shown as wrong. Seeded: the same each time.
 */

const SEED = 2026
const SIZES = { full: { parks: 30, days: 90 }, quick: { parks: 3, days: 12 } }
const START_MS = Date.parse('2026-06-01T00:00:00Z')
/** Days of readings that are held against what the history has of them. */
const STRETCH_MS = 5 * DAY_MS
const RESTART_EVERY_DAYS = 20
const OUTAGES = { every_h: 60, lasts_h: 2 }
/** Hours between two faults of a sensor, on average. */
const GAP_H = 96
/** So many at a time are handed to the history's thread, which takes no more than some dozens of questions at once. */
const BATCHES = 16

/** Two sound thermometers, one that fails often and one that fails slowly, so that there are neighbours to drift from. */
const UNITS: Array<{ id: string; model: SensorModelName; fails: 'never' | 'often' | 'slowly' }> = [
  { id: 'air-1', model: 'xy-md02', fails: 'never' },
  { id: 'air-2', model: 'xy-md02', fails: 'never' },
  { id: 'air-3', model: 'xy-md02', fails: 'often' },
  { id: 'air-4', model: 'xy-md02', fails: 'slowly' },
  { id: 'dust-1', model: 'deltaohm-pmbsense', fails: 'often' },
  { id: 'co2-1', model: 'dfrobot-sen0659', fails: 'often' },
  { id: 'light-1', model: 'nhzd210', fails: 'never' },
  { id: 'soil-1', model: 'seeed-soil-ec', fails: 'often' },
  { id: 'rain-1', model: 'xunchip-xm9505', fails: 'never' },
]

/** "Of its samples" in the README of the park sensors, %: what the same faults gave in the bench of the detectors. */
const STATED: Partial<Record<FaultKind, { found: number; doubted: number }>> = {
  spike: { found: 89.2, doubted: 89.2 },
  jump: { found: 73.1, doubted: 56.1 },
  stuck: { found: 85.9, doubted: 51.2 },
  drift: { found: 76.9, doubted: 28.8 },
  sentinel: { found: 91.7, doubted: 91.7 },
  'lost-replies': { found: 100, doubted: 100 },
}

function kindsOf(fails: 'never' | 'often' | 'slowly', { spike_min, rate_max, stuck, drift }: Quantity): FaultKind[] {
  if (fails === 'never') return []
  if (fails === 'slowly') return [...(stuck ? (['stuck'] as const) : []), ...(drift ? (['drift'] as const) : [])]
  return [
    ...(['sentinel', 'lost-replies'] as const),
    ...(spike_min === undefined ? [] : (['spike', 'spike'] as const)),
    ...(rate_max === undefined ? [] : (['jump', 'jump'] as const)),
    ...(stuck === undefined ? [] : (['stuck'] as const)),
  ]
}

interface Place {
  park: BelievedPark
  road: Road
  restartsAt_minute: number
}

export async function season(bench: Bench): Promise<Findings> {
  const { parks, days } = SIZES[bench.quick ? 'quick' : 'full']
  const backend = createThreadBackend({ folder: bench.folder('season'), retention: RETENTION })
  bench.closers.push(() => backend.close())
  await backend.open()
  const told = createTally(STRETCH_MS)
  const random = createRandom(SEED)
  const places = createPlaces(random, parks, days, told)
  const cpu = process.cpuUsage()
  const from_ms = performance.now()
  const counts = { packs: 0, repeated: 0, unplaced: 0, added: 0 }
  let lost = 0
  let stretch = Math.floor(START_MS / STRETCH_MS)
  async function keep(packs: Pack[], now_ms: number, settled_ms: number): Promise<void> {
    counts.packs += packs.length
    const size = Math.ceil(packs.length / BATCHES)
    const batches = Array.from({ length: BATCHES }, (_, index) =>
      backend.append(packs.slice(index * size, (index + 1) * size)),
    )
    for (const stored of await Promise.all(batches))
      for (const what of ['added', 'repeated', 'unplaced'] as const) counts[what] += stored[what]
    while (await backend.tidy(now_ms));
    for (; (stretch + 1) * STRETCH_MS <= settled_ms; stretch++) lost += await missing(backend, told, stretch)
  }
  /** The history's thread takes a day in while the next one passes here. */
  let storing = Promise.resolve()
  for (let day = 0; day < days; day++) {
    const packs = passDay(places, day)
    await storing
    const end_ms = START_MS + (day + 1) * DAY_MS
    // A day later, or an outage that goes on would count as a loss.
    storing = keep(packs, end_ms, end_ms - DAY_MS)
    if (day % 5 === 4) bench.say(`season: day ${day + 1} of ${days}`)
  }
  await storing
  const end_ms = START_MS + days * DAY_MS
  const last = places.flatMap(({ road }) => road.rest(end_ms))
  await keep(last, end_ms, end_ms + STRETCH_MS)
  const spent = process.cpuUsage(cpu)
  const took = { cpu_min: (spent.user + spent.system) / 60e6, wall_min: (performance.now() - from_ms) / 60_000 }
  const score = places.reduce((sum, { park }) => {
    for (const one of park.scores(days * 24 * 60)) addScore(sum, one)
    return sum
  }, noScore())
  const taken = places.reduce((sum, { park }) => sum + park.taken, 0)
  const readings = places.reduce((sum, { park }) => sum + park.told, 0)
  return findings({ parks, days, taken, readings, lost, ...counts, ...took, score })
}

function createPlaces(random: Random, parks: number, days: number, told: Tally): Place[] {
  const profiles = readProfiles()
  const sky = createWeather(SEED, { latitude_deg: 39.9, longitude_deg: 116.4 })
  return Array.from({ length: parks }, (_, index) => {
    const park = createPark({ id: `p${index}`, seed: SEED, sky, visits_per_hour: 80, utc_offset_min: 480 })
    const units = UNITS.map(({ id, model, fails }) => {
      const profile = profiles.get(model)
      if (profile === undefined) throw new Error(`no profile ${model}`)
      const kinds = (quantity: Quantity) => kindsOf(fails, quantity)
      const minutes = days * 24 * 60
      return createUnit({
        id,
        model,
        profile,
        park,
        seed: SEED,
        minutes,
        random: forkRandom(random),
        kinds,
        gap_h: GAP_H,
      })
    })
    return {
      park: createBelievedPark(units, START_MS),
      road: createRoad({ park: index, random: forkRandom(random), ...OUTAGES }, told),
      restartsAt_minute: Math.floor(random() * RESTART_EVERY_DAYS * 24 * 60),
    }
  })
}

/** What arrives at the hub in this day, in the order in which it does. */
function passDay(places: Place[], day: number): Pack[] {
  const packs: Pack[] = []
  for (const place of places) {
    const { park, road } = place
    for (let minute = day * 1440; minute < (day + 1) * 1440; minute++) {
      const now_ms = START_MS + minute * MINUTE_MS
      if (minute === place.restartsAt_minute) {
        park.restart(now_ms)
        road.broke()
        place.restartsAt_minute += RESTART_EVERY_DAYS * 1440
      }
      park.pass(minute, now_ms, road.tell)
      for (const pack of road.arrived(now_ms)) packs.push(pack)
    }
  }
  return packs.sort((a, b) => a.arrived_ms - b.arrived_ms)
}

/** Readings told in a stretch of days and not in the history once, or there as something else. */
async function missing(backend: HistoryBackend, told: Tally, stretch: number): Promise<number> {
  const held = createTally(STRETCH_MS)
  await tallyHeld(backend, held, stretch * STRETCH_MS, (stretch + 1) * STRETCH_MS)
  const [said, is] = [told.of(stretch), held.of(stretch)]
  if (said.count !== is.count) return Math.abs(said.count - is.count)
  return said.sum === is.sum ? 0 : 1
}

interface Figures {
  parks: number
  days: number
  taken: number
  readings: number
  packs: number
  lost: number
  added: number
  repeated: number
  unplaced: number
  cpu_min: number
  wall_min: number
  score: Score
}

const percent = (part: number, whole: number, digits = 1) =>
  whole === 0 ? '–' : `${((100 * part) / whole).toFixed(digits)} %`

function findings(figures: Figures): Findings {
  const { parks, days, taken, readings, packs, lost, repeated, unplaced, cpu_min, wall_min, score } = figures
  const perPark = (count: number) => (count / parks / days).toFixed(0)
  const { sound } = score
  const row = (what: string, linli: string, aim?: Row['aim']): Row => ({ what, linli, peer: '', aim })
  return {
    rows: [
      row(`season of ${days} days, ${parks} parks: samples judged`, `${(taken / 1e6).toFixed(2)} M`),
      row('season: readings told, and packs that came, a park and day', `${perPark(readings)}, ${perPark(packs)}`),
      row('season: readings told and not in the history once', `${lost} of ${readings}; ${repeated} came twice`, {
        text: '0 lost',
        met: lost === 0 && unplaced === 0,
      }),
      ...FAULT_KINDS.flatMap((kind) => kindRow(kind, score.kinds[kind])),
      row(
        `season: samples of sound sensors not shown as good, restarts included (${(sound.samples / 1e6).toFixed(2)} M)`,
        percent(sound.doubted, sound.samples, 3),
      ),
      row('season: CPU; elapsed', `${cpu_min.toFixed(1)} min; ${wall_min.toFixed(1)} min`),
    ],
    notes: [
      `Season: seed ${SEED}; the simulator's weather from June on; sensors of the simulator by the registers of their makers and our profiles, the line between them left out; ${UNITS.length} devices a park; each gateway restarts every ${RESTART_EVERY_DAYS} days and is cut off every ${OUTAGES.every_h} h for ${OUTAGES.lasts_h} h, on average, and sends the last packs again.`,
      'Found: some reading told while a fault lasted was not good. Shown: what the latest word said of each sample, in the mean of all faults. Beside it the figures of `--only detectors`, which have other weather, another mix of quantities, no restarts and no deadbands.',
    ],
    data: figures,
  }
}

function kindRow(kind: FaultKind, { faults, found, doubted, samples, shownGood }: Score['kinds'][FaultKind]): Row[] {
  const stated = STATED[kind]
  if (faults === 0 || stated === undefined) return []
  return [
    {
      what: `season, ${kind} (${faults}): found; of its samples shown as not good; shown as good though wrong`,
      linli: `${percent(found, faults)}; ${percent(doubted, faults)}; ${shownGood} of ${samples}`,
      peer: `stated ${stated.found} %; ${stated.doubted} %`,
      aim: {
        text: 'as stated, but for chance',
        met: isAsStated(found, faults, stated.found) && isAsStated(doubted, faults, stated.doubted),
      },
    },
  ]
}

/** One-sided, for twelve comparisons of which together one run in twenty may fail by chance. */
const DEVIATIONS = 2.64

/** Whether so many of so many, or such a sum of shares, can come of the stated percentage. */
function isAsStated(sum: number, count: number, stated_percent: number): boolean {
  const share = stated_percent / 100
  return sum / count >= share - DEVIATIONS * Math.sqrt((share * (1 - share)) / count)
}
