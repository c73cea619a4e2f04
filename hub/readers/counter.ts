import type { CommandDesk } from '../commands/desk.ts'
import { READER_ACTOR } from '../commands/own-commands.ts'
import type { Result } from '../contract/command.ts'
import { LinliError } from '../contract/errors.ts'
import type { GatewayState, ReaderState } from '../contract/gateway.ts'
import type { Devices } from '../devices/devices.ts'

/** What the command line asks about card readers: how they are, and to have one installed. */

export type ReaderRequest = { type: 'readers' } | { type: 'reader-install'; gateway: string; reader: string }
/** `online` is whether the gateway is: if not, the rest is what it last said. */
export type ListedReader = ReaderState & { gateway: string; online: boolean }
export type ReaderAnswer = { type: 'readers'; readers: ListedReader[] } | { type: 'ended'; result: Result }

export interface ReaderCounterDeps {
  devices: Pick<Devices, 'all' | 'gatewayOnline'>
  send: CommandDesk['send']
}

/** The gateway tries for 40 s, and answers then. */
const TTL_MS = 60_000

/** Rejects GATEWAY_UNKNOWN for a gateway that this hub has never heard. */
export async function atReaders(deps: ReaderCounterDeps, request: ReaderRequest): Promise<ReaderAnswer> {
  const gateways = deps.devices.all().filter(({ address }) => address.class === 'gateway')
  if (request.type === 'readers') return { type: 'readers', readers: gateways.flatMap((view) => readersOf(deps, view)) }
  const { gateway, reader } = request
  const found = gateways.find(({ address }) => address.gateway === gateway)
  if (!found) {
    const known = gateways.map(({ address }) => address.gateway).join(', ') || 'none'
    throw new LinliError('GATEWAY_UNKNOWN', `there is no gateway ${gateway}; gateways: ${known}`, { kind: 'caller' })
  }
  const command = { address: found.address, name: 'reader-install', args: { reader } }
  return { type: 'ended', result: await deps.send({ ...command, ttl_ms: TTL_MS, actor: READER_ACTOR }) }
}

function readersOf(deps: ReaderCounterDeps, { address, state }: ReturnType<Devices['all']>[number]): ListedReader[] {
  const { readers = [] } = (state ?? {}) as Partial<GatewayState>
  const online = deps.devices.gatewayOnline(address)
  return readers.map((reader) => ({ gateway: address.gateway, online, ...reader }))
}

/** @returns undefined when it is about something else */
export function readerRequest(value: unknown): ReaderRequest | undefined {
  const { type, gateway, reader } = (value ?? {}) as { type?: unknown; gateway?: unknown; reader?: unknown }
  if (type === 'readers') return { type }
  if (type !== 'reader-install' || typeof gateway !== 'string' || typeof reader !== 'string') return undefined
  return { type, gateway, reader }
}
