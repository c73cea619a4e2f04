import { connect, type Socket } from 'node:net'
import { publishPacket } from '../bench/lean-client.ts'

/**
 * A sender that keeps what its broker has not acknowledged and sends it again, in order, on its next connection: what a
 * gateway does. It speaks MQTT by itself and shares nothing with the product's own shipper.
 */
export interface Resender {
  /** Sent now or as soon as there is room, QoS 1, until it is acknowledged. */
  push(topic: string, payload: Uint8Array): void
  /** Not acknowledged yet. */
  readonly waiting: number
  close(): void
}

/** MQTT 3.1.1 §2.2.1. */
const CONNACK = 0x20
const PUBACK = 0x40
const PINGREQ = Buffer.from([0xc0, 0])
/** In flight at most; below mosquitto's default of receiving, and what a gateway has. */
const WINDOW = 100
const RETRY_MS = 100
const PING_EVERY_MS = 1_000
/** Without a byte for this long the connection is dead: a quiet broker at least answers the ping. */
const SILENCE_MS = 5_000

interface Waiting {
  topic: string
  payload: Uint8Array
  packetId: number
}

/** @param port asked at each connection */
export function createResender(port: () => number, clientId: string): Resender {
  const queue: Waiting[] = []
  let made = 0
  let inFlight = 0
  let socket: Socket | undefined
  let isUp = false
  let closed = false
  let heard_ms = performance.now()

  function pump(): void {
    while (isUp && socket && inFlight < WINDOW && inFlight < queue.length) {
      const { topic, payload, packetId } = queue[inFlight] as Waiting
      socket.write(publishPacket(topic, payload, packetId))
      inFlight++
    }
  }

  function acknowledged(packetId: number): void {
    const index = queue.findIndex((one) => one.packetId === packetId)
    if (index < 0 || index >= inFlight) return
    queue.splice(index, 1)
    inFlight--
  }

  function open(): void {
    if (closed) return
    const opened = connect({ host: '127.0.0.1', port: port(), noDelay: true })
    socket = opened
    heard_ms = performance.now()
    let rest: Buffer = Buffer.alloc(0)
    opened.on('error', () => undefined)
    opened.on('connect', () => opened.write(connectPacket(clientId)))
    opened.on('data', (bytes: Buffer) => {
      heard_ms = performance.now()
      rest = Buffer.concat([rest, bytes])
      // Every packet that a broker sends to a client without subscriptions has a length of one byte.
      while (rest.length >= 2 && rest.length >= 2 + (rest[1] ?? 0)) {
        const length = rest[1] ?? 0
        if (rest[0] === CONNACK) isUp = rest[3] === 0
        if (rest[0] === PUBACK) acknowledged(rest.readUInt16BE(2))
        rest = rest.subarray(2 + length)
      }
      pump()
    })
    opened.on('close', () => {
      isUp = false
      inFlight = 0
      setTimeout(open, RETRY_MS)
    })
  }

  const pinging = setInterval(() => {
    if (performance.now() - heard_ms > SILENCE_MS) socket?.destroy()
    else if (isUp) socket?.write(PINGREQ)
  }, PING_EVERY_MS)
  open()
  return {
    push(topic, payload) {
      made++
      // MQTT 3.1.1 §2.3.1: packet ids are 1 to 65,535; the window is far smaller.
      queue.push({ topic, payload, packetId: (made % 65_535) + 1 })
      pump()
    },
    get waiting() {
      return queue.length
    },
    close() {
      closed = true
      clearInterval(pinging)
      socket?.destroy()
    },
  }
}

/** MQTT 3.1.1 §3.1: protocol level 4, clean session, keep alive 5 s. */
function connectPacket(clientId: string): Buffer {
  const id = Buffer.from(clientId)
  return Buffer.from([0x10, 12 + id.length, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 5, 0, id.length, ...id])
}
