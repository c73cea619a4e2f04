import type { Severity } from '../../../../hub/contract/event.ts'
import type { OUTPUT_CAUSES, ParkCode, ParkSensorState } from '../../../../hub/contract/park-sensor.ts'
import { type Moment, momentAt } from '../../../moment.ts'
import type { Outcome } from '../../driver.ts'
import type { OutputConfig, OutputsConfig } from './config.ts'
import type { Rain } from './rain.ts'

/**
 * The outputs of a park device. Pure; the driver writes what it is told to, says how that went, and calls again at
 * `nextDeadline`. What is not known to be off is switched off as soon as there is contact: at boot, after a lost contact,
 * after a write that may or may not have arrived. Nothing but a command of this run ever switches anything on.
 * The driver answers every `write`, with `lost` when its bus gave up.
 */

type Cause = (typeof OUTPUT_CAUSES)[number]

/** Something that shall be written, and who waits for it. */
interface Wish {
  on: boolean
  by: Cause
  actor: string | null
  /** Id of the command that waits. */
  command: string | null
  /** How long it may stay on, ms. */
  for_ms: number | null
}

export interface OutputState {
  /** As far as we know. */
  on: boolean
  /** A write of this run confirmed it. */
  sure: boolean
  on_ms: number | null
  off_ms: number | null
  /** When it goes off by itself. */
  until_ms: number | null
  writing: (Wish & { token: number }) | null
  next: Wish | null
  /** When a switching off that failed is tried again, and why it was wanted. */
  retry: { at_ms: number; by: Cause } | null
}

export interface OutputsState {
  at_ms: number
  contact: boolean
  rain: Rain
  token: number
  outputs: OutputState[]
}

export type OutputsInput =
  | { type: 'contact'; ok: boolean }
  | { type: 'rain'; rain: Rain }
  | { type: 'command'; id: string; args: { output: string; on: boolean; for_ms?: number }; actor: string }
  /** The answer to a `write`. `refused`: by the device, with an exception; `lost`: nobody knows what it did. */
  | { type: 'written'; token: number; result: 'ok' | 'refused' | 'lost' }
  | { type: 'tick' }

export type OutputsEffect =
  | { type: 'write'; output: string; on: boolean; token: number }
  | { type: 'event'; event: 'output-changed'; severity: Severity; at: Moment; data: unknown }
  | { type: 'outcome'; id: string; outcome: Outcome }
  | { type: 'state'; outputs: ParkSensorState['outputs'] }

/** A device that refused to switch off may be busy for a moment; more often would starve its bus. */
export const RETRY_MS = 2000

/** @param restored what was shown before the restart: what was on then may still be, until it is switched off */
export function createOutputsState(
  config: OutputsConfig,
  restored: ParkSensorState['outputs'] | undefined,
  now: Moment,
): OutputsState {
  const outputs = config.outputs.map(
    ({ name }): OutputState => ({
      on: restored?.find((one) => one.name === name)?.on ?? false,
      sure: false,
      on_ms: null,
      off_ms: null,
      until_ms: null,
      writing: null,
      next: null,
      retry: null,
    }),
  )
  return { at_ms: now.monotonic_ms, contact: false, rain: 'unknown', token: 0, outputs }
}

export function shownOutputs(config: OutputsConfig, state: OutputsState, now: Moment): ParkSensorState['outputs'] {
  return config.outputs.flatMap(({ name }, index) => {
    const one = state.outputs[index]
    if (one === undefined) return []
    const until =
      one.on && one.until_ms !== null ? { until: new Date(momentAt(now, one.until_ms).wall_ms).toISOString() } : {}
    return [{ name, on: one.on, ...until }]
  })
}

/** When `step` must be called again with a tick, in monotonic ms; undefined when nothing is under way. */
export function nextDeadline(state: OutputsState): number | undefined {
  if (!state.contact) return undefined
  const times = state.outputs.flatMap(({ until_ms, retry, writing }) =>
    writing === null ? [until_ms, retry?.at_ms ?? null].filter((time) => time !== null) : [],
  )
  return times.length === 0 ? undefined : Math.min(...times)
}

interface Run {
  config: OutputsConfig
  now: Moment
  state: OutputsState
  effects: OutputsEffect[]
}

