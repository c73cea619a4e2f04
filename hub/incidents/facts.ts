import { envelopeOf, knownTopic } from '../contract/decode.ts'
import type { Place } from '../contract/meta.ts'
import type { Address } from '../contract/topic.ts'
import type { Entry } from '../journal/types.ts'
import type { Changes } from './book.ts'
import { FOLLOWING_EVENTS, type IncidentConfig, ruleFor } from './config.ts'
import { type IncidentInput, raiseIncident, stepIncident } from './machine.ts'
import type { Incident, Moment } from './types.ts'

/** An event that may concern incidents. */
export interface Fact {
  device: string
  class: string
  type: string
  /** Of the envelope. */
  event: string
  at_ms: number
  /** Delivered late. */
  late: boolean
  place: Place | undefined
}

/** By its topic alone where possible: most of what the alarm lane holds raises nothing. */
export function factOf(
  { topic: name, payload }: Entry,
  { rules }: Pick<IncidentConfig, 'rules'>,
  placeOf: (address: Address) => Place | undefined,
): Fact | undefined {
  if (!name.includes('/evt/')) return undefined
  const parsed = knownTopic(name)
  if (!parsed.ok || parsed.value.channel !== 'evt') return undefined
  const { gateway, class: kind, device, type } = parsed.value
  const concerns = rules.some((rule) => rule.class === kind && rule.events.includes(type))
  if (kind === 'incident' || !(concerns || FOLLOWING_EVENTS[kind]?.includes(type))) return undefined
  const event = envelopeOf(payload)
  if (!event) return undefined
  return {
    device: `${gateway}/${kind}/${device}`,
    class: kind,
    type,
    event: event.id,
    at_ms: Date.parse(event.time),
    late: event.replayed === true,
    place: placeOf(parsed.value),
  }
}

/** The same incident: the same device and rule, while it is open. Whatever comes after it is resolved raises another. */
export function takeFact(
  config: IncidentConfig,
  fact: Fact,
  changes: Pick<Changes, 'ofDevice' | 'add'>,
  counter: { number: number },
  now: Moment,
): void {
  const { device, event, type, at_ms, late, place } = fact
  const open = changes.ofDevice(device)
  const step = (incident: Incident, input: IncidentInput) => {
    const outcome = stepIncident(config, incident, input, now)
    if (!('refused' in outcome)) changes.add(outcome)
  }
  const rule = ruleFor(config, fact)
  const same = rule && open.find(({ cause }) => cause === rule.name)
  if (!rule) for (const incident of open) step(incident, { type: 'follow', event, eventType: type })
  else if (same) step(same, { type: 'repeat', event, eventType: type })
  else {
    const number = counter.number + 1
    const cause = { id: String(number), number, source: 'event', cause: rule.name, actor: 'hub:incidents' } as const
    const about = { kind: rule.kind, rule, device, event, eventType: type, at_ms, late, ...(place ? { place } : {}) }
    changes.add(raiseIncident(config, { ...cause, ...about }, now))
    counter.number = number
  }
}
