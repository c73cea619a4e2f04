import type { Ear, Reception } from './ear.ts'
import { pressedPackets } from './events.ts'
import type { Path, Rig } from './paths.ts'

/** The two kinds of load: as often as asked, whatever the answers; and as fast as the answers come. */

export interface Outcome {
  sent: number
  lost: number
  duplicated: number
  /** publish → subscriber, one for each event that arrived. */
  latencies_ms: number[]
  /** First write → last arrival. */
  elapsed_ms: number
}

/** Nothing new for this long means that nothing more will come. */
const QUIET_MS = 3_000

/**
 * Publishes `count` events at `per_second`, each stamped right before its write. Intervals vary by half, so that the
 * load does not march in step with anybody's timer; what falls due within one timer tick (1 ms) goes out together.
 */
export async function paced(
  rig: Rig,
  path: Path,
  load: { count: number; per_second: number; deviceOf?: (index: number) => string },
): Promise<Outcome> {
  const bootid = rig.nextBoot()
  const packets = pressedPackets(bootid, load.count, load.deviceOf)
  const sent_ms = new Float64Array(load.count)
  const reception = rig.ear.listen(bootid, load.count)
  await sendPaced(path, packets, sent_ms, load.per_second)
  return outcomeOf(rig.ear, reception, sent_ms, QUIET_MS)
}

/** The sending half of `paced`; resolves after the last write. */
export function sendPaced(
  path: Pick<Path, 'publisher'>,
  packets: readonly Buffer[],
  sent_ms: Float64Array,
  per_second: number,
): Promise<void> {
  const interval_ms = 1000 / per_second
  return new Promise((resolve) => {
    let next = 0
    let due_ms = performance.now() + interval_ms
    const tick = () => {
      while (next < packets.length && due_ms <= performance.now()) {
        sent_ms[next] = performance.now()
        path.publisher.write(packets[next] as Buffer)
        next++
        due_ms += interval_ms * (0.5 + Math.random())
      }
      if (next === packets.length) resolve()
      else setTimeout(tick, Math.max(1, due_ms - performance.now()))
    }
    tick()
  })
}

/** Publishes `count` events with at most `window` of them not acknowledged. */
export async function saturated(rig: Rig, path: Path, load: { count: number; window: number }): Promise<Outcome> {
  const bootid = rig.nextBoot()
  const packets = pressedPackets(bootid, load.count)
  const sent_ms = new Float64Array(load.count)
  const reception = rig.ear.listen(bootid, load.count)
  let next = 0
  const send = (room: number) => {
    const from = next
    next = Math.min(packets.length, next + room)
    sent_ms.fill(performance.now(), from, next)
    if (next > from) path.publisher.writeAll(packets.slice(from, next))
  }
  path.onAcknowledged = send
  send(load.window)
  const outcome = await outcomeOf(rig.ear, reception, sent_ms, QUIET_MS)
  path.onAcknowledged = undefined
  return outcome
}

/** Waits until all has arrived, or nothing more does. */
export async function outcomeOf(
  ear: Ear,
  reception: Reception,
  sent_ms: Float64Array,
  quiet_ms: number,
  limit_ms = 60_000,
): Promise<Outcome> {
  await ear.settled(quiet_ms, limit_ms)
  const latencies_ms: number[] = []
  for (const [index, at_ms] of reception.arrivals.entries()) {
    if (!Number.isNaN(at_ms)) latencies_ms.push(at_ms - (sent_ms[index] ?? 0))
  }
  return {
    sent: sent_ms.length,
    lost: sent_ms.length - reception.received,
    duplicated: reception.duplicated,
    latencies_ms,
    elapsed_ms: reception.last_ms - (sent_ms[0] ?? 0),
  }
}
