import { AccessGateState, type GateCode, type GateKind } from '../../../hub/contract/access-gate.ts'
import type { Meta } from '../../../hub/contract/meta.ts'
import { checker } from '../../../hub/contract/schema.ts'
import type { Address } from '../../../hub/contract/topic.ts'
import { type Moment, momentNow } from '../../moment.ts'
import type { GateIo } from '../../ports/gate-io.ts'
import type { DriverHost, Outcome } from '../driver.ts'
import type { AccessGateDriver } from './access.ts'
import type { GateEffect, GateInput, GateMachine } from './exchange.ts'

/** The shell around the machine of a door or a barrier: inputs in, timers, effects out. */

export interface GateDeps {
  host: DriverHost
  io: GateIo
  address: Address
  version: string
  /** What the device last said, from before the restart; anything else is ignored. */
  restored: unknown
}

/** A timer this late means that the process was held up: reports that are still unread get this long to come in. */
const LATE_MS = 5

const checkState = checker(AccessGateState)

/** What the gate last said, if it was a gate of this kind. */
export function restoredGate(value: unknown, kind: GateKind): AccessGateState | undefined {
  const checked = checkState(value)
  return checked.ok && checked.value.kind === kind ? checked.value : undefined
}

export function createGateShell<S>(deps: GateDeps, machine: GateMachine<S>, initial: S, meta: Meta): AccessGateDriver {
  const { host, io } = deps
  let state = initial
  let timer: ReturnType<typeof setTimeout> | undefined
  let running = false
  const answers = new Map<string, (outcome: Outcome) => void>()

  /** One step. An error of ours must not reach the hardware or the other drivers. */
  function run(input: GateInput, at: Moment): void {
    if (!running) return
    try {
      const result = machine.step(state, input, at)
      state = result.state
      perform(result.effects)
    } catch (error) {
      host.failed(error)
    }
    arm()
  }

  function perform(effects: GateEffect[]): void {
    let dropped = false
    for (const effect of effects) {
      if (effect.type === 'output') dropped = !io.set(effect.output, effect.on) || dropped
      else if (effect.type !== 'outcome') publish(effect)
      else answer(effect.id, dropped && effect.outcome.status === 'succeeded' ? offline : effect.outcome)
    }
  }

  function answer(id: string, outcome: Outcome): void {
    const waiting = answers.get(id)
    answers.delete(id)
    waiting?.(outcome)
  }

  function publish(effect: GateEffect): void {
    if (effect.type === 'event')
      host.event({ type: effect.event, severity: effect.severity, at: effect.at, data: effect.data })
    else if (effect.type === 'state') host.state(effect.state)
    else if (effect.type === 'availability') host.availability(withReason(effect), effect.at)
  }

  function arm(): void {
    clearTimeout(timer)
    const due_ms = machine.nextDeadline(state)
    if (due_ms === undefined || !running) return
    const tick = () => run({ type: 'tick' }, momentNow())
    const onTime = () => {
      if (performance.now() - due_ms <= LATE_MS) tick()
      else timer = setTimeout(tick, LATE_MS)
    }
    timer = setTimeout(onTime, Math.max(0, Math.ceil(due_ms - performance.now())))
  }

  io.onStatus(({ ready, reason, at }) =>
    run(ready ? { type: 'io-ready' } : { type: 'io-lost', reason: reason ?? 'io-lost' }, at),
  )
  io.onLevels(({ levels, at }) => run({ type: 'levels', levels }, at))

  return {
    address: deps.address,
    meta,
    start() {
      running = true
      host.state(machine.publicState(state))
      host.availability(withReason(machine.availability(state)), momentNow())
      io.start()
      arm()
    },
    execute(command, reply) {
      const { id, name, args, actor, expiresat } = command
      answers.set(id, reply)
      const expiry = expiresat === undefined ? {} : { expires_wall_ms: Date.parse(expiresat) }
      run({ type: 'command', id, name, args, actor: `${actor.kind}:${actor.id}`, ...expiry }, momentNow())
      // A machine that fell over has not taken it.
      if (!running || (answers.has(id) && !machine.isPending(state, id))) answer(id, driverFailed)
    },
    mode: () => machine.publicState(state).mode,
    access: (decision, at) => run({ type: 'access', decision }, at),
    tamper: (part, reason, at) => run({ type: 'tamper', part, reason }, at),
    close() {
      running = false
      clearTimeout(timer)
      io.close()
      for (const id of [...answers.keys()]) answer(id, { ...offline, message: 'the gateway was stopped meanwhile' })
    },
  }
}

const offline = {
  status: 'failed',
  code: 'GATE_OFFLINE' satisfies GateCode,
  message: 'the hardware was lost at this moment',
} as const
const driverFailed: Outcome = {
  status: 'failed',
  code: 'DRIVER_FAILED',
  message: 'the driver could not take the command',
}

function withReason({
  status,
  reason,
}: {
  status: 'online' | 'stale' | 'fault' | 'offline'
  reason: string | undefined
}) {
  return reason === undefined ? { status } : { status, reason }
}
