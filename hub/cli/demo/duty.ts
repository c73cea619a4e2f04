import type { Message } from '../../contract/decode.ts'
import type { Address } from '../../contract/topic.ts'
import type { Language } from '../language.ts'

/** The duty desk of the demo: takes one alarm after the other through its whole life, as a platform of the district would. */
export interface Duty {
  heard(message: Message): void
}

/** Long enough to read the line before. */
const PAUSE_MS = 2_500
/** What the desk does when it hears this. */
const NEXT: Readonly<Record<string, string>> = {
  raised: 'acknowledge',
  acknowledged: 'dispatch',
  dispatched: 'arrive',
  'on-site': 'resolve',
  resolved: 'answer',
}
const ANSWER = { zh: '已到现场处理,情况正常', en: 'seen to on site, all is well' }

export function createDuty(command: (address: Address, name: string, args: object) => void, language: Language): Duty {
  const waiting: Address[] = []
  let current: Address | undefined

  function take(): void {
    current = waiting.shift()
    if (current) later('acknowledge', current)
  }

  function later(name: string, address: Address): void {
    const args = name === 'resolve' ? { text: ANSWER[language] } : {}
    setTimeout(() => command(address, name, args), PAUSE_MS).unref()
  }

  return {
    heard(message) {
      if (message.kind !== 'event' || message.topic.class !== 'incident') return
      const { channel: _channel, type, ...address } = message.topic
      if (type === 'raised') {
        if ((message.event.data as { cause?: unknown }).cause !== 'button') return
        waiting.push(address)
        if (!current) take()
      } else if (address.device === current?.device) {
        const next = NEXT[type]
        if (next) later(next, address)
        else if (type === 'answered' || type === 'false-alarm') take()
      }
    },
  }
}
