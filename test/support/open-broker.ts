import type { Principal } from '../../hub/auth/access.ts'
import { type Broker, createBroker } from '../../hub/broker/broker.ts'
import type { FrontLimits } from '../../hub/broker/front/limits.ts'
import type { Inbound } from '../../hub/broker/ingest.ts'

/** The broker of the hub with a door that takes everything, so that the protocol is tested and not the contract. */
export interface OpenBroker {
  broker: Broker
  port: number
  /** In the order in which they came to the door. */
  accepted: Inbound[]
  refused: string[]
  told: Array<{ cause?: string; address?: string; count?: number }>
  shut: { promise: Promise<void> }
}

export async function startOpenBroker(
  options: {
    limits?: Partial<FrontLimits>
    /** By user name; whoever gives none is the one developer. */
    principals?: Map<string, Principal>
    /** The door waits for this. */
    gate?: (inbound: Inbound) => Promise<void>
  } = {},
): Promise<OpenBroker> {
  const accepted: Inbound[] = []
  const refused: string[] = []
  const told: OpenBroker['told'] = []
  const shut = { promise: Promise.resolve() }
  const broker = await createBroker({
    ingest: {
      async accept(_principal, inbound) {
        accepted.push(inbound)
        await options.gate?.(inbound)
        return { kind: 'deliver', payload: inbound.payload }
      },
    },
    authenticate: async ({ clientId, username }) => {
      await shut.promise
      if (username === undefined) return { role: 'dev', name: clientId }
      return options.principals?.get(username)
    },
    log: { info() {}, warn: (details) => told.push(details) },
    events: {
      connected() {},
      disconnected() {},
      shed() {},
      refused: (cause) => refused.push(cause),
      throttled() {},
    },
    ...(options.limits ? { limits: options.limits } : {}),
  })
  const { port } = await broker.listen({ host: '127.0.0.1', port: 0 })
  return { broker, port, accepted, refused, told, shut }
}
