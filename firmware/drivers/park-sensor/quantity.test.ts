import { describe, expect, it } from 'vitest'
import { parkSensorEvents } from '../../../hub/contract/park-sensor.ts'
import { checker } from '../../../hub/contract/schema.ts'
import { intervalOf_ms, noiseAt, type Quantity, staleAfter_ms } from './quantity.ts'
import { wellKnown } from './well-known.ts'

/** IANA registry "SenML Units" and "Secondary Units", those that a park needs and a new implementation may use. */
const SENML_UNITS = ['Cel', '%RH', 'ug/m3', 'dB', 'lx', 'ppm', '/100', 'S/m', 'mm', 'm/s', 'deg', 'm', '/', 'count']

describe('the well-known quantities', () => {
  const all: Array<[string, Quantity]> = Object.entries(wellKnown)
  const checkEvent = checker(parkSensorEvents['counter-reset'])

  it.each(all)('%s has a name for the contract, a SenML unit, and limits that fit each other', (name, quantity) => {
    expect(quantity.name).toBe(name)
    expect(checkEvent({ quantity: name, before: 1, after: 0 }).ok).toBe(true)
    expect(SENML_UNITS).toContain(quantity.unit)
    expect(quantity.range.max).toBeGreaterThan(quantity.range.min)
    expect(quantity.counter !== undefined).toBe(quantity.kind === 'counter')
    expect(quantity.report.summary === 'vector').toBe(quantity.kind === 'direction')
    expect(quantity.report.summary === 'sum').toBe(quantity.kind === 'counter')
    expect(staleAfter_ms(quantity)).toBeGreaterThan(quantity.poll_ms)
    expect(intervalOf_ms(quantity) % quantity.poll_ms).toBe(0)
    expect(quantity.report.heartbeat_ms).toBeGreaterThanOrEqual(intervalOf_ms(quantity))
    // What is called a spike or a drift must be far outside of the noise.
    if (quantity.spike_min !== undefined) expect(quantity.spike_min).toBeGreaterThan(6 * quantity.noise)
    if (quantity.drift !== undefined) expect(quantity.drift.limit).toBeGreaterThan(6 * quantity.noise)
    if (quantity.stuck !== undefined) expect(quantity.stuck.after_ms).toBeGreaterThan(20 * quantity.poll_ms)
  })

  it('know noise that grows with the reading', () => {
    expect(noiseAt(wellKnown['pm2.5'], 10)).toBe(1.5)
    expect(noiseAt(wellKnown['pm2.5'], 500)).toBe(15)
  })
})
