import { plateFilter } from '../contract/plate.ts'
import { type Channel, gatewayPath, isSegment, parseTopic, type Site, sitePath, type Topic } from '../contract/topic.ts'
import { STATUS_TOPIC } from '../home-assistant/topics.ts'
import { type Grants, mayCommand, mayOverlap, mayRead, type PlaceOf } from './grants.ts'

/** Who may publish, subscribe and leave what: one table, default deny. */
export type Principal =
  | { role: 'gateway'; name: string; site: Site; gateway: string }
  | { role: 'camera'; name: string; site: Site; gateway: string; camera: string }
  /** Without `placeOf` grants of a place fit nothing. */
  | { role: 'platform'; name: string; site: Site; grants: Grants; placeOf?: PlaceOf }
  | { role: 'home-assistant'; name: string; site: Site }
  | { role: 'dev'; name: string }

/** `own`: of its gateway, of a camera its very topic. `granted`: what its account's grants name (grants.ts). */
type Reach = 'own' | 'granted' | 'estate'
type Row = Readonly<Partial<Record<Exclude<Principal['role'], 'dev'>, Reach>>>

/**
 * Who is not named may not; `dev`, on loopback only (config.ts), may everything. Beside it: a command that carries
 * credentials is the hub's own to send (compose.ts); Home Assistant has topics beside the contract
 * (home-assistant/bridge.ts); plates go to a subscriber of exactly `…/{gateway}/camera/+/plate` (broker/plate-post.ts).
 */
const TABLE: Readonly<Record<Channel['channel'], { publish: Row; hear: Row }>> = {
  evt: { publish: { gateway: 'own' }, hear: { platform: 'granted', 'home-assistant': 'estate' } },
  state: { publish: { gateway: 'own' }, hear: { platform: 'granted', 'home-assistant': 'estate' } },
  tele: { publish: { gateway: 'own' }, hear: { platform: 'granted', 'home-assistant': 'estate' } },
  avail: { publish: { gateway: 'own' }, hear: { platform: 'granted', 'home-assistant': 'estate' } },
  meta: { publish: { gateway: 'own' }, hear: { platform: 'granted', 'home-assistant': 'estate' } },
  res: { publish: { gateway: 'own' }, hear: { platform: 'granted', 'home-assistant': 'estate' } },
  cmd: { publish: { platform: 'granted' }, hear: { gateway: 'own' } },
  plate: { publish: { camera: 'own' }, hear: { gateway: 'own' } },
}

export function mayPublish(principal: Principal, topic: Topic): boolean {
  // What an incident is says the hub alone.
  if (principal.role === 'gateway' && topic.class === 'incident') return false
  return reaches(principal, TABLE[topic.channel].publish, topic)
}

function reaches(principal: Principal, row: Row, topic: Topic): boolean {
  if (principal.role === 'dev') return true
  const reach = row[principal.role]
  if (reach === undefined || !inSite(principal.site, topic)) return false
  switch (principal.role) {
    case 'gateway':
      return topic.gateway === principal.gateway
    case 'camera':
      return topic.gateway === principal.gateway && topic.device === principal.camera
    case 'platform':
      return isGranted(principal, topic)
    case 'home-assistant':
      return reach === 'estate' && topic.class !== 'incident'
  }
}

function isGranted({ grants, placeOf }: Principal & { role: 'platform' }, topic: Topic): boolean {
  return topic.channel === 'cmd' ? mayCommand(grants, topic, placeOf) : mayRead(grants, topic, placeOf)
}

/** Asked again at every delivery: what a session was once allowed to subscribe to may not be its account's any more. */
export function mayReceive(principal: Principal, name: string): boolean {
  if (principal.role === 'dev') return true
  if (principal.role === 'home-assistant' && name.startsWith('homeassistant/')) return true
  const topic = parseTopic(name)
  return topic.ok && reaches(principal, TABLE[topic.value.channel].hear, topic.value)
}

/**
 * A gateway's and Home Assistant's filter can match nothing that they may not receive. A platform's stays within the estate and
 * can match something that it was granted; of what it matches only that is delivered, since no filter can say a place.
 */
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
    case 'platform': {
      const prefix = `${sitePath(principal.site)}/`
      return filter.startsWith(prefix) && mayOverlap(principal.grants, filter.slice(prefix.length).split('/'))
    }
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

/**
 * Asked at CONNECT; the message itself passes the door like any other when it is published. Nobody would be there for the
 * result of a command, and what a camera read must not wait on disk: only gateways leave a will, and Home Assistant its own.
 */
export function mayLeaveWill(principal: Principal, name: string): boolean {
  if (principal.role === 'dev') return true
  if (principal.role === 'home-assistant') return name === STATUS_TOPIC
  if (principal.role !== 'gateway') return false
  const topic = parseTopic(name)
  return topic.ok && mayPublish(principal, topic.value)
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
