import { plateFilter } from '../contract/plate.ts'
import { gatewayPath, isSegment, parseTopic, type Site, sitePath, type Topic } from '../contract/topic.ts'
import { STATUS_TOPIC } from '../home-assistant/topics.ts'

/**
 * Who may publish and subscribe what: one table, default deny.
 *
 * | principal | publishes | subscribes |
 * |---|---|---|
 * | gateway  | everything under its own prefix but commands, plates and incidents | commands and plates under its own prefix |
 * | camera   | its own plate topic | nothing |
 * | platform | commands of the estate, but not those that carry credentials (compose.ts) | everything of the estate but plates |
 * | home-assistant | its topics beside the contract, and nothing of the contract (home-assistant/bridge.ts) | `homeassistant/#`; of single devices of the estate, but not of incidents, state, avail, meta, tele, evt/+ and res/+ |
 * | dev      | everything of the contract, on loopback only | everything |
 *
 * Plates go to a subscriber of exactly `…/{gateway}/camera/+/plate` and to nobody else, whatever else may be
 * subscribed to: broker/plate-post.ts.
 */
export type Principal =
  | { role: 'gateway'; name: string; site: Site; gateway: string }
  | { role: 'camera'; name: string; site: Site; gateway: string; camera: string }
  | { role: 'platform'; name: string; site: Site }
  | { role: 'home-assistant'; name: string; site: Site }
  | { role: 'dev'; name: string }

export function mayPublish(principal: Principal, topic: Topic): boolean {
  switch (principal.role) {
    case 'dev':
      return true
    case 'gateway':
      return (
        topic.channel !== 'cmd' &&
        topic.channel !== 'plate' &&
        topic.class !== 'incident' &&
        inSite(principal.site, topic) &&
        topic.gateway === principal.gateway
      )
    case 'camera':
      return (
        topic.channel === 'plate' &&
        inSite(principal.site, topic) &&
        topic.gateway === principal.gateway &&
        topic.device === principal.camera
      )
    case 'platform':
      return topic.channel === 'cmd' && inSite(principal.site, topic)
    case 'home-assistant':
      return false
  }
}

/** A filter is allowed when nothing that it can match lies outside the allowed prefix. */
export function maySubscribe(principal: Principal, filter: string): boolean {
  switch (principal.role) {
    case 'dev':
      return true
    case 'gateway': {
      const prefix = `${gatewayPath(principal.site, principal.gateway)}/`
      if (filter === plateFilter(principal.site, principal.gateway)) return true
      return filter.startsWith(prefix) && filter.slice(prefix.length).split('/')[2] === 'cmd'
    }
    case 'camera':
      return false
    case 'platform':
      return filter.startsWith(`${sitePath(principal.site)}/`) && !filter.endsWith('/plate')
    case 'home-assistant':
      return filter.startsWith('homeassistant/') || isOfOneDevice(principal.site, filter)
  }
}

/** What an entity subscribes to: one channel of one device, none that carries commands or plates. */
function isOfOneDevice(site: Site, filter: string): boolean {
  const prefix = `${sitePath(site)}/`
  if (!filter.startsWith(prefix)) return false
  const [gateway = '', deviceClass = '', device = '', ...channel] = filter.slice(prefix.length).split('/')
  return (
    [gateway, deviceClass, device].every(isSegment) &&
    deviceClass !== 'incident' &&
    /^(state|avail|meta|tele|(evt|res)\/[^/#]+)$/.test(channel.join('/'))
  )
}

/** Asked again at every delivery: what a session was once allowed to subscribe to may not be its account's any more. */
export function mayReceive(principal: Principal, topic: string): boolean {
  switch (principal.role) {
    case 'dev':
      return true
    case 'gateway': {
      const prefix = `${gatewayPath(principal.site, principal.gateway)}/`
      return topic.startsWith(prefix) && (topic.endsWith('/plate') || topic.split('/')[COMMAND_LEVEL] === 'cmd')
    }
    case 'camera':
      return false
    case 'platform':
      return topic.startsWith(`${sitePath(principal.site)}/`) && !topic.endsWith('/plate')
    case 'home-assistant':
      return topic.startsWith('homeassistant/') || isOfOneDevice(principal.site, topic)
  }
}

/** `linli/v1/{street}/{community}/{estate}/{gateway}/{class}/{device}/cmd/…` */
const COMMAND_LEVEL = 8

/** Asked at CONNECT; the message itself passes the door like any other when it is published. */
export function mayLeaveWill(principal: Principal, topic: string): boolean {
  if (principal.role === 'dev') return true
  // Home Assistant's own will, by its default.
  if (principal.role === 'home-assistant') return topic === STATUS_TOPIC
  const parsed = parseTopic(topic)
  return parsed.ok && mayPublish(principal, parsed.value)
}

/**
 * Each account has its client ids to itself: whoever connects with the id of another account's client has a session of
 * their own, and neither ends that client's connection nor inherits its session. On loopback without logins all are one.
 */
export function sessionName(principal: Principal, clientId: string): string {
  return principal.role === 'dev' ? clientId : `${encodeURIComponent(principal.name)}/${clientId}`
}

function inSite(site: Site, topic: Topic): boolean {
  return topic.street === site.street && topic.community === site.community && topic.estate === site.estate
}
