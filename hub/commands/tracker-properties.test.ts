import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Command, isFinal, type Result } from '../contract/command.ts'
import type { Entry } from '../journal/types.ts'
import { COMMAND_RECORD_LANE, commandRecord, forgottenRecord, horizonRecord, restoreTracker } from './record.ts'
import { createTrackerState, stepTracker, type TrackerEffect, type TrackerInput } from './tracker.ts'

/**
 * The tracker with a disk, a gateway and people who send things again, killed before and after any of its commits, under a
 * clock that jumps. What is counted is what cannot be taken back: deliveries, and results that were told.
 */

const T0 = Date.parse('2026-03-01T08:00:00Z')
const IDS = ['a', 'b', 'c']
const TTLS = [1_000, 30_000]

class Crash extends Error {}

class World {
  now_ms = T0
  /** The latest that the clock ever said. */
  latest_ms = T0
  online = true
  /** Commits until the hub is killed, and whether the last one is still written. */
  fuse = Number.POSITIVE_INFINITY
  isLastWritten = false
  readonly disk = new Map<string, Entry>()
  readonly deliveries: string[] = []
  /** What the upstream is told, by command. */
  readonly told = new Map<string, Result[]>()
  /** Commands whose sender knows that they were taken, and that did not come long after their expiry. */
  readonly taken = new Set<string>()
  /** Results of the gateway that the hub has not acknowledged, in order. */
  spool: Result[] = []
  readonly executed = new Set<string>()
  #state = createTrackerState()

  command(id: string, ttl_ms: number, issued_ms: number): Command {
    return {
      id,
      name: 'open',
      issuedat: new Date(issued_ms).toISOString(),
      expiresat: new Date(issued_ms + ttl_ms).toISOString(),
      actor: { kind: 'person', id: 'li' },
      args: {},
    }
  }

  send(command: Command): void {
    this.#guarded(() => {
      const effects = this.#step({ type: 'command', topic: 't', command, gatewayOnline: this.online, from: 'others' })
      if (!effects.some(({ type }) => type === 'beyond-horizon')) this.taken.add(command.id)
      // Nothing that was not forgotten, and could not be, is taken for forgotten.
      else expect(Date.parse(command.expiresat)).toBeLessThan(this.latest_ms)
      if (!effects.some(({ type }) => type === 'deliver')) return
      this.deliveries.push(command.id)
      // Lost on the way, now and then.
      if (this.online && this.now_ms % 7 !== 0) this.#execute(command)
    })
  }

  tick(): void {
    this.#guarded(() => this.#step({ type: 'tick' }))
  }

  /** The gateway sends what is not acknowledged. */
  drain(count: number): void {
    for (let i = 0; i < count && this.spool.length > 0; i++) {
      const [result] = this.spool
      if (!result) return
      if (!this.#guarded(() => this.#step({ type: 'result', topic: 't', result }))) return
      this.spool.shift()
    }
  }

  restart(): void {
    const restored = restoreTracker([...this.disk.values()])
    expect(restored.unreadable).toBe(0)
    this.#state = restored.state
    this.tick()
  }

  #execute({ id, name, expiresat }: Command): void {
    expect(this.executed.has(id)).toBe(false)
    this.executed.add(id)
    const at = (ms: number) => new Date(this.now_ms + ms).toISOString()
    this.spool.push({ id, name, status: 'accepted', at: at(0) }, { id, name, status: 'executing', at: at(1) })
    this.spool.push({ id, name, status: Date.parse(expiresat) % 2 ? 'failed' : 'succeeded', at: at(2) })
  }

  /** @returns whether it got to its end */
  #guarded(work: () => void): boolean {
    try {
      work()
      return true
    } catch (error) {
      if (!(error instanceof Crash)) throw error
      this.fuse = Number.POSITIVE_INFINITY
      this.restart()
      return false
    }
  }

  #step(input: TrackerInput): TrackerEffect[] {
    this.latest_ms = Math.max(this.latest_ms, this.now_ms)
    const effects = stepTracker(this.#state, input, this.now_ms)
    // One step, one commit.
    const isLast = this.fuse-- <= 0
    if (isLast && !this.isLastWritten) throw new Crash()
    for (const effect of effects) this.#write(effect)
    if (isLast) throw new Crash()
    return effects
  }

  #write(effect: TrackerEffect): void {
    if (!/^(answer|pass|keep|forget|keep-horizon)$/.test(effect.type)) return
    if (effect.type === 'answer' || effect.type === 'pass') {
      const { result } = effect
      this.told.set(result.id, [...(this.told.get(result.id) ?? []), result])
      return
    }
    const record =
      effect.type === 'keep'
        ? commandRecord(this.#state.commands.get(effect.id) ?? expect.fail(`nothing is held of ${effect.id}`))
        : effect.type === 'forget'
          ? forgottenRecord(effect.id)
          : horizonRecord(this.#state)
    const { key = '' } = record
    if (record.payload.length === 0) this.disk.delete(key)
    else this.disk.set(key, { ...record, lane: COMMAND_RECORD_LANE.name, position: 1, time_ms: this.now_ms })
  }
}

