import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GUARDED_SITE, type GuardedHub, SECRET, startGuardedHub } from '../../test/support/guarded-hub.ts'
import { encodeJson } from '../contract/encode.ts'
import { makeEvent } from '../contract/event.ts'
import type { Meta } from '../contract/meta.ts'
import { type Address, formatTopic } from '../contract/topic.ts'
import { accountRequest, atAccounts } from './accounts-counter.ts'
import { formatGrant, type GrantKind, parseGrant, WHOLE_ESTATE, withGrants, withoutGrants } from './grants.ts'

describe('a grant as people write it', () => {
  it.each<[GrantKind, string, object]>([
    ['read', 'all', {}],
    ['read', 'class=alarm-button,building=3', { class: 'alarm-button', building: '3' }],
    ['read', 'spot=lobby, left,channel=evt', { spot: 'lobby, left', channel: 'evt' }],
    ['command', 'class=access-gate,gateway=gw-1,name=open', { class: 'access-gate', gateway: 'gw-1', name: 'open' }],
  ])('--%s %s', (kind, text, grant) => {
    const parsed = parseGrant(kind, text)
    expect(parsed).toMatchObject({ ok: true, value: { [kind]: [grant] } })
    expect(parsed.ok && parsed.value[kind].map(formatGrant)).toEqual([text])
  })

  it.each<[GrantKind, string, string]>([
    ['read', '', 'give "all", or fields'],
    ['read', 'everything', 'give "all", or fields'],
    ['read', 'class=', 'give "all", or fields'],
    ['read', 'class=camera,class=hub', 'give "all", or fields'],
    ['read', '__proto__=x', 'give "all", or fields'],
    ['read', 'class=dor', 'class is "dor"; allowed: "alarm-button"'],
    ['read', 'channel=cmd', 'channel is "cmd"; allowed: "evt"'],
    ['read', 'name=open', 'unknown field name'],
    ['command', 'gateway=GW', 'gateway'],
    ['command', 'channel=evt', 'unknown field channel'],
  ])('--%s %s is refused', (kind, text, says) => {
    const parsed = parseGrant(kind, text)
    expect(parsed).toMatchObject({ ok: false, error: { code: 'GRANT_INVALID' } })
    expect(!parsed.ok && parsed.error.message).toContain(says)
  })

  it('is there once, and is taken back only as it was given', () => {
    expect(withGrants(WHOLE_ESTATE, WHOLE_ESTATE)).toEqual(WHOLE_ESTATE)
    expect(withoutGrants(WHOLE_ESTATE, { read: [{}], command: [] })).toEqual({ read: [], command: [{}] })
    expect(() => withoutGrants(WHOLE_ESTATE, { read: [{ class: 'hub' }], command: [] })).toThrow('there are: all')
  })

  it('has its bounds', () => {
    const many = Array.from({ length: 101 }, (_, n) => ({ device: `d${n}` }))
    expect(() => withGrants(WHOLE_ESTATE, { read: many, command: [] })).toThrow('/read')
    expect(() => accountRequest({ type: 'account-grant', name: 'x', grants: { read: [{ clas: 'hub' }] } })).toThrow(
      expect.objectContaining({ code: 'GRANT_INVALID' }),
    )
  })
})

