import type { Audit } from './audit/audit.ts'
import { LinliError } from './contract/errors.ts'
import { checker } from './contract/schema.ts'
import { type Static, Type } from './contract/type.ts'
import type { FlowVersions } from './flows-host/versions.ts'

/** What `linli flows` asks: of a hub that runs at its counter, of one that stands still directly. */

const Request = Type.Object({
  type: Type.Literal('flows-rollback'),
  version: Type.String({ maxLength: 20 }),
  user: Type.String({ minLength: 1, maxLength: 64, description: 'who typed it, as the system knows them' }),
})
export type FlowsRequest = Static<typeof Request>
const check = checker(Request, 'FLOWS_VERSION')

export interface FlowsAnswer {
  type: 'flows-rolled-back'
  /** The version that was asked for, and as which one it is the newest now. */
  to: number
  version: number
  /** The flows run it already; else they do when they start. */
  isRunning: boolean
}

/** Undefined: the request is about something else. @throws {LinliError} FLOWS_VERSION */
export function flowsRequest(value: unknown): FlowsRequest | undefined {
  if ((value as { type?: unknown } | null)?.type !== 'flows-rollback') return undefined
  const checked = check(value)
  if (!checked.ok) throw checked.error
  return checked.value
}

export interface FlowsDoor {
  versions: FlowVersions
  audit: Pick<Audit, 'record'>
  /** Of a hub whose flows run: false when they do not just now. */
  reload?: () => Promise<boolean>
}

/** With a line in the audit log before and one about how it went. */
export async function atFlows(
  { versions, audit, reload }: FlowsDoor,
  { version: wanted, user }: FlowsRequest,
): Promise<FlowsAnswer> {
  const entry = {
    kind: 'configuration',
    action: 'flows-rollback',
    actor: `installer:${user}`,
    source: 'command-line',
    target: `flows:${wanted}`,
  } as const
  await audit.record({ ...entry, outcome: 'asked' })
  try {
    const version = await versions.rollback(wanted, `cli:${user}`)
    const isRunning = (await reload?.()) ?? false
    await audit.record({ ...entry, outcome: 'succeeded', detail: { version, running: isRunning } })
    return { type: 'flows-rolled-back', to: Number(wanted), version, isRunning }
  } catch (error) {
    const code = error instanceof LinliError ? error.code : 'FLOWS_FAILED'
    await audit.record({ ...entry, outcome: 'failed', code })
    throw error
  }
}
