import FakeTimers, { type Clock } from '@sinonjs/fake-timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Availability } from '../contract/availability.ts'
import type { Message } from '../contract/decode.ts'
import type { Address } from '../contract/topic.ts'
import { impliedByDeath } from '../gateway-life/gateway-life.ts'
import { createReturnWatch, RETURN_GRACE_MS } from '../gateway-life/return-watch.ts'
import { createDevices } from './devices.ts'

const gateway: Address = { street: 's', community: 'c', estate: 'e', gateway: 'gw-1', class: 'gateway', device: 'gw-1' }
const button: Address = { ...gateway, class: 'alarm-button', device: 'b1' }

function avail(address: Address, status: Availability['status']): Message {
  return { kind: 'availability', topic: { ...address, channel: 'avail' }, availability: { status } }
}

describe('device view', () => {
  it('holds the last of each retained message and forgets what is cleared', () => {
    const devices = createDevices()
    devices.apply(avail(button, 'online'))
    devices.apply({ kind: 'state', topic: { ...button, channel: 'state' }, state: { alarm: true } })
    expect(devices.get(button)).toMatchObject({ state: { alarm: true }, availability: { status: 'online' } })
    devices.apply({ kind: 'cleared', topic: { ...button, channel: 'state' } })
    devices.apply({ kind: 'cleared', topic: { ...button, channel: 'avail' } })
    expect(devices.get(button)).toBeUndefined()
    expect(devices.ofGateway(gateway)).toEqual([])
  })

  it('knows whether the gateway of a device is online', () => {
    const devices = createDevices()
    expect(devices.gatewayOnline(button)).toBe(false)
    devices.apply(avail(gateway, 'online'))
    expect(devices.gatewayOnline(button)).toBe(true)
  })

  it('lets no device behind a dead gateway look alive', () => {
    const devices = createDevices()
    devices.apply(avail(gateway, 'offline'))
    devices.apply(avail(button, 'online'))
    devices.apply(avail({ ...button, device: 'b2' }, 'offline'))
    devices.apply(avail({ ...button, gateway: 'gw-2' }, 'online'))
    expect(impliedByDeath(devices, gateway, '2026-01-01T00:00:00Z', 'gateway-offline')).toEqual([
      {
        address: button,
        availability: { status: 'offline', reason: 'gateway-offline', since: '2026-01-01T00:00:00Z' },
      },
    ])
  })
})

describe('return watch', () => {
  let clock: Clock
  beforeEach(() => {
    clock = FakeTimers.install()
  })
  afterEach(() => {
    clock.uninstall()
  })

  it('names the gateways that did not come back after a restart, once', () => {
    const devices = createDevices()
    const silent: Address = { ...gateway, gateway: 'gw-2', device: 'gw-2' }
    const known: Address = { ...gateway, gateway: 'gw-3', device: 'gw-3' }
    devices.apply(avail(gateway, 'online'))
    devices.apply(avail(silent, 'online'))
    devices.apply(avail(known, 'offline'))
    const missing: string[] = []
    const watch = createReturnWatch(devices, (address) => missing.push(address.gateway))
    watch.start()
    watch.heard(button)
    clock.tick(RETURN_GRACE_MS - 1)
    expect(missing).toEqual([])
    clock.tick(1)
    clock.tick(RETURN_GRACE_MS * 3)
    expect(missing).toEqual(['gw-2'])
  })
})
