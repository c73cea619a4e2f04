import { LinliError } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import type { DeadLetter } from './dead-letters.ts'
import type { LeftUpstream, UpstreamReport, Upstreams } from './upstreams.ts'

/** What the command line asks a running hub about its upstreams. */

const Id = Type.String({ minLength: 1, maxLength: 200 })
const Request = Type.Union([
  Type.Object({ type: Type.Literal('upstreams') }),
  Type.Object({ type: Type.Literal('upstream-forget'), name: Id }),
  Type.Object({ type: Type.Literal('dead-letters'), upstream: Type.Optional(Id) }),
  Type.Object({ type: Type.Literal('dead-letter-show'), id: Id }),
  Type.Object({ type: Type.Literal('dead-letter-resend'), id: Id }),
  Type.Object({ type: Type.Literal('dead-letter-drop'), id: Id }),
])
export type UpstreamRequest = Static<typeof Request>
const check = checker(Request)

export type ListedUpstream = Omit<UpstreamReport, 'delivered'> & { delivered: Record<string, number> }
export type UpstreamAnswer =
  | { type: 'upstreams'; upstreams: ListedUpstream[]; left: LeftUpstream[] }
  | { type: 'dead-letters'; letters: DeadLetter[]; dropped: number }
  /** `payload`: text where it is UTF-8, and base64 in any case. */
  | { type: 'dead-letter'; letter: DeadLetter; payload: string; base64: string }
  | { type: 'done' }

/** @returns undefined when it is about something else */
export function upstreamRequest(value: unknown): UpstreamRequest | undefined {
  const checked = check(value)
  return checked.ok ? checked.value : undefined
}

export async function atUpstreams(upstreams: Upstreams, request: UpstreamRequest): Promise<UpstreamAnswer> {
  const { deadLetters } = upstreams
  switch (request.type) {
    case 'upstreams':
      return {
        type: 'upstreams',
        upstreams: upstreams
          .reports()
          .map(({ delivered, ...report }) => ({ ...report, delivered: Object.fromEntries(delivered) })),
        left: upstreams.left(),
      }
    case 'upstream-forget':
      upstreams.forget(request.name)
      return { type: 'done' }
    case 'dead-letters': {
      const { upstream } = request
      const letters = deadLetters.list().filter((one) => upstream === undefined || one.upstream === upstream)
      return { type: 'dead-letters', letters, dropped: deadLetters.dropped() }
    }
    case 'dead-letter-show': {
      const { payload, ...letter } = await deadLetters.get(request.id)
      const bytes = Buffer.from(payload)
      return { type: 'dead-letter', letter, payload: bytes.toString('utf8'), base64: bytes.toString('base64') }
    }
    case 'dead-letter-resend':
      await upstreams.resend(request.id)
      return { type: 'done' }
    case 'dead-letter-drop':
      await deadLetters.remove(request.id)
      return { type: 'done' }
    default:
      throw new LinliError('UPSTREAM_REQUEST', 'the hub does not know this request', { kind: 'bug' })
  }
}
