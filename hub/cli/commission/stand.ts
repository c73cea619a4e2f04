import type { Clocks, CommissionAnswer, CommissionRequest, Look } from '../../commissioning/counter.ts'
import type { Brought } from '../../commissioning/record.ts'
import type { Sighting } from '../../commissioning/watch.ts'
import { LinliError } from '../../contract/errors.ts'
import { DEVICE_KINDS } from '../../contract/kinds.ts'
import { askCounter } from '../../counter/counter.ts'
import type { Found } from '../../site/changes.ts'
import { accepted } from '../credential/reach.ts'

/** One device as the hub sees it, asked at its counter. */
export interface Stand {
  look(): Promise<Look>
  command(name: string, args: object): Promise<Answered>
  watch(after: number, wait_ms: number): Promise<Sighting[]>
}

export type Answered = CommissionAnswer & { type: 'commission-command' }
export type Signed = CommissionAnswer & { type: 'commission-sign' }

export function standAt(dataDir: string, { gateway, device }: Pick<Found, 'gateway' | 'device'>, by: string): Stand {
  const at = { gateway, class: DEVICE_KINDS[device.kind], device: device.id }
  return {
    look: () => ask<'commission-look'>(dataDir, { type: 'commission-look', ...at }),
    command: (name, args) => ask<'commission-command'>(dataDir, { type: 'commission-command', ...at, name, args, by }),
    watch: async (after, wait_ms) =>
      (await ask<'commission-watch'>(dataDir, { type: 'commission-watch', ...at, after, wait_ms })).sightings,
  }
}

export function askSignature(dataDir: string, brought: Brought): Promise<Signed> {
  return ask<'commission-sign'>(dataDir, { type: 'commission-sign', brought })
}

async function ask<T extends CommissionAnswer['type']>(
  dataDir: string,
  request: CommissionRequest,
): Promise<CommissionAnswer & { type: T }> {
  const answer = accepted(await askCounter<CommissionAnswer>(dataDir, request))
  if (answer.type !== request.type)
    throw new LinliError('COUNTER_FAILED', `the hub answered ${answer.type}`, { kind: 'bug' })
  return answer as CommissionAnswer & { type: T }
}

/** All that came of a device since it was looked at first. */
export interface Eye {
  /** The first sighting after `mark` for which there is something; undefined when none came in time, or `stop` was asked for. */
  until<T>(
    find: (sighting: Sighting) => T | undefined,
    within_ms: number,
    options?: { after?: number; stop?: AbortSignal },
  ): Promise<T | undefined>
  /** What comes from now on is after this. */
  mark(): number
}

/** Of one question; the hub answers earlier when something comes. */
const WAIT_MS = 1_000

export function openEye(stand: Pick<Stand, 'watch'>, from: number, monotonic_ms: () => number): Eye {
  const seen: Sighting[] = []
  let last = from
  return {
    mark: () => last,
    async until(find, within_ms, { after = from, stop } = {}) {
      const end_ms = monotonic_ms() + within_ms
      let looked = after
      for (;;) {
        for (const sighting of seen.filter(({ number }) => number > looked)) {
          looked = sighting.number
          const found = find(sighting)
          if (found !== undefined) return found
        }
        const left_ms = end_ms - monotonic_ms()
        if (left_ms <= 0 || stop?.aborted) return undefined
        const more = await stand.watch(last, Math.max(0, Math.min(WAIT_MS, Math.round(left_ms))))
        seen.push(...more)
        last = more.at(-1)?.number ?? last
      }
    },
  }
}

/** How far the gateway's clock is ahead of the hub's, and how sure that is: as NTP does it, by one question and its answer. */
export function clockDifference({ sent_ms, gateway_ms, received_ms }: Clocks): {
  ahead_ms: number
  uncertainty_ms: number
} {
  return {
    ahead_ms: gateway_ms - (sent_ms + received_ms) / 2,
    // Each of the three moments is known to a millisecond.
    uncertainty_ms: (received_ms - sent_ms) / 2 + 1,
  }
}
