import { describe, expect, it } from 'vitest'
import type { GateInput } from '../exchange.ts'
import { modeOf } from '../mode.ts'
import { doorConfig } from '../proof/door-bench.ts'
import { explore, type World } from '../proof/explorer.ts'
import { nextDeadline, step } from './machine.ts'
import { createDoorState, type DoorConfig, type DoorState, publicState } from './state.ts'

/** Every state that a door can reach, with time in steps of 100 ms, and what is promised in each. */

const UNIT_MS = 100
const config: DoorConfig = {
  ...doorConfig,
  inputs: ['contact', 'rex', 'release'],
  fresh_ms: 2 * UNIT_MS,
  unlock_ms: 2 * UNIT_MS,
  heldWarning_ms: 2 * UNIT_MS,
  heldOpen_ms: 3 * UNIT_MS,
}

/** What somebody in front of the door knows; ages in units. */
interface Beside {
  ready: boolean
  contact: { level: boolean; age: number } | undefined
  strike: boolean
  evacuating: boolean
}
interface Node {
  state: DoorState
  beside: Beside
}
type Rules = Partial<{ step: typeof step; fresh_ms: number }>

const command = (name: string, args: unknown = {}, expires_wall_ms = 1e15): GateInput => {
  return { type: 'command', id: 'c', name, args, actor: 'person:p1', expires_wall_ms }
}
const levels = (name: string): GateInput[] =>
  [true, false, undefined].map((level) => ({ type: 'levels', levels: { [name]: level } }))
const alphabet: GateInput[] = [
  { type: 'tick' },
  { type: 'io-ready' },
  { type: 'io-lost', reason: 'gone' },
  ...['contact', 'rex', 'release'].flatMap(levels),
  { type: 'access', decision: { granted: true, direction: 'in', by: 'card' } },
  { type: 'access', decision: { granted: true, direction: 'in', by: 'card', emergency: true } },
  { type: 'access', decision: { granted: false, direction: 'in', by: 'card' } },
  command('open'),
  command('open', {}, 0),
  command('close'),
  command('hold-open'),
  command('set-mode', { mode: 'lockdown' }),
  command('set-mode', { mode: 'free' }),
  command('set-mode', { mode: 'schedule', endevacuation: true }),
  command('release-all'),
]

const nameOf = (input: GateInput) => JSON.stringify(input)

function next({ state, beside }: Node, input: GateInput, rules: Rules): { node: Node; broken: string | undefined } {
  const passed_ms = input.type === 'tick' ? UNIT_MS : 0
  const at_ms = state.at_ms + passed_ms
  const now = { wall_ms: 1_800_000_000_000 + at_ms, monotonic_ms: at_ms }
  const before = beside
  const settings = { ...config, fresh_ms: rules.fresh_ms ?? config.fresh_ms }
  const { state: after, effects } = (rules.step ?? step)(settings, state, input, now)
  const answers = effects.filter((effect) => effect.type === 'outcome')
  const outputs = effects.filter((effect) => effect.type === 'output')
  const noted: Beside = { ...note(beside, input), strike: outputs.at(-1)?.on ?? beside.strike }
  if (input.type === 'io-lost') noted.strike = false
  const broken = brokenBy({ state: after, beside: noted }, before, input, answers, outputs.length)
  const due_ms = nextDeadline(settings, after)
  const late = due_ms !== undefined && due_ms < at_ms ? 'a deadline that has passed is met' : undefined
  return { node: { state: after, beside: noted }, broken: broken ?? late }
}

function note(beside: Beside, input: GateInput): Beside {
  const { contact } = beside
  const older = contact && { ...contact, age: contact.age + (input.type === 'tick' ? 1 : 0) }
  const seen = older && older.age < config.fresh_ms / UNIT_MS ? older : undefined
  const noted = { ...beside, contact: seen }
  if (input.type === 'io-ready') return { ...noted, ready: true }
  if (input.type === 'io-lost') return { ...noted, ready: false, contact: undefined }
  if (input.type === 'levels' && beside.ready) {
    const { contact: level, release } = input.levels
    if (release) noted.evacuating = true
    if ('contact' in input.levels) noted.contact = level === undefined ? undefined : { level, age: 0 }
  }
  return noted
}

