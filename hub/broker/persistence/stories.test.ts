import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { connectPacket, packet } from '../../../test/support/mqtt-bytes.ts'
import { openSessionRoom, type SessionRoom } from '../../../test/support/session-room.ts'
import { type SessionSubscriber, sessionSubscriber } from '../../../test/support/session-subscriber.ts'

/**
 * Random stories of sessions: subscribers that come, go, and answer late or not at all, subscriptions that change, power cuts at any
 * moment, in the middle of a publish too. What was acknowledged to its publisher while a session was subscribed comes: of QoS 2
 * exactly once, of QoS 1 at least once, in order per topic, and nothing comes that nobody may expect.
 */

/** Each opens a broker of its own and cuts its power a few times. */
const RUNS = 40
const WAIT = { timeout: 20_000, interval: 2 }
const [CONNACK, PUBACK, PUBREC, PUBCOMP, SUBACK, UNSUBACK] = [2, 4, 5, 7, 9, 11]
/** Of two lanes of the journal. */
const TOPICS = ['a/x', 'a/y', 'b/tele', 'b/y']
const FILTERS = ['a/+', 'a/x', '#', 'b/#']
const MATCHES: Record<string, string[]> = {
  'a/+': ['a/x', 'a/y'],
  'a/x': ['a/x'],
  '#': TOPICS,
  'b/#': ['b/tele', 'b/y'],
}
const NAMES = ['one', 'two']

/** `isCut`: the power goes before the answer has come. */
type Publish = { do: 'publish'; topic: string; qos: 1 | 2; isCut: boolean }
type Change =
  | { do: 'subscribe'; who: number; filter: string; qos: 1 | 2 }
  | { do: 'unsubscribe'; who: number; filter: string }
type Step =
  | Publish
  | Change
  | { do: 'come'; who: number }
  | { do: 'leave'; who: number }
  | { do: 'answer'; who: number; count: number }
  | { do: 'cut' }

const who = fc.nat({ max: NAMES.length - 1 })
const qos = fc.constantFrom<1 | 2>(1, 2)
const topic = fc.constantFrom(...TOPICS)
/** One in seven. */
const isCut = fc.nat({ max: 6 }).map((number) => number === 0)
const filter = fc.constantFrom(...FILTERS)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), topic, qos, isCut }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('come' as const, 'leave' as const), who }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('answer' as const), who, count: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('subscribe' as const), who, filter, qos }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), who, filter }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cut' as const) }) },
)

const until = (check: () => void) => vi.waitFor(check, WAIT)

/** What one session may and must get. */
interface Due {
  subscriber: SessionSubscriber
  /** Filter → QoS. */
  filters: Map<string, 1 | 2>
  must: Set<string>
  may: Set<string>
}

class Story {
  readonly room: SessionRoom
  readonly due: Due[]
  #published = 0

  constructor(room: SessionRoom) {
    this.room = room
    this.due = NAMES.map((name) => ({
      subscriber: sessionSubscriber(name, (...packets) => room.peer(...packets)),
      filters: new Map(),
      must: new Set(),
      may: new Set(),
    }))
  }

  async perform(step: Step): Promise<void> {
    if (step.do === 'cut') return this.cut()
    if (step.do === 'publish') return this.publish(step)
    const due = this.due[step.who] as Due
    if (step.do === 'come') return this.come(due)
    if (!due.subscriber.isHere()) return
    if (step.do === 'leave') await this.leave(due)
    else if (step.do === 'answer') due.subscriber.answer(step.count)
    else await this.change(due, step)
  }

  async come({ subscriber }: Due): Promise<void> {
    if (subscriber.isHere()) return
    subscriber.come()
    await until(() => expect(subscriber.heard(CONNACK)).toBe(1))
  }

  async leave({ subscriber }: Due): Promise<void> {
    subscriber.leave()
    await until(() => expect(this.room.broker.isConnected(subscriber.name)).toBe(false))
  }

  async cut(): Promise<void> {
    for (const { subscriber } of this.due) subscriber.leave()
    await this.room.restart()
  }

  async change(due: Due, step: Change): Promise<void> {
    const { subscriber, filters } = due
    const type = step.do === 'subscribe' ? SUBACK : UNSUBACK
    const before = subscriber.heard(type)
    if (step.do === 'subscribe') {
      filters.set(step.filter, step.qos)
      subscriber.send(packet(0x82, 0, 9, step.filter, step.qos))
    } else {
      // MQTT-3.10.4-3: what waits may still come.
      filters.delete(step.filter)
      for (const text of due.must) due.may.add(text)
      due.must = new Set([...due.must].filter((text) => subscriber.taken.some((taken) => taken.text === text)))
      subscriber.send(packet(0xa2, 0, 9, step.filter))
    }
    await until(() => expect(subscriber.heard(type)).toBe(before + 1))
  }

  async publish(step: Publish): Promise<void> {
    this.#published += 1
    const text = `${this.#published}`
    const { due, room } = this
    const wanting = due.filter(({ filters }) => [...filters.keys()].some((one) => MATCHES[one]?.includes(step.topic)))
    for (const { may } of wanting) may.add(text)
    const publisher = room.peer(
      connectPacket({ id: `from-${text}` }),
      packet(0x30 | (step.qos << 1), step.topic, 0, 1, Buffer.from(text)),
    )
    if (step.isCut) {
      // Somewhere between the first byte and the answer.
      await until(() => expect(publisher.of(CONNACK).length).toBe(1))
      return this.cut()
    }
    await until(() => expect(publisher.of(step.qos === 1 ? PUBACK : PUBREC).length).toBe(1))
    for (const { must } of wanting) must.add(text)
    if (step.qos === 2) {
      publisher.send(packet(0x62, 0, 1))
      await until(() => expect(publisher.of(PUBCOMP).length).toBe(1))
    }
    publisher.end()
  }

  /** Everybody comes and answers until nothing is missing; then one message more, behind which nothing may wait. */
  async settle(): Promise<void> {
    for (const due of this.due) {
      await this.come(due)
      await this.change(due, { do: 'subscribe', who: 0, filter: '#', qos: 1 })
    }
    await this.caughtUp()
    for (const topic of ['a/x', 'b/tele']) await this.publish({ do: 'publish', topic, qos: 1, isCut: false })
    await this.caughtUp()
  }

  async caughtUp(): Promise<void> {
    for (const { subscriber, must } of this.due) {
      await until(() => {
        subscriber.answer(1_000)
        const taken = new Set(subscriber.taken.map(({ text }) => text))
        expect([...must].filter((text) => !taken.has(text))).toEqual([])
        expect(subscriber.isEven()).toBe(true)
      })
    }
  }

  judge(): void {
    for (const { subscriber, may } of this.due) {
      const { faults, taken } = subscriber
      expect(faults).toEqual([])
      expect(taken.filter(({ text }) => !may.has(text))).toEqual([])
      for (const topic of TOPICS) {
        for (const level of [1, 2]) {
          const order = taken.filter((one) => one.topic === topic && one.qos === level).map(({ text }) => Number(text))
          expect(order).toEqual(order.toSorted((a, b) => a - b))
        }
      }
    }
  }
}

describe('sessions', () => {
  it('keep what MQTT promises through whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30, size: 'max' }), async (steps) => {
        const room = await openSessionRoom()
        try {
          const story = new Story(room)
          for (const one of steps) await story.perform(one)
          await story.settle()
          story.judge()
        } finally {
          await room.powerCut()
        }
      }),
      { numRuns: RUNS },
    )
  })
})