const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      id: fc.constantFrom(...IDS),
      ttl_ms: fc.constantFrom(...TTLS),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('resend' as const), which: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('drain' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 500, 12_000, 700_000) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clock' as const),
      ms: fc.constantFrom(-3_600_000, -20_000, 20_000, 3_600_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('line' as const), online: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('kill' as const),
      after: fc.integer({ min: 0, max: 3 }),
      written: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
)
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

function perform(world: World, sent: Command[], one: Act): void {
  if (one.do === 'send' && !sent.some(({ id }) => id === one.id)) {
    // The same id means the same bytes: whoever uses one for something else is refused, which tracker.test.ts shows.
    const command = world.command(one.id, one.ttl_ms, world.now_ms)
    sent.push(command)
    world.send(command)
  } else if (one.do === 'resend') {
    const command = sent[one.which % Math.max(1, sent.length)]
    if (command) world.send(command)
  } else if (one.do === 'drain') world.drain(one.count)
  else if (one.do === 'wait' || one.do === 'clock') {
    world.now_ms += one.ms
    if (one.do === 'wait') world.tick()
  } else if (one.do === 'line') world.online = one.online
  else if (one.do === 'kill') {
    world.fuse = one.after
    world.isLastWritten = one.written
  } else if (one.do === 'restart') world.restart()
}

/** What a consumer that drops duplicates is left with. */
const distinctFinals = (results: Result[] = []) =>
  new Set(results.filter(({ status }) => isFinal(status)).map(({ status, at, code }) => `${status} ${at} ${code}`))

describe('the tracker over kills, clock jumps and repeats', () => {
  it('delivers a command once at most, and gives each exactly one final result', () => {
    let finals = 0
    let kills = 0
    fc.assert(
      fc.property(fc.array(act, { minLength: 1, maxLength: 60 }), (acts) => {
        const world = new World()
        const sent: Command[] = []
        for (const one of acts) {
          if (one.do === 'kill') kills++
          perform(world, sent, one)
        }
        world.fuse = Number.POSITIVE_INFINITY
        world.now_ms = Math.max(world.now_ms, ...sent.map(({ expiresat }) => Date.parse(expiresat))) + 60_000
        world.tick()
        world.drain(1_000)
        expect(world.deliveries.length).toBe(new Set(world.deliveries).size)
        for (const id of IDS) expect(distinctFinals(world.told.get(id)).size, id).toBeLessThanOrEqual(1)
        for (const id of world.taken) expect(distinctFinals(world.told.get(id)).size, id).toBe(1)
        finals += world.taken.size
      }),
      { numRuns: 5_000 },
    )
    // The kills did fall, and commands did end.
    expect(kills).toBeGreaterThan(1_000)
    expect(finals).toBeGreaterThan(1_000)
  })
})
