import type { LineChip } from '../ports/line-chip.ts'

/** What an installer does first with wired lines: see each input move, hear each relay click. */

export interface LineCheck {
  watch: readonly number[]
  switch: readonly number[]
  /** How long edges are told. */
  time_ms: number
  /** How long each output is on. */
  on_ms: number
}

const high = (level: boolean) => (level ? 'high' : 'low')

/**
 * Tells the level of every input and each edge of it, and has each output on once, one after the other.
 * @returns whether every input moved and every output took its level
 */
export async function checkLines(chip: LineChip, check: LineCheck, say: (line: string) => void): Promise<boolean> {
  const moved = new Map(check.watch.map((line) => [line, 0]))
  let last_ms: number | undefined
  for (const line of check.watch)
    chip.watchDigital(line, ({ high: level, kind, at }) => {
      const since = last_ms === undefined ? '' : `, ${(at.monotonic_ms - last_ms).toFixed(1)} ms after the last edge`
      if (kind === 'found') return say(`line ${line} is ${high(level)}`)
      last_ms = at.monotonic_ms
      moved.set(line, (moved.get(line) ?? 0) + 1)
      say(`line ${line} went ${high(level)}${since}`)
    })
  const outputs = check.switch.map((line) => [line, chip.output(line)] as const)
  const ready = await isReady(chip, say)
  let good = ready
  if (ready) {
    for (const [line, output] of outputs) {
      say(`line ${line} is switched on for ${check.on_ms} ms`)
      good = output.set(true) && good
      await pass(check.on_ms)
      good = output.set(false) && good
    }
    if (check.watch.length > 0) {
      say(`move each input now; ${check.time_ms / 1000} s`)
      await pass(check.time_ms)
    }
  }
  await chip.close()
  if (!ready) return false
  for (const [line, edges] of moved)
    say(`line ${line}: ${edges === 0 ? 'no edge: check its wire' : edges === 1 ? '1 edge' : `${edges} edges`}`)
  return good && [...moved.values()].every((edges) => edges > 0)
}

/** The first word of the chip decides: whoever checks wants to know at once. */
function isReady(chip: LineChip, say: (line: string) => void): Promise<boolean> {
  return new Promise((resolve) => {
    chip.onStatus(({ status, reason }) => {
      if (status !== 'ready') say(reason ?? status)
      resolve(status === 'ready')
    })
    chip.start()
  })
}

function pass(time_ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time_ms))
}
