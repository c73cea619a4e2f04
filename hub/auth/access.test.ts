import { describe, expect, it } from 'vitest'
import { matches } from '../broker/persistence/filters.ts'
import { CHANNELS, type Channel, DEVICE_CLASSES, formatTopic, type Topic } from '../contract/topic.ts'
import { mayLeaveWill, mayPublish, mayReceive, maySubscribe, type Principal } from './access.ts'
import type { Grants } from './grants.ts'
import { WHOLE_ESTATE } from './grants.ts'

const site = { street: 's', community: 'c', estate: 'e' }
const some: Grants = {
  read: [{ class: 'alarm-button', building: '3' }, { gateway: 'gw-2', channel: 'state' }, { class: 'incident' }],
  command: [{ class: 'access-gate', name: 'open' }],
}
/** Whatever is on gw-1 hangs in building 3. */
const placeOf = ({ gateway }: { gateway: string }) => (gateway === 'gw-1' ? { building: '3' } : undefined)
const PRINCIPALS = {
  gateway: { role: 'gateway', name: 'gw-1', site, gateway: 'gw-1' },
  camera: { role: 'camera', name: 'cam-1', site, gateway: 'gw-1', camera: 'cam-1' },
  whole: { role: 'platform', name: 'city', site, grants: WHOLE_ESTATE },
  some: { role: 'platform', name: 'guard', site, grants: some, placeOf },
  place: {
    role: 'platform',
    name: 'building-3',
    site,
    grants: {
      read: [{ class: 'incident', building: '3' }],
      command: [{ class: 'incident', building: '3', name: 'open' }],
    },
    // Of incident b1; where the others are nobody knows.
    placeOf: ({ device }) => (device === 'b1' ? { building: '3' } : undefined),
  },
  'none yet': { role: 'platform', name: 'new', site, grants: { read: [], command: [] } },
  'home-assistant': { role: 'home-assistant', name: 'ha', site },
  dev: { role: 'dev', name: 'anyone' },
} as const satisfies Record<string, Principal>
type Who = keyof typeof PRINCIPALS

/** What each may do with a channel of its own gateway, of another one, and of another estate. Written by hand, line by line. */
const EXPECTED: Readonly<Record<Channel['channel'], { publish: Line; hear: Line }>> = {
  evt: said('gateway', ['whole', 'some-read', 'home-assistant']),
  state: said('gateway', ['whole', 'some-read', 'home-assistant']),
  tele: said('gateway', ['whole', 'some-read', 'home-assistant']),
  avail: said('gateway', ['whole', 'some-read', 'home-assistant']),
  meta: said('gateway', ['whole', 'some-read', 'home-assistant']),
  res: said('gateway', ['whole', 'some-read', 'some-answer', 'home-assistant']),
  cmd: { publish: ['whole', 'some-command'], hear: ['own'] },
  plate: { publish: ['camera'], hear: ['own'] },
}
type Mark = 'own' | 'camera' | 'whole' | 'some-read' | 'some-answer' | 'some-command' | 'home-assistant'
type Line = readonly Mark[]
function said(by: 'gateway', to: Line): { publish: Line; hear: Line } {
  return { publish: by === 'gateway' ? ['own'] : [], hear: to }
}

const FORMS: Readonly<Record<Channel['channel'], readonly Channel[]>> = {
  evt: [{ channel: 'evt', type: 'pressed' }],
  state: [{ channel: 'state' }],
  tele: [{ channel: 'tele' }],
  avail: [{ channel: 'avail' }],
  meta: [{ channel: 'meta' }],
  cmd: [
    { channel: 'cmd', name: 'open', id: '1' },
    { channel: 'cmd', name: 'close', id: '1' },
  ],
  res: [{ channel: 'res', id: '1' }],
  plate: [{ channel: 'plate' }],
}

