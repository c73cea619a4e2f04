import { wellKnown } from '../../firmware/drivers/park-sensor/well-known.ts'

/** The quantities that park sensors measure, with their SenML units: for tests of the hub, which imports no firmware. */
export function wellKnownUnits(): Record<string, string> {
  return Object.fromEntries(Object.values(wellKnown).map(({ name, unit }) => [name, unit]))
}
