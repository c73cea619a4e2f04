import { createRandom, integerBetween, type Random } from '../../hardware-sim/random.ts'
import { FAULTS, type Fault } from './faults.ts'
import { type Field, openField } from './field.ts'
import type { FaultRow, Outcome } from './summary.ts'
import { type Judged, missingOf, verdictOf } from './verdict.ts'

/**
 * Faults one after the other and two at a time, while events go on; after each the world is whole again, and everything
 * said so far has to reach the district. At the end the ledger is read.
 */

export interface CampaignConfig {
  seed: number
  /** Processes killed with -9 at least. */
  kills: number
  events_per_s: number
  say: (line: string) => void
}

/** How long a fault lasts, and how long the world is left alone before the next, ms. */
const LASTS_MS = { low: 50, high: 1_500 }
const APART_MS = { low: 20, high: 400 }
/** A dead connection is noticed by its keep-alive of 10 s, after at most one and a half of it (MQTT 3.1.1 §3.1.2.10). */
const CAUGHT_UP_MS_MAX = 90_000
const POLL_MS = 20
/** Share of faults during which a second one begins. */
const DOUBLE = 0.25

export async function campaign(config: CampaignConfig): Promise<Outcome> {
  const random = createRandom(config.seed)
  const field = await openField(config)
  const rows = new Map(FAULTS.map((fault): [string, FaultRow] => [fault.name, { times: 0, recoveries_ms: [] }]))
  const from_ms = performance.now()
  try {
    let kills = 0
    for (let round = 1; kills < config.kills || (isLong(config) && hasUnseen(rows)); round++) {
      const faults = chosen(random, rows)
      config.say(`${round}: ${faults.map(({ name }) => name).join(' + ')}   (${kills} of ${config.kills} kills)`)
      const recovery_ms = await strike(field, faults, random)
      for (const fault of faults) {
        kills += fault.kills
        const row = rows.get(fault.name) as FaultRow
        row.times++
        row.recoveries_ms.push(recovery_ms)
      }
      await pause(integerBetween(random, APART_MS.low, APART_MS.high))
    }
    field.sender.finish()
    const verdict = await settled(field)
    return { seed: config.seed, kills, elapsed_ms: performance.now() - from_ms, rows, ...verdict }
  } finally {
    await field.close()
  }
}

/** In a long campaign every kind comes at least once, whatever the dice say. */
export function isLong({ kills }: { kills: number }): boolean {
  return kills >= 20
}

function hasUnseen(rows: Map<string, FaultRow>): boolean {
  return [...rows.values()].some(({ times }) => times === 0)
}

function chosen(random: Random, rows: Map<string, FaultRow>): Fault[] {
  const first = one(random, FAULTS, rows)
  if (first.alone || random() >= DOUBLE) return [first]
  // Two kills of the same process would undo each other's ends.
  const others = FAULTS.filter((fault) => fault.kills === 0 && fault !== first && !fault.alone)
  return [first, one(random, others, rows)]
}

function one(random: Random, faults: Fault[], rows: Map<string, FaultRow>): Fault {
  // The rare ones first when none has come yet, so that a short campaign sees them all.
  const fresh = faults.filter(({ name }) => rows.get(name)?.times === 0)
  const from = fresh.length > 0 && random() < 0.5 ? fresh : faults
  let ticket = random() * from.reduce((sum, { weight }) => sum + weight, 0)
  for (const fault of from) {
    ticket -= fault.weight
    if (ticket < 0) return fault
  }
  return from.at(-1) as Fault
}

/** @returns ms from the end of the faults until everything said by then was at the district */
async function strike(field: Field, faults: Fault[], random: Random): Promise<number> {
  const ends: Array<() => Promise<void>> = []
  field.press()
  for (const fault of faults) {
    ends.unshift(await fault.begin(field, random))
    await pause(integerBetween(random, LASTS_MS.low, LASTS_MS.high) / faults.length)
  }
  for (const end of ends) await end()
  const healed_ms = performance.now()
  await caughtUp(field)
  const recovery_ms = performance.now() - healed_ms
  await field.pressed()
  return recovery_ms
}

/** The verdict once nothing is missing any more, or nothing of that has come for a while. */
async function settled(field: Field): Promise<Judged> {
  let missing = Number.POSITIVE_INFINITY
  let quiet_since_ms = 0
  for (;;) {
    const verdict = verdictOf(field)
    const now_ms = performance.now()
    if (missingOf(verdict) < missing) quiet_since_ms = now_ms
    missing = Math.min(missing, missingOf(verdict))
    if (missing === 0 || now_ms - quiet_since_ms > CAUGHT_UP_MS_MAX) return verdict
    await pause(10 * POLL_MS)
  }
}

/** Resolves when all alarms said by now have reached the district; rejects when that takes too long. */
async function caughtUp({ sender, record, estate }: Field): Promise<void> {
  const due = [...sender.sent].filter(([, { lane }]) => lane === 'alarm').map(([id]) => id)
  const until_ms = performance.now() + CAUGHT_UP_MS_MAX
  let at = 0
  while (at < due.length) {
    record.update()
    while (at < due.length && record.ids.has(due[at] as string)) at++
    if (at === due.length) return
    if (performance.now() > until_ms) {
      throw new Error(
        `${due[at]} has not reached the district ${CAUGHT_UP_MS_MAX} ms after the faults ended; ` +
          `${sender.waiting} wait at their gateway; the hub says: ${estate.hub.errors.slice(-5).join(' | ')}`,
      )
    }
    await pause(POLL_MS)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
