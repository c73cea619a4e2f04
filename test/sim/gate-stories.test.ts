import { afterEach, expect, it } from 'vitest'
import { isFinal } from '../../hub/contract/command.ts'
import type { Address } from '../../hub/contract/topic.ts'
import { SITE } from '../support/estate.ts'
import { HUB, VirtualEntrance } from '../support/virtual-entrance.ts'
import { createVirtualTime, type VirtualTime } from '../support/virtual-time.ts'

/**
 * Random stories at a door and a barrier: people, cars, orders, and outages of the network, the gateway and the board.
 * Whatever happens, each order has one final result, and what happened is told with the times at which it did.
 */

/** LINLI_SEED repeats a run. */
const SEED = Number(process.env.LINLI_SEED ?? 20_261_124)
const STORY_MS = 12 * 60_000
/** As long as a gateway goes on believing in the clock that it asked for. */
const QUALITY_AGE_MS = 10_000

let time: VirtualTime | undefined
afterEach(() => time?.restore())

const GATES: Address[] = ['d1', 'v1'].map((device) => ({ ...SITE, gateway: 'gw-1', class: 'access-gate', device }))
const ORDERS: Array<[name: string, args: object]> = [
  ['open', {}],
  ['close', {}],
  ['hold-open', { for_ms: 20_000 }],
  ['lock', {}],
  ['unlock', {}],
  ['reset', {}],
  ['release-all', {}],
  ['set-mode', { mode: 'schedule' }],
  ['set-mode', { mode: 'schedule', endevacuation: true }],
]

class Story {
  readonly entrance: VirtualEntrance
  readonly virtual: VirtualTime
  readonly outages: Array<{ from_ms: number; until_ms: number }> = []
  orders = 0
  answered = 0

  constructor(virtual: VirtualTime, seed: number) {
    this.virtual = virtual
    this.entrance = new VirtualEntrance(virtual, seed)
  }

  async tell(): Promise<void> {
    await this.entrance.start()
    const end_ms = Date.now() + STORY_MS
    while (Date.now() < end_ms) {
      await this.virtual.advance(500 + this.upTo(6_000))
      await this.happens()
    }
    await this.virtual.advance(90_000)
  }

  upTo(most: number): number {
    return Math.floor(this.entrance.random() * most)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.upTo(list.length)] as T
  }

  async happens(): Promise<void> {
    const { entrance } = this
    const dice = entrance.random()
    if (dice < 0.55) this.order()
    else if (dice < 0.68) entrance.do({ do: 'walk-through', device: 'd1', direction: this.pick(['in', 'out']) })
    else if (dice < 0.82) entrance.do({ do: 'vehicle', device: 'v1', plate: 'A1', patience_ms: 10_000 })
    else if (dice < 0.9) this.force()
    else if (dice < 0.94) await this.outage()
    else if (dice < 0.97)
      await this.broken({ breaks: () => entrance.killGateway(), mends: () => entrance.startGateway() })
    else await this.unplugged()
  }

  order(): void {
    const { entrance } = this
    const isForAll = entrance.random() < 0.1
    const [name, args] = isForAll ? ([this.pick(['release-all', 'end-release']), {}] as const) : this.pick(ORDERS)
    const ttl_ms = 2_000 + this.upTo(20_000)
    const address = isForAll ? HUB : this.pick(GATES)
    this.orders++
    void entrance.hub.desk
      .send({ address, name, args, ttl_ms, actor: { kind: 'platform', id: 'desk' } })
      .then(() => this.answered++)
  }

  force(): void {
    this.entrance.do({ do: 'force', device: 'd1', for_ms: 800 })
  }

  /** The network is away and the time source with it; at the door life goes on. */
  async outage(): Promise<void> {
    const from_ms = Date.now()
    this.entrance.uplink.partition()
    this.entrance.clockSynced = false
    await this.virtual.advance(QUALITY_AGE_MS + 1_000)
    this.force()
    for (let n = this.upTo(4); n >= 0; n--) {
      await this.virtual.advance(this.upTo(20_000))
      this.entrance.do({ do: 'walk-through', device: 'd1', direction: 'in' })
      this.order()
    }
    this.entrance.uplink.heal()
    this.outages.push({ from_ms, until_ms: Date.now() })
    this.entrance.clockSynced = true
    await this.virtual.advance(60_000)
  }

  async unplugged(): Promise<void> {
    await this.broken({
      breaks: () => this.entrance.do({ do: 'unplug', board: 'board-1' }),
      mends: async () => this.entrance.do({ do: 'replug', board: 'board-1' }),
    })
  }

  async broken({ breaks, mends }: { breaks: () => void; mends: () => Promise<void> }): Promise<void> {
    breaks()
    this.order()
    await this.virtual.advance(this.upTo(15_000))
    this.order()
    await mends()
    await this.virtual.advance(15_000)
  }
}

/** When the door was broken open, and when it was told so. */
function forcedTimes({ entrance }: Story) {
  const physical = entrance.physical.flatMap((event) =>
    event.type === 'door' && event.leaf === 'open' && event.by === 'force' ? [event.at_ms] : [],
  )
  const told = entrance.events.filter(
    ({ gate, type, event }) => gate === 'd1' && type === 'forced' && !event.data.atstart,
  )
  return { physical, told: told.map(({ event }) => Date.parse(event.time)) }
}

it.each([0, 1, 2])(
  `stories at the gates (seed ${SEED} + %i): one result for each order, true times after an outage`,
  async (nth) => {
    const virtual = createVirtualTime('2026-06-01T06:00:00Z', 4)
    time = virtual
    const story = new Story(virtual, SEED + nth)
    await story.tell()
    const { entrance, outages } = story

    expect(story.orders).toBeGreaterThan(40)
    expect(story.answered).toBe(story.orders)
    const finals = new Map<string, Set<string>>()
    for (const result of entrance.results) {
      const known = finals.get(result.id) ?? new Set()
      if (isFinal(result.status)) known.add(`${result.status} ${result.code} ${result.at}`)
      finals.set(result.id, known)
    }
    expect([...finals].filter(([, results]) => results.size !== 1)).toEqual([])

    expect(new Set(entrance.events.map(({ event }) => event.id)).size).toBe(entrance.events.length)
    expect(entrance.physical.filter(({ type }) => type === 'violation')).toEqual([])
    // Nobody lifts the boom by hand in these stories.
    expect(entrance.events.filter(({ gate, type }) => gate === 'v1' && type === 'forced')).toEqual([])
    const { physical, told } = forcedTimes(story)
    expect(told.length).toBeGreaterThan(0)
    // A contact settles for some ms before it counts.
    const untrue = told.filter((at_ms) => !physical.some((true_ms) => Math.abs(true_ms - at_ms) < 500))
    expect(untrue).toEqual([])
    for (const { event } of entrance.events) {
      const at_ms = Date.parse(event.time)
      const isOut = outages.some(({ from_ms, until_ms }) => at_ms > from_ms + QUALITY_AGE_MS && at_ms < until_ms)
      const isNear = outages.some(({ from_ms, until_ms }) => at_ms > from_ms && at_ms < until_ms + QUALITY_AGE_MS)
      if (isOut) expect(event.timequality).not.toBe('synced')
      if (!isNear) expect(event.timequality).toBe('synced')
    }
    await entrance.close()
  },
)
