import { lookup } from 'node:dns/promises'
import { networkInterfaces } from 'node:os'

/** Whether the hub of this address is on this box. What cannot be found out counts as elsewhere. */
export async function isHubHere(url: string): Promise<boolean> {
  const { hostname } = new URL(url)
  const found = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true }).catch(() => [])
  const own = new Set(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)))
  return found.some(({ address }) => own.has(address))
}