export function step(config: OutputsConfig, before: OutputsState, input: OutputsInput, at: Moment) {
  // Time does not run backwards here.
  const now = at.monotonic_ms >= before.at_ms ? at : momentAt(at, before.at_ms)
  const run: Run = { config, now, state: { ...before, at_ms: now.monotonic_ms }, effects: [] }
  take(run, input)
  config.outputs.forEach((output, index) => {
    passTime(run, index)
    write(run, output, index)
  })
  const shown = shownOutputs(config, run.state, now)
  if (JSON.stringify(shown) !== JSON.stringify(shownOutputs(config, before, now)))
    run.effects.push({ type: 'state', outputs: shown })
  return { state: run.state, effects: run.effects }
}

function put(run: Run, index: number, one: OutputState): void {
  run.state = { ...run.state, outputs: run.state.outputs.with(index, one) }
}

function take(run: Run, input: OutputsInput): void {
  switch (input.type) {
    case 'contact':
      if (input.ok !== run.state.contact) takeContact(run, input.ok)
      return
    case 'rain':
      takeRain(run, input.rain)
      return
    case 'command':
      takeCommand(run, input)
      return
    case 'written':
      takeWritten(run, input.token, input.result)
      return
    case 'tick':
      return
  }
}

const switchOff = (by: Cause): Wish => ({ on: false, by, actor: null, command: null, for_ms: null })

function takeContact(run: Run, contact: boolean): void {
  run.state = { ...run.state, contact }
  run.config.outputs.forEach((output, index) => {
    const one = run.state.outputs[index]
    if (one === undefined) return
    if (contact) {
      // Whatever it is now: it begins off.
      put(run, index, { ...one, next: switchOff('contact-lost') })
      return
    }
    fail(run, one.writing, 'PARK_OFFLINE', 'the device was lost while this was written')
    fail(run, one.next, 'PARK_OFFLINE', 'the device was lost before this could be written')
    put(run, index, { ...one, sure: false, until_ms: null, writing: null, next: null, retry: null })
    if (output.fallsOff) become(run, index, switchOff('contact-lost'))
  })
}

function takeRain(run: Run, rain: Rain): void {
  run.state = { ...run.state, rain }
  if (rain === 'dry') return
  run.config.outputs.forEach(({ rainLock }, index) => {
    const one = run.state.outputs[index]
    if (!rainLock || one === undefined || !run.state.contact) return
    fail(run, one.next?.on ? one.next : null, 'PARK_RAIN_LOCK', 'it began to rain, or that is not known any more')
    if (one.on || one.writing?.on || one.next?.on) put(run, index, { ...one, next: switchOff('rain') })
  })
}

function takeCommand(run: Run, { id, args, actor }: Extract<OutputsInput, { type: 'command' }>): void {
  const index = run.config.outputs.findIndex(({ name }) => name === args.output)
  const output = run.config.outputs[index]
  const one = run.state.outputs[index]
  if (output === undefined || one === undefined) {
    const names = run.config.outputs.map(({ name }) => name).join(', ') || 'none'
    answer(run, id, 'refused', 'PARK_OUTPUT_UNKNOWN', `the outputs of this device: ${names}`)
    return
  }
  const objection = args.on ? objectionTo(run, output, one, args.for_ms) : undefined
  if (objection !== undefined) {
    answer(run, id, 'refused', ...objection)
    return
  }
  if (!run.state.contact) {
    answer(run, id, 'failed', 'PARK_OFFLINE', 'the device does not answer; switch again when it is back')
    return
  }
  fail(run, one.next, 'PARK_SUPERSEDED', 'a later command took its place')
  put(run, index, { ...one, next: { on: args.on, by: 'command', actor, command: id, for_ms: args.for_ms ?? null } })
}

function objectionTo(
  run: Run,
  { name, on_max_ms, pause_min_ms, rainLock }: OutputConfig,
  one: OutputState,
  for_ms: number | undefined,
): [code: ParkCode, message: string] | undefined {
  const now_ms = run.now.monotonic_ms
  if (rainLock && run.state.rain !== 'dry')
    return ['PARK_RAIN_LOCK', run.state.rain === 'raining' ? 'it rains' : 'it is not known whether it rains']
  // To ask again does not make it longer.
  const left_ms = one.on_ms === null ? on_max_ms : one.on_ms + on_max_ms - now_ms
  if (for_ms !== undefined && for_ms > left_ms)
    return ['PARK_OUTPUT_LIMIT', `${name} may be on for ${Math.max(0, Math.floor(left_ms / 1000))} s more at most`]
  const rest_ms = one.on || one.off_ms === null ? 0 : one.off_ms + pause_min_ms - now_ms
  if (rest_ms > 0) return ['PARK_OUTPUT_PAUSE', `${name} rests for another ${Math.ceil(rest_ms / 1000)} s`]
  return undefined
}

