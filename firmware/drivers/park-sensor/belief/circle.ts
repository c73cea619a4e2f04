import type { QuantityKind } from '../quantity.ts'

/** Degrees of a full turn. */
const TURN = 360

/** The same direction in 0 ≤ x < 360. */
export function turned(degrees: number): number {
  const rest = degrees % TURN
  // A tiny negative rest plus a turn rounds to the turn itself.
  return rest < 0 ? (rest + TURN) % TURN : rest + 0
}

/** `to` − `from`; of directions the shorter way around, −180 < x ≤ 180. */
export function difference(kind: QuantityKind, from: number, to: number): number {
  if (kind !== 'direction') return to - from
  const way = turned(to - from)
  return way > TURN / 2 ? way - TURN : way
}

/** East and north parts of an arrow of this length. */
export function arrow(degrees: number, length: number): { east: number; north: number } {
  const angle = (degrees * Math.PI) / 180
  return { east: length * Math.sin(angle), north: length * Math.cos(angle) }
}

/** Direction of the arrow; undefined of one without a length to speak of: what turns in all directions has none. */
export function directionOf(east: number, north: number): number | undefined {
  if (Math.hypot(east, north) < 1e-9) return undefined
  return turned((Math.atan2(east, north) * 180) / Math.PI)
}
