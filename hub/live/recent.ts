import { decodeMessage, type Message } from '../contract/decode.ts'
import type { Log } from '../journal/types.ts'

/** The newest events of the journal, oldest first: what pages show after the hub has restarted. */
export async function recentEvents(log: Pick<Log, 'read' | 'last'>, count: number): Promise<Message[]> {
  const entries = await log.read('alarm', Math.max(0, log.last('alarm') - count), count)
  return entries.flatMap(({ topic, payload }) => {
    const decoded = decodeMessage(topic, payload, false)
    return decoded.ok && decoded.value.kind === 'event' ? [decoded.value] : []
  })
}
