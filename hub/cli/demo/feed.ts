import { isFinal, type Result } from '../../contract/command.ts'
import type { Message } from '../../contract/decode.ts'
import type { LinliEvent } from '../../contract/event.ts'
import type { SenmlPack } from '../../contract/senml.ts'
import type { Language } from '../language.ts'
import { detailWord, eventWord, stateWord } from './words.ts'

/** One line per message of the district, for people: text in, text out. */

const SEVERITY_COLOUR = { alarm: 31, warning: 33, notice: 36 } as const
const GREY = 90

export interface FeedStyle {
  language: Language
  colour: boolean
  /** Label of a device for people. */
  label: (gateway: string, device: string) => string | undefined
}

/** Of one message: undefined when there is nothing worth a line (descriptions, states that say nothing new). */
export type Feed = (message: Message, clock: string) => string | undefined

interface Line {
  mark: string
  text: string
  colour: number
}

/** Remembers what each gate showed last: its state comes with every event. */
export function createFeed(style: FeedStyle): Feed {
  const shown = new Map<string, string>()

  function gateLine(where: string, state: unknown): Line | undefined {
    const { lock, position } = (state ?? {}) as { lock?: string; position?: string }
    const now = lock ?? position ?? ''
    if (shown.get(where) === now) return undefined
    const isFirst = !shown.has(where)
    shown.set(where, now)
    const text = stateWord(now, style.language)
    return text === undefined || isFirst ? undefined : { mark: '○', text, colour: GREY }
  }

  function lineOf(message: Message, where: string): Line | undefined {
    switch (message.kind) {
      case 'event':
        return eventLine(message.event, message.topic.type, style.language)
      case 'availability': {
        const { status, reason } = message.availability
        const mark = status === 'online' ? '+' : '−'
        return { mark, text: [status, reason].filter(Boolean).join(' – '), colour: GREY }
      }
      case 'telemetry':
        return message.topic.class === 'park-sensor' ? readingsLine(message.event.data, style.language) : undefined
      case 'result':
        return resultLine(message.result)
      case 'state':
        return message.topic.class === 'access-gate' ? gateLine(where, message.state) : undefined
      default:
        return undefined
    }
  }

  return (message, clock) => {
    const { gateway, device } = message.topic
    const where = message.topic.class === 'incident' ? `${INCIDENT[style.language]} ${device}` : `${gateway}/${device}`
    const line = lineOf(message, where)
    if (!line) return undefined
    const label = style.label(gateway, device)
    const body = `${clock}  ${line.mark} ${where.padEnd(14)} ${line.text}${label ? `  · ${label}` : ''}`
    return style.colour ? `\u001b[${line.colour}m${body}\u001b[0m` : body
  }
}

function eventLine({ severity, data, replayed, type: full }: LinliEvent, type: string, language: Language): Line {
  const late = replayed ? (language === 'zh' ? '(补传)' : ' (delayed by an outage)') : ''
  const mark = severity === 'alarm' ? '●' : severity === 'warning' ? '▲' : '·'
  const text = `${eventWord(type, language) ?? full}${details(data, language)}${late}`
  return { mark, text, colour: SEVERITY_COLOUR[severity] }
}

/** Units of SenML as people write them; the others stay. */
const UNIT_SIGNS: Record<string, string> = { Cel: '°C', '%RH': '%', 'ug/m3': 'µg/m³', '/': '' }

function readingsLine(pack: SenmlPack, language: Language): Line {
  const readings = pack.map(({ n = '', u = '', v, q, qr }) => {
    const number = v === undefined ? '–' : `${v} ${UNIT_SIGNS[u] ?? u}`.trimEnd()
    const doubt = q === undefined ? '' : ` (${detailWord(q, language)}: ${detailWord(qr ?? '', language)})`
    return `${detailWord(n, language)} ${number}${doubt}`
  })
  return { mark: '~', text: readings.join(' · '), colour: GREY }
}

function resultLine({ name, status, code, data }: Result): Line | undefined {
  if (!isFinal(status)) return undefined
  const { gates, released } = (data ?? {}) as { gates?: number; released?: number }
  const counts = gates === undefined ? undefined : `${released}/${gates}`
  return { mark: '→', text: [`${name}: ${status}`, counts, code].filter(Boolean).join(' '), colour: GREY }
}

/** Who, and by which credential, is in the message and not for a screen. */
const UNSHOWN = ['actor', 'credential', 'command', 'granted', 'event', 'place', 'reference']
const INCIDENT = { zh: '事件', en: 'incident' }

function details(data: unknown, language: Language): string {
  if (typeof data !== 'object' || data === null) return ''
  const parts = Object.entries(data)
    .filter(([name, value]) => (value !== false || name === 'on') && !UNSHOWN.includes(name))
    .map(([name, value]) => {
      if (value === false) return detailWord('off', language)
      const word = detailWord(name.replace(/_ms$/, ''), language)
      if (value === true) return word
      return `${word} ${name.endsWith('_ms') ? `${value} ms` : detailWord(String(value), language)}`
    })
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}
