import { connect, type Socket } from 'node:net'
import { encodeJson } from '../../hub/contract/encode.ts'
import { makeEvent } from '../../hub/contract/event.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import { publishPacket } from '../bench/lean-client.ts'
import { SITE } from '../support/estate.ts'

/**
 * A gateway that exists only here, at the pace of a busy estate: it keeps what the hub has not acknowledged and sends it
 * again, in order, on its next connection. It speaks MQTT by itself and shares nothing with the product's own shipper.
 */

export interface Sent {
  device: string
  sequence: number
  lane: 'alarm' | 'telemetry'
  /** performance.now() when it was first due. */
  at_ms: number
}

export interface Sender {
  /** By event id: everything this gateway has ever had to say. */
  readonly sent: ReadonlyMap<string, Sent>
  /** Not acknowledged yet. */
  readonly waiting: number
  /** No more events; what waits is still sent. */
  finish(): void
  close(): void
}

/** MQTT 3.1.1 §2.2.1. */
const CONNACK = 0x20
const PUBACK = 0x40
const WINDOW = 100
const RETRY_MS = 100
/** MQTT 3.1.1 §3.1: protocol level 4, clean session, keep alive 5 s, client id `campaign`. */
const CONNECT = Buffer.from([0x10, 20, 0, 4, ...Buffer.from('MQTT'), 4, 2, 0, 5, 0, 8, ...Buffer.from('campaign')])
const PINGREQ = Buffer.from([0xc0, 0])
const PING_EVERY_MS = 1_000
/** Without a byte for this long the connection is dead: a quiet hub at least answers the ping. */
const SILENCE_MS = 5_000
const DEVICES = 6

interface Waiting {
  topic: string
  payload: Uint8Array
  packetId: number
}

/** @param bootid of this run: another one is another gateway to whoever drops duplicates */
export function startSender(port: () => number, config: { bootid: string; per_second: number }): Sender {
  const sent = new Map<string, Sent>()
  const queue: Waiting[] = []
  let inFlight = 0
  let socket: Socket | undefined
  let isUp = false
  let stopped = false
  let heard_ms = performance.now()

  function make(): void {
    const sequence = sent.size + 1
    const lane = sequence % 5 === 0 ? 'telemetry' : 'alarm'
    const device = `x${sequence % DEVICES}`
    const address: Address =
      lane === 'alarm'
        ? { ...SITE, gateway: 'campaign', class: 'alarm-button', device }
        : { ...SITE, gateway: 'campaign', class: 'park-sensor', device: 'air' }
    const at_ms = performance.now()
    const stamp = { wall_ms: Date.now(), monotonic_ms: Math.round(at_ms), quality: 'synced' } as const
    const source = { address, bootid: config.bootid, sequence }
    const event =
      lane === 'alarm'
        ? makeEvent(source, 'pressed', 'alarm', stamp, { press: sequence, atstart: false })
        : makeEvent(source, 'telemetry', 'notice', stamp, [{ n: 'temperature', u: 'Cel', v: sequence % 40 }])
    const topic = formatTopic(
      lane === 'alarm' ? { ...address, channel: 'evt', type: 'pressed' } : { ...address, channel: 'tele' },
    )
    sent.set(event.id, { device: address.device, sequence, lane, at_ms })
    queue.push({ topic, payload: encodeJson(event), packetId: (sequence % 65_535) + 1 })
  }

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
    if (stopped) return
    const made = connect({ host: '127.0.0.1', port: port(), noDelay: true })
    socket = made
    heard_ms = performance.now()
    let rest: Buffer = Buffer.alloc(0)
    made.on('error', () => undefined)
    made.on('connect', () => made.write(CONNECT))
    made.on('data', (bytes: Buffer) => {
      heard_ms = performance.now()
      rest = Buffer.concat([rest, bytes])
      // Every packet that a hub sends to a client without subscriptions has a length of one byte.
      while (rest.length >= 2 && rest.length >= 2 + (rest[1] ?? 0)) {
        const length = rest[1] ?? 0
        if (rest[0] === CONNACK) isUp = rest[3] === 0
        if (rest[0] === PUBACK) acknowledged(rest.readUInt16BE(2))
        rest = rest.subarray(2 + length)
      }
      pump()
    })
    made.on('close', () => {
      isUp = false
      inFlight = 0
      setTimeout(open, RETRY_MS)
    })
  }

  const making = setInterval(make, 1000 / config.per_second)
  const pumping = setInterval(pump, 5)
  const pinging = setInterval(() => {
    if (performance.now() - heard_ms > SILENCE_MS) socket?.destroy()
    else if (isUp) socket?.write(PINGREQ)
  }, PING_EVERY_MS)
  open()
  return {
    sent,
    get waiting() {
      return queue.length
    },
    finish: () => clearInterval(making),
    close() {
      stopped = true
      clearInterval(making)
      clearInterval(pumping)
      clearInterval(pinging)
      socket?.destroy()
    },
  }
}
