import { describe, expect, it } from 'vitest'
import { MemoryEndpoint } from './duplex.ts'

function plugged(): MemoryEndpoint {
  const endpoint = new MemoryEndpoint('/sim/a')
  endpoint.plug()
  return endpoint
}

describe('a line in memory', () => {
  it('carries bytes both ways', () => {
    const endpoint = plugged()
    const atBoard: number[] = []
    const atHost: number[] = []
    endpoint.receive((bytes) => atBoard.push(...bytes))
    const connection = endpoint.host.open({ baud: 9600 })
    connection.on('data', (bytes) => atHost.push(...bytes))
    expect(connection.write(Uint8Array.of(1, 2))).toBe(true)
    expect(endpoint.write(Uint8Array.of(3, 4))).toBe(2)
    expect({ atBoard, atHost, baud: endpoint.hostBaud() }).toEqual({ atBoard: [1, 2], atHost: [3, 4], baud: 9600 })
  })

  it('refuses what the kernel would refuse', () => {
    const endpoint = new MemoryEndpoint('/sim/a')
    expect(() => endpoint.host.open({ baud: 9600 })).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    endpoint.plug()
    endpoint.host.open({ baud: 9600 })
    expect(() => endpoint.host.open({ baud: 9600 })).toThrow(expect.objectContaining({ code: 'EBUSY' }))
  })

  it('tells a pulled plug from a close, and can be opened again after both', () => {
    const endpoint = plugged()
    const reasons: boolean[] = []
    const first = endpoint.host.open({ baud: 9600 })
    first.on('close', ({ disconnected }) => reasons.push(disconnected))
    first.close()
    first.close()
    const second = endpoint.host.open({ baud: 9600 })
    second.on('close', ({ disconnected }) => reasons.push(disconnected))
    endpoint.unplug()
    expect(reasons).toEqual([false, true])
    expect(second.write(Uint8Array.of(1))).toBe(false)
    endpoint.plug()
    expect(endpoint.host.open({ baud: 9600 }).write(Uint8Array.of(1))).toBe(true)
  })

  it('drops bytes while nobody has it open, and beyond the buffer while nobody reads', () => {
    const endpoint = plugged()
    expect(endpoint.write(Uint8Array.of(9))).toBe(0)
    const connection = endpoint.host.open({ baud: 9600 })
    expect(endpoint.write(new Uint8Array(4096).fill(1))).toBe(4096)
    expect(endpoint.write(Uint8Array.of(2))).toBe(0)
    const heard: number[] = []
    connection.on('data', (bytes) => heard.push(...bytes))
    expect(heard.length).toBe(4096)
    expect(heard).not.toContain(9)
  })

  it('keeps the bytes of a held host in order, and forgets them when unplugged', () => {
    const endpoint = plugged()
    const atBoard: number[] = []
    endpoint.receive((bytes) => atBoard.push(...bytes))
    const connection = endpoint.host.open({ baud: 9600 })
    endpoint.holdHost(true)
    connection.write(Uint8Array.of(1))
    connection.write(Uint8Array.of(2))
    expect(atBoard).toEqual([])
    endpoint.holdHost(false)
    expect(atBoard).toEqual([1, 2])
    endpoint.holdHost(true)
    connection.write(Uint8Array.of(3))
    expect(connection.write(new Uint8Array(65_536))).toBe(false)
    endpoint.unplug()
    endpoint.holdHost(false)
    expect(atBoard).toEqual([1, 2])
  })
})
