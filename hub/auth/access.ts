import { gatewayPath, type Site, sitePath, type Topic } from '../contract/topic.ts'

/**
 * Who may publish and subscribe what: one table, default deny.
 *
 * | principal | publishes | subscribes |
 * |---|---|---|
 * | gateway  | everything under its own prefix but commands | commands under its own prefix |
 * | platform | commands of the estate, but not those that carry credentials (compose.ts) | everything of the estate |
 * | dev      | everything of the contract, on loopback only | everything |
 */
export type Principal =
  | { role: 'gateway'; name: string; site: Site; gateway: string }
  | { role: 'platform'; name: string; site: Site }
  | { role: 'dev'; name: string }

export function mayPublish(principal: Principal, topic: Topic): boolean {
  switch (principal.role) {
    case 'dev':
      return true
    case 'gateway':
      return topic.channel !== 'cmd' && inSite(principal.site, topic) && topic.gateway === principal.gateway
    case 'platform':
      return topic.channel === 'cmd' && inSite(principal.site, topic)
  }
}

/** A filter is allowed when nothing that it can match lies outside the allowed prefix. */
export function maySubscribe(principal: Principal, filter: string): boolean {
  switch (principal.role) {
    case 'dev':
      return true
    case 'gateway': {
      const prefix = `${gatewayPath(principal.site, principal.gateway)}/`
      return filter.startsWith(prefix) && filter.slice(prefix.length).split('/')[2] === 'cmd'
    }
    case 'platform':
      return filter.startsWith(`${sitePath(principal.site)}/`)
  }
}

function inSite(site: Site, topic: Topic): boolean {
  return topic.street === site.street && topic.community === site.community && topic.estate === site.estate
}
