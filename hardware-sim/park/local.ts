import { normal, type Stream, streamOf, uniform, wander } from './noise.ts'
import type { Sky } from './weather.ts'

/** What is quick, and what is different from park to park. */

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const BARK_SLOT_MS = 90_000
const PLUME_SLOT_MS = 9 * HOUR_MS

export interface Local {
  /** How much later fronts and showers get here, from −10 to 10 minutes. */
  late_ms: number
  gust: (sky: Sky, at_ms: number) => number
  veer_deg: (sky: Sky, at_ms: number) => number
  /** What the clouds let through of the sun itself, 0 to 1. */
  beam: (sky: Sky, at_ms: number) => number
  warmer_c: (sky: Sky, at_ms: number) => number
  moister_c: (at_ms: number) => number
  dust: (at_ms: number) => number
  /** Smoke, exhaust or breath beside the sensor, 0 to about 2, for minutes. */
  plume: (at_ms: number) => number
  rain: (at_ms: number) => number
  co2_ppm: (at_ms: number) => number
  traffic_db: (at_ms: number) => number
  /** Horns, barks, children: dB above the background, for seconds. */
  bark_db: (at_ms: number) => number
  ripple: (at_ms: number) => number
  busy: number
  visits: Stream
}

export function createLocal(seed: number, park: string): Local {
  const stream = (name: string) => streamOf(seed, `${park} ${name}`)
  const constant = (name: string) => normal(stream(name), 0)
  const [gusts, veers, gaps, eddies, damp, dust, cells] = [
    'gusts',
    'veers',
    'gaps',
    'eddies',
    'damp',
    'dust',
    'cells',
  ].map(stream) as [Stream, Stream, Stream, Stream, Stream, Stream, Stream]
  const [plumes, breath, traffic, barks, ripples] = ['plumes', 'breath', 'traffic', 'barks', 'ripples'].map(stream) as [
    Stream,
    Stream,
    Stream,
    Stream,
    Stream,
  ]
  const [island, smoky, loud] = [constant('island'), constant('smoky'), constant('loud')]
  return {
    late_ms: 4 * MINUTE_MS * constant('late'),
    gust: ({ wind_m_s }, at_ms) =>
      wind_m_s *
      Math.max(0, 1 + 0.12 * wander(gusts, at_ms, 8 * MINUTE_MS, 1) + 0.28 * wander(gusts + 9, at_ms, 25_000, 2)),
    veer_deg: ({ wind_m_s }, at_ms) => (wind_m_s < 1 ? 32 : 15) * wander(veers, at_ms, 40_000, 2),
    beam: ({ cover }, at_ms) => {
      const gap = wander(gaps, at_ms, 8 * MINUTE_MS, 2)
      // Broken clouds pass within minutes; thin ones take a part all the time.
      return Math.max(0, 1 - Math.max(0, cover - 0.1) * 1.15) * (gap > 1.6 - 2.4 * cover ? 0.35 : 1)
    },
    warmer_c: ({ sun }, at_ms) =>
      0.4 * island + (0.08 + 0.3 * Math.max(0, sun)) * wander(eddies, at_ms, 8 * MINUTE_MS, 3),
    moister_c: (at_ms) => 0.3 * island + 0.3 * wander(damp, at_ms, 10 * MINUTE_MS, 2),
    dust: (at_ms) => Math.exp(0.06 * smoky + 0.05 * wander(dust, at_ms, 20 * MINUTE_MS, 2)),
    plume: (at_ms) => plumeAt(plumes, at_ms),
    rain: (at_ms) => Math.max(0, 1 + 0.35 * wander(cells, at_ms, 2 * HOUR_MS, 1)),
    co2_ppm: (at_ms) => 5 * wander(breath, at_ms, 15 * MINUTE_MS, 2),
    traffic_db: (at_ms) => 1.5 * loud + 1.8 * wander(traffic, at_ms, 20 * MINUTE_MS, 4),
    bark_db: (at_ms) => Math.max(barkAt(barks, at_ms, 0), barkAt(barks, at_ms, 1)),
    ripple: (at_ms) => wander(ripples, at_ms, 4000, 1),
    busy: Math.exp(0.35 * constant('busy')),
    visits: stream('visits'),
  }
}

function plumeAt(stream: Stream, at_ms: number): number {
  const index = Math.floor(at_ms / PLUME_SLOT_MS)
  if (uniform(stream, 4 * index) < 0.35) return 0
  const length_ms = MINUTE_MS * (4 + 20 * uniform(stream, 4 * index + 1))
  const since_ms = at_ms - index * PLUME_SLOT_MS - uniform(stream, 4 * index + 2) * (PLUME_SLOT_MS - 3 * length_ms)
  if (since_ms <= 0 || since_ms >= 3 * length_ms) return 0
  const left_ms = since_ms - length_ms
  const shape = left_ms < 0 ? 1 - Math.exp(-since_ms / 150_000) : Math.exp(-left_ms / 150_000)
  return shape * (0.2 + 2 * uniform(stream, 4 * index + 3) ** 2) * (1 + 0.2 * wander(stream + 7, at_ms, 180_000, 1))
}

/** The one of this slot of time, or of the one before. */
function barkAt(stream: Stream, at_ms: number, back: number): number {
  const index = Math.floor(at_ms / BARK_SLOT_MS) - back
  const since_ms = at_ms - (index + uniform(stream, 2 * index)) * BARK_SLOT_MS
  if (since_ms < 0) return 0
  return (6 + 22 * uniform(stream, 2 * index + 1) ** 2) * Math.exp(-since_ms / 6000)
}
