import { KNOWN_CARD, KNOWN_PLATE, UNKNOWN_CARD } from './entrance.ts'
import { airCable } from './park.ts'

/** A short story: presses, a cut cable, a board unplugged and replugged, people and a car at the gates, a dead sensor in the park. Times in ms after everything is ready. */
export const DEMO_SCENARIO = {
  name: 'demo',
  steps: [
    { at_ms: 1_000, do: 'press', device: 'b1', for_ms: 200 },
    { at_ms: 3_000, do: 'press', device: 'b3', for_ms: 150 },
    { at_ms: 4_000, do: 'press', device: 'b3', for_ms: 150 },
    { at_ms: 6_000, do: 'cut', device: 'b2' },
    { at_ms: 9_000, do: 'heal', device: 'b2' },
    { at_ms: 11_000, do: 'unplug', board: 'board-b' },
    { at_ms: 14_000, do: 'replug', board: 'board-b' },
    { at_ms: 18_000, do: 'press', device: 'b4', for_ms: 200 },
    { at_ms: 20_000, do: 'card', reader: 'r1', ...KNOWN_CARD },
    { at_ms: 20_300, do: 'walk-through', device: 'd1', direction: 'in' },
    { at_ms: 26_000, do: 'card', reader: 'r1', ...UNKNOWN_CARD },
    { at_ms: 28_000, do: 'vehicle', device: 'v1', plate: KNOWN_PLATE, speed_m_s: 8 },
    { at_ms: 34_000, ...airCable(false) },
    { at_ms: 42_000, ...airCable(true) },
  ],
}
