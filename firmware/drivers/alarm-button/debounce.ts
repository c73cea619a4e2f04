/**
 * Debounce of an alarm contact as a leaky integrator: closed time adds, open time subtracts, clamped to 0…FULL_MS.
 * Full means pressed, empty means released. So a press of 30 ms with up to 7 ms of bounce gaps always counts (at least
 * 23 − 7 = 16 ms net), and a glitch of up to 10 ms never does (it cannot reach 15). Pure; any call order is allowed.
 */
export const FULL_MS = 15

export interface Debounce {
  /** The contact as last reported. */
  closed: boolean
  /** What the integrator held at `at_ms`. */
  level_ms: number
  at_ms: number
  pressed: boolean
  /** First edge of the change that is under way: closing since empty, or opening since full. */
  edge_ms: number | undefined
}

export interface Crossing {
  pressed: boolean
  /** When the integrator got there. */
  at_ms: number
  /** When the contact first moved: the moment of the event. */
  edge_ms: number
}

export function createDebounce(pressed: boolean, at_ms: number): Debounce {
  return { closed: pressed, level_ms: pressed ? FULL_MS : 0, at_ms, pressed, edge_ms: undefined }
}

/** When the integrator will get to the other end if the contact stays as it is; undefined when it is not moving there. */
export function crossingAt(debounce: Debounce): number | undefined {
  if (debounce.closed === debounce.pressed) return undefined
  return debounce.at_ms + (debounce.closed ? FULL_MS - debounce.level_ms : debounce.level_ms)
}

/** Lets time pass; at most one crossing can happen while the contact stays as it is. */
export function advanceDebounce(debounce: Debounce, to_ms: number): { debounce: Debounce; crossing?: Crossing } {
  const at_ms = Math.max(debounce.at_ms, to_ms)
  const due_ms = crossingAt(debounce)
  if (due_ms !== undefined && due_ms <= at_ms) {
    const pressed = !debounce.pressed
    const crossing = { pressed, at_ms: due_ms, edge_ms: debounce.edge_ms ?? due_ms }
    // The end is reached by definition: rounding of fractions must not leave it a hair away.
    return {
      debounce: { ...debounce, level_ms: pressed ? FULL_MS : 0, at_ms, pressed, edge_ms: undefined },
      crossing,
    }
  }
  const passed_ms = at_ms - debounce.at_ms
  const level_ms = Math.min(FULL_MS, Math.max(0, debounce.level_ms + (debounce.closed ? passed_ms : -passed_ms)))
  // Back at the end where it came from: that attempt is over.
  const settled = debounce.closed === debounce.pressed && level_ms === (debounce.pressed ? FULL_MS : 0)
  return { debounce: { ...debounce, level_ms, at_ms, edge_ms: settled ? undefined : debounce.edge_ms } }
}

/** The contact was reported closed or open; the time until then must have been advanced. */
export function moveContact(debounce: Debounce, closed: boolean): Debounce {
  if (closed === debounce.closed) return debounce
  const leaving = closed !== debounce.pressed && debounce.edge_ms === undefined
  return { ...debounce, closed, edge_ms: leaving ? debounce.at_ms : debounce.edge_ms }
}
