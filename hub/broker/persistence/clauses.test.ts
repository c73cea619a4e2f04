import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectPacket, packet } from '../../../test/support/mqtt-bytes.ts'
import { type Broker, createBroker } from '../broker.ts'
import { matches } from './filters.ts'

const WAIT = { timeout: 10_000, interval: 5 }

describe('what the broker keeps', () => {
  let broker: Broker
  let port: number
  const sockets: Socket[] = []

  beforeEach(async () => {
    broker = await createBroker({
      ingest: { accept: async (_principal, { payload }) => ({ kind: 'deliver', payload }) },
      authenticate: async ({ clientId }) => ({ role: 'dev', name: clientId }),
      log: { info() {}, warn() {} },
      events: { connected() {}, disconnected() {}, shed() {}, refused() {}, throttled() {} },
    })
    port = (await broker.listen({ host: '127.0.0.1', port: 0 })).port
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy()
    await broker.close()
  })

  function peer(...packets: Buffer[]) {
    const heard: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.concat(packets)))
    socket.on('data', (bytes: Buffer) => heard.push(bytes))
    socket.on('error', () => undefined)
    sockets.push(socket)
    return {
      socket,
      until: (bytes: Buffer) => vi.waitFor(() => expect(Buffer.concat(heard).includes(bytes)).toBe(true), WAIT),
      heard,
    }
  }
  const publish = (topic: string, payload: string) =>
    broker.publish({ topic, payload: Buffer.from(payload), retain: false })
  /** A QoS 1 PUBLISH with this text, without its packet id. */
  const firstByteOf = (heard: Buffer[], text: string) => {
    const bytes = Buffer.concat(heard)
    // Fixed header, topic `t`, packet id, then the text.
    return bytes[bytes.indexOf(text) - 7]
  }

  it('MQTT-3.3.1-1: sends again with DUP what was sent and not acknowledged, and without DUP what was not sent', async () => {
    const lasting = connectPacket({ id: 'lasting', flags: 0 })
    const first = peer(lasting, packet(0x82, 0, 1, 't', 1))
    await first.until(packet(0x90, 0, 1, 1))
    await publish('t', 'sent')
    await first.until(Buffer.from('sent'))
    expect(firstByteOf(first.heard, 'sent')).toBe(0x32)
    first.socket.destroy()
    await vi.waitFor(() => expect(broker.isConnected('lasting')).toBe(false), WAIT)
    await publish('t', 'kept')
    const second = peer(lasting)
    await second.until(Buffer.from('kept'))
    expect(firstByteOf(second.heard, 'sent')).toBe(0x3a)
    expect(firstByteOf(second.heard, 'kept')).toBe(0x32)
  })

  it('MQTT-4.7.1-3, MQTT-3.8.4-6: a/+ receives what is retained on a/, with the QoS that it was granted', async () => {
    await broker.publish({ topic: 'a/', payload: Buffer.from('here'), retain: true })
    await broker.publish({ topic: 'a', payload: Buffer.from('elsewhere'), retain: true })
    const one = peer(connectPacket(), packet(0x82, 0, 1, 'a/+', 0), packet(0x82, 0, 2, 'end', 0))
    await one.until(packet(0x31, 'a/', Buffer.from('here')))
    await one.until(packet(0x90, 0, 2, 0))
    expect(Buffer.concat(one.heard).includes('elsewhere')).toBe(false)
  })
})

it.each([
  ['a/+', 'a/', true],
  ['a/+', 'a', false],
  ['+', '/a', false],
  ['+/+', '/a', true],
  ['/+', '/a', true],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/#', 'ab', false],
  ['#', '/', true],
  ['#', '$SYS/x', false],
  ['+/x', '$SYS/x', false],
  ['$SYS/#', '$SYS/x', true],
  ['a/+/c', 'a/b/c', true],
  ['a/+/c', 'a/b/c/d', false],
  ['A', 'a', false],
])('§4.7: %s and %s: %s', (filter, topic, matched) => expect(matches(filter, topic)).toBe(matched))