function brokenBy(
  { state, beside }: Node,
  before: Beside,
  input: GateInput,
  answers: Array<{ outcome: { status: string } }>,
  switched: number,
): string | undefined {
  const shown = publicState(state)
  if (shown.position === 'closed' && beside.contact?.level !== true) return 'an unknown door is never closed'
  if (!beside.ready && switched > 0 && beside.strike) return 'no output without its hardware'
  if (modeOf(state.mode) === 'evacuate' && beside.ready && !beside.strike) return 'an evacuation unlocks'
  if (before.evacuating && modeOf(state.mode) !== 'evacuate' && !endsEvacuation(input)) return 'an evacuation stays'
  if (shown.mode === 'lockdown' && input.type === 'command' && input.name === 'open' && beside.strike && !before.strike)
    return 'no command opens in a lockdown'
  if (input.type === 'command') {
    if (answers.length !== 1) return 'a command gets one final result'
    const expired = input.expires_wall_ms === 0
    if (expired && (switched > 0 || answers[0]?.outcome.status !== 'expired')) return 'an expired command does nothing'
  }
  const asked = ['command', 'access', 'levels', 'io-ready'].includes(input.type)
  if (beside.strike && !before.strike && !asked) return 'a strike opens only when something asks'
  if (input.type === 'access' && !input.decision.granted && beside.strike && !before.strike) return 'no opening unasked'
  const right =
    state.grant !== undefined || state.hold !== undefined || shown.mode === 'free' || shown.mode === 'evacuate'
  if (beside.strike && !right) return 'a strike is open only for a reason'
  return undefined
}

function endsEvacuation(input: GateInput): boolean {
  return input.type === 'command' && input.name === 'set-mode' && input.expires_wall_ms !== 0
}

/** Everything that decides what happens next: ages instead of times, nothing that is only told. */
function keyOf({ state, beside }: Node): string {
  const age = (at_ms: number | undefined) =>
    at_ms === undefined ? undefined : Math.max(-4 * UNIT_MS, Math.min(state.at_ms - at_ms, 4 * UNIT_MS))
  const { inputs, mode, grant, hold, heldFromAt_ms, alarm } = state
  const read = config.inputs.map((name) => {
    const { level, seenAt_ms } = inputs[name]
    return level === undefined ? null : [level, age(seenAt_ms)]
  })
  const rights = [grant && [grant.by === 'request', age(grant.untilAt_ms)], hold !== undefined]
  const door = [state.ioFault === undefined, state.wasClosed, state.openSinceAt_ms !== undefined, state.energised]
  const held = [age(heldFromAt_ms), alarm]
  return JSON.stringify([read, rights, door, held, mode.evacuating, mode.override?.mode, beside])
}

function world(rules: Rules = {}): World<Node, GateInput> {
  const state = createDoorState(config, undefined, { wall_ms: 1_800_000_000_000, monotonic_ms: 0 })
  const beside: Beside = { ready: false, contact: undefined, strike: false, evacuating: false }
  return {
    initial: { state, beside },
    inputs: () => alphabet,
    next: (node, input) => {
      const { node: found, broken } = next(node, input, rules)
      // Whether it evacuates is part of the state; the one beside only remembers who began it.
      found.beside.evacuating = modeOf(found.state.mode) === 'evacuate'
      return { node: found, broken }
    },
    key: keyOf,
  }
}

/** The small door, with something taken from it. */
const without =
  (changed: (state: DoorState, input: GateInput) => [DoorState, GateInput]): typeof step =>
  (settings, state, input, now) =>
    step(settings, ...changed(state, input), now)

const search = (rules: Rules = {}) => explore(world(rules), nameOf, 300_000)

describe('every reachable state of a door', () => {
  it('keeps every promise', () => {
    const found = search()
    expect(found.broken).toBeUndefined()
    expect(found.complete).toBe(true)
    expect(found.states).toBeGreaterThan(1000)
  }, 240_000)

  it.each<[name: string, promise: string, rules: Rules]>([
    ['old reports are believed', 'an unknown door is never closed', { fresh_ms: 10_000 }],
    [
      'commands do not expire',
      'an expired command does nothing',
      {
        step: without((state, input) => [
          state,
          input.type === 'command' ? { ...input, expires_wall_ms: 1e15 } : input,
        ]),
      },
    ],
    [
      'a refused card is taken for a granted one',
      'no opening unasked',
      {
        step: without((state, input) => [
          state,
          input.type === 'access' ? { ...input, decision: { ...input.decision, granted: true } } : input,
        ]),
      },
    ],
    [
      'a reconnect forgets the evacuation',
      'an evacuation stays',
      {
        step: without((state, input) => [
          input.type === 'io-ready' ? { ...state, mode: { ...state.mode, evacuating: false } } : state,
          input,
        ]),
      },
    ],
    [
      'the strike is wired the wrong way round',
      'a strike is open only for a reason',
      { step: (settings, ...rest) => step({ ...settings, strike: 'fail-safe' }, ...rest) },
    ],
    [
      'a lockdown does not bind commands',
      'no command opens in a lockdown',
      {
        step: (settings, state, input, now) => {
          const open = input.type === 'command' && input.name === 'open' && input.expires_wall_ms !== 0
          const freed = { ...state, mode: { ...state.mode, override: undefined } }
          const { state: after, effects } = step(settings, open && !state.mode.evacuating ? freed : state, input, now)
          return { state: open ? { ...after, mode: state.mode } : after, effects }
        },
      },
    ],
  ])(
    'notices that %s',
    (_name, promise, rules) => {
      expect(search(rules).broken?.promise).toBe(promise)
    },
    240_000,
  )
})
