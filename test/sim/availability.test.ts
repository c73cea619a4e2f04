import { afterEach, describe, expect, it } from 'vitest'
import { FLAPPING } from '../../hub/availability/machine.ts'
import type { Availability } from '../../hub/contract/availability.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { makeEvent } from '../../hub/contract/event.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { createMqttLink, type MqttLink } from '../../hub/journal/shipper/mqtt-link.ts'
import { SITE } from '../support/estate.ts'
import { VirtualEstate } from '../support/virtual-estate.ts'
import { createPath } from '../support/virtual-network.ts'
import { finish, openVirtualHub, type RegistryFile, type VirtualHub } from '../support/virtual-parts.ts'
import { createVirtualTime, type VirtualTime } from '../support/virtual-time.ts'

/** What is shown of devices that fall silent or go on and off, by the real hub on virtual time. */

const MINUTE_MS = 60_000

let time: VirtualTime | undefined
afterEach(() => time?.restore())

describe('a board on a bad plug', () => {
  it('is told once as flapping, its presses arrive, and it is online when it has been steady', async () => {
    const virtual = createVirtualTime('2026-03-01T00:00:00Z')
    time = virtual
    const estate = new VirtualEstate(virtual, 7)
    await estate.start()
    const shown = () =>
      estate.received
        .filter(({ topic }) => topic.endsWith('alarm-button/b1/avail'))
        .map(({ payload }) => String(payload.reason ?? payload.status))
    for (let n = 0; n < 30; n++) {
      estate.unplug(0)
      await virtual.advance(2000)
      await estate.replug(0)
      estate.press('b1', 100)
      await virtual.advance(1000)
    }
    expect(shown().filter((one) => one === 'flapping')).toHaveLength(1)
    expect(shown().at(-1)).toBe('flapping')
    expect(shown().length).toBeLessThanOrEqual(FLAPPING.changes + 3)
    const pressed = estate.received.filter(({ topic }) => topic.endsWith('b1/evt/pressed'))
    expect(new Set(pressed.map(({ payload }) => payload.id)).size).toBe(30)
    await virtual.advance(FLAPPING.steady_ms)
    expect(shown().at(-1)).toBe('online')
    await estate.close()
  })
})

describe('a sensor with an interval', () => {
  const gateway: Address = { ...SITE, gateway: 'gw-1', class: 'gateway', device: 'gw-1' }
  const sensor: Address = { ...gateway, class: 'park-sensor', device: 'air-1' }

  /** A hub and a gateway that says what the test says. */
  async function begin() {
    const virtual = createVirtualTime('2026-03-01T00:00:00Z')
    time = virtual
    const disk = createMemoryDisk()
    const registry: RegistryFile = { data: null }
    let opened: VirtualHub | undefined
    const path = createPath((end) => (opened ? opened.hub.broker.handle(end) : end.destroy()), virtual.touch)
    const startHub = async () => {
      const next = await openVirtualHub({ disk, registry, random: () => 0.5, newId: () => 'command-1' })
      await finish(virtual, next.hub.start())
      opened = next
    }
    await startHub()
    const will = { topic: formatTopic({ ...gateway, channel: 'avail' }), qos: 1, retain: true } as const
    const link = createMqttLink(
      { random: () => 0.5, connect: () => path.connect() },
      {
        url: 'mqtt://hub:1883',
        clientId: 'gw-1',
        clean: true,
        will: { ...will, payload: encodeJson({ status: 'offline', reason: 'connection-lost' }) },
      },
    )
    const say = sayOver(link)
    link.onUp(() => {
      for (const address of [gateway, sensor])
        void say(address, 'avail', { status: 'online', since: new Date().toISOString() })
    })
    link.start()
    await virtual.advance(1000)
    void say(sensor, 'meta', {
      class: 'park-sensor',
      model: 'm',
      driver: { name: 'd', version: '1' },
      place: {},
      capabilities: [],
      expireafter_s: 1800,
    })
    await virtual.advance(1000)
    return {
      virtual,
      say,
      link,
      shown: () => opened?.hub.devices.get(sensor)?.availability as Availability,
      async restartHub() {
        const before = opened
        opened = undefined
        before?.kill()
        path.cut()
        void before?.hub.close()
        await virtual.advance(2000)
        await startHub()
        await virtual.advance(40_000)
      },
      async end() {
        await finish(virtual, link.close())
        if (opened) await finish(virtual, opened.hub.close())
      },
    }
  }

  function sayOver(link: MqttLink) {
    return (address: Address, channel: 'avail' | 'meta', value: unknown) =>
      link.publish(formatTopic({ ...address, channel }), encodeJson(value), { qos: 1, retain: true })
  }

  let sequence = 0
  function reading(link: MqttLink): Promise<void> {
    const stamp = { wall_ms: Date.now(), monotonic_ms: performance.now(), quality: 'synced' } as const
    const data = [{ bn: 'air-1:', bt: Date.now() / 1000, n: 'temperature', u: 'Cel', v: 20 }]
    const event = makeEvent(
      { address: sensor, bootid: 'boot', sequence: ++sequence },
      'telemetry',
      'notice',
      stamp,
      data,
    )
    return link.publish(formatTopic({ ...sensor, channel: 'tele' }), encodeJson(event), { qos: 1, retain: false })
  }

  it('is stale when nothing came for that long though its gateway lives, over a restart of the hub too', async () => {
    const { virtual, link, shown, restartHub, end } = await begin()
    for (let n = 0; n < 4; n++) {
      await virtual.advance(20 * MINUTE_MS)
      void reading(link)
      await virtual.advance(1000)
      expect(shown()).toMatchObject({ status: 'online' })
    }
    await virtual.advance(30 * MINUTE_MS)
    expect(shown()).toMatchObject({ status: 'stale', reason: 'silent' })
    const { since } = shown()
    await restartHub()
    // The gateway is back and has said "online" again: that is no reading.
    expect(shown()).toEqual({ status: 'stale', reason: 'silent', since })
    void reading(link)
    await virtual.advance(1000)
    expect(shown()).toMatchObject({ status: 'online' })
    await restartHub()
    expect(shown()).toMatchObject({ status: 'online' })
    await virtual.advance(30 * MINUTE_MS)
    expect(shown()).toMatchObject({ status: 'stale', reason: 'silent' })
    await end()
  })

  it('is offline, not silent, when its gateway is gone', async () => {
    const { virtual, link, shown, end } = await begin()
    link.drop('cable')
    await finish(virtual, link.close())
    await virtual.advance(60 * MINUTE_MS)
    expect(shown()).toMatchObject({ status: 'offline', reason: 'gateway-offline' })
    await end()
  })
})
