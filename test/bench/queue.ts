import { type Bench, type Findings, type Row, ratioOf } from './bench.ts'
import type { LaneConfig, Manner } from './queue/lane.ts'
import { type Drivers, runStory, type Story } from './queue/story.ts'
import { addUp, type Figures } from './queue/tally.ts'

/**
 * The queue at a vehicle gate: the same vehicles and drivers under the plain policy and under ours. The gateway's own
 * machine, driver and adapter under the simulator's vehicles, boom, loops and cameras, hours of it in seconds of virtual
 * time. Seeded: the same figures each time, on any machine.
 */

const CAMERA_M = 6
/** Stop, read, open, close for each vehicle; a sign says that each opening is for one. */
const PLAIN: Manner = { policy: 'plain', lights: false, camera_m: CAMERA_M }
/** The boom stays up while authorised vehicles follow each other; a light says whom it is for. */
const OURS: Manner = { policy: 'flow', lights: true, camera_m: CAMERA_M }

/**
 * Nobody has counted these at our gates, so they are assumptions, the same for every policy: one driver in fifty follows
 * the one ahead through, one in a hundred distrusts the light, three vehicles in a hundred are strangers.
 */
const ORDINARY: Drivers = { tailgater_share: 0.02, waits_share: 0.01, unknown_share: 0.03 }
/** Far worse than any gate has: so many strangers that try to slip through that their luck can be counted. */
const UNRULY: Drivers = { tailgater_share: 0.2, waits_share: 0.01, unknown_share: 0.1 }

/** What ours depends on most: a driver who waits for an opening of his own holds up those behind. */
const DISTRUSTFUL: Drivers = { ...ORDINARY, waits_share: 0.2 }

const ENTRANCE: LaneConfig[] = [{ id: 'in', direction: 'in' }]
/** Other booms than the usual: a quick and a slow one. */
const QUICK_BOOM: LaneConfig[] = [{ id: 'in', direction: 'in', travel_ms: 1500 }]
const SLOW_BOOM: LaneConfig[] = [{ id: 'in', direction: 'in', travel_ms: 6000 }]
/** Each direction keeps a lane of its own; the one between them is fixed to come in, or turns. */
const TWO_IN: LaneConfig[] = [
  { id: 'in', direction: 'in' },
  { id: 'out', direction: 'out' },
  { id: 'between', direction: 'in' },
]
const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri'] as const
const TIDAL: LaneConfig[] = TWO_IN.map((lane) =>
  lane.id === 'between'
    ? {
        ...lane,
        schedule: {
          timeZone: 'UTC',
          rules: [{ days: [...weekdays], from: '07:30', to: '09:00', mode: 'tidal', direction: 'out' }],
          otherwise: { mode: 'tidal', direction: 'in' },
        },
      }
    : lane,
)

/** Mean arrivals by hour of the day; none in the others. */
function hours(perHour: Record<number, number>): number[] {
  return Array.from({ length: 24 }, (_, hour) => perHour[hour] ?? 0)
}

/** More than either policy lets through. */
const SATURATED = { perHour: { in: hours({ 7: 1000 }) }, from_h: 7, until_h: 7.5, drivers: ORDINARY }
/** Its busiest hour is at what the plain policy can just serve. */
const MORNING = {
  perHour: { in: hours({ 6: 120, 7: 270, 8: 350, 9: 200 }) },
  from_h: 6,
  until_h: 10,
  drivers: ORDINARY,
}
const QUIET = { ...MORNING, perHour: { in: hours({ 7: 180 }) }, from_h: 7, until_h: 8 }
const UNRULY_HOUR = { ...QUIET, perHour: { in: hours({ 7: 300 }) }, drivers: UNRULY }
/** Everybody leaves for work. */
const ESTATE = {
  perHour: { in: hours({ 7: 80, 8: 120, 9: 80 }), out: hours({ 7: 300, 8: 400, 9: 200 }) },
  from_h: 7,
  until_h: 9.5,
  drivers: ORDINARY,
}

const SEEDS = { full: 5, quick: 1 }

