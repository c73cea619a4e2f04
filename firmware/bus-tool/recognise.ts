import { decodeField, placesOf } from '../drivers/park-sensor/profile/field.ts'
import type { Profiles } from '../drivers/park-sensor/profile/folder.ts'
import type { Profile } from '../drivers/park-sensor/profile/load.ts'
import type { ReadResult, RegisterTable } from '../ports/register-bus.ts'
import { isAnswer } from './line.ts'

/** What a unit probably is: the profiles whose signs it shows. */

/** Of one question to a unit that is there. */
const TRIES_MAX = 3

export type Ask = (unit: number, table: RegisterTable, address: number, count: number) => Promise<ReadResult>

/** @returns profiles that fit, the one with most evidence first */
export async function recognise(ask: Ask, unit: number, profiles: Profiles): Promise<Profile[]> {
  const asked = new Map<string, Promise<ReadResult>>()
  const once: Ask = (one, table, address, count) => {
    const key = `${table}/${address}/${count}`
    const known = asked.get(key) ?? surely(ask, [one, table, address, count])
    asked.set(key, known)
    return known
  }
  const fitting: Array<{ profile: Profile; evidence: number }> = []
  for (const profile of profiles.values()) {
    const evidence = await evidenceFor(once, unit, profile)
    if (evidence > 0) fitting.push({ profile, evidence })
  }
  return fitting.sort((left, right) => right.evidence - left.evidence).map(({ profile }) => profile)
}

/** An exception is an answer; a reply that was lost or damaged is asked for again. */
async function surely(ask: Ask, question: Parameters<Ask>): Promise<ReadResult> {
  for (let tries = 1; ; tries++) {
    const result = await ask(...question)
    if (isAnswer(result) || tries >= TRIES_MAX) return result
  }
}

/** How many signs hold; 0 as soon as one does not. A register that holds the unit's own address is a strong one. */
async function evidenceFor(ask: Ask, unit: number, { signs = [], addressSetting }: Profile): Promise<number> {
  let evidence = 0
  for (const { table, address, min, max, ...field } of signs) {
    const result = await ask(unit, table, address, placesOf(field))
    if (!result.ok) return 0
    const value = decodeField(field, result.values)
    if (!(value >= min && value <= max)) return 0
    evidence++
  }
  if (addressSetting === undefined || evidence === 0) return evidence
  const held = await ask(unit, 'holding', addressSetting.address, 1)
  return held.ok && held.values[0] === unit ? evidence + 1 : 0
}
