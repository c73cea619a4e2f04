import { isFinal } from '../../contract/command.ts'
import type { Message } from '../../contract/decode.ts'
import type { Language } from '../language.ts'

/** One line per message of the district, for people. Pure: text in, text out. */

const EVENT_WORDS: Record<string, { zh: string; en: string }> = {
  pressed: { zh: '按下报警', en: 'PRESSED' },
  released: { zh: '松开', en: 'released' },
  cancelled: { zh: '长按取消', en: 'cancelled by a long press' },
  stuck: { zh: '按钮卡住', en: 'stuck' },
  tamper: { zh: '线路防拆报警', en: 'TAMPER' },
  'tamper-cleared': { zh: '线路恢复', en: 'tamper cleared' },
  reset: { zh: '已复位', en: 'reset by staff' },
  started: { zh: '网关启动', en: 'gateway started' },
  'board-ready': { zh: '控制板就绪', en: 'board ready' },
  'board-lost': { zh: '控制板失联', en: 'board lost' },
  'telemetry-dropped': { zh: '遥测被丢弃', en: 'telemetry dropped' },
}

const SEVERITY_COLOUR = { alarm: 31, warning: 33, notice: 36 } as const

export interface FeedStyle {
  language: Language
  colour: boolean
  /** Label of a device for people. */
  label: (gateway: string, device: string) => string | undefined
}

/** undefined: nothing worth a line (states and descriptions, which change with every event). */
export function feedLine(message: Message, clock: string, style: FeedStyle): string | undefined {
  const { topic } = message
  const where = `${topic.gateway}/${topic.device}`
  const label = style.label(topic.gateway, topic.device)
  const line = (mark: string, text: string, colour?: number) => {
    const body = `${clock}  ${mark} ${where.padEnd(14)} ${text}${label ? `  · ${label}` : ''}`
    return style.colour && colour !== undefined ? `\u001b[${colour}m${body}\u001b[0m` : body
  }
  switch (message.kind) {
    case 'event': {
      const { severity, data, replayed } = message.event
      const word = EVENT_WORDS[topic.channel === 'evt' ? topic.type : '']?.[style.language] ?? message.event.type
      const late = replayed ? (style.language === 'zh' ? '(补传)' : ' (delayed by an outage)') : ''
      const mark = severity === 'alarm' ? '●' : severity === 'warning' ? '▲' : '·'
      return line(mark, `${word}${details(data)}${late}`, SEVERITY_COLOUR[severity])
    }
    case 'availability':
      return line(
        message.availability.status === 'online' ? '+' : '−',
        [message.availability.status, message.availability.reason].filter(Boolean).join(' – '),
        90,
      )
    case 'result':
      if (!isFinal(message.result.status)) return undefined
      return line(
        '→',
        [`${message.result.name}: ${message.result.status}`, message.result.code].filter(Boolean).join(' '),
        90,
      )
    default:
      return undefined
  }
}

function details(data: unknown): string {
  if (typeof data !== 'object' || data === null) return ''
  const parts = Object.entries(data)
    .filter(([name, value]) => value !== false && name !== 'actor')
    .map(([name, value]) => `${name.replace(/_ms$/, '')} ${name.endsWith('_ms') ? `${value} ms` : String(value)}`)
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`
}