export async function queue(bench: Bench): Promise<Findings> {
  const seeds = Array.from({ length: SEEDS[bench.quick ? 'quick' : 'full'] }, (_, index) => index + 1)
  const data: Record<string, Figures> = {}

  async function run(name: string, story: Omit<Story, 'lanes'>, lanes: LaneConfig[], manner: Manner): Promise<Figures> {
    bench.say(`queue: ${name}`)
    const all: Figures[] = []
    for (const seed of seeds) {
      all.push(runStory({ ...story, lanes }, manner, seed))
      // A turn of the event loop, so that signals come through.
      await new Promise((resolve) => setImmediate(resolve))
    }
    data[name] = addUp(all)
    return data[name]
  }
  async function both(name: string, story: Omit<Story, 'lanes'>, lanes = ENTRANCE): Promise<Pair> {
    const plain = await run(`${name}, plain`, story, lanes, PLAIN)
    return { plain, ours: await run(`${name}, ours`, story, lanes, OURS) }
  }

  const saturated = await both('saturated', SATURATED)
  const distrustful = await both('saturated, distrustful', { ...SATURATED, drivers: DISTRUSTFUL })
  const quickBoom = await both('saturated, boom of 1.5 s', SATURATED, QUICK_BOOM)
  const slowBoom = await both('saturated, boom of 6 s', SATURATED, SLOW_BOOM)
  const morning = await both('morning', MORNING)
  const quiet = await both('quiet', QUIET)
  const unruly = await both('unruly', UNRULY_HOUR)
  const fixed = await both('three lanes, fixed', ESTATE, TWO_IN)
  const tidal = await both('three lanes, tidal', ESTATE, TIDAL)
  return {
    rows: [
      capacityRow('gate, saturated', saturated, 1.2),
      capacityRow('gate, saturated, one driver in five distrusts the light', distrustful),
      capacityRow('gate, saturated, a boom of 1.5 s', quickBoom),
      capacityRow('gate, saturated, a boom of 6 s', slowBoom),
      ...queueRows('gate, morning peak', morning, '≤ 0.45×'),
      ...queueRows('gate, a quiet hour', quiet).slice(0, 1),
      ...queueRows('gate, three lanes, fixed', fixed, '≤ 0.45×').slice(0, 2),
      ...queueRows('gate, three lanes, one of them tidal', { plain: fixed.plain, ours: tidal.ours }, '≤ 0.45×').slice(
        0,
        2,
      ),
      ...queueRows('gate, three lanes, the same one tidal under the plain policy', {
        plain: fixed.plain,
        ours: tidal.plain,
      }).slice(0, 1),
      ...ruleRows({ saturated, distrustful, quickBoom, slowBoom, morning, quiet, unruly, fixed, tidal }, unruly),
    ],
    notes: [
      `Gate: simulated vehicles, boom, loops and cameras under the gateway's own barrier driver, ${seeds.length === 1 ? 'one seed' : `${seeds.length} seeds`}, the same vehicles and drivers for every policy. “Beside it” is the plain policy: one opening for each vehicle.`,
      'Gate: assumptions, nobody has counted them: 2 % of drivers tailgate, 1 % distrust the light, 3 % are strangers; in the unruly hour 20 %, 1 % and 10 %. Boom 1.8 s up and 2.2 s down unless said, drivers react in 0.6–1.2 s, strangers turn back after 30 s, rights lapse after 10 s, plates are read 6 m before the boom.',
      'Gate: the morning brings 120, 270, 350 and 200 vehicles an hour: at its peak what the plain policy can just serve. Three lanes: 300–400 an hour out and 80–120 in; fixed they are two in and one out, tidal the middle one leads out from 07:30 to 09:00.',
      'Gate: a queue is vehicles slower than 5 km/h before the boom, weighted by time. Unauthorised: strangers that the simulator saw drive through, whatever the gate noticed.',
    ],
    data,
  }
}

interface Pair {
  plain: Figures
  ours: Figures
}

type Count = Exclude<keyof Figures, 'hours'>

function compare(
  what: string,
  { plain, ours }: Pair,
  of: Count,
  unit: string,
  aim?: { text: string; most?: number; least?: number },
): Row {
  const ratio = ratioOf(ours[of], plain[of])
  const show = (value: number) => `${value.toFixed(value < 100 && unit !== '' && unit !== '/h' ? 1 : 0)}${unit}`
  const met = ratio !== undefined && ratio <= (aim?.most ?? ratio) && ratio >= (aim?.least ?? ratio)
  return {
    what,
    linli: show(ours[of]),
    peer: `plain ${show(plain[of])}`,
    ratio,
    ...(aim && { aim: { text: aim.text, met } }),
  }
}

function capacityRow(where: string, pair: Pair, least?: number): Row {
  const aim = least === undefined ? undefined : { text: `≥ ${least}×`, least }
  return compare(`${where}: vehicles`, pair, 'passed_per_hour', '/h', aim)
}

function queueRows(where: string, pair: Pair, aim?: string): Row[] {
  const limit = aim === undefined ? undefined : { text: aim, most: 0.45 }
  return [
    compare(`${where}: queue, mean`, pair, 'queue_mean', ' vehicles', limit),
    compare(`${where}: queue, p95`, pair, 'queue_p95', ' vehicles', limit),
    compare(`${where}: queue, longest`, pair, 'queue_max', ' vehicles'),
    compare(`${where}: wait, mean`, pair, 'wait_mean_s', ' s'),
    compare(`${where}: wait, p95`, pair, 'wait_p95_s', ' s'),
  ]
}

function ruleRows(all: Record<string, Pair>, unruly: Pair): Row[] {
  const pairs = Object.values(all)
  const sum = (policy: keyof Pair, of: Count) => pairs.reduce((total, pair) => total + pair[policy][of], 0)
  const everywhere = (what: string, of: (policy: keyof Pair) => string): Row => ({
    what,
    linli: of('ours'),
    peer: `plain ${of('plain')}`,
  })
  const strangers = ({ strangers, strangers_in }: Figures) => `${strangers_in} of ${strangers} strangers`
  const broken = (policy: keyof Pair) => sum(policy, 'violations') + sum(policy, 'collisions')
  return [
    {
      what: 'gate, an unruly hour: unauthorised passages',
      linli: strangers(unruly.ours),
      peer: `plain ${strangers(unruly.plain)}`,
      ratio: ratioOf(unruly.ours.strangers_in, unruly.plain.strangers_in),
      aim: { text: '≤ 1×', met: unruly.ours.strangers_in <= unruly.plain.strangers_in },
    },
    everywhere(
      'gate, all hours: unauthorised passages',
      (policy) => `${sum(policy, 'strangers_in')} of ${sum(policy, 'passed')} passages`,
    ),
    everywhere('gate, all hours: residents that were not served and left', (policy) =>
      String(sum(policy, 'residents_lost')),
    ),
    {
      ...everywhere('gate, all hours: boom moved where it must not, or was driven into', (policy) =>
        String(broken(policy)),
      ),
      aim: { text: '0', met: broken('ours') === 0 },
    },
  ]
}
