import type { Quantity } from '../../../firmware/drivers/park-sensor/quantity.ts'
import { createPark, type ParkQuantity, QUANTITIES } from '../../../hardware-sim/park/park.ts'
import { createWeather } from '../../../hardware-sim/park/weather.ts'
import { PROBES, Probe } from '../../../hardware-sim/sensors/probe.ts'

/** What a healthy sensor of the simulator's world says, in the units of the profiles. */
export type Sensor = (at_ms: number) => number

/** A season each: a dusty spring, the summer's rain, the smog of late autumn. */
const STARTS = [Date.UTC(2026, 3, 1), Date.UTC(2026, 6, 1), Date.UTC(2026, 10, 1)] as const
/** The simulator tells µS/cm. */
const S_PER_M = 1e-4

export const startOf = (seed: number): number => STARTS[seed % STARTS.length] ?? STARTS[0]

/**
 * Sensors of one quantity under one sky. Each stands at a spot of its own, with its gusts, shadows and plumes, as if in the next park:
 * further apart than sensors of one park are.
 */
export function createSensors(quantity: Quantity, seed: number, count: number): Sensor[] {
  const name = QUANTITIES.find((one) => one === quantity.name)
  if (name === undefined) throw new Error(`the simulator has no sensor for ${quantity.name}`)
  const sky = createWeather(seed, { latitude_deg: 39.9, longitude_deg: 116.4 })
  return Array.from({ length: count }, (_, spot) => {
    const park = createPark({ id: `spot-${spot}`, seed, sky, utc_offset_min: 480, visits_per_hour: 80 })
    const probe = new Probe({ id: `sensor-${spot}`, quantity: name, spec: PROBES[name], park, seed, first_count: 0 })
    return (at_ms) => stepped(name, probe, quantity.resolution, at_ms)
  })
}

function stepped(name: ParkQuantity, probe: Probe, step: number, at_ms: number): number {
  const told = probe.read(at_ms)
  const value = 'value' in told ? told.value : told.raw
  const scaled = name === 'soil-ec' ? value * S_PER_M : value
  const rounded = Number((Math.round(scaled / step) * step).toFixed(6))
  return name === 'wind-direction' ? rounded % 360 : rounded
}
