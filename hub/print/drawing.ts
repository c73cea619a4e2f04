/** What is to be on paper, in millimetres from the top left corner: one layout, drawn as PDF or as SVG. */

export interface Page {
  width: number
  height: number
  marks: readonly Mark[]
}

export type Mark =
  /** `y` is the baseline, `size` the em. */
  | { type: 'text'; x: number; y: number; size: number; text: string; grey?: boolean }
  | { type: 'line'; x1: number; y1: number; x2: number; y2: number; width: number; grey?: boolean }
  | { type: 'rects'; rects: ReadonlyArray<readonly [x: number, y: number, width: number, height: number]> }

/** Darkness of what is `grey`, 0 to 1. */
export const GREY = 0.4
