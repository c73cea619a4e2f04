/**
 * The supervised two-wire loop, read as node voltage / Vcc: 4.7 kΩ pull-up at the board, 10 kΩ end-of-line resistor at
 * the button, the contact with 2.2 kΩ in series parallel to it. Nominal: short 0, pressed 0.277, normal 0.680, open 1.
 */
export type LoopReading = 'short' | 'alarm' | 'normal' | 'open'
/** What counts as the loop's condition; a pressed contact (`alarm`) proves an intact loop, so it is `normal`. */
export type LoopCondition = 'short' | 'normal' | 'open'

/** Limits midway between the nominal values, so that 10 % resistors and 20 Ω of cable stay inside. */
const SHORT_BELOW = 0.12
const ALARM_BELOW = 0.45
const NORMAL_BELOW = 0.85

export function classifyLoop(ratio: number): LoopReading {
  if (ratio < SHORT_BELOW) return 'short'
  if (ratio < ALARM_BELOW) return 'alarm'
  return ratio < NORMAL_BELOW ? 'normal' : 'open'
}

export interface LoopWatch {
  /** What has held long enough; unknown before. */
  confirmed: LoopCondition | 'unknown'
  /** What the last reading says, while it differs from `confirmed`. */
  candidate: { condition: LoopCondition; since_ms: number } | undefined
}

export const unknownLoop: LoopWatch = { confirmed: 'unknown', candidate: undefined }

export function readLoop(loop: LoopWatch, ratio: number, now_ms: number): LoopWatch {
  const reading = classifyLoop(ratio)
  const condition = reading === 'alarm' ? 'normal' : reading
  if (condition === loop.confirmed) return { ...loop, candidate: undefined }
  if (condition === loop.candidate?.condition) return loop
  return { ...loop, candidate: { condition, since_ms: now_ms } }
}
