import { describe, expect, it } from 'vitest'
import { addressKey, createAddresses } from './addresses.ts'
import { newAllowance, take } from './allowance.ts'
import { FRONT_LIMITS } from './limits.ts'

describe('the address that limits count', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::9', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '::1'],
    [undefined, 'memory'],
  ])('%s counts as %s', (remote, key) => expect(addressKey(remote)).toBe(key))
})

describe('limits per address', () => {
  const limits = { ...FRONT_LIMITS, connects_per_s: 10, connects_burst: 2, connections_per_address_max: 3 }

  it('let an address connect again as its allowance comes back, and touch no other address', () => {
    const addresses = createAddresses(limits)
    const from = (address: string, now_ms: number) => addresses.admit(address, now_ms)?.cause
    expect([from('a', 0), from('a', 0), from('a', 0)]).toEqual([undefined, undefined, 'connect-rate'])
    expect(from('b', 0)).toBeUndefined()
    expect(from('a', 100)).toBeUndefined()
    expect(from('a', 200)).toBe('connections-of-address')
    addresses.left('a')
    expect(from('a', 400)).toBeUndefined()
    expect(addresses.count()).toBe(4)
  })

  it('do not hold for loopback, unless told so', () => {
    const many = Array.from({ length: 10 })
    const free = createAddresses(limits)
    expect(many.map(() => free.admit('127.0.0.1', 0)).filter(Boolean)).toEqual([])
    const held = createAddresses({ ...limits, loopback_limited: true })
    expect(many.map(() => held.admit('127.0.0.1', 0)).filter(Boolean)).toHaveLength(8)
  })

  it('remember a bounded number of addresses, and those with connections first', () => {
    const addresses = createAddresses(limits)
    for (let n = 0; n < 3; n++) addresses.admit('stays', n * 1_000)
    for (let n = 0; n < 20_000; n++) {
      addresses.admit(`10.${n}`, 3_000)
      addresses.left(`10.${n}`)
    }
    expect(addresses.admit('stays', 9_000)?.cause).toBe('connections-of-address')
    expect(addresses.count()).toBe(3)
  })
})

it('an allowance says how long a debt takes', () => {
  const rate = { per_s: 100, burst: 10 }
  const allowance = newAllowance(rate, 0)
  expect(take(rate, allowance, 10, 0)).toBe(0)
  expect(take(rate, allowance, 5, 0)).toBe(50)
  expect(take(rate, allowance, 1, 60)).toBe(0)
  expect(take(rate, allowance, 11, 10_000)).toBe(10)
})
