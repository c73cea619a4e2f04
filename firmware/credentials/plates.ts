import { normalPlate, type Plate } from '../../hub/contract/credentials.ts'
import type { Denial } from './decide.ts'

/** What a camera says it has read. */
export interface PlateReading {
  text: string
  /** 0 to 1. */
  confidence: number
}

/** Cameras of car parks report about 0.9 and more for a clean plate; below this one reading in some is another plate. */
export const CONFIDENCE_MIN = 0.85

/** @param confidence_min a reading of less than this decides nothing; NaN never decides anything */
export function readPlate({ text, confidence }: PlateReading, confidence_min = CONFIDENCE_MIN): Plate | Denial {
  const plate = normalPlate(text)
  if (!plate) return 'plate-unreadable'
  return confidence >= confidence_min ? plate : 'plate-unsure'
}
