import { SEVERITIES } from '../contract/event.ts'
import { DEVICE_CLASSES, parseTopic, Segment, type Topic } from '../contract/topic.ts'
import { type Static, Type } from '../contract/type.ts'
import type { Entry } from '../journal/types.ts'

/** Which messages an upstream gets. */

/** What is forwarded at all: commands stay here, and plates are not even in the journal. */
export const FILTER_CHANNELS = ['evt', 'tele', 'state', 'avail', 'meta', 'res'] as const

const few = { minItems: 1, maxItems: 100 }

/** A message fits a rule when it fits everything that the rule names. */
export const FilterRule = Type.Object(
  {
    classes: Type.Optional(Type.Array(Type.Enum([...DEVICE_CLASSES]), few)),
    channels: Type.Optional(Type.Array(Type.Enum([...FILTER_CHANNELS]), few)),
    /** Types of events: whatever is no event does not fit. */
    events: Type.Optional(Type.Array(Segment, few)),
    /** Of events and telemetry: whatever has no severity does not fit. */
    severities: Type.Optional(Type.Array(Type.Enum([...SEVERITIES]), few)),
    gateways: Type.Optional(Type.Array(Segment, few)),
  },
  { additionalProperties: false, minProperties: 1 },
)
export type FilterRule = Static<typeof FilterRule>

export const Filter = Type.Object(
  {
    /** Everything when absent; otherwise what fits one of them. */
    include: Type.Optional(Type.Array(FilterRule, few)),
    /** … but nothing that fits one of these. */
    exclude: Type.Optional(Type.Array(FilterRule, few)),
  },
  { additionalProperties: false },
)
export type Filter = Static<typeof Filter>

export type Wants = (entry: Pick<Entry, 'topic' | 'payload'>) => boolean

/** Topics whose judgement is remembered; a device says the same few all its life. */
const TOPICS_MAX = 4_096
const SEVERITY = /"severity"\s*:\s*"([a-z]+)"/

/** By topic alone where possible: the payload is looked at only for its severity, and only where a rule asks for one. */
export function createFilter(filter: Filter): Wants {
  const { include, exclude = [] } = filter
  const known = new Map<string, Verdict>()

  function verdictOf(name: string): Verdict {
    const remembered = known.get(name)
    if (remembered) return remembered
    const parsed = parseTopic(name)
    const fitting = (rules: readonly FilterRule[]) => rules.filter((rule) => parsed.ok && fitsTopic(rule, parsed.value))
    const verdict = { include: include ? merge(fitting(include)) : ALL, exclude: merge(fitting(exclude)) }
    if (known.size >= TOPICS_MAX) known.clear()
    known.set(name, verdict)
    return verdict
  }

  return ({ topic, payload }) => {
    const verdict = verdictOf(topic)
    if (verdict.include.severities.size === 0 && !verdict.include.always) return false
    if (verdict.exclude.always) return false
    if (verdict.include.always && verdict.exclude.severities.size === 0) return true
    const severity = severityOf(payload)
    const has = ({ always, severities }: Which) => always || (severity !== undefined && severities.has(severity))
    return has(verdict.include) && !has(verdict.exclude)
  }
}

/** For which severities the rules that fit a topic hold. */
interface Which {
  always: boolean
  severities: ReadonlySet<string>
}
interface Verdict {
  include: Which
  exclude: Which
}
const ALL: Which = { always: true, severities: new Set() }

function merge(rules: readonly FilterRule[]): Which {
  return {
    always: rules.some(({ severities }) => severities === undefined),
    severities: new Set(rules.flatMap(({ severities = [] }) => severities)),
  }
}

function fitsTopic(rule: FilterRule, topic: Topic): boolean {
  const { classes, channels, events, severities, gateways } = rule
  const has = (list: readonly string[] | undefined, one: string) => list === undefined || list.includes(one)
  return (
    has(classes, topic.class) &&
    has(channels, topic.channel) &&
    has(gateways, topic.gateway) &&
    (events === undefined || (topic.channel === 'evt' && events.includes(topic.type))) &&
    (severities === undefined || topic.channel === 'evt' || topic.channel === 'tele')
  )
}

/**
 * The envelope comes from JSON.stringify or passed the schema, and its own `severity` stands before `data` or behind it;
 * only where the text has more than one is it parsed.
 */
function severityOf(payload: Uint8Array): string | undefined {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
  const first = SEVERITY.exec(text)
  if (!first) return undefined
  if (text.indexOf('"severity"', first.index + 1) < 0) return first[1]
  try {
    const { severity } = JSON.parse(text) as { severity?: unknown }
    return typeof severity === 'string' ? severity : undefined
  } catch {
    return undefined
  }
}
