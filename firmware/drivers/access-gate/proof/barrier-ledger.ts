import type { AccessGateState } from '../../../../hub/contract/access-gate.ts'
import type { BarrierConfig, BarrierInputName } from '../barrier/state.ts'
import type { GateEffect, GateInput } from '../exchange.ts'
import type { Level } from '../levels.ts'

/**
 * Somebody who stands beside the barrier and writes down what was reported to it and what it did; knows nothing of its
 * insides, and says which promise it broke.
 */

/** A level that is known and fresh; what is not listed is unknown. */
interface Seen {
  level: boolean
  age_ms: number
}

export interface BarrierLedger {
  ready: boolean
  seen: Readonly<Partial<Record<BarrierInputName, Seen>>>
  on: Readonly<Record<string, boolean>>
  raising_ms: number
  lowering_ms: number
  evacuating: boolean
  /** Something fresh has asked for a motion since the outputs were last inert. */
  asked: boolean
  /** Of the beam's test since the boom last began to go down. */
  beam: 'untested' | 'dark' | 'tested'
  /** Commands without a final result. */
  open: readonly string[]
  /** Whose right may not be used yet. */
  owed: readonly string[]
  /** For how long a refused vehicle has surely stood there. */
  refused_ms: number | undefined
}

export const blankLedger: BarrierLedger = {
  ready: false,
  seen: {},
  on: { raise: false, lower: false, stop: false, 'beam-test': false, lamp: false, 'lamp-exit': false },
  raising_ms: 0,
  lowering_ms: 0,
  evacuating: false,
  asked: false,
  beam: 'untested',
  open: [],
  owed: [],
  refused_ms: undefined,
}

export interface Observation {
  config: BarrierConfig
  input: GateInput
  /** Since the last input. */
  passed_ms: number
  /** The command had expired when it was given. */
  expired: boolean
  effects: GateEffect[]
  shown: AccessGateState
}

/** Orders and events that ask for a motion anew. */
function asks(seen: BarrierLedger['seen'], input: GateInput): boolean {
  if (input.type === 'command') return true
  if (input.type === 'access') return input.decision.granted
  if (input.type !== 'levels') return false
  const arrives = (name: BarrierInputName) => input.levels[name] === true && seen[name]?.level === false
  return arrives('approach') || arrives('exit') || input.levels.release === true
}

/** What was reported, as of now. */
function noteInput(ledger: BarrierLedger, { input, passed_ms, config, expired }: Observation): BarrierLedger {
  const seen: Partial<Record<BarrierInputName, Seen>> = {}
  for (const [name, one] of Object.entries(ledger.seen)) {
    const age_ms = one.age_ms + passed_ms
    if (age_ms < config.fresh_ms) seen[name as BarrierInputName] = { level: one.level, age_ms }
  }
  const noted: BarrierLedger = {
    ...ledger,
    seen,
    raising_ms: ledger.on.raise ? ledger.raising_ms + passed_ms : 0,
    lowering_ms: ledger.on.lower ? ledger.lowering_ms + passed_ms : 0,
  }
  switch (input.type) {
    case 'io-ready':
      return { ...noted, ready: true }
    case 'io-lost':
      // The hardware has let go of its outputs, and nothing is known any more.
      return {
        ...noted,
        ready: false,
        seen: {},
        asked: false,
        on: blankLedger.on,
        beam: 'untested',
        raising_ms: 0,
        lowering_ms: 0,
      }
    case 'levels':
      if (!noted.ready) return noted
      for (const [key, level] of Object.entries(input.levels)) {
        const name = key as BarrierInputName
        if (level === undefined) delete seen[name]
        else seen[name] = { level, age_ms: 0 }
      }
      return {
        ...noted,
        seen,
        asked: noted.asked || asks(ledger.seen, input),
        evacuating: noted.evacuating || input.levels.release === true,
      }
    case 'command': {
      const ends =
        input.name === 'set-mode' &&
        level(noted, 'release') !== true &&
        (input.args as { endevacuation?: boolean }).endevacuation === true
      const evacuating = !expired && (input.name === 'release-all' || (noted.evacuating && !ends))
      return {
        ...noted,
        asked: noted.asked || (!expired && asks(ledger.seen, input)),
        evacuating: expired ? noted.evacuating : evacuating,
        open: [...noted.open, input.id],
      }
    }
    default:
      return { ...noted, asked: noted.asked || asks(ledger.seen, input) }
  }
}

