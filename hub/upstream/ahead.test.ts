import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLog } from '../journal/log.ts'
import { createMemoryBackend, createMemoryDisk, type MemoryDisk } from '../journal/memory-backend.ts'
import type { Answered } from '../journal/shipper/outgoing.ts'
import { createPump } from '../journal/shipper/pump.ts'
import type { Entry } from '../journal/types.ts'
import { createAhead } from './ahead.ts'

/** A journal whose disk writes when it is told to, and a link that answers when it is told to. */

const LANES = ['alarm', 'telemetry']

async function open(disk: MemoryDisk = createMemoryDisk()) {
  const backend = createMemoryBackend(disk)
  const writing: Array<() => void> = []
  const log = await createLog(
    {
      backend: {
        ...backend,
        commit: (batch, cursors) =>
          new Promise<void>((resolve) => writing.push(resolve)).then(() => backend.commit(batch, cursors)),
      },
    },
    { lanes: LANES.map((name) => ({ name, kind: 'queue', evict: 'never' })), stream_hold_ms: 1 },
  )
  const sent: string[] = []
  let flying: Answered[] = []
  let isUp = true
  let stopping = Promise.resolve()
  function publish({ topic }: Entry, answered: Answered): void {
    if (!isUp) answered(new Error('down'))
    else {
      sent.push(topic)
      flying.push(answered)
    }
  }
  const pump = createPump({
    log,
    cursorName: 'up',
    lanes: LANES,
    window: 4,
    unsettled_max: 1_000,
    send({ entry }, answered) {
      if (!ahead.answerTo(entry, answered)) publish(entry, answered)
    },
    onError: () => undefined,
  })
  const ahead = createAhead(
    { log, pump, mayGo: () => isUp, wants: ({ topic }) => !topic.includes('unwanted'), publish },
    { lanes: LANES, window: 4 },
  )
  const settle = async () => {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  const one = {
    log,
    sent,
    /** Appends; gives whether it is on disk, or was refused, by now. */
    append(lane: string, topic: string, sequence?: number) {
      const outcome: { is: 'open' | 'on disk' | 'refused' } = { is: 'open' }
      const base = { lane, topic, payload: Buffer.from(topic), time_ms: 0 }
      log.append(sequence === undefined ? base : { ...base, stream: 's', sequence }).then(
        () => Object.assign(outcome, { is: 'on disk' }),
        () => Object.assign(outcome, { is: 'refused' }),
      )
      return outcome
    },
    async write() {
      await settle()
      for (const go of writing.splice(0)) go()
      await settle()
    },
    async acknowledge() {
      for (const answered of flying.splice(0)) answered()
      await settle()
    },
    async breakLink() {
      isUp = false
      const lost = flying
      flying = []
      for (const answered of lost) answered(new Error('lost'))
      ahead.down()
      stopping = pump.stop()
      await settle()
    },
    async mendLink() {
      isUp = true
      stopping.then(() => isUp && pump.start())
      await settle()
    },
    position: (lane: string) => log.cursor('up', LANES).position(lane),
    /** Everything is written and acknowledged. */
    async finish() {
      if (!isUp) await one.mendLink()
      for (let round = 0; round < 60; round++) {
        await one.write()
        await one.acknowledge()
      }
    },
  }
  pump.start()
  await settle()
  return one
}

describe('what goes upstream ahead of the disk', () => {
  it('goes in the turn of its append, once, and is passed when the disk has it', async () => {
    const { append, sent, write, acknowledge, position } = await open()
    const outcome = append('alarm', 'a1', 1)
    append('alarm', 'a2', 2)
    append('telemetry', 't1', 1)
    expect(sent).toEqual(['a1', 'a2', 't1'])
    await acknowledge()
    expect(outcome.is).toBe('open')
    expect(position('alarm')).toBe(0)
    await write()
    await write()
    expect(outcome.is).toBe('on disk')
    expect(sent).toEqual(['a1', 'a2', 't1'])
    expect([position('alarm'), position('telemetry')]).toEqual([2, 1])
  })

  it('waits for the disk when it has no stream, and holds up nothing that has one', async () => {
    const { append, sent, write, finish } = await open()
    append('alarm', 'result')
    append('alarm', 'a1', 1)
    append('telemetry', 't1', 1)
    append('alarm', 'unwanted', 2)
    expect(sent).toEqual(['a1', 't1'])
    await write()
    expect(sent).toEqual(['a1', 't1', 'result', 'unwanted'])
    await finish()
    append('alarm', 'a3', 3)
    expect(sent).toEqual(['a1', 't1', 'result', 'unwanted', 'a3'])
  })

  it('is at most the window, and the rest follows in order', async () => {
    const { append, sent, finish } = await open()
    const topics = Array.from({ length: 9 }, (_, index) => `a${index + 1}`)
    for (const [index, topic] of topics.entries()) append('alarm', topic, index + 1)
    expect(sent).toEqual(topics.slice(0, 4))
    await finish()
    expect(sent).toEqual(topics)
  })

  it('goes again when its sender tries again after the disk refused it', async () => {
    const disk = createMemoryDisk()
    const { append, sent, write, finish } = await open(disk)
    disk.failures = 1
    const refused = append('alarm', 'a1', 1)
    await write()
    expect(refused.is).toBe('refused')
    const again = append('alarm', 'a1', 1)
    append('alarm', 'a2', 2)
    await finish()
    expect(again.is).toBe('on disk')
    expect(sent).toEqual(['a1', 'a1', 'a2'])
  })

  it('is sent again by the next connection, before anything later', async () => {
    const { append, sent, breakLink, mendLink, finish } = await open()
    append('alarm', 'a1', 1)
    await breakLink()
    await mendLink()
    append('alarm', 'a2', 2)
    expect(sent).toEqual(['a1'])
    await finish()
    expect(sent).toEqual(['a1', 'a1', 'a2'])
  })

  it('never overtakes and never gets lost, whatever comes when', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ lane: fc.constantFrom(...LANES), streamed: fc.boolean() }) },
      { weight: 2, arbitrary: fc.constantFrom('write', 'acknowledge') },
      { weight: 1, arbitrary: fc.constantFrom('breakLink', 'mendLink') },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const hub = await open()
        const said: Record<string, Array<{ topic: string; streamed: boolean }>> = { alarm: [], telemetry: [] }
        for (const one of steps) {
          if (typeof one === 'string') await hub[one as 'write']()
          else {
            const mine = said[one.lane] ?? []
            const topic = `${one.lane} ${mine.length + 1}`
            mine.push({ topic, streamed: one.streamed })
            hub.append(one.lane, topic, one.streamed ? mine.length : undefined)
          }
        }
        await hub.finish()
        for (const lane of LANES) {
          const mine = said[lane] ?? []
          const places = mine.map(({ topic }) => hub.sent.indexOf(topic))
          expect(places).not.toContain(-1)
          // Only what has no stream is overtaken, and only by what has one.
          for (const [later, { streamed }] of mine.entries())
            for (const [earlier, before] of mine.slice(0, later).entries())
              if (!streamed || before.streamed) expect(places[earlier]).toBeLessThan(places[later] as number)
          expect(hub.position(lane)).toBe(said[lane]?.length)
        }
        await hub.log.close()
      }),
      { numRuns: 60 },
    )
  })
})
