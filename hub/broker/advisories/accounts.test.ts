import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GUARDED_SITE, type GuardedHub, SECRET, startGuardedHub } from '../../../test/support/guarded-hub.ts'
import {
  answer,
  CONNACK,
  connectOf,
  type Login,
  login,
  messages,
  type Peer,
  PUBACK,
  PUBLISH,
  peerAt,
  publish,
  publishedBy,
  subscribed,
  until,
  WAIT,
} from '../../../test/support/mqtt-peer.ts'
import { pressedEvent } from '../../../test/support/publisher.ts'

/** Published advisories of MQTT brokers, replayed: who may do what, in a whole hub with accounts. ADVISORIES.md lists them. */

const BASE = 'linli/v1/s/c/e'
const BUTTON = { ...GUARDED_SITE, gateway: 'gw-1', class: 'alarm-button', device: 'b1' } as const
const AVAIL = `${BASE}/gw-1/gateway/gw-1/avail`
const ONLINE = JSON.stringify({ status: 'online', since: '2027-01-01T00:00:00.000Z' })
const OFFLINE = JSON.stringify({ status: 'offline', reason: 'connection-lost' })

let guarded: GuardedHub
let gateway: Peer
let city: Peer
let said = 0

beforeEach(async () => {
  guarded = await startGuardedHub()
  said = 0
  gateway = await as('gw-1')
  city = await as('city')
  expect(await subscribed(city, [`${BASE}/#`, 1])).toEqual([1])
})
afterEach(() => guarded.close())

function as(username: string, options: Partial<Login> = {}) {
  return login(guarded.port, { id: username, username, password: SECRET, ...options })
}

async function refusedWith(options: Login): Promise<number | undefined> {
  const peer = peerAt(guarded.port)
  peer.send(connectOf(options))
  const [connack] = await peer.packets(CONNACK, 1)
  await until(peer.closed)
  return connack?.body[1]
}

/** An alarm of the honest gateway is acknowledged and reaches the city. */
async function works(): Promise<void> {
  said += 1
  const { topic, payload, event } = pressedEvent(said, 'boot', BUTTON)
  gateway.send(publish(topic, payload.toString(), { qos: 1, id: said }))
  await gateway.packets(PUBACK, said)
  await vi.waitFor(() => expect(heardBy(city).some((one) => one.payload.includes(`"${event.id}"`))).toBe(true), WAIT)
}
/** But for what the hub says of itself. */
const heardBy = (peer: Peer) =>
  peer.received
    .filter((one) => one.type === PUBLISH)
    .map(publishedBy)
    .filter((one) => !one.topic.startsWith(`${BASE}/hub/`))

describe('client ids', () => {
  it('client-id takeover: another account neither ends a connection nor inherits a session', async () => {
    const mine = await as('city', { id: 'desk', clean: false })
    await subscribed(mine, [`${BASE}/gw-1/#`, 1])
    const thief = await as('other-city', { id: 'desk', clean: false })
    expect(thief.sessionPresent).toBe(false)
    await mine.settled()
    await mine.end()
    await works()
    await thief.settled()
    expect(heardBy(thief)).toEqual([])
    // Nor does a clean session of another account wipe it out.
    await (await as('other-city', { id: 'desk', clean: true })).end()
    const back = await as('city', { id: 'desk', clean: false })
    expect(back.sessionPresent).toBe(true)
    expect(await messages(back, 1)).toHaveLength(1)
    await works()
  })

  it.each(['#', '+', '+/#', '.*', 'gw-1/../gw-2', '__proto__', 'constructor', 'hasOwnProperty', '%00', 'gw-1|.*'])(
    'CVE-2017-7650, CVE-2026-44838, GHSA-52qw-whmv-87c5: %s as client id and account reaches nothing more',
    async (name) => {
      expect(await refusedWith({ id: name, username: name, password: SECRET })).toBe(5)
      guarded.put(name, { role: 'gateway', gateway: 'gw-2' })
      const odd = await as(name, { id: name, clean: false })
      const wanted: Array<[string, number]> = [
        ['#', 0],
        [`${BASE}/gw-1/+/+/cmd/#`, 0],
        [`${BASE}/gw-2/+/+/cmd/#`, 0],
      ]
      expect(await subscribed(odd, ...wanted)).toEqual([0x80, 0x80, 0])
      const { topic, payload } = pressedEvent(99, 'boot', BUTTON)
      odd.send(publish(topic, payload.toString(), { qos: 1 }))
      await until(odd.closed)
      expect(guarded.refused).toContain('ACCESS_DENIED')
      expect(guarded.registry.removeClient(name)).toBe(true)
      expect(await refusedWith({ id: name, username: name, password: SECRET })).toBe(5)
      await works()
    },
  )
})

