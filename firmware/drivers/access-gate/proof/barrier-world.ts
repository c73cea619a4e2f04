import type { Moment } from '../../../moment.ts'
import { nextDeadline, step } from '../barrier/machine.ts'
import { type BarrierRules, barrierRules } from '../barrier/rules.ts'
import { type BarrierConfig, type BarrierInputName, type BarrierState, createBarrierState } from '../barrier/state.ts'
import { publicState } from '../barrier/view.ts'
import type { GateInput } from '../exchange.ts'
import type { Level } from '../levels.ts'
import { type BarrierLedger, blankLedger, observe } from './barrier-ledger.ts'
import type { World } from './explorer.ts'

/** A small barrier with coarse time, its machine and the ledger beside it, as a world that can be explored. */

/** All times of the small barrier are multiples of this. */
export const UNIT_MS = 100

/** No deadline of the small barrier lies further away. */
const OLDEST_MS = 4 * UNIT_MS

export const smallBarrier: BarrierConfig = {
  inputs: ['up', 'down', 'safety'],
  mode: 'normal',
  hasStop: false,
  hasBeamTest: false,
  lamps: [],
  direction: 'in',
  policy: 'plain',
  fresh_ms: 2 * UNIT_MS,
  raiseTimeout_ms: 3 * UNIT_MS,
  lowerTimeout_ms: 3 * UNIT_MS,
  clearDelay_ms: UNIT_MS,
  passTimeout_ms: 2 * UNIT_MS,
  stuckAfter_ms: Number.POSITIVE_INFINITY,
  testTimeout_ms: UNIT_MS,
  stopPulse_ms: UNIT_MS,
}

export interface Node {
  state: BarrierState
  ledger: BarrierLedger
}

export type Happening =
  | { kind: 'tick'; passed_ms?: number }
  /** The driver reads all inputs again and finds them unchanged. */
  | { kind: 'confirm' }
  /** `alone`: a reading tells of nothing but what is named. */
  | { kind: 'input'; input: GateInput; expired?: boolean; alone?: boolean; name: string }

const at = (monotonic_ms: number): Moment => ({ wall_ms: 1_800_000_000_000 + monotonic_ms, monotonic_ms })

export function command(name: string, args: unknown = {}, expired = false): Happening {
  const expires_wall_ms = expired ? 0 : Number.MAX_SAFE_INTEGER
  const input = { type: 'command' as const, id: '', name, args, actor: 'person:p1', expires_wall_ms }
  return { kind: 'input', input, expired, name: `${expired ? 'expired ' : ''}${name}` }
}

export function nameOf(happening: Happening): string {
  return happening.kind === 'input' ? happening.name : happening.kind
}

export function levelsOf(names: readonly BarrierInputName[]): Array<Happening & { name: string }> {
  return names.flatMap((name) =>
    [true, false, undefined].map((level) => ({
      kind: 'input' as const,
      input: { type: 'levels' as const, levels: { [name]: level } },
      name: `${name}=${level ?? 'unknown'}`,
    })),
  )
}

/** Without the readings that fail. */
export function knownLevelsOf(names: readonly BarrierInputName[]): Happening[] {
  return levelsOf(names).filter(({ name }) => !name.endsWith('=unknown'))
}

/** Where the boom is, as the two limits together tell it. */
export const boomAt: Happening[] = (
  [
    ['boom up', { up: true, down: false }],
    ['boom down', { up: false, down: true }],
    ['boom between', { up: false, down: false }],
    ['boom unknown', { up: undefined, down: undefined }],
  ] as const
).map(([name, levels]) => ({ kind: 'input', input: { type: 'levels', levels }, name }))

export const grant: Happening = {
  kind: 'input',
  input: { type: 'access', decision: { granted: true, direction: 'in', by: 'plate', credential: 'c' } },
  name: 'grant',
}
export const refuse: Happening = {
  kind: 'input',
  input: { type: 'access', decision: { granted: false, direction: 'in', by: 'plate', reason: 'unknown' } },
  name: 'refuse',
}
export const ioLost: Happening = { kind: 'input', input: { type: 'io-lost', reason: 'gone' }, name: 'io-lost' }
export const ioReady: Happening = { kind: 'input', input: { type: 'io-ready' }, name: 'io-ready' }

/** One happening at a node. Time stands still but for ticks, so that equal states are found again. */
export function happen(
  config: BarrierConfig,
  rules: BarrierRules,
  node: Node,
  happening: Happening,
): { node: Node; broken: string | undefined } {
  const passed_ms = happening.kind === 'tick' ? (happening.passed_ms ?? UNIT_MS) : 0
  const now = at(node.state.at_ms + passed_ms)
  const input = inputOf(node, happening)
  const { state, effects } = step(config, node.state, input, now, rules)
  const shown = publicState(config, rules, state)
  const expired = happening.kind === 'input' && happening.expired === true
  const { ledger, broken } = observe(node.ledger, { config, input, passed_ms, expired, effects, shown })
  const due_ms = nextDeadline(config, state, rules)
  const asleep = due_ms !== undefined && due_ms < now.monotonic_ms ? 'a deadline that has passed is met' : undefined
  return { node: { state, ledger }, broken: broken ?? asleep }
}

