import type { Address } from '../../hub/contract/topic.ts'
import { momentNow } from '../moment.ts'
import type { Outbox } from './outbox.ts'

/**
 * The self-test: an event that goes the whole way of alarms, from the spool to the hub's acknowledgement, when nothing else
 * has gone it for a while. What proves the way depends on where the hub is: a restart of this box can mend a hub that is on
 * it; of a hub elsewhere it mends nothing, and then our own disk is what has to be proven.
 */
export interface AlarmWay {
  /** An entry of the lane of alarms is on our disk. */
  kept(): void
  /** The hub has it on its own. */
  acknowledged(): void
  test(): void
}

export interface AlarmWayDeps {
  outbox: Pick<Outbox, 'event' | 'remember'>
  /** An alarm waits for the disk or for the hub: it is as good a test as any, and a hub that was away for a month gets no month of them. */
  isPending(): boolean
  isHubHere(): Promise<boolean>
  prove(): void
}

/** What proves the disk while the hub is away: one entry, written again and again. */
export const PROBE_LANE = { name: 'self-test', kind: 'compacted' } as const

/** @param gateway the gateway's own address */
export function createAlarmWay({ outbox, isPending, isHubHere, prove }: AlarmWayDeps, gateway: Address): AlarmWay {
  /** Undefined until it is known. */
  let isHere: boolean | undefined

  function look(): void {
    isHubHere().then(
      (answer) => {
        isHere = answer
      },
      () => undefined,
    )
  }
  function kept(): void {
    if (isHere === false) prove()
  }
  look()
  return {
    kept,
    acknowledged: prove,
    test() {
      look()
      if (!isPending()) outbox.event(gateway, { type: 'self-test', severity: 'notice', at: momentNow(), data: {} })
      const append = { lane: PROBE_LANE.name, topic: PROBE_LANE.name, key: 'disk', payload: Uint8Array.of(1) }
      // A failure is no proof, and the spool tells it itself.
      if (isHere === false) outbox.remember(append).then(kept, () => undefined)
    },
  }
}
