import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WAIT } from '../support/estate.ts'
import { GateEstate } from '../support/gate-estate.ts'
import { discoveryComplaint } from '../support/home-assistant.ts'

/** A client that behaves as Home Assistant does, and an estate of real processes with a real door and boom. */

describe('an estate in Home Assistant', () => {
  const estate = new GateEstate({ hub: ['--home-assistant', '--home-assistant-may-open', '--language', 'zh'] })
  const discovered = new Map<string, { components: Record<string, Record<string, string>> }>()
  let home: MqttClient

  beforeAll(async () => {
    await estate.start()
    home = await mqtt.connectAsync({ host: '127.0.0.1', port: estate.hubPort, clientId: 'ha', protocolVersion: 4 })
    home.on('message', (topic, payload) => {
      if (topic.endsWith('/config') && payload.length > 0) discovered.set(topic, JSON.parse(payload.toString('utf8')))
    })
    await home.subscribeAsync('homeassistant/#', { qos: 0 })
    await home.publishAsync('homeassistant/status', 'online', { qos: 0 })
  })
  afterAll(async () => {
    await home?.endAsync(true)
    await estate.end()
  })

  const component = (device: string, name: string) =>
    [...discovered].find(([topic]) => topic.endsWith(`_${device}/config`))?.[1].components[name]
  const ask = (topic: string | undefined, payload: string) => home.publishAsync(topic ?? '', payload, { qos: 0 })

  it('finds its door, its barrier and its gateway, named in the language of the site', async () => {
    await vi.waitFor(() => expect(component('v1', 'boom') && component('d1', 'lock')).toBeDefined(), WAIT)
    await vi.waitFor(() => expect(component('gw-1', 'connection')).toBeDefined(), WAIT)
    for (const discovery of discovered.values()) expect(discoveryComplaint(discovery)).toBeUndefined()
    expect(component('d1', 'lock')?.name).toBe('门锁')
  })

  it('unlocks the door and locks it again, as the strike shows', async () => {
    await vi.waitFor(() => expect(estate.availability('d1')?.status).toBe('online'), WAIT)
    await ask(component('d1', 'lock')?.command_topic, 'UNLOCK')
    await vi.waitFor(() => expect(estate.state('d1')?.lock).toBe('unlocked'), WAIT)
    await ask(component('d1', 'lock')?.command_topic, 'LOCK')
    await vi.waitFor(() => expect(estate.state('d1')?.lock).toBe('locked'), WAIT)
    const results = estate.told.filter(({ topic }) => topic.includes('/access-gate/d1/res/ha-'))
    expect(results.map(({ payload }) => `${payload.name}: ${payload.status}`)).toEqual(
      expect.arrayContaining(['hold-open: succeeded', 'close: succeeded']),
    )
  })

  it('raises the boom, and what it has opened closes by the gate’s own rules', async () => {
    await vi.waitFor(() => expect(estate.availability('v1')?.status).toBe('online'), WAIT)
    await ask(component('v1', 'boom')?.command_topic, 'OPEN')
    await vi.waitFor(() => expect(estate.state('v1')?.position).toBe('open'), WAIT)
    await ask(component('v1', 'boom')?.command_topic, 'CLOSE')
    await vi.waitFor(() => expect(estate.state('v1')?.position).toBe('closed'), WAIT)
  })
})