function takeWritten(run: Run, token: number, result: 'ok' | 'refused' | 'lost'): void {
  const index = run.state.outputs.findIndex(({ writing }) => writing?.token === token)
  const one = run.state.outputs[index]
  // An answer to what has been given up meanwhile.
  if (one === undefined || one.writing === null) return
  const { writing } = one
  const done: OutputState = { ...one, writing: null, retry: null }
  if (result === 'ok') {
    put(run, index, { ...done, sure: true })
    become(run, index, writing)
    if (writing.command !== null)
      run.effects.push({ type: 'outcome', id: writing.command, outcome: { status: 'succeeded' } })
    return
  }
  if (result === 'refused') fail(run, writing, 'PARK_DEVICE_REFUSED', 'the device answered with an exception')
  else fail(run, writing, 'PARK_OFFLINE', 'the device did not answer: it may have switched, and is switched off now')
  // A refused "on" changed nothing. What may have switched, or has to be off, is switched off until that is confirmed.
  const mustOff = !writing.on || result === 'lost'
  const at_ms = run.now.monotonic_ms + (writing.on ? 0 : RETRY_MS)
  const retry = mustOff ? { at_ms, by: writing.on ? ('contact-lost' as const) : writing.by } : null
  put(run, index, { ...done, sure: done.sure && !mustOff, retry })
}

/** What time brings: the end of its time, or another try to switch it off. */
function passTime(run: Run, index: number): void {
  const one = run.state.outputs[index]
  if (one === undefined || one.writing !== null || !run.state.contact) return
  const now_ms = run.now.monotonic_ms
  if (one.retry !== null && one.retry.at_ms <= now_ms) {
    fail(
      run,
      one.next?.on ? one.next : null,
      'PARK_OFFLINE',
      'the device does not switch off, so it is not switched on',
    )
    const next = one.next?.on === false ? one.next : switchOff(one.retry.by)
    put(run, index, { ...one, retry: null, next })
  } else if (one.until_ms !== null && one.until_ms <= now_ms) {
    put(run, index, { ...one, until_ms: null, next: one.next ?? switchOff('limit') })
  }
}

/** One write at a time per output, and no switching on while a switching off has to be repeated. */
function write(run: Run, { name }: OutputConfig, index: number): void {
  const one = run.state.outputs[index]
  if (one === undefined || one.next === null || one.writing !== null || !run.state.contact) return
  if (one.next.on && one.retry !== null) return
  const token = run.state.token + 1
  run.state = { ...run.state, token }
  put(run, index, { ...one, writing: { ...one.next, token }, next: null })
  run.effects.push({ type: 'write', output: name, on: one.next.on, token })
}

/** It is so now. */
function become(run: Run, index: number, { on, by, actor, for_ms }: Wish): void {
  const output = run.config.outputs[index]
  const one = run.state.outputs[index]
  if (output === undefined || one === undefined) return
  const now_ms = run.now.monotonic_ms
  const on_ms = on ? (one.on_ms ?? now_ms) : null
  const latest_ms = (on_ms ?? now_ms) + output.on_max_ms
  const until_ms = on ? Math.min(latest_ms, for_ms === null ? latest_ms : now_ms + for_ms) : null
  const off_ms = on || !one.on ? one.off_ms : now_ms
  put(run, index, { ...one, on, on_ms, off_ms, until_ms })
  if (one.on === on) return
  const data = { output: output.name, on, by, ...(actor === null ? {} : { actor }) }
  run.effects.push({ type: 'event', event: 'output-changed', severity: 'notice', at: run.now, data })
}

function answer(run: Run, id: string, status: 'failed' | 'refused', code: ParkCode, message: string): void {
  run.effects.push({ type: 'outcome', id, outcome: { status, code, message } })
}

function fail(run: Run, wish: Wish | null, code: ParkCode, message: string): void {
  if (wish?.command != null) answer(run, wish.command, code === 'PARK_RAIN_LOCK' ? 'refused' : 'failed', code, message)
}
