import { connect, type Socket } from 'node:net'
import { expect, vi } from 'vitest'
import { connectPacket, type Part, packet } from './mqtt-bytes.ts'

/** A client that is told every byte to send, and keeps every packet that comes back: nothing corrects what either side does. */

export interface Received {
  /** §2.2.1 */
  type: number
  flags: number
  body: Buffer
}

export interface Peer {
  readonly socket: Socket
  readonly received: Received[]
  bytes(): Buffer
  closed(): boolean
  send(...packets: Buffer[]): void
  /** Waits until this many packets of this type are here, and gives them. */
  packets(type: number, count: number): Promise<Received[]>
  /** Everything that was asked before is answered: a PINGREQ is (MQTT-4.6.0: a broker answers in turn). */
  settled(): Promise<void>
  end(): Promise<void>
}

export const WAIT = { timeout: 20_000, interval: 5 }
export const until = (condition: () => boolean) => vi.waitFor(() => expect(condition()).toBe(true), WAIT)

export const CONNACK = 2
export const PUBLISH = 3
export const PUBACK = 4
export const PUBREC = 5
export const PUBREL = 6
export const PUBCOMP = 7
export const SUBACK = 9
export const UNSUBACK = 11
export const PINGRESP = 13
export const PINGREQ_PACKET = packet(0xc0)
export const DISCONNECT_PACKET = packet(0xe0)

export function peerAt(port: number, options: { localAddress?: string } = {}): Peer {
  const chunks: Buffer[] = []
  const received: Received[] = []
  let rest: Buffer = Buffer.alloc(0)
  let closed = false
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, ...options })
  socket.on('data', (chunk) => {
    chunks.push(chunk as Buffer)
    rest = Buffer.concat([rest, chunk as Buffer])
    for (let one = take(rest); one; one = take(rest)) {
      rest = one.rest
      received.push(one.packet)
    }
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    closed = true
  })
  const ofType = (type: number) => received.filter((one) => one.type === type)
  const send = (...packets: Buffer[]) => {
    socket.write(Buffer.concat(packets))
  }
  return {
    socket,
    received,
    bytes: () => Buffer.concat(chunks),
    closed: () => closed,
    send,
    async packets(type, count) {
      await vi.waitFor(() => expect(ofType(type).length).toBeGreaterThanOrEqual(count), WAIT)
      return ofType(type)
    },
    async settled() {
      const pongs = ofType(PINGRESP).length
      send(PINGREQ_PACKET)
      await until(() => ofType(PINGRESP).length > pongs)
    },
    async end() {
      socket.destroy()
      await until(() => closed)
    },
  }
}

function take(bytes: Buffer): { packet: Received; rest: Buffer } | undefined {
  let length = 0
  for (let at = 1; at < bytes.length && at <= 4; at++) {
    length += ((bytes[at] as number) & 0x7f) * 128 ** (at - 1)
    if ((bytes[at] as number) >= 0x80) continue
    const end = at + 1 + length
    if (bytes.length < end) return undefined
    const first = bytes[0] as number
    return {
      packet: { type: first >> 4, flags: first & 0x0f, body: bytes.subarray(at + 1, end) },
      rest: bytes.subarray(end),
    }
  }
  return undefined
}

export interface Login {
  id: string
  clean?: boolean
  keepAlive_s?: number
  will?: { topic: string; payload: string; qos?: number; retain?: boolean }
  username?: string
  password?: string
}

/** §3.1 */
export function connectOf({ id, clean = true, keepAlive_s = 0, will, username, password }: Login): Buffer {
  const flags =
    (clean ? 0x02 : 0) |
    (will ? 0x04 | ((will.qos ?? 0) << 3) | (will.retain ? 0x20 : 0) : 0) |
    (username === undefined ? 0 : 0x80) |
    (password === undefined ? 0 : 0x40)
  const fields: Part[] = [id, ...(will ? [will.topic, will.payload] : []), ...[username, password].filter(isText)]
  return packet(0x10, 'MQTT', 4, flags, keepAlive_s >> 8, keepAlive_s & 0xff, ...fields)
}

const isText = (value: string | undefined): value is string => value !== undefined

/** Connected: its CONNACK has the return code 0. */
export async function login(port: number, options: Login): Promise<Peer & { sessionPresent: boolean }> {
  const peer = peerAt(port)
  peer.send(connectOf(options))
  const [connack] = await peer.packets(CONNACK, 1)
  expect(connack?.body[1]).toBe(0)
  return { ...peer, sessionPresent: connack?.body[0] === 1 }
}

export interface Published {
  topic: string
  payload: string
  qos: number
  dup: boolean
  retain: boolean
  id: number | undefined
}

export function publishedBy({ flags, body }: Received): Published {
  const end = 2 + body.readUInt16BE(0)
  const qos = (flags >> 1) & 3
  return {
    topic: body.toString('utf8', 2, end),
    payload: body.toString('utf8', end + (qos > 0 ? 2 : 0)),
    qos,
    dup: (flags & 8) !== 0,
    retain: (flags & 1) !== 0,
    id: qos > 0 ? body.readUInt16BE(end) : undefined,
  }
}

/** What a peer was sent, once there is so much of it. */
export async function messages(peer: Peer, count: number): Promise<Published[]> {
  return (await peer.packets(PUBLISH, count)).map(publishedBy)
}

export function publish(
  topic: string,
  payload: string,
  options: { qos?: number; id?: number; retain?: boolean; dup?: boolean } = {},
): Buffer {
  const { qos = 0, id = 1, retain = false, dup = false } = options
  const first = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0)
  return packet(first, topic, ...(qos > 0 ? [id >> 8, id & 0xff] : []), Buffer.from(payload))
}

export function subscribe(id: number, ...filters: Array<[filter: string, qos: number]>): Buffer {
  return packet(0x82, id >> 8, id & 0xff, ...filters.flat())
}

export function unsubscribe(id: number, ...filters: string[]): Buffer {
  return packet(0xa2, id >> 8, id & 0xff, ...filters)
}

export function answer(type: number, id: number): Buffer {
  return packet((type << 4) | (type === PUBREL ? 2 : 0), id >> 8, id & 0xff)
}

/** Subscribed, and told so. */
export async function subscribed(peer: Peer, ...filters: Array<[filter: string, qos: number]>): Promise<number[]> {
  const before = peer.received.filter((one) => one.type === SUBACK).length
  peer.send(subscribe(before + 1, ...filters))
  const subacks = await peer.packets(SUBACK, before + 1)
  return [...(subacks.at(-1)?.body.subarray(2) ?? [])]
}

export { connectPacket, packet }