describe('topics', () => {
  it('CVE-2026-49186: no filter reaches more than its account may read', async () => {
    const filters = [
      '#',
      '+/#',
      '/#',
      'linli/#',
      '+/v1/s/c/e/#',
      `${BASE}/#`,
      `${BASE}/+/+/+/cmd/#`,
      `${BASE}/gw-2/#`,
      '$SYS/#',
      '$linli/#',
    ]
    const other = await as('gw-2')
    const camera = await as('cam-1')
    const wanted = filters.map((filter): [string, number] => [filter, 1])
    expect(await subscribed(other, ...wanted)).toEqual(filters.map(() => 0x80))
    expect(await subscribed(camera, ...wanted)).toEqual(filters.map(() => 0x80))
    expect(guarded.told.filter(({ cause }) => cause === 'subscription-denied')).toHaveLength(1)
    await works()
  })

  it.each([
    `$SYS/any/new/clients`,
    '$SYS/x',
    '$linli/nowhere',
    '$share/group/linli/#'.replace('#', 'x'),
    '__proto__',
    'constructor/prototype',
  ])('CVE-2018-12543, aedes#597: %s is refused, disconnects nobody and is passed on to nobody', async (topic) => {
    const attacker = await as('gw-2')
    for (const payload of ['gw-1', 'city', 'gw-1/gw-1'])
      attacker.send(publish(topic, payload, { qos: 1, retain: true }))
    await attacker.packets(PUBACK, 3)
    expect(guarded.rejected).toEqual(['TOPIC_UNKNOWN', 'TOPIC_UNKNOWN', 'TOPIC_UNKNOWN'])
    expect(heardBy(city)).toEqual([])
    await works()
  })

  it('topics of another gateway end the connection, and of another estate too', async () => {
    for (const topic of [AVAIL, AVAIL.replace('/e/', '/f/')]) {
      const attacker = await as('gw-2')
      attacker.send(publish(topic, OFFLINE, { qos: 1, retain: true }))
      await until(attacker.closed)
    }
    expect(guarded.refused).toEqual(['ACCESS_DENIED', 'ACCESS_DENIED'])
    expect(heardBy(city)).toEqual([])
    await works()
  })
})