function level(ledger: BarrierLedger, name: BarrierInputName): Level {
  return ledger.seen[name]?.level
}

function told({ effects }: Observation, name: string): Array<{ credential?: string }> {
  return effects.flatMap((effect) =>
    effect.type === 'event' && effect.event === name ? [effect.data as { credential?: string }] : [],
  )
}

const isFree = ({ shown }: Observation) => shown.mode === 'free-flow' || shown.mode === 'evacuate'

/** A motion that failed, a gate that is closed or evacuated, and an order to come down end all rights. */
function dropsAll({ input, effects, shown }: Observation): boolean {
  if (shown.faults.includes('motion-timeout') || shown.mode === 'evacuate' || shown.mode === 'closed') return true
  if (input.type !== 'command' || input.name !== 'close') return false
  return !effects.some((effect) => effect.type === 'outcome' && effect.outcome.status !== 'succeeded')
}

/** Who waits, as far as it can be told from beside the gate: in doubt nobody was refused, and a right is still there. */
function noteQueue(before: BarrierLedger, seen: Observation): Pick<BarrierLedger, 'owed' | 'refused_ms'> {
  const { input, config, passed_ms, shown } = seen
  if (config.policy !== 'flow' || input.type === 'io-lost') return { owed: [], refused_ms: undefined }
  const ended = [...told(seen, 'unused'), ...told(seen, 'passage')].map(({ credential }) => credential)
  const owed = dropsAll(seen) ? [] : before.owed.filter((one) => !ended.includes(one))
  let refused_ms = before.refused_ms === undefined ? undefined : before.refused_ms + passed_ms
  const drivesOff = (['approach', 'exit'] as const).some(
    (name) => input.type === 'levels' && before.seen[name]?.level !== false && input.levels[name] === false,
  )
  const over = refused_ms !== undefined && refused_ms >= config.passTimeout_ms
  if (over || drivesOff || input.type === 'command' || told(seen, 'passage').length > 0) refused_ms = undefined
  if (input.type !== 'access') return { owed, refused_ms }
  const { granted, by, direction, credential, reason } = input.decision
  if (granted) {
    if (credential !== undefined && !owed.includes(credential) && !isFree(seen) && told(seen, 'denied').length === 0)
      owed.push(credential)
  } else if (by === 'plate' && reason !== 'plate-unsure' && reason !== 'plate-unreadable') {
    const isOwed = credential !== undefined && before.owed.includes(credential)
    if ((shown.direction ?? direction) === direction && !isOwed) refused_ms = 0
  }
  return { owed, refused_ms }
}

/** Without anything that stands above the queue: free flow, a card, an emergency, a right from before. */
function letIn(before: BarrierLedger, seen: Observation, refused_ms: number | undefined): boolean {
  const { input } = seen
  if (input.type !== 'access' || refused_ms === undefined || isFree(seen)) return false
  const { granted, by, emergency, credential } = input.decision
  if (!granted || by !== 'plate' || emergency) return false
  return !(credential !== undefined && before.owed.includes(credential)) && told(seen, 'denied').length === 0
}