describe('an account with grants, at a whole hub', () => {
  const address = (gateway: string, deviceClass: Address['class'], device: string): Address => ({
    ...GUARDED_SITE,
    gateway,
    class: deviceClass,
    device,
  })
  const NEAR = address('gw-1', 'alarm-button', 'near')
  const FAR = address('gw-1', 'alarm-button', 'far')
  const topic = (of: Address, channel: 'state' | 'meta') => formatTopic({ ...of, channel })
  const ALL = 'linli/v1/s/c/e/#'
  let at: GuardedHub
  let clients: MqttClient[]
  let heard: string[]
  let sequence: number

  beforeEach(async () => {
    at = await startGuardedHub()
    clients = []
    heard = []
    sequence = 0
    at.put('guard', {
      role: 'platform',
      grants: { read: [{ building: '3' }], command: [{ device: 'near', name: 'siren' }] },
    })
  })
  afterEach(async () => {
    for (const client of clients) client.end(true)
    await at.close()
  })

  async function connect(username: string, clean = true): Promise<MqttClient> {
    const client = mqtt.connect({
      host: '127.0.0.1',
      port: at.port,
      username,
      password: SECRET,
      clientId: username,
      clean,
      reconnectPeriod: 0,
      protocolVersion: 4,
    })
    clients.push(client)
    if (username === 'guard')
      client.on('message', (name, _payload, { retain }) => {
        // What the presses here raise: hub/incidents/accounts.test.ts.
        if (!name.includes('/incident/')) heard.push(`${name.slice(15)}${retain ? ' retained' : ''}`)
      })
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve())
      client.once('error', reject)
    })
    return client
  }
  const meta = (of: Address, building: string): Buffer => {
    const value: Meta = {
      class: of.class,
      model: 'm',
      driver: { name: 'd', version: '1' },
      place: { building },
      capabilities: [],
    }
    return Buffer.from(encodeJson(value))
  }
  function pressed(of: Address): [string, Buffer, { qos: 1 }] {
    const stamp = { wall_ms: 1_700_000_000_000, monotonic_ms: 1, quality: 'synced' } as const
    const origin = { address: of, bootid: 'b', sequence: ++sequence }
    const event = makeEvent(origin, 'pressed', 'alarm', stamp, { press: sequence, atstart: false })
    return [formatTopic({ ...of, channel: 'evt', type: 'pressed' }), Buffer.from(encodeJson(event)), { qos: 1 }]
  }
  async function places(gateway: MqttClient): Promise<void> {
    await gateway.publishAsync(topic(NEAR, 'meta'), meta(NEAR, '3'), { qos: 1, retain: true })
    await gateway.publishAsync(topic(FAR, 'meta'), meta(FAR, '4'), { qos: 1, retain: true })
  }
  const EVT = 'gw-1/alarm-button/near/evt/pressed'

  it.each([true, false])(
    'hears what it was granted, retained and live, and nothing else (clean: %s)',
    async (clean) => {
      const gateway = await connect('gw-1')
      await places(gateway)
      const guard = await connect('guard', clean)
      await guard.subscribeAsync(ALL, { qos: 1 })
      await vi.waitFor(() => expect(heard).toEqual(['gw-1/alarm-button/near/meta retained']))
      for (const of of [FAR, NEAR]) await gateway.publishAsync(...pressed(of))
      // A device that moves in is heard from then on.
      await gateway.publishAsync(topic(FAR, 'meta'), meta(FAR, '3'), { qos: 1, retain: true })
      await gateway.publishAsync(...pressed(FAR))
      await vi.waitFor(() => expect(heard.at(-1)).toBe('gw-1/alarm-button/far/evt/pressed'))
      expect(heard).toEqual([
        'gw-1/alarm-button/near/meta retained',
        EVT,
        'gw-1/alarm-button/far/meta',
        'gw-1/alarm-button/far/evt/pressed',
      ])
      await expect(guard.subscribeAsync('linli/v1/s/c/e/+/+/+/cmd/+/+')).rejects.toThrow()
      await expect(guard.subscribeAsync('#')).rejects.toThrow()
    },
  )

  it('loses at once what is taken back: its connection, its subscriptions, what waits, what is retained', async () => {
    const gateway = await connect('gw-1')
    await places(gateway)
    const first = await connect('guard', false)
    await first.subscribeAsync(ALL, { qos: 1 })
    await vi.waitFor(() => expect(heard).toHaveLength(1))
    await first.endAsync()
    // Waits for it while it is away.
    await gateway.publishAsync(...pressed(NEAR))
    const online = await connect('city', false)
    await online.subscribeAsync(ALL, { qos: 1 })
    const closed = new Promise<void>((resolve) => online.once('close', () => resolve()))
    const read = [{ building: '3' }]
    await atAccounts(at.registry, { type: 'account-revoke', name: 'city', grants: { read: [{}], command: [] } })
    await closed
    await atAccounts(at.registry, { type: 'account-revoke', name: 'guard', grants: { read, command: [] } })
    const again = await connect('guard', false)
    await expect(again.subscribeAsync('linli/v1/s/c/e/+/alarm-button/+/evt/+', { qos: 1 })).rejects.toThrow()
    await gateway.publishAsync(...pressed(NEAR))
    // What it may still have, so that what it may not would have come before.
    await atAccounts(at.registry, { type: 'account-grant', name: 'guard', grants: { read, command: [] } })
    const last = await connect('guard', false)
    await last.subscribeAsync(ALL, { qos: 1 })
    await vi.waitFor(() => expect(heard.slice(1)).toEqual(['gw-1/alarm-button/near/meta retained']))
  })

  it('commands what it was granted; anything else ends its connection, with a line in the audit log', async () => {
    const gateway = await connect('gw-1')
    await places(gateway)
    const command = (of: Address, name: string, id: string): [string, Buffer, { qos: 1 }] => {
      const issuedat = new Date().toISOString()
      const expiresat = new Date(Date.now() + 10_000).toISOString()
      const value = { id, name, args: { on: true }, issuedat, expiresat, actor: { kind: 'platform', id: 'guard' } }
      return [formatTopic({ ...of, channel: 'cmd', name, id }), Buffer.from(encodeJson(value)), { qos: 1 }]
    }
    const guard = await connect('guard')
    await guard.subscribeAsync('linli/v1/s/c/e/+/+/+/res/+', { qos: 1 })
    await guard.publishAsync(...command(NEAR, 'siren', 'c1'))
    await vi.waitFor(() => expect(heard).toContain('gw-1/alarm-button/near/res/c1'))
    for (const [of, name] of [
      [NEAR, 'lamp'],
      [FAR, 'siren'],
    ] as const) {
      const denied = await connect('guard')
      const closed = new Promise<void>((resolve) => denied.once('close', () => resolve()))
      denied.publish(...command(of, name, `c-${name}`))
      await closed
    }
    await vi.waitFor(async () => {
      const { lines } = await at.hub.audit.read(0, 100)
      expect(lines.filter((line) => line.includes('ACCESS_DENIED'))).toMatchObject([
        expect.stringContaining('platform:guard'),
      ])
    })
  })

  it('that changes while it is being let in is let in as nobody', async () => {
    // Asked with its secret, which takes its time, and changed meanwhile, again and again.
    const comers = Array.from({ length: 8 }, () =>
      connect('guard').then(
        () => 'in',
        () => 'out',
      ),
    )
    at.put('guard', { role: 'platform', grants: { read: [], command: [] } })
    await Promise.all(comers)
    const guard = await connect('guard')
    await expect(guard.subscribeAsync(ALL, { qos: 1 })).rejects.toThrow()
    expect(heard).toEqual([])
  })
})

it('a platform of a registry of an earlier release keeps the estate that it had', async () => {
  const { createRegistry } = await import('../registry/registry.ts')
  const old = { version: 1, clients: { city: { role: 'platform', secret: 'x' } } } as never
  const registry = await createRegistry({ adapter: { read: async () => old, write: async () => {} }, onError() {} })
  expect(registry.client('city')?.grants).toEqual(WHOLE_ESTATE)
  registry.putClient('late', { role: 'platform', secret: 'x' })
  expect(registry.client('late')?.grants).toBeUndefined()
})
