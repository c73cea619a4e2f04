import type { Result } from '../contract/command.ts'
import { reasonOf } from '../contract/errors.ts'
import type { HubForFlows } from './hub-port.ts'
import type { CommandMessage, ReportMessage } from './ipc.ts'
import { createTokenBucket } from './token-bucket.ts'

/** Commands of flows on their way to the hub: limited in rate and number, each answered exactly once. */

export interface FlowCommandsConfig {
  /** Commands per second a flow may send in the long run. */
  rate_per_s: number
  /** And at once. */
  burst: number
  /** Commands without a final result yet. */
  pending_max: number
}

export const FLOW_COMMANDS_DEFAULTS: FlowCommandsConfig = { rate_per_s: 50, burst: 50, pending_max: 500 }

export const FLOWS_CODES = {
  FLOWS_RATE_LIMITED: 'flows send more commands per second than they may',
  FLOWS_BUSY: 'too many commands of flows have no result yet',
  FLOWS_HUB_FAILED: 'the hub failed while it handled the command',
  FLOWS_MESSAGE_INVALID: 'the flows process sent something that is not a message',
} as const

export interface FlowCommands {
  handle(command: CommandMessage, answer: (result: Result) => void): void
  /** What a flow has to say counts as a command of it. */
  report(report: ReportMessage, answer: (result: Result) => void): void
  readonly counts: Readonly<{ sent: number; refused: number; pending: number }>
}

export function createFlowCommands(
  deps: { hub: Pick<HubForFlows, 'send' | 'report'>; clock: () => number },
  config: FlowCommandsConfig,
): FlowCommands {
  const bucket = createTokenBucket({ per_s: config.rate_per_s, burst: config.burst })
  const counts = { sent: 0, refused: 0, pending: 0 }

  function refused(command: Asked, code: keyof typeof FLOWS_CODES): Result {
    counts.refused += 1
    return outcome(command, 'refused', code, FLOWS_CODES[code])
  }

  function carryOut(asked: Asked, work: () => Promise<Result>, answer: (result: Result) => void): void {
    const isBusy = counts.pending >= config.pending_max
    if (isBusy || !bucket.take(deps.clock())) {
      answer(refused(asked, isBusy ? 'FLOWS_BUSY' : 'FLOWS_RATE_LIMITED'))
      return
    }
    counts.sent += 1
    counts.pending += 1
    // The hub promises that commands do not reject; if one ever does, a flow must not bring it down.
    Promise.resolve()
      .then(work)
      .catch((error: unknown) => outcome(asked, 'failed', 'FLOWS_HUB_FAILED', reasonOf(error).slice(0, 400)))
      .then((result) => {
        counts.pending -= 1
        answer(result)
      })
  }

  return {
    counts,
    handle(command, answer) {
      const { address, name, args, ttl_ms, flow, reason } = command
      const request = { address, name, args, ttl_ms, actor: { kind: 'flow' as const, id: flow } }
      carryOut(command, () => deps.hub.send(reason === undefined ? request : { ...request, reason }), answer)
    },
    report(report, answer) {
      const { type: _type, id, ...said } = report
      const done = { id, name: said.name, status: 'succeeded' as const }
      const say = () => deps.hub.report(said).then(() => ({ ...done, at: new Date().toISOString() }))
      carryOut(report, say, answer)
    },
  }
}

type Asked = Pick<CommandMessage, 'id' | 'name'>

function outcome(
  command: Asked,
  status: 'refused' | 'failed',
  code: keyof typeof FLOWS_CODES,
  message: string,
): Result {
  return { id: command.id, name: command.name, status, at: new Date().toISOString(), code, message }
}