/** @returns the ledger after the observation, and the promise that was broken, if one was */
export function observe(
  before: BarrierLedger,
  seen: Observation,
): { ledger: BarrierLedger; broken: string | undefined } {
  const noted = noteInput(before, seen)
  const { config, effects, input, expired } = seen
  let { on, open, beam, asked } = noted
  // A mode that begins or ends, by the clock too, is a rule that asks.
  if (effects.some((effect) => effect.type === 'event' && effect.event === 'mode-changed')) asked = true
  let broken: string | undefined
  const fail = (promise: string) => {
    broken ??= promise
  }
  if (on['beam-test'] && level(noted, 'beam') === true) beam = 'dark'
  else if (!on['beam-test'] && beam === 'dark' && level(noted, 'beam') === false) beam = 'tested'
  for (const effect of effects) {
    if (effect.type === 'output') {
      on = { ...on, [effect.output]: effect.on }
      if (expired) fail('an expired command never moves anything')
      if (on.raise && on.lower) fail('raise and lower are never on together')
      if (effect.on && !noted.ready) fail('no output without its hardware')
      if (effect.on && effect.output !== 'stop' && !asked && !noted.evacuating)
        fail('outputs are inert at boot and after a reconnect until something asks')
      if (effect.on && effect.output === 'lower') {
        if (config.hasBeamTest && beam !== 'tested') fail('the beam proves itself before each lowering')
        beam = 'untested'
      }
    } else if (effect.type === 'outcome') {
      if (!open.includes(effect.id)) fail('a command gets one final result')
      open = open.filter((id) => id !== effect.id)
    }
  }
  const queue = noteQueue(before, seen)
  if (letIn(before, seen, queue.refused_ms)) fail('behind a refused vehicle nobody is let in')
  const ledger = { ...noted, on, open, beam, asked, ...queue }
  broken ??= standing(before, ledger, seen)
  if (input.type === 'command' && expired && open.includes(input.id)) fail('an expired command is answered at once')
  return { ledger, broken }
}

/** Promises about what holds after every step. */
function standing(
  before: BarrierLedger,
  ledger: BarrierLedger,
  { config, input, shown }: Observation,
): string | undefined {
  const at = (name: BarrierInputName) => level(ledger, name)
  const safe = (['safety', 'beam'] as const).every((name) => !config.inputs.includes(name) || at(name) === false)
  const { on } = ledger
  if (on.lower && !safe) return 'the boom goes down only while every safety input is known clear and fresh'
  if ((on.lamp || on['lamp-exit']) && (on.lower || at('up') !== true || at('down') !== false))
    return 'a light is green only under a boom that is proven to be up'
  if (on.lower && ledger.evacuating) return 'evacuation wins over everything'
  // A motion whose time was over in the same moment has ended already, as a fault.
  const timedOut = shown.faults.includes('motion-timeout')
  if (before.on.lower && !safe && input.type !== 'io-lost' && !on.raise && at('up') !== true && !timedOut)
    return 'an obstruction reverses at once'
  // A fresh order may begin a motion anew in the moment in which the one before it ended.
  const late = (motion: 'raise' | 'lower', for_ms: number, limit_ms: number) => on[motion] && for_ms >= limit_ms
  if (
    !asks(before.seen, input) &&
    (late('raise', ledger.raising_ms, config.raiseTimeout_ms) ||
      late('lower', ledger.lowering_ms, config.lowerTimeout_ms))
  )
    return 'every motion ends within its time'
  if (shown.position === 'closed' && (at('down') !== true || at('up') !== false))
    return 'an unknown position is never closed'
  if (ledger.evacuating && shown.mode !== 'evacuate') return 'an evacuation stays until it is ended by name'
  const gaveUp = timedOut || (at('up') === true && at('down') === true)
  if (ledger.evacuating && ledger.ready && !on.raise && shown.position !== 'open' && !gaveUp)
    return 'an evacuation raises the boom'
  if (ledger.open.length > 1) return 'of two commands the first is answered when the second takes over'
  if (ledger.open.length === 1 && !on.raise && !on.lower && !config.hasBeamTest)
    return 'a command that is not answered is under way'
  return undefined
}