function inputOf({ ledger }: Node, happening: Happening): GateInput {
  if (happening.kind === 'tick') return { type: 'tick' }
  if (happening.kind === 'confirm') return { type: 'levels', levels: levelsNow(ledger) }
  const { input } = happening
  // As a bus module does, every reading tells of all inputs: ages differ only by what was never read or is unknown.
  if (input.type === 'levels' && !happening.alone)
    return { type: 'levels', levels: { ...levelsNow(ledger), ...input.levels } }
  // The commands of a world need different names only while they are open.
  return input.type === 'command'
    ? { ...input, id: ['a', 'b', 'c'].find((id) => !ledger.open.includes(id)) ?? 'd' }
    : input
}

function levelsNow({ seen }: BarrierLedger): Record<string, Level> {
  return Object.fromEntries(Object.entries(seen).map(([name, one]) => [name, one.level]))
}

/** What is only told, and asked by no rule and no promise. */
const TOLD_ONLY = ['sensor-unknown', 'position-unknown', 'sensor-stuck']

/**
 * Everything that decides what happens next: ages instead of times and no older than matters, no counts, no names.
 * Strings are joined by hand: this is most of the work of a search.
 */
function keyOf(config: BarrierConfig, { state, ledger }: Node): string {
  const { motion, pending, mode, crossing, hold } = state
  const age = (at_ms: number | undefined, oldest_ms = OLDEST_MS) =>
    at_ms === undefined ? '-' : Math.max(-OLDEST_MS, Math.min(state.at_ms - at_ms, oldest_ms))
  const bits = (...flags: boolean[]) => flags.reduce((sum, flag) => sum * 2 + Number(flag), 0)
  let key = ''
  for (const name of config.inputs) {
    const { level, seenAt_ms } = state.inputs[name]
    const seen = ledger.seen[name]
    key += level === undefined ? 'u' : `${Number(level)}${age(seenAt_ms)}`
    key += seen === undefined ? 'u,' : `${Number(seen.level)}${seen.age_ms},`
  }
  key += motion.kind
  if (motion.kind === 'testing') key += `${motion.phase}${age(motion.phaseAt_ms)}`
  else if (motion.kind !== 'still') key += age(motion.startedAt_ms)
  key += `,${age(state.clearSinceAt_ms, config.clearDelay_ms)},${age(state.waitingSinceAt_ms)},${age(state.stopUntilAt_ms)}`
  key += `,${age(state.refusedAt_ms)},${state.goal},${state.serving},${hold ? age(hold.until?.at_ms) : 'n'}`
  for (const { by, direction } of state.tokens) key += `,${by}${direction}`
  if (pending)
    key += `;${pending.wants}${pending.goalBefore}${age(pending.expiresAt_ms)}${ledger.open.indexOf(pending.id)}`
  if (crossing) {
    const { fromExit, behindBeam, leftEntry, seenApproach, seenExit } = crossing
    key += `;x${bits(fromExit, behindBeam, leftEntry, seenApproach, seenExit)}`
  }
  for (const { fault, part } of state.faults) if (!TOLD_ONLY.includes(fault)) key += `;${fault}${part}`
  const { ready, on, raising_ms, lowering_ms, evacuating, asked, beam, open, owed, refused_ms } = ledger
  const known = `${bits(ready, evacuating, asked)}${owed.join('')}`
  const stands = bits(state.asked, state.lapsed, state.ioFault === undefined, mode.evacuating)
  key += `;${mode.override?.mode},${stands},${bits(...Object.values(state.driven))},${bits(...Object.values(on))}`
  return `${key},${raising_ms},${lowering_ms},${beam},${open.length},${known},${refused_ms}`
}

export function barrierWorld(
  config: BarrierConfig,
  alphabet: Happening[],
  rules: BarrierRules = barrierRules,
): World<Node, Happening> {
  return {
    initial: { state: createBarrierState(config, undefined, at(0)), ledger: blankLedger },
    inputs: ({ state }) =>
      alphabet.filter((one) => {
        // One order and one vehicle at once are enough to be seen.
        if (one.kind === 'input' && one.name === 'open') return !state.tokens.some(({ by }) => by === 'command')
        if (one === ioReady) return state.ioFault !== undefined
        if (one === ioLost) return state.ioFault === undefined
        return true
      }),
    next: (node, happening) => happen(config, rules, node, happening),
    key: (node) => keyOf(config, node),
  }
}
