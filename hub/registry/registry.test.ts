import type { Adapter } from 'lowdb'
import { describe, expect, it } from 'vitest'
import type { Meta } from '../contract/meta.ts'
import { createRegistry, gatewayKey, type RegistryData } from './registry.ts'

const meta: Meta = {
  class: 'alarm-button',
  model: 'm',
  driver: { name: 'd', version: '1' },
  place: { building: '3' },
  capabilities: ['siren'],
}
const address = {
  street: 's',
  community: 'c',
  estate: 'e',
  gateway: 'gw-1',
  class: 'alarm-button',
  device: 'b1',
} as const

function memory(initial: RegistryData | null = null) {
  const writes: RegistryData[] = []
  const adapter: Adapter<RegistryData> = {
    read: async () => initial,
    write: async (data) => {
      writes.push(structuredClone(data))
    },
  }
  return { adapter, writes }
}

describe('registry', () => {
  it('writes what it learns, and only when it changed', async () => {
    const { adapter, writes } = memory()
    const registry = await createRegistry({ adapter, onError: (error) => expect.unreachable(String(error)) })
    registry.learn(address, meta)
    await registry.flush()
    registry.learn(address, { ...meta })
    await registry.flush()
    expect(writes).toHaveLength(1)
    registry.learn(address, { ...meta, model: 'n' })
    await registry.flush()
    expect(Object.values(writes.at(-1)?.devices ?? {})).toMatchObject([{ meta: { model: 'n' } }])
  })

  it('puts a burst of changes into few writes and loses none', async () => {
    const { adapter, writes } = memory()
    const registry = await createRegistry({ adapter, onError: (error) => expect.unreachable(String(error)) })
    for (let i = 0; i < 100; i++) registry.addGateway(`s/c/e/gw-${i}`)
    await registry.flush()
    expect(Object.keys(writes.at(-1)?.gateways ?? {})).toHaveLength(100)
    expect(writes.length).toBeLessThan(5)
  })

  it('does not mistake prototype names for entries', async () => {
    const registry = await createRegistry({ adapter: memory().adapter, onError: () => undefined })
    expect(registry.client('constructor')).toBeUndefined()
    expect(registry.knowsGateway('__proto__')).toBe(false)
  })

  it('refuses a registry of another version', async () => {
    const { adapter } = memory({ version: 2 } as unknown as RegistryData)
    await expect(createRegistry({ adapter, onError: () => undefined })).rejects.toMatchObject({
      code: 'REGISTRY_VERSION',
    })
  })

  it('reports a failed write, to whoever waits for it too, and goes on', async () => {
    const errors: unknown[] = []
    const adapter: Adapter<RegistryData> = {
      read: async () => null,
      write: () => Promise.reject(new Error('disk full')),
    }
    const registry = await createRegistry({ adapter, onError: (error) => errors.push(error) })
    registry.addGateway(gatewayKey(address))
    await expect(registry.flush()).rejects.toThrow('disk full')
    expect(errors).toHaveLength(1)
    expect(registry.knowsGateway('s/c/e/gw-1')).toBe(true)
  })
})
