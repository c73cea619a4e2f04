import type { AuditEntry } from '../audit/chain.ts'
import type { Principal } from '../auth/access.ts'
import type { Result } from '../contract/command.ts'
import { isFinal } from '../contract/command.ts'
import type { Message } from '../contract/decode.ts'
import { ROOT } from '../contract/topic.ts'
import { type CommandMessage, isCredentialCommand } from './own-commands.ts'
import type { TrackerEffect } from './tracker.ts'

/** What the audit log says of commands. Credentials are not written into it. */

/** A command that came in: let through (`asked`), or ended at once with the result that it was given. */
export function askedEntry(
  message: CommandMessage,
  principal: Principal,
  effects: readonly TrackerEffect[],
): AuditEntry {
  const { command } = message
  const answered = effects.find((effect) => effect.type === 'answer')?.result
  const isBeyond = effects.some(({ type }) => type === 'beyond-horizon')
  const { reason, expiresat, args } = command
  const detail = {
    id: command.id,
    expiresat,
    ...(reason === undefined ? {} : { reason }),
    ...(isCredentialCommand(message) ? {} : { args }),
  }
  const code = isBeyond ? 'COMMAND_REPLAYED' : answered?.code
  return {
    ...whoAndWhere(message, principal),
    outcome: isBeyond ? 'refused' : answered && isFinal(answered.status) ? answered.status : 'asked',
    ...(code === undefined ? {} : { code }),
    detail,
  }
}

/** The same id once more. */
export function knownEntry(message: CommandMessage, principal: Principal, count: number): AuditEntry {
  const detail = { id: message.command.id, count }
  return { ...whoAndWhere(message, principal), outcome: 'refused', code: 'COMMAND_REPLAYED', detail }
}

/** The journal was damaged: commands issued until then are not carried out any more. */
export function doubtfulEntry(until_ms: number, found: string): AuditEntry {
  const detail = { until: new Date(until_ms).toISOString(), found: found.slice(0, 1_000) }
  return { ...HUB_ITSELF, action: 'commands-doubtful', code: 'JOURNAL_DAMAGED', detail }
}
const HUB_ITSELF = { kind: 'audit', actor: 'hub:commands', source: 'hub', outcome: 'failed' } as const

export interface ResultNote {
  actor?: string | undefined
  source?: string
  /** It came after the final result, or of a command that nobody remembers: it is told nowhere else. */
  late?: true
}

/** How a command ended. */
export function resultEntry(path: string, { id, name, status, code }: Result, note: ResultNote): AuditEntry {
  const target = targetOf(path)
  const gateway = target.split('/')[0]
  const { actor = '', source = gateway === 'hub' ? 'hub' : `gateway:${gateway}`, late } = note
  return {
    kind: 'command',
    action: name,
    actor,
    source,
    target,
    outcome: isFinal(status) ? status : 'asked',
    ...(code === undefined ? {} : { code }),
    detail: { id, ...(late ? { late } : {}) },
  }
}

function whoAndWhere({ topic, command }: Message & { kind: 'command' }, principal: Principal) {
  const { actor, name } = command
  return {
    kind: 'command',
    action: name,
    actor: `${actor.kind}:${actor.id}`,
    source: `${principal.role}:${principal.name}`,
    target: `${topic.gateway}/${topic.class}/${topic.device}`,
  } as const
}

/** `linli/v1/street/community/estate/gateway/class/device` → what differs within one estate. */
function targetOf(path: string): string {
  return path
    .split('/')
    .slice(ROOT.split('/').length + 3)
    .join('/')
}
