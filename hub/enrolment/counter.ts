import { LinliError } from '../contract/errors.ts'
import { isSegment } from '../contract/topic.ts'
import type { RegistryData } from '../registry/registry.ts'
import type { Enrolment } from './enrolment.ts'

/** What `linli enrol` asks of a hub that runs. */

export type EnrolmentRequest =
  | { type: 'enrol-code'; gateway: string }
  | { type: 'enrol-revoke'; gateway: string }
  | { type: 'enrol-list' }
export interface EnrolledGateway {
  gateway: string
  /** RFC 3339. */
  until: string
  status: 'counts' | 'revoked' | 'expired'
}
export type EnrolmentAnswer =
  | { type: 'enrol-code'; code: string; expires: string; fingerprint: string; httpsPort: number }
  | { type: 'enrol-revoked'; revoked: number }
  | { type: 'enrolled'; gateways: EnrolledGateway[] }

/** Who may open the counter's socket is an installer on this machine. */
const ACTOR = 'installer:local'

export interface EnrolmentDesk {
  enrolment: Enrolment
  fingerprint: string
  httpsPort: number
  registry: { readonly data: Readonly<RegistryData> }
  now_ms: () => number
}

export async function atEnrolment(desk: EnrolmentDesk, request: EnrolmentRequest): Promise<EnrolmentAnswer> {
  if (request.type === 'enrol-list') return { type: 'enrolled', gateways: listOf(desk) }
  if (!isSegment(request.gateway)) {
    throw new LinliError('OPTION_INVALID', `${request.gateway} is no gateway id; allowed: 1–40 of a–z, 0–9, -`, {
      kind: 'caller',
    })
  }
  if (request.type === 'enrol-revoke')
    return { type: 'enrol-revoked', ...(await desk.enrolment.revoke(request.gateway, ACTOR)) }
  const { code, expires_ms } = await desk.enrolment.issueCode(request.gateway, ACTOR)
  const { fingerprint, httpsPort } = desk
  return { type: 'enrol-code', code, expires: new Date(expires_ms).toISOString(), fingerprint, httpsPort }
}

function listOf({ registry, now_ms }: EnrolmentDesk): EnrolledGateway[] {
  const now = new Date(now_ms()).toISOString()
  return Object.values(registry.data.certificates).map(({ gateway, until, revoked }) => ({
    gateway,
    until,
    status: revoked !== undefined ? 'revoked' : until <= now ? 'expired' : 'counts',
  }))
}

/** @returns undefined when it is about something else */
export function enrolmentRequest(value: unknown): EnrolmentRequest | undefined {
  const { type, gateway } = (value ?? {}) as { type?: unknown; gateway?: unknown }
  if (type === 'enrol-list') return { type }
  if ((type === 'enrol-code' || type === 'enrol-revoke') && typeof gateway === 'string') return { type, gateway }
  return undefined
}