describe('wills', () => {
  it('CVE-2018-3778: a will on a topic of somebody else is refused at CONNECT', async () => {
    for (const [username, topic] of [
      ['gw-2', AVAIL],
      ['city', AVAIL],
      ['cam-1', AVAIL],
      ['gw-2', '$SYS/x'],
      ['gw-2', '__proto__'],
    ] as const) {
      const will = { topic, payload: OFFLINE, qos: 1, retain: true }
      expect(await refusedWith({ id: 'x', username, password: SECRET, will })).toBe(5)
    }
    expect(guarded.refused).toEqual(Array.from({ length: 5 }, () => 'will-denied'))
    await works()
  })

  it('a will is asked again when it is published: a removed account leaves none, and its gateway is shown as gone', async () => {
    const will = { topic: AVAIL, payload: OFFLINE, qos: 1, retain: true }
    const mortal = await as('gw-1', { id: 'second', will })
    mortal.send(publish(AVAIL, ONLINE, { qos: 1, retain: true }))
    await mortal.packets(PUBACK, 1)
    guarded.registry.removeClient('gw-1')
    await until(() => mortal.closed() && gateway.closed())
    await vi.waitFor(() => {
      const last = heardBy(city)
        .filter((one) => one.topic === AVAIL)
        .at(-1)
      expect(JSON.parse(last?.payload ?? '{}')).toMatchObject({ status: 'offline', reason: 'account-removed' })
    }, WAIT)
    await city.settled()
    expect(
      heardBy(city)
        .map((one) => one.payload)
        .join(),
    ).not.toContain('connection-lost')
    expect(await refusedWith({ id: 'gw-1', username: 'gw-1', password: SECRET })).toBe(5)
  })

  it('an account with a new secret starts again: its connections end, and their wills are published', async () => {
    const will = { topic: AVAIL, payload: OFFLINE, qos: 1, retain: true }
    const mortal = await as('gw-1', { id: 'second', will })
    guarded.put('gw-1', { role: 'gateway', gateway: 'gw-1' })
    await until(() => mortal.closed() && gateway.closed())
    await vi.waitFor(
      () => expect(heardBy(city).some((one) => one.payload.includes('connection-lost'))).toBe(true),
      WAIT,
    )
    gateway = await as('gw-1')
    said = 0
    await works()
  })
})

describe('access that is taken away', () => {
  it('CVE-2018-12546: a removed account gets nothing more, neither live nor retained nor queued', async () => {
    gateway.send(publish(AVAIL, ONLINE, { qos: 1, id: 1000, retain: true }))
    await gateway.packets(PUBACK, 1)
    const reader = await as('other-city', { clean: false })
    await subscribed(reader, [`${BASE}/#`, 1])
    await messages(reader, 1)
    guarded.registry.removeClient('other-city')
    await until(reader.closed)
    expect(await refusedWith({ id: 'other-city', username: 'other-city', password: SECRET, clean: false })).toBe(5)
    await city.settled()
    said = 1
    await works()
  })

  it('CVE-2026-6564: a session keeps no rights: what its account may not read any more is dropped', async () => {
    const reader = await as('other-city', { clean: false })
    await subscribed(reader, [`${BASE}/#`, 1])
    await reader.end()
    await works()
    guarded.put('other-city', { role: 'gateway', gateway: 'gw-2' })
    await works()
    const back = await as('other-city', { clean: false })
    await back.settled()
    await works()
    await back.settled()
    expect(heardBy(back)).toEqual([])
    expect(back.closed()).toBe(false)
  })
})

describe('logins', () => {
  it('a flood of wrong secrets holds up neither who is in nor who comes back', async () => {
    const flood = Array.from({ length: 16 }, (_, n) => {
      const peer = peerAt(guarded.port)
      peer.send(connectOf({ id: `guess-${n}`, username: 'gw-1', password: `guess ${n}` }))
      return peer
    })
    await works()
    await gateway.end()
    gateway = await as('gw-1')
    expect(flood.filter((one) => !one.closed()).length).toBeGreaterThan(0)
    said = 0
    const { topic, payload } = pressedEvent(500, 'boot', BUTTON)
    gateway.send(publish(topic, payload.toString(), { qos: 1 }))
    await gateway.packets(PUBACK, 1)
    await until(() => flood.every((one) => one.closed()))
    expect(guarded.refused).toEqual(Array.from({ length: 16 }, () => 'login'))
    expect(guarded.told.filter(({ cause }) => cause === 'login')).toHaveLength(1)
  })

  it('messages that were acknowledged are not acknowledged again by answers that nobody asked for', async () => {
    city.send(answer(PUBACK, 77), answer(PUBACK, 78))
    await city.settled()
    await works()
  })
})
