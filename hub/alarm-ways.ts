import type { HubConfig } from './config.ts'
import type { Message } from './contract/decode.ts'
import type { Hub, HubLogger } from './hub.ts'
import type { Log } from './journal/types.ts'
import { type Lifeline, openLifeline } from './lifeline/lifeline.ts'

/** The ways of alarms as the hub sees them: its own, down to its disk, and how long each gateway's has been without an event. */
export interface AlarmWays {
  readonly lifeline: Lifeline
  /** Seconds since an event or a result of each gateway was on disk. */
  ages(): Record<string, number>
}

/** What proves the disk when no gateway says anything: one entry, written again and again. */
export const PROBE_LANE = { name: 'self-test', kind: 'compacted' } as const

export async function openAlarmWays(
  { dataDir, watchdog, selfTest_ms }: Pick<HubConfig, 'dataDir' | 'watchdog' | 'selfTest_ms'>,
  { log, hub, logger }: { log: Pick<Log, 'append'>; hub: Pick<Hub, 'onAccepted'>; logger: HubLogger },
): Promise<AlarmWays> {
  const lifeline = await openLifeline(logger, { dataDir, watchdog, test_ms: selfTest_ms })
  const heard = new Map<string, number>()
  const probe = { lane: PROBE_LANE.name, topic: PROBE_LANE.name, key: 'disk', payload: Uint8Array.of(1) }
  // A failure is no proof, and the journal tells it itself.
  lifeline.onTest(() => void log.append({ ...probe, time_ms: Date.now() }).then(lifeline.prove, () => undefined))
  hub.onAccepted((message: Message) => {
    lifeline.prove()
    if (message.kind === 'event' || message.kind === 'result') heard.set(message.topic.gateway, performance.now())
  })
  return {
    lifeline,
    ages: () =>
      Object.fromEntries(
        [...heard].map(([gateway, at_ms]) => [gateway, Math.round((performance.now() - at_ms) / 1000)]),
      ),
  }
}
