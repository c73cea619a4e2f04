import { judge, type Said, type Verdict } from '../support/delivery-ledger.ts'
import { type Edge, edges } from '../support/story.ts'
import type { Field } from './field.ts'
import type { RecordedEvent } from './record.ts'

/** Reads the ledger at the end: what was said and pressed against what the district acknowledged. */
export interface Judged {
  /** Of the gateway that exists only in the campaign: every event of it is known. */
  alarms: Verdict
  telemetry: Verdict
  /** Lost telemetry that no full disk explains. */
  telemetryUnexplained: string[]
  presses: Presses
  /**
   * Sequence numbers that no event of a real gateway's boot has, though later ones arrived. The hub leaves out the numbers of
   * events that it could not write: nobody was told of them, and what is told instead gets new ones.
   */
  holes: string[]
}

export interface Presses {
  pressed: number
  /** Closed and opened while the gateway's box was off, or in the moment of its death: nobody could see them. */
  unseeable: number
  arrived: number
  duplicates: number
}

/** A contact that changed this near to a kill may or may not have been seen. */
const MOMENT_MS = 150
/** Telemetry may have waited at its gateway before the disk was full … */
const QUEUED_MS = 5_000
/** … and is refused until the journal has its reserve again (hub/journal/README.md, full disk). */
const RECOVERY_MS = 5_000

export function verdictOf({ sender, record, estate, downtimes, fullDisk }: Field): Judged {
  record.update()
  const said = (lane: string): Said[] =>
    [...sender.sent]
      .filter(([, one]) => one.lane === lane)
      .map(([id, { device, sequence }]) => ({ id, series: device, sequence }))
  const delivered = (type: string) =>
    record.events.filter((event) => event.gateway === 'campaign' && event.type === type)
  const real = record.events.filter(({ gateway }) => gateway !== 'campaign')
  const unseeable = edges(estate).filter((edge) =>
    downtimes.some(
      ({ gateway, from_ms, until_ms }) =>
        gateway === gatewayOf(edge) && edge.at_ms > from_ms - MOMENT_MS && edge.at_ms < until_ms + MOMENT_MS,
    ),
  )
  const telemetry = judge(said('telemetry'), delivered('tele'))
  const presses = real.filter(({ type }) => type === 'pressed')
  const arrived = new Set(presses.map(({ id }) => id)).size
  return {
    alarms: judge(said('alarm'), delivered('pressed')),
    telemetry,
    telemetryUnexplained: telemetry.lost.filter((id) => {
      const at_ms = sender.sent.get(id)?.at_ms ?? 0
      return !fullDisk.some(({ from_ms, until_ms }) => at_ms > from_ms - QUEUED_MS && at_ms < until_ms + RECOVERY_MS)
    }),
    presses: {
      pressed: edges(estate).length,
      unseeable: unseeable.length,
      arrived,
      duplicates: presses.length - arrived,
    },
    holes: holesOf(real.filter(({ gateway }) => gateway !== 'hub')),
  }
}

/** How much is missing that could still come. */
export function missingOf({ alarms, telemetryUnexplained, presses, holes }: Judged): number {
  const unheard = Math.max(0, presses.pressed - presses.unseeable - presses.arrived)
  return alarms.lost.length + telemetryUnexplained.length + holes.length + unheard
}

function gatewayOf({ device }: Edge): string {
  return device === 'b1' || device === 'b2' ? 'gw-1' : 'gw-2'
}

/** Events and telemetry of one boot of a gateway share one counter. */
function holesOf(events: RecordedEvent[]): string[] {
  const boots = new Map<string, Set<number>>()
  for (const { id } of events) {
    const [gateway, boot, sequence] = id.split(':')
    const key = `${gateway}:${boot}`
    const numbers = boots.get(key) ?? new Set()
    numbers.add(Number(sequence))
    boots.set(key, numbers)
  }
  return [...boots].flatMap(([boot, numbers]) => {
    const highest = Math.max(...numbers)
    const missing: string[] = []
    for (let number = Math.min(...numbers); number <= highest; number++)
      if (!numbers.has(number)) missing.push(`${boot}:${number}`)
    return missing
  })
}
