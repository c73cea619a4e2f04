import { existsSync, lstatSync, mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SerialPort } from 'serialport'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createPtyEndpoint } from './pty.ts'

let folder: string
let path: string
let endpoint: ReturnType<typeof createPtyEndpoint>
let received: number[]
const ports: SerialPort[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'linli-pty-'))
  path = join(folder, 'by-id', 'board-a')
  endpoint = createPtyEndpoint(path, 57_600)
  received = []
  endpoint.receive((bytes) => received.push(...bytes))
})

afterEach(async () => {
  await Promise.all(ports.splice(0).map((port) => (port.isOpen ? closed(port) : undefined)))
  endpoint.unplug()
  rmSync(folder, { recursive: true })
})

async function open(baudRate = 57_600): Promise<{ port: SerialPort; heard: number[] }> {
  const port = new SerialPort({ path, baudRate, autoOpen: false })
  ports.push(port)
  const heard: number[] = []
  port.on('data', (bytes: Buffer) => heard.push(...bytes))
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())))
  return { port, heard }
}

function closed(port: SerialPort): Promise<void> {
  return new Promise((resolve, reject) => port.close((error) => (error ? reject(error) : resolve())))
}

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte)

describe('a pty endpoint under the real serialport', () => {
  it('carries every byte value unchanged, both ways', async () => {
    endpoint.plug()
    const { port, heard } = await open()
    endpoint.write(ALL_BYTES)
    port.write(Buffer.from(ALL_BYTES))
    await vi.waitFor(() => expect(heard).toEqual([...ALL_BYTES]))
    await vi.waitFor(() => expect(received).toEqual([...ALL_BYTES]))
  })

  it('survives a client that closes and opens again, and knows its speed', async () => {
    endpoint.plug()
    expect(endpoint.hostBaud()).toBe(57_600)
    for (const baud of [9600, 115_200, 19_200]) {
      const { port, heard } = await open(baud)
      expect(endpoint.hostBaud()).toBe(baud)
      port.write(Buffer.of(baud & 0xff))
      await vi.waitFor(() => expect(received).toEqual([baud & 0xff]))
      endpoint.write(Uint8Array.of(7))
      await vi.waitFor(() => expect(heard).toEqual([7]))
      await closed(port)
      received.length = 0
    }
  })

  it('shows a pulled plug as a disconnect, and comes back at the same path', async () => {
    endpoint.plug()
    const { port, heard } = await open()
    endpoint.write(Uint8Array.of(9))
    // Pulled while a read is under way, serialport 13 reads nothing for ever; so the line is let come to rest.
    await vi.waitFor(() => expect(heard).toEqual([9]))
    const reasons: unknown[] = []
    port.once('close', (reason: unknown) => reasons.push(reason))
    endpoint.unplug()
    // Polled, not awaited: on Node 26 serialport notices only when the event loop runs JavaScript for another reason.
    await vi.waitFor(() => expect(reasons).toEqual([expect.objectContaining({ disconnected: true })]))
    expect(existsSync(path)).toBe(false)
    await expect(open()).rejects.toThrow(/No such file/)
    endpoint.plug()
    const again = await open()
    endpoint.write(Uint8Array.of(1, 2, 3))
    await vi.waitFor(() => expect(again.heard).toEqual([1, 2, 3]))
  })

  it('drops what nobody reads instead of waiting or growing', async () => {
    endpoint.plug()
    let taken = 0
    let full = false
    for (let turn = 0; turn < 2000 && !full; turn++) {
      const count = endpoint.write(new Uint8Array(1024))
      taken += count
      full = count === 0
    }
    expect(full).toBe(true)
    expect(taken).toBeLessThan(1_000_000)
    const { heard } = await open()
    await vi.waitFor(() => {
      endpoint.write(Uint8Array.of(42))
      expect(heard.at(-1)).toBe(42)
    })
  })

  it('leaves the bytes of a held host waiting', async () => {
    endpoint.plug()
    const { port } = await open()
    endpoint.holdHost(true)
    port.write(Buffer.of(1, 2, 3))
    await new Promise<void>((resolve, reject) => port.drain((error) => (error ? reject(error) : resolve())))
    expect(received).toEqual([])
    endpoint.holdHost(false)
    await vi.waitFor(() => expect(received).toEqual([1, 2, 3]))
  })
})

describe('the link of a pty endpoint', () => {
  it('replaces one that an earlier run left, and goes away', () => {
    endpoint.plug()
    const first = readlinkSync(path)
    endpoint.unplug()
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined()
    symlinkSync('/dev/pts/99999', path)
    endpoint.plug()
    expect(readlinkSync(path)).toMatch(/^\/dev\/pts\/\d+$/)
    expect(readlinkSync(path)).not.toBe('/dev/pts/99999')
    expect(first).toMatch(/^\/dev\/pts\/\d+$/)
  })

  it('is not taken down when another simulator has taken the path', () => {
    endpoint.plug()
    const other = createPtyEndpoint(path, 57_600)
    other.plug()
    endpoint.unplug()
    expect(existsSync(path)).toBe(true)
    other.unplug()
    expect(existsSync(path)).toBe(false)
  })

  it('never replaces a real file', () => {
    path = join(folder, 'precious')
    writeFileSync(path, 'data')
    endpoint = createPtyEndpoint(path, 57_600)
    expect(() => endpoint.plug()).toThrow(expect.objectContaining({ code: 'SIM_PORT_UNAVAILABLE' }))
    expect(lstatSync(path).isFile()).toBe(true)
    expect(endpoint.plugged).toBe(false)
  })
})
