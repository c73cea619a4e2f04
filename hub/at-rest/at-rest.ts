import { getHeapStatistics } from 'node:v8'
import { AT_WORK, REST, type RestConfig, type RestInput, stepRest } from './machine.ts'
import { openTrim } from './trim.ts'

const SAMPLE_MS = 5_000

/**
 * Watches over the memory of the thread that it is called in, for as long as the thread lives. Needs Node's `--expose-gc`, as
 * `linli` starts its programs; without it nothing is done.
 */
export function giveBackAtRest(
  deps: { afterwards?: () => unknown } = {},
  config: RestConfig = REST,
): { close(): void } {
  const { gc } = globalThis
  if (!gc) return { close: () => undefined }
  let state = AT_WORK
  let before = performance.eventLoopUtilization()

  function feed(input: RestInput): void {
    const step = stepRest(config, state, input, performance.now())
    state = step.state
    for (const _giveBack of step.effects) {
      gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
      deps.afterwards?.()
      feed({ type: 'given-back', held_bytes: held() })
    }
  }

  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    feed({ type: 'sample', utilization, held_bytes: held() })
  }, SAMPLE_MS)
  timer.unref()
  return { close: () => clearInterval(timer) }
}

/** The same for a process with threads that do so too: what all of them freed goes back to the system. */
export async function giveBackProcessAtRest(config?: RestConfig): Promise<{ close(): void }> {
  const trim = await openTrim()
  // The threads are done by then.
  return giveBackAtRest({ afterwards: () => setTimeout(trim, SAMPLE_MS).unref() }, config)
}

/** By V8, and by what its objects hold outside of it. */
function held(): number {
  const { total_physical_size, external_memory } = getHeapStatistics()
  return total_physical_size + external_memory
}
