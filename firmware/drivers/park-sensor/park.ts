import { type Digest, digestsOf, hear, type Neighbours, noNeighbours, type Voice } from './belief/neighbours.ts'
import { noRainKnown, type Rain, type RainWatch, rainOf, watchRain } from './outputs/rain.ts'

/** What the devices of one park share: what their sensors hold for true, and whether it rains. */

/** A voice older than this is of another weather. */
const VOICE_AGE_MAX_MS = 15 * 60_000

export interface Park {
  hear(device: string, quantity: string, voice: Voice): void
  digests(now_ms: number): Digest[]
  /** What the gauge of a device counted last; undefined while it is not to be believed. */
  gauge(device: string, amount: Voice | undefined, now_ms: number): void
  rain(now_ms: number): Rain
  /** Whenever a gauge was looked at. */
  onRain(listener: () => void): void
}

export interface Parks {
  park(name: string | undefined): Park
}

export function createParks(): Parks {
  const parks = new Map<string | undefined, Park>()
  return {
    park(name) {
      const park = parks.get(name) ?? createPark()
      parks.set(name, park)
      return park
    },
  }
}

function createPark(): Park {
  let neighbours: Neighbours = noNeighbours
  const gauges = new Map<string, RainWatch>()
  const listeners: Array<() => void> = []
  return {
    hear(device, quantity, voice) {
      neighbours = hear(neighbours, device, quantity, voice)
    },
    digests: (now_ms) => digestsOf(neighbours, now_ms, VOICE_AGE_MAX_MS),
    gauge(device, amount, now_ms) {
      const seen = amount && { value: amount.value, at_ms: amount.at_ms }
      gauges.set(device, watchRain(gauges.get(device) ?? noRainKnown, seen, now_ms))
      for (const listener of listeners) listener()
    },
    rain(now_ms) {
      const all = [...gauges.values()].map((gauge) => rainOf(gauge, now_ms))
      if (all.includes('raining')) return 'raining'
      return all.includes('dry') ? 'dry' : 'unknown'
    },
    onRain: (listener) => void listeners.push(listener),
  }
}
