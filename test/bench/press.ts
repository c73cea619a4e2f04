import { FULL_MS as DEBOUNCE_MS } from '../../firmware/drivers/alarm-button/debounce.ts'
import { formatTopic } from '../../hub/contract/topic.ts'
import { type Bench, type Findings, inMs, pause, ratioOf } from './bench.ts'
import { leanClient } from './lean-client.ts'
import { BAUD, BUTTON, BUTTON_ADDRESS, startStack } from './stack.ts'
import { percentile } from './statistics.ts'

/** A finger closes the contact → the district's subscriber has the event: simulator, pty, gateway, hub, upstream. */

const PRESSES = { full: 200, quick: 15 }
const WARM_UP = { full: 20, quick: 5 }
const PRESS_MS = 60
/** After a press: until the contact has been open for long enough, and out of step with every timer. */
const REST_MS = { least: 60, spread: 90 }
const ARRIVAL_LIMIT_MS = 10_000
/** A digital report of Firmata: 3 bytes of 10 bits each. */
const WIRE_MS = (3 * 10 * 1000) / BAUD

export async function press(bench: Bench): Promise<Findings> {
  let edge_ms: number | undefined
  let arrival: ((at_ms: number) => void) | undefined
  const stack = await startStack(bench, {
    onEdge(edge) {
      if (edge.device === BUTTON && edge.contact === 'closed') edge_ms = edge.at_ms
    },
  })
  const subscriber = await leanClient(stack.upstreamPort, 'bench-subscriber', {
    message: (_payload, at_ms) => arrival?.(performance.timeOrigin + at_ms),
    lost: bench.fail,
  })
  bench.closers.push(() => subscriber.close())
  await subscriber.subscribe(formatTopic({ ...BUTTON_ADDRESS, channel: 'evt', type: 'pressed' }))

  const counts = bench.quick ? 'quick' : 'full'
  const samples: number[] = []
  for (let n = -WARM_UP[counts]; n < PRESSES[counts]; n++) {
    if (n % 50 === 0) bench.say(`press: ${n} of ${PRESSES[counts]}`)
    edge_ms = undefined
    const arrived_ms = await new Promise<number>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('a press did not reach the upstream')), ARRIVAL_LIMIT_MS)
      arrival = (at_ms) => {
        clearTimeout(timer)
        resolve(at_ms)
      }
      stack.press(PRESS_MS)
    })
    await pause(PRESS_MS + REST_MS.least + Math.random() * REST_MS.spread)
    if (edge_ms === undefined) throw new Error('the simulator told no edge of a press')
    if (n >= 0) samples.push(arrived_ms - edge_ms)
  }
  return findings(samples)
}

function findings(samples: number[]): Findings {
  const floor_ms = DEBOUNCE_MS + WIRE_MS
  return {
    rows: [50, 99].map((percent) => {
      const value = percentile(samples, percent)
      return {
        what: `pin edge → upstream, p${percent}`,
        linli: inMs(value),
        peer: `${floor_ms.toFixed(1)} ms debounce and wire`,
        ratio: ratioOf(value, floor_ms),
      }
    }),
    notes: [
      `Pin edge: ${samples.length} presses of ${PRESS_MS} ms, first physical contact → read at the upstream subscriber, two processes' clocks by performance.timeOrigin; ${DEBOUNCE_MS} ms of it are the debounce (closed time, so each gap of the bouncing contact adds its own length twice), ${WIRE_MS.toFixed(2)} ms the serial line at ${BAUD} baud; median of the rest ${(percentile(samples, 50) - floor_ms).toFixed(2)} ms.`,
    ],
    data: { samples, debounce_ms: DEBOUNCE_MS, wire_ms: WIRE_MS },
  }
}
