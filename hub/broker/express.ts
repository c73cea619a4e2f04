import type { Duplex } from 'node:stream'
import type { Client } from 'aedes'
import { packetEnd, readPublish, wholePackets } from './express-packets.ts'

/**
 * The short way of what nearly all traffic is: QoS 1 PUBLISH packets of a connected client. They are taken out of the bytes
 * that Aedes is about to read, go to the door as they lie there, and the PUBACKs of one commit are written together; Aedes' own
 * way to that point costs more than decoding and journaling together. Everything else goes to Aedes, and so does the delivery
 * to subscribers. The front stands before it, so each packet is well formed, and none is longer than its limit.
 */

export interface Express {
  /** CONNACK is out: from now on its PUBLISH packets of QoS 1 go this way. */
  open(client: Client): void
}

export interface Arrived {
  topic: string
  payload: Buffer
  retain: boolean
}

/**
 * Journals the message; resolves when it may be acknowledged, and false when the connection must end instead. Never rejects.
 */
export type Receive = (client: Client, message: Arrived) => Promise<boolean>

/** Messages of one connection on their way to the disk, beyond which it is not read: several commits' worth. */
const IN_FLIGHT_MAX = 512
const PUBACK = 0x40
const PUBACK_BYTES = 4

/** One message whose PUBACK is due when those before it are out. MQTT 3.1.1 [MQTT-4.6.0-2] */
interface Owed {
  id: number
  isKept: boolean
}

interface Line {
  client: Client
  connection: Duplex
  /** Begin of a packet whose end has not come, or a mixed piece that waits. */
  rest: Buffer | undefined
  /** `rest` is for Aedes when nothing is in flight any more. */
  isMixed: boolean
  owed: Owed[]
  inFlight: number
  /** Aedes asked for bytes and got none. */
  isHeld: boolean
  isWriting: boolean
}

/** Not in Aedes' types: its timer of the keep alive, which any packet must push back (MQTT 3.1.1 §3.1.2.10). */
type TimedClient = Client & { _keepaliveInterval: number; _keepaliveTimer: NodeJS.Timeout | null }

export function createExpress(receive: Receive): Express {
  function open(client: Client): void {
    const connection = client.conn as Duplex
    const line: Line = {
      client,
      connection,
      rest: undefined,
      isMixed: false,
      owed: [],
      inFlight: 0,
      isHeld: false,
      isWriting: false,
    }
    const below = connection.read.bind(connection)
    connection.read = (size?: number) => {
      if (size === 0) return below(0)
      line.isHeld = line.isMixed ? line.inFlight > 0 : line.inFlight >= IN_FLIGHT_MAX
      if (line.isHeld) return null
      const piece: Buffer | null = below()
      if (piece === null && !line.isMixed) return null
      const before = line.rest
      const bytes = before && piece ? Buffer.concat([before, piece]) : (piece ?? before)
      return bytes ? take(line, bytes) : null
    }
  }

  /** What of it is for Aedes, null when nothing is: a piece with anything else in it goes to Aedes whole, so that all keeps its order. */
  function take(line: Line, bytes: Buffer): Buffer | null {
    const { end, isMixed } = wholePackets(bytes)
    line.isMixed = isMixed
    if (isMixed && line.inFlight > 0) {
      // Those of the pieces before are acknowledged first.
      line.rest = bytes
      line.isHeld = true
      return null
    }
    line.isMixed = false
    // A copy: the piece it came in is larger.
    line.rest = end < bytes.length ? Buffer.from(bytes.subarray(end)) : undefined
    if (isMixed) return bytes.subarray(0, end)
    let at = 0
    for (let next = packetEnd(bytes, at); next !== undefined; next = packetEnd(bytes, at)) {
      publish(line, bytes, at, next)
      at = next
    }
    if (at > 0) pushBackKeepAlive(line.client as TimedClient)
    return null
  }

  function publish(line: Line, bytes: Buffer, from: number, end: number): void {
    const { topic, id, payload, retain } = readPublish(bytes, from, end)
    const owed: Owed = { id, isKept: false }
    line.owed.push(owed)
    line.inFlight += 1
    receive(line.client, { topic, payload, retain }).then((isKept) => {
      line.inFlight -= 1
      owed.isKept = isKept
      if (isKept) acknowledge(line)
      else line.connection.destroy()
      readOn(line)
    })
  }

  function readOn(line: Line): void {
    if (!line.isHeld || line.inFlight > (line.isMixed ? 0 : IN_FLIGHT_MAX / 2)) return
    line.isHeld = false
    if (!line.connection.destroyed) line.connection.emit('readable')
  }

  return { open }
}

/** The others of the same commit are known in this turn too. */
function acknowledge(line: Line): void {
  if (line.isWriting || !line.owed[0]?.isKept) return
  line.isWriting = true
  process.nextTick(writeAcknowledgements, line)
}

function writeAcknowledgements(line: Line): void {
  line.isWriting = false
  let count = 0
  while (line.owed[count]?.isKept) count += 1
  const written = Buffer.allocUnsafe(count * PUBACK_BYTES)
  for (let index = 0; index < count; index += 1) {
    const id = line.owed[index]?.id ?? 0
    written.writeUInt32BE(((PUBACK << 24) | (2 << 16) | id) >>> 0, index * PUBACK_BYTES)
  }
  line.owed = line.owed.slice(count)
  if (!line.connection.destroyed) line.connection.write(written)
}

function pushBackKeepAlive(client: TimedClient): void {
  if (client._keepaliveInterval > 0) client._keepaliveTimer?.refresh()
}
