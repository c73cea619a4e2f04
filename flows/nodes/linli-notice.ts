import { listOf } from './event-filter.ts'
import { bridgeOf, type RedApi, type RedNode } from './red.ts'

interface NoticeConfig {
  /** Ways of reaching people, separated by commas, as in `contact.channel` of the site. */
  channels: string
}

/** `linli notice`: sends a message for each person who is to be told of an incident. */
export default function linliNotice(RED: RedApi): void {
  function LinliNotice(this: RedNode, config: NoticeConfig): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    const wanted = listOf(config.channels)
    const unsubscribe = bridge.onNotice((notice) => {
      const { id, to, ...about } = notice
      for (const person of to) {
        if (wanted.length > 0 && !wanted.includes(person.channel)) continue
        this.status({ fill: 'blue', shape: 'dot', text: `${about.incident.id} → ${person.name}` })
        this.send({ topic: person.channel, payload: textOf(notice), notice: { id, ...about }, to: person })
      }
    })
    this.on('close', unsubscribe)
  }
  RED.nodes.registerType('linli notice', LinliNotice)
}

const KINDS: Record<string, string> = { major: '大事 major', shared: '小事 shared', private: '私事 private' }

/** One line in both languages that a guard understands on a small screen. */
function textOf({
  why,
  clock,
  incident,
}: {
  why: string
  clock?: string
  incident: { id: string; kind: string; cause: string; count: number; device?: string; place?: object; matter?: string }
}): string {
  const { id, kind, cause, count, device, place, matter } = incident
  const where = Object.values(place ?? {}).join(' ') || device || ''
  const late = clock === undefined ? '' : ` 超时 overdue: ${clock}`
  const times = count > 1 ? ` ×${count}` : ''
  return `邻里 Linli #${id} [${KINDS[kind] ?? kind}] ${matter ?? cause}${times} ${where}${late} (${why})`
    .replace(/ +/g, ' ')
    .trim()
}
