import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  backoff_ms,
  hasChild,
  initialSupervisor,
  SUPERVISOR_DEFAULTS,
  type SupervisorEffect,
  type SupervisorInput,
  type SupervisorState,
  stepSupervisor,
} from './supervisor.ts'

const config = SUPERVISOR_DEFAULTS

/** Feeds timed inputs and returns every effect with the time it came at. */
function run(inputs: Array<[at: number, input: SupervisorInput]>, from: SupervisorState = initialSupervisor) {
  let state = from
  const effects: Array<[number, SupervisorEffect]> = []
  for (const [at, input] of inputs) {
    const step = stepSupervisor(config, state, input, at)
    state = step.state
    for (const effect of step.effects) effects.push([at, effect])
  }
  return { state, effects }
}

function ticks(from: number, to: number, every = 500): Array<[number, SupervisorInput]> {
  const all: Array<[number, SupervisorInput]> = []
  for (let at = from; at <= to; at += every) all.push([at, { type: 'tick' }])
  return all
}

const started: Array<[number, SupervisorInput]> = [
  [0, { type: 'start' }],
  [1000, { type: 'ready' }],
]

describe('supervisor', () => {
  it('pings every two seconds and kills after three pings without an answer', () => {
    const { effects } = run([...started, ...ticks(1500, 9500)])
    const pings = effects.filter(([, effect]) => effect.type === 'ping').map(([at]) => at)
    expect(pings).toEqual([3000, 5000, 7000])
    expect(effects.slice(-2)).toEqual([
      [9000, { type: 'lost', cause: 'hung', failures: 1 }],
      [9000, { type: 'signal', signal: 'SIGKILL' }],
    ])
  })

  it('leaves a child alone that answers', () => {
    const answered = ticks(1500, 600_000).flatMap(
      (tick): Array<[number, SupervisorInput]> => [tick, [tick[0] + 100, { type: 'pong' }]],
    )
    const { effects } = run([...started, ...answered])
    expect(effects.some(([, effect]) => effect.type === 'lost')).toBe(false)
  })

  it('kills a child above its memory limit, once', () => {
    const rss: SupervisorInput = { type: 'rss', bytes: config.rss_bytes_max + 1 }
    const { effects, state } = run([...started, [1500, rss], [2000, rss]])
    expect(effects.filter(([, effect]) => effect.type === 'signal')).toHaveLength(1)
    expect(state).toMatchObject({ is: 'ending', cause: 'memory' })
    expect(run([...started, [1500, { type: 'rss', bytes: config.rss_bytes_max }]]).state.is).toBe('running')
  })

  it('kills a child that never gets ready', () => {
    const { effects } = run([[0, { type: 'start' }], ...ticks(500, config.start_timeout_ms)])
    expect(effects.at(-1)).toEqual([config.start_timeout_ms, { type: 'signal', signal: 'SIGKILL' }])
  })

  it('waits for the exit of the old child before it starts a new one', () => {
    const killed = run([...started, [1500, { type: 'flood' }]])
    const late = run(ticks(2000, 4000), killed.state)
    expect(late.effects).toEqual([])
    const again = run([[4100, { type: 'exit' }], ...ticks(4500, 5500)], late.state)
    expect(again.effects).toEqual([[5500, { type: 'spawn' }]])
  })

  it('backs off from one second to thirty, and forgets after a minute of health', () => {
    expect([1, 2, 3, 4, 5, 6, 1000].map((failures) => backoff_ms(config, failures))).toEqual([
      1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
    ])
    const pongs = ticks(1500, 62_000).flatMap(
      (tick): Array<[number, SupervisorInput]> => [tick, [tick[0], { type: 'pong' }]],
    )
    const failed: SupervisorState = { is: 'starting', since: 0, failures: 4 }
    const soon = run([[1000, { type: 'ready' }], ...pongs.slice(0, 20), [20_000, { type: 'exit' }]], failed)
    expect(soon.state).toMatchObject({ is: 'waiting', failures: 5 })
    const late = run([[1000, { type: 'ready' }], ...pongs, [63_000, { type: 'exit' }]], failed)
    expect(late.state).toMatchObject({ is: 'waiting', failures: 1 })
  })

  it('closes by asking, then SIGTERM, then SIGKILL after three seconds', () => {
    const { effects, state } = run([...started, [2000, { type: 'close' }], ...ticks(2500, 8000)])
    expect(effects.slice(1)).toEqual([
      [2000, { type: 'ask-to-end' }],
      [3500, { type: 'signal', signal: 'SIGTERM' }],
      [5000, { type: 'signal', signal: 'SIGKILL' }],
    ])
    expect(run([[8100, { type: 'exit' }]], state).effects).toEqual([[8100, { type: 'closed' }]])
  })

  const input = fc.oneof(
    fc.constantFrom<SupervisorInput>(
      { type: 'start' },
      { type: 'ready' },
      { type: 'pong' },
      { type: 'flood' },
      { type: 'exit' },
      { type: 'spawn-failed' },
      { type: 'rss', bytes: config.rss_bytes_max * 2 },
      { type: 'rss', bytes: 1 },
    ),
    fc.constant<SupervisorInput>({ type: 'tick' }),
  )
  const timed = fc.array(fc.tuple(fc.integer({ min: 0, max: 20_000 }), input), { maxLength: 80 })

  /** The world: an exit only comes from a child that lives. */
  function simulate(steps: Array<[number, SupervisorInput]>) {
    let state: SupervisorState = initialSupervisor
    let now = 0
    let children = 0
    let most = 0
    for (const [wait, one] of [[0, { type: 'start' }] as [number, SupervisorInput], ...steps]) {
      now += wait
      const needsChild = one.type === 'exit' || one.type === 'spawn-failed'
      if (needsChild && children === 0) continue
      if (needsChild) children -= 1
      const step = stepSupervisor(config, state, one, now)
      state = step.state
      for (const effect of step.effects) if (effect.type === 'spawn') children += 1
      most = Math.max(most, children)
      expect(hasChild(state)).toBe(children === 1)
    }
    return { state, now, children, most }
  }

  it('never has more than one child, whatever happens', () => {
    fc.assert(fc.property(timed, (steps) => simulate(steps).most <= 1))
  })

  it('always comes back: from any state, a child that dies is replaced within the longest backoff', () => {
    fc.assert(
      fc.property(timed, (steps) => {
        const world = simulate(steps)
        let { state, now } = world
        if (world.children === 1) state = stepSupervisor(config, state, { type: 'exit' }, now).state
        expect(state.is).toBe('waiting')
        now += config.backoff_ms_max
        expect(stepSupervisor(config, state, { type: 'tick' }, now).effects).toEqual([{ type: 'spawn' }])
      }),
    )
  })

  it('always closes, and nothing starts afterwards', () => {
    fc.assert(
      fc.property(timed, timed, (before, after) => {
        const world = simulate(before)
        let { state } = stepSupervisor(config, world.state, { type: 'close' }, world.now)
        const effects: SupervisorEffect[] = []
        let now = world.now
        for (const [wait, one] of [
          ...after,
          [config.close_timeout_ms, { type: 'tick' }] as [number, SupervisorInput],
        ]) {
          now += wait
          const step = stepSupervisor(config, state, one, now)
          state = step.state
          effects.push(...step.effects)
        }
        expect(effects.some((effect) => effect.type === 'spawn')).toBe(false)
        if (state.is === 'closing') state = stepSupervisor(config, state, { type: 'exit' }, now).state
        expect(state.is).toBe('closed')
      }),
    )
  })
})
