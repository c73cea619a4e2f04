import { describe, expect, it } from 'vitest'
import {
  barrierWorld,
  boomAt,
  command,
  grant,
  type Happening,
  ioLost,
  ioReady,
  knownLevelsOf,
  levelsOf,
  nameOf,
  refuse,
  smallBarrier,
} from '../proof/barrier-world.ts'
import { type Exploration, explore } from '../proof/explorer.ts'
import { type BarrierRules, barrierRules } from './rules.ts'
import type { BarrierConfig } from './state.ts'

/**
 * Every state that a small barrier can reach, with time in steps of 100 ms: all promises hold in each. And every safety
 * rule, broken on its own, is noticed: the proof can fail.
 */

const STATES_MAX = 400_000
const TIMEOUT_MS = 240_000

const common: Happening[] = [
  { kind: 'tick' },
  { kind: 'confirm' },
  ioReady,
  ioLost,
  command('release-all'),
  command('set-mode', { mode: 'schedule', endevacuation: true }),
]
const orders: Happening[] = [command('open'), command('close'), command('open', {}, true), command('reset')]

const plain = { config: smallBarrier, alphabet: [...common, ...levelsOf(smallBarrier.inputs), grant, ...orders] }

const tested: BarrierConfig = { ...smallBarrier, inputs: ['up', 'down', 'safety', 'beam'], hasBeamTest: true }
const beam = {
  config: tested,
  alphabet: [...common, ...boomAt, ...levelsOf(['safety', 'beam']), grant, command('close')],
}

const following: BarrierConfig = { ...smallBarrier, policy: 'flow', lamps: ['lamp'] }
const loops: BarrierConfig = { ...following, hasStop: true, inputs: ['up', 'down', 'safety', 'exit'] }
const flow = {
  config: loops,
  alphabet: [...common, ...boomAt, ...levelsOf(['safety']), ...knownLevelsOf(['exit']), grant, command('lock')],
}

const queue = {
  config: following,
  alphabet: [...common, ...boomAt, ...levelsOf(['safety']), grant, refuse, command('set-mode', { mode: 'free-flow' })],
}

function search(world: typeof plain, rules: Partial<BarrierRules> = {}): Exploration {
  return explore(barrierWorld(world.config, world.alphabet, { ...barrierRules, ...rules }), nameOf, STATES_MAX)
}

describe('every reachable state of a barrier keeps every promise', () => {
  it.each([
    ['with plain commands and vehicles', plain, 10_000],
    ['with a beam that is tested', beam, 10_000],
    ['with traffic over two loops under the flow policy', flow, 10_000],
    ['with refused vehicles in the queue, and a light', queue, 10_000],
  ])(
    '%s',
    (_name, world, states_min) => {
      const found = search(world)
      expect(found.broken).toBeUndefined()
      expect(found.complete).toBe(true)
      expect(found.states).toBeGreaterThan(states_min)
    },
    TIMEOUT_MS,
  )
})

describe('a broken rule is found', () => {
  const { zone, position } = barrierRules
  it.each<[name: string, promise: string, world: typeof plain, rules: Partial<BarrierRules>]>([
    [
      'unknown counts as clear',
      'the boom goes down only while every safety input is known clear and fresh',
      plain,
      {
        mayStartLowering: (config, state, at_ms) =>
          barrierRules.mayStartLowering(config, { ...state, inputs: trusting(state.inputs) }, at_ms),
        mayKeepLowering: (config, state) =>
          barrierRules.mayKeepLowering(config, { ...state, inputs: trusting(state.inputs) }),
        zone: (config, state) => (zone(config, state) === 'occupied' ? 'occupied' : 'clear'),
      },
    ],
    ['old reports are believed', 'an unknown position is never closed', plain, { freshFor_ms: () => 4000 }],
    [
      'an obstruction does not stop a closing',
      'the boom goes down only while every safety input is known clear and fresh',
      plain,
      { mayKeepLowering: (_config, state) => state.ioFault === undefined },
    ],
    ['an evacuation does not stop a closing', 'an evacuation raises the boom', plain, { mustBeUp: () => false }],
    ['motions run on', 'every motion ends within its time', plain, { motionLimit_ms: () => 100_000 }],
    [
      'an unread limit counts as not reached',
      'an unknown position is never closed',
      plain,
      { position: (state) => (state.inputs.up.level !== true && state.inputs.down.level ? 'closed' : position(state)) },
    ],
    ['an expired command is executed', 'an expired command never moves anything', plain, { isExpired: () => false }],
    [
      'orders outlive a reconnect',
      'outputs are inert at boot and after a reconnect until something asks',
      plain,
      { forgetsOrders: false },
    ],
    [
      'the light is green whatever the boom does',
      'a light is green only under a boom that is proven to be up',
      queue,
      { mayShowGreen: (state) => state.ioFault === undefined },
    ],
    [
      'whoever is read is let in, refused ahead or not',
      'behind a refused vehicle nobody is let in',
      queue,
      { isRefusedAhead: () => false },
    ],
    ['the beam is not tested', 'the beam proves itself before each lowering', beam, { mustTestBeam: () => false }],
  ])(
    '%s',
    (_name, promise, world, rules) => {
      const { broken } = search(world, rules)
      expect(broken?.promise).toBe(promise)
      expect(broken?.way.length).toBeGreaterThan(1)
    },
    TIMEOUT_MS,
  )
})

/** Safety inputs that are not known, as if they were clear. */
function trusting<T extends Record<'safety' | 'beam', { level: boolean | undefined }>>(inputs: T): T {
  const trusted = (name: 'safety' | 'beam') => ({ ...inputs[name], level: inputs[name].level ?? false })
  return { ...inputs, safety: trusted('safety'), beam: trusted('beam') }
}