/** Every class, those that nothing speaks for yet too, on every gateway, every channel. */
const TOPICS: Topic[] = ['e', 'x'].flatMap((estate) =>
  ['gw-1', 'gw-2', 'gw-10', 'hub'].flatMap((gateway) =>
    DEVICE_CLASSES.flatMap((deviceClass) =>
      ['b1', 'cam-1', gateway].flatMap((device) =>
        CHANNELS.flatMap((channel) =>
          FORMS[channel].map((form) => ({ ...site, estate, gateway, class: deviceClass, device, ...form })),
        ),
      ),
    ),
  ),
)

function expected(who: Who, what: 'publish' | 'hear', topic: Topic): boolean {
  if (who === 'dev') return true
  if (topic.estate !== 'e') return false
  const line = EXPECTED[topic.channel][what]
  switch (who) {
    case 'gateway':
      return line.includes('own') && topic.gateway === 'gw-1' && !(what === 'publish' && topic.class === 'incident')
    case 'camera':
      return line.includes('camera') && topic.gateway === 'gw-1' && topic.device === 'cam-1'
    case 'whole':
      return line.includes(who)
    case 'home-assistant':
      return line.includes(who) && topic.class !== 'incident'
    case 'some':
      return (
        (line.includes('some-command') && topic.class === 'access-gate' && isOpen(topic)) ||
        (line.includes('some-answer') && topic.class === 'access-gate') ||
        (line.includes('some-read') && isGrantedToSome(topic))
      )
    case 'place':
      return (
        (line.includes('some-command') || line.includes('some-read')) &&
        topic.class === 'incident' &&
        topic.device === 'b1' &&
        (topic.channel !== 'cmd' || isOpen(topic))
      )
    case 'none yet':
      return false
  }
}
const isOpen = (topic: Topic) => topic.channel === 'cmd' && topic.name === 'open'
function isGrantedToSome({ class: deviceClass, gateway, channel }: Topic): boolean {
  if (deviceClass === 'incident') return true
  if (gateway === 'gw-2') return channel === 'state'
  return deviceClass === 'alarm-button' && gateway === 'gw-1'
}

/** Enough of them that each filter below matches what it should and what it should not. */
const FEW = TOPICS.filter(({ gateway, device }) => ['gw-1', 'gw-2'].includes(gateway) && device === 'b1')
/** From whole topics to the widest, and what other brokers know as shared or system filters. */
const FILTERS: string[] = [
  ...new Set(
    FEW.flatMap((topic) => {
      const levels = formatTopic(topic).split('/')
      const wider = [...levels.keys()].flatMap((at) => [
        levels.with(at, '+').join('/'),
        [...levels.slice(0, at), '#'].join('/'),
        levels.map((level, index) => (index >= at ? '+' : level)).join('/'),
      ])
      return [levels.join('/'), ...wider, `$share/all/${levels.join('/')}`]
    }),
  ),
  ...['#', '+/#', '/#', '+', '$SYS/#', '$SYS/+/x', '$linli/#', '$share/all/#', '$share/all/linli/v1/s/c/e/#', ''],
  ...['linli/v1/s/c/e', 'linli/v1/s/c/e/', 'linli/v1/s/c/e/gw-1', 'linli/v1/s/c/e/gw-1/', 'LINLI/v1/s/c/e/#'],
]

