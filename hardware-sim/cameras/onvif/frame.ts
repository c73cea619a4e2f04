import { encodeJpeg } from './jpeg.ts'

/** What a simulated camera sees: its name, the time, and something that moves, so that no two pictures are alike. */

const WIDTH = 80
const HEIGHT = 45
const DARK = 40
const LIGHT = 230
/** Letters of 3 × 5, a row in three bits from the top. */
const GLYPHS: Readonly<Record<string, readonly number[]>> = {
  '0': [7, 5, 5, 5, 7],
  '1': [2, 6, 2, 2, 7],
  '2': [7, 1, 7, 4, 7],
  '3': [7, 1, 7, 1, 7],
  '4': [5, 5, 7, 1, 1],
  '5': [7, 4, 7, 1, 7],
  '6': [7, 4, 7, 5, 7],
  '7': [7, 1, 2, 2, 2],
  '8': [7, 5, 7, 5, 7],
  '9': [7, 5, 7, 1, 7],
  a: [2, 5, 7, 5, 5],
  b: [6, 5, 6, 5, 6],
  c: [3, 4, 4, 4, 3],
  d: [6, 5, 5, 5, 6],
  e: [7, 4, 6, 4, 7],
  f: [7, 4, 6, 4, 4],
  g: [3, 4, 5, 5, 3],
  h: [5, 5, 7, 5, 5],
  i: [7, 2, 2, 2, 7],
  j: [1, 1, 1, 5, 2],
  k: [5, 5, 6, 5, 5],
  l: [4, 4, 4, 4, 7],
  m: [5, 7, 7, 5, 5],
  n: [6, 5, 5, 5, 5],
  o: [2, 5, 5, 5, 2],
  p: [6, 5, 6, 4, 4],
  q: [2, 5, 5, 6, 3],
  r: [6, 5, 6, 5, 5],
  s: [3, 4, 2, 1, 6],
  t: [7, 2, 2, 2, 2],
  u: [5, 5, 5, 5, 7],
  v: [5, 5, 5, 5, 2],
  w: [5, 5, 7, 7, 5],
  x: [5, 5, 2, 5, 5],
  y: [5, 5, 2, 2, 2],
  z: [7, 1, 2, 4, 7],
  '-': [0, 0, 7, 0, 0],
  ':': [0, 2, 0, 2, 0],
  '.': [0, 0, 0, 0, 2],
}

/** @param view what it looks at, such as the name of its preset */
export function drawFrame(name: string, view: string, wall_ms: number): Buffer {
  const greys = new Uint8Array(WIDTH * HEIGHT).fill(DARK)
  const [day = '', clock = ''] = new Date(wall_ms).toISOString().replace('Z', '').split('T')
  for (const [line, text] of [name, view, day, clock].entries()) write(greys, text.toLowerCase(), 3 + line * 8)
  // The clock's hundredths as a bar, and somebody who walks by.
  const moment = Math.floor(wall_ms / 10)
  greys.fill(LIGHT, WIDTH * (HEIGHT - 2), WIDTH * (HEIGHT - 2) + (moment % WIDTH))
  const at = Math.floor(wall_ms / 100) % (WIDTH - 4)
  for (let row = HEIGHT - 9; row < HEIGHT - 3; row++) greys.fill(150, row * WIDTH + at, row * WIDTH + at + 4)
  return encodeJpeg(greys, WIDTH)
}

function write(greys: Uint8Array, text: string, top: number): void {
  for (const [place, letter] of [...text].slice(0, WIDTH / 4 - 1).entries())
    for (const [row, bits] of (GLYPHS[letter] ?? []).entries())
      for (let column = 0; column < 3; column++)
        if (bits & (4 >> column)) greys[(top + row) * WIDTH + 2 + place * 4 + column] = LIGHT
}
