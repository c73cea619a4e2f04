import { expect, it, vi } from 'vitest'
import type { Sessions } from './broker/persistence/sessions.ts'
import type { Message } from './contract/decode.ts'
import { makeEvent } from './contract/event.ts'
import { type Address, formatTopic } from './contract/topic.ts'
import { createMemoryDisk } from './journal/memory-backend.ts'
import { openMemoryLog } from './journal/open.ts'
import { JOURNAL_LANES } from './journal-lanes.ts'
import { createOwnVoice } from './own-voice.ts'

it('what the hub derives is telemetry, and never takes the room of alarms', async () => {
  const log = await openMemoryLog(createMemoryDisk(), { lanes: JOURNAL_LANES })
  const heard: Message[] = []
  const published: string[] = []
  const broker = { publish: async ({ topic }: { topic: string }) => void published.push(topic) }
  const sessions: Pick<Sessions, 'append'> = { append: (append) => log.append(append) }
  const deps = { sessions, logger: { error: (_: object, message: string) => expect.fail(message) }, now_ms: Date.now }
  const own = createOwnVoice(
    deps,
    (message) => heard.push(message),
    () => broker as never,
  )
  const address: Address = {
    street: 's',
    community: 'c',
    estate: 'e',
    gateway: 'hub',
    class: 'park-sensor',
    device: 'a-air',
  }
  const stamp = { wall_ms: 1_800_000_000_000, monotonic_ms: 1, quality: 'synced' } as const
  const topic = formatTopic({ ...address, channel: 'tele' })
  own.say(
    topic,
    makeEvent({ address, bootid: 'b', sequence: 1 }, 'telemetry', 'notice', stamp, [{ n: 'aqi', u: '/', v: 42 }]),
    false,
  )
  await vi.waitFor(() => expect(published).toEqual([topic]))
  expect(heard.map(({ kind }) => kind)).toEqual(['telemetry'])
  expect([log.last('telemetry'), log.last('alarm')]).toEqual([1, 0])
  await log.close()
})