describe.each(Object.keys(PRINCIPALS) as Who[])('the account of a %s', (who) => {
  const principal: Principal = PRINCIPALS[who]
  const wrong = (may: (topic: Topic) => boolean, what: 'publish' | 'hear') =>
    TOPICS.filter((topic) => may(topic) !== expected(who, what, topic)).map(formatTopic)

  it('publishes what its line says, and nothing else', () => {
    expect(wrong((topic) => mayPublish(principal, topic), 'publish')).toEqual([])
  })

  it('is delivered what its line says, live, retained or out of a queue, and nothing else', () => {
    expect(wrong((topic) => mayReceive(principal, formatTopic(topic)), 'hear')).toEqual([])
  })

  it('leaves a will only as a gateway, on what it may publish', () => {
    const may = TOPICS.filter((topic) => mayLeaveWill(principal, formatTopic(topic)))
    const should = TOPICS.filter(
      (topic) => who === 'dev' || (who === 'gateway' && expected('gateway', 'publish', topic)),
    )
    expect(may).toEqual(should)
  })

  it('subscribes to nothing beyond its estate, and to no filter that can bring it nothing', () => {
    if (who === 'dev') return
    const wrong = FILTERS.filter((filter) => {
      if (!maySubscribe(principal, filter) || filter.startsWith('homeassistant/')) return false
      const matching = FEW.filter((topic) => matches(filter, formatTopic(topic)))
      const heard = matching.filter((topic) => expected(who, 'hear', topic)).length
      if (matching.some(({ estate }) => estate !== 'e')) return true
      // What of a platform's filter is delivered is decided at delivery; where a place counts, only there.
      if (who === 'some' || who === 'place') return false
      return heard === 0 || (who !== 'whole' && heard < matching.length)
    })
    expect(wrong).toEqual([])
  })

  it('is never refused the very topic that it may hear, but where only one filter will do', () => {
    const refused = TOPICS.filter(
      (topic) => mayReceive(principal, formatTopic(topic)) && !maySubscribe(principal, formatTopic(topic)),
    )
    // Plates go to who subscribes as plateFilter says (plate-post.ts).
    expect(refused.filter(({ channel }) => channel !== 'plate').map(formatTopic)).toEqual([])
  })
})

describe('a filter', () => {
  const all = [PRINCIPALS.gateway, PRINCIPALS.camera, PRINCIPALS.whole, PRINCIPALS.some, PRINCIPALS['home-assistant']]
  const OWN = 'linli/v1/s/c/e/gw-1'
  it.each([
    ['linli/v1/s/c/e/#', [false, false, true, true, false]],
    [`${OWN}/#`, [false, false, true, true, false]],
    [`${OWN}/+/+/cmd/+/+`, [true, false, false, false, false]],
    [`${OWN}/alarm-button/b1/cmd/#`, [true, false, false, false, false]],
    ['linli/v1/s/c/e/+/+/+/cmd/+/+', [false, false, false, false, false]],
    ['linli/v1/s/c/e/gw-10/+/+/cmd/+/+', [false, false, false, false, false]],
    [`${OWN}/camera/+/plate`, [true, false, false, false, false]],
    [`${OWN}/camera/cam-1/plate`, [false, false, false, false, false]],
    ['linli/v1/s/c/e/+/camera/+/plate', [false, false, false, false, false]],
    ['linli/v1/s/c/e/+/+/+/+', [false, false, true, true, false]],
    ['linli/v1/s/c/e/+/park-sensor/#', [false, false, true, true, false]],
    [`${OWN}/park-sensor/#`, [false, false, true, false, false]],
    [`${OWN}/access-gate/d1/res/+`, [false, false, true, true, true]],
    ['linli/v1/s/c/e/gw-2/park-sensor/p/tele', [false, false, true, false, true]],
    ['linli/v1/s/c/#', [false, false, false, false, false]],
    ['linli/v1/s/c/e2/#', [false, false, false, false, false]],
    ['linli/v1/s/c/+/gw-1/#', [false, false, false, false, false]],
    ['homeassistant/#', [false, false, false, false, true]],
    ['homeassistant/+/+/config', [false, false, false, false, true]],
    ['linli-ha/#', [false, false, false, false, false]],
    ['#', [false, false, false, false, false]],
    ['+/+/config', [false, false, false, false, false]],
    ['$SYS/#', [false, false, false, false, false]],
    ['$share/all/linli/v1/s/c/e/#', [false, false, false, false, false]],
  ])('%s', (filter, allowed) => {
    expect(all.map((one) => maySubscribe(one, filter))).toEqual(allowed)
  })
})
