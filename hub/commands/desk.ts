import type { Actor, Command, Result } from '../contract/command.ts'
import { isFinal } from '../contract/command.ts'
import type { Message } from '../contract/decode.ts'
import { encodeJson } from '../contract/encode.ts'
import { type Address, addressPath, formatTopic } from '../contract/topic.ts'
import { createTrackerState, hasOpen, stepTracker, type TrackerEffect } from './tracker.ts'

/** The shell of the command tracker: it owns the clock and the waiting callers, and performs the tracker's effects. */

export interface CommandRequest {
  /** A new one when absent. The same id is never executed twice. */
  id?: string
  address: Address
  name: string
  args: unknown
  /** ms from now until it must never be executed any more. */
  ttl_ms: number
  actor: Actor
  reason?: string
}

export interface CommandDesk {
  /** A command on its way in: pass it on, or swallow it because it was answered here. */
  onCommand(message: Message & { kind: 'command' }): 'continue' | 'swallow'
  /** A gateway's result on its way in. */
  onResult(message: Message & { kind: 'result' }): 'continue' | 'swallow'
  /** Issues a command in the hub's name; resolves with its one final result and never rejects. */
  send(request: CommandRequest): Promise<Result>
  /** The hub's own result of a command to itself; one that comes after the final one is dropped. */
  answer(address: Address, result: Result): void
  close(): void
}

/** How often silent commands are looked for. */
const TICK_MS = 1_000

export function createDesk(deps: {
  now_ms: () => number
  newId: () => string
  gatewayOnline: (address: Address) => boolean
  /** Journals and publishes a result in the hub's own name. */
  answer: (topic: string, payload: Uint8Array) => void
  /** Puts a command through the hub's own door; rejects when it is refused there. */
  submit: (topic: string, payload: Uint8Array) => Promise<void>
}): CommandDesk {
  const state = createTrackerState()
  const waiting = new Map<string, (result: Result) => void>()
  let closed = false
  let timer: ReturnType<typeof setInterval> | undefined

  function settle(result: Result): void {
    if (!isFinal(result.status)) return
    waiting.get(result.id)?.(result)
    waiting.delete(result.id)
  }

  /** The clock is needed only while a command is open. */
  function watch(): void {
    if (closed) return
    timer ??= setInterval(() => {
      perform(stepTracker(state, { type: 'tick' }, deps.now_ms()))
      if (hasOpen(state)) return
      clearInterval(timer)
      timer = undefined
    }, TICK_MS)
  }

  /** True when the message that caused these effects goes on. */
  function perform(effects: TrackerEffect[]): boolean {
    let goesOn = false
    for (const effect of effects) {
      if (effect.type === 'deliver' || effect.type === 'pass') goesOn = true
      if (effect.type === 'pass') settle(effect.result)
      if (effect.type === 'answer') {
        settle(effect.result)
        deps.answer(resultTopic(effect.topic, effect.result.id), encodeJson(effect.result))
      }
    }
    return goesOn
  }

  return {
    onCommand(message) {
      const input = {
        type: 'command',
        topic: addressPath(message.topic),
        command: message.command,
        gatewayOnline: deps.gatewayOnline(message.topic),
        isForHub: message.topic.class === 'hub',
      } as const
      const goesOn = perform(stepTracker(state, input, deps.now_ms()))
      if (goesOn) watch()
      return goesOn ? 'continue' : 'swallow'
    },
    onResult(message) {
      return perform(stepTracker(state, { type: 'result', result: message.result }, deps.now_ms()))
        ? 'continue'
        : 'swallow'
    },
    send(request) {
      const id = request.id ?? deps.newId()
      const now_ms = deps.now_ms()
      const command: Command = {
        id,
        name: request.name,
        issuedat: new Date(now_ms).toISOString(),
        expiresat: new Date(now_ms + request.ttl_ms).toISOString(),
        actor: request.actor,
        ...(request.reason === undefined ? {} : { reason: request.reason }),
        args: request.args,
      }
      const topic = formatTopic({ ...request.address, channel: 'cmd', name: request.name, id })
      return new Promise((resolve) => {
        waiting.set(id, resolve)
        deps.submit(topic, encodeJson(command)).catch((error: { code?: string; message?: string }) => {
          waiting.delete(id)
          const code = error.code ?? 'COMMAND_FAILED'
          resolve({
            id,
            name: request.name,
            status: 'refused',
            code,
            message: String(error.message).slice(0, 400),
            at: new Date(deps.now_ms()).toISOString(),
          })
        })
      })
    },
    answer(address, result) {
      const goesOn = perform(stepTracker(state, { type: 'result', result }, deps.now_ms()))
      if (goesOn) deps.answer(resultTopic(addressPath(address), result.id), encodeJson(result))
    },
    close() {
      closed = true
      clearInterval(timer)
    },
  }
}

function resultTopic(addressPathOfDevice: string, id: string): string {
  return `${addressPathOfDevice}/res/${id}`
}
