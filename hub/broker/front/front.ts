import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Addresses, addressKey, createAddresses } from './addresses.ts'
import { type Allowance, newAllowance, take } from './allowance.ts'
import { createSubackMender, type SubackMender } from './double-filters.ts'
import { type Inspection, inspect, isPlain, isUnderWay, newInspection } from './inspection.ts'
import type { FrontLimits } from './limits.ts'
import { REFUSALS, type Refusal } from './refusal.ts'
import { createRefusalLog, type RefusalLogger } from './refusal-log.ts'

/**
 * Stands between the sockets and Aedes. Aedes takes its bytes by `connection.read()` and by nothing else, so that is where
 * they are inspected: no second stream, no copy, and what Aedes does not read stays with the sender.
 */

export interface FrontEvents {
  /** A connection was ended, or a subscription refused, for this cause. */
  refused(cause: string): void
  /** A client publishes faster than it may, and is read from more slowly. */
  throttled(): void
}

export interface Front {
  /**
   * False: refused, and the connection is gone. True: to be handed to Aedes in the same turn. `carrier` is what brings the
   * connection's bytes in frames of its own: what a stranger sends is counted there too.
   */
  admit(connection: Duplex, carrier?: Socket): boolean
  /** It is known who this is: no longer a stranger, though CONNACK is still to be written. */
  authenticated(connection: Duplex): void
  /** CONNACK with return code 0 is out: what waited behind CONNECT may go on, plain messages to the taker. */
  accepted(connection: Duplex, taker?: Taker): void
  /** Counts and tells of what is refused behind the front; `details` are what helps whoever reads it. */
  report(connection: Duplex, refusal: Refusal, details?: Readonly<Record<string, string | undefined>>): void
  /** The same for whoever has no connection yet. */
  reportAddress(remote: string | undefined, refusal: Refusal): void
  connections(): number
  close(): void
}

/** Takes whole messages of QoS 1 that nobody retains, one behind the other, past Aedes. */
export interface Taker {
  take(packets: Buffer): void
  /** Nothing more is read for now; the connection gets a `readable` when it is. */
  isFull(): boolean
}

interface Line {
  connection: Duplex
  address: string
  inspection: Inspection
  taker: Taker | undefined
  /** What is there of a message for the taker. */
  held: Buffer[]
  /** Made for the first SUBSCRIBE that needs it. */
  subacks: SubackMender | undefined
  stranger: boolean
  publishes: Allowance
  throttled: NodeJS.Timeout | undefined
  late: NodeJS.Timeout | undefined
  slow: NodeJS.Timeout | undefined
  /** At the last sweep. */
  seen: { packets: number; bytes: number; sweeps: number }
  closed: boolean
}

/** A CONNECT and what may wait behind it, with their frames. */
const CARRIED_MAX = 3
/** Silence is seen in this many looks, so up to one look late. */
const SWEEPS_OF_IDLE = 2

export function createFront(deps: { log: RefusalLogger; events: FrontEvents }, limits: FrontLimits): Front {
  const lines = new Map<Duplex, Line>()
  const addresses: Addresses = createAddresses(limits)
  const log = createRefusalLog(deps.log)
  const publishRate = { per_s: limits.publishes_per_s, burst: limits.publishes_burst }
  const sweeper = setInterval(sweep, limits.idle_ms_max / SWEEPS_OF_IDLE)
  sweeper.unref?.()

  function report(address: string, refusal: Refusal, details?: Readonly<Record<string, string | undefined>>): void {
    deps.events.refused(refusal.cause)
    log(address, refusal, details)
  }

  function end(line: Line, refusal: Refusal): void {
    if (line.closed) return
    line.inspection.refusal = refusal
    report(line.address, refusal)
    const { connection } = line
    if (refusal.connack === undefined) connection.destroy()
    else connection.end(Buffer.from([0x20, 2, 0, refusal.connack]), () => connection.destroy())
  }

  /** What Aedes gets for `connection.read()`. */
  function read(line: Line, original: () => Buffer | null): Buffer | null {
    const { inspection, connection } = line
    if (inspection.refusal || isWaiting(line) || line.throttled || line.taker?.isFull()) return null
    const piece = readAll(connection, original)
    if (piece === null) return null
    const { publishes: before, others } = inspection
    /** The packet under way has begun at Aedes. */
    const isBegun = isUnderWay(inspection) && line.held.length === 0
    const passed = inspect(limits, inspection, piece)
    if (inspection.refusal) {
      end(line, inspection.refusal)
      return passed > 0 ? joined(line, piece.subarray(0, passed)) : null
    }
    if (inspection.doubles.length > 0 && !mendSubacks(line)) {
      end(line, REFUSALS.tooManyDoubles)
      return null
    }
    watchPacket(line)
    if (inspection.publishes !== before) spend(line, inspection.publishes - before)
    if (line.taker && !isWaiting(line)) return divert(line, line.taker, piece, isBegun, inspection.others === others)
    if (isWaiting(line)) clearTimeout(line.late)
    else if (passed === piece.length) return piece
    // Behind a CONNECT: back to where it is counted, until CONNACK is out.
    if (passed < piece.length) connection.unshift(piece.subarray(passed))
    checkEager(line)
    return inspection.refusal ? null : piece.subarray(0, passed)
  }

  function spend(line: Line, publishes: number): void {
    const wait_ms = take(publishRate, line.publishes, publishes, performance.now())
    if (wait_ms === 0) return
    deps.events.throttled()
    line.throttled = setTimeout(() => {
      line.throttled = undefined
      if (!line.closed) line.connection.emit('readable')
    }, wait_ms)
  }

  /** Aedes reads nothing while it asks who this is; what a stranger sends meanwhile lies in the socket's own buffer. */
  function checkEager(line: Line): void {
    if (!line.stranger || !isWaiting(line) || line.inspection.refusal) return
    if (line.connection.readableLength > limits.connect_bytes_max) end(line, REFUSALS.tooEager)
  }

  /** One timer at most, and only for a packet that comes in pieces. */
  function watchPacket(line: Line): void {
    if (line.slow || !isUnderWay(line.inspection)) return
    const { packets } = line.inspection
    line.slow = setTimeout(() => {
      line.slow = undefined
      const stuck = isUnderWay(line.inspection) && line.inspection.packets === packets
      // What Aedes has not read yet is our delay.
      if (stuck && line.connection.readableLength === 0) end(line, REFUSALS.packetSlow)
      else watchPacket(line)
    }, limits.packet_ms_max)
  }

  /** A timer for each connection that every packet restarts would cost more than the packet. */
  function sweep(): void {
    for (const line of lines.values()) {
      const bytes = (line.connection as Partial<Socket>).bytesWritten ?? 0
      const { packets } = line.inspection
      const silent = packets === line.seen.packets && bytes === line.seen.bytes && line.connection.readableLength === 0
      line.seen = { packets, bytes, sweeps: silent ? line.seen.sweeps + 1 : 0 }
      if (line.inspection.phase === 'open' && line.seen.sweeps >= SWEEPS_OF_IDLE) end(line, REFUSALS.idle)
    }
  }

  function open(connection: Duplex, address: string): void {
    const now_ms = performance.now()
    const line: Line = {
      connection,
      address,
      inspection: newInspection(),
      taker: undefined,
      held: [],
      subacks: undefined,
      stranger: true,
      publishes: newAllowance(publishRate, now_ms),
      throttled: undefined,
      slow: undefined,
      late: setTimeout(() => end(line, REFUSALS.connectLate), limits.connect_ms_max),
      seen: { packets: 0, bytes: 0, sweeps: 0 },
      closed: false,
    }
    const original = connection.read.bind(connection)
    // `read(0)` is how a stream asks itself for more; it takes nothing.
    connection.read = (size?: number) => (size === 0 ? original(0) : read(line, original))
    connection.on('readable', () => checkEager(line))
    connection.once('close', () => {
      line.closed = true
      stopTimers(line)
      lines.delete(connection)
      addresses.left(address)
    })
    lines.set(connection, line)
  }

  /** Frames are collected until they are whole, before there is anything to read. */
  function watchCarrier(connection: Duplex, carrier: Socket): void {
    let bytes = 0
    const count = (piece: Buffer) => {
      const line = lines.get(connection)
      bytes += piece.length
      if (!line?.stranger) carrier.off('data', count)
      else if (bytes > CARRIED_MAX * limits.connect_bytes_max) end(line, REFUSALS.tooEager)
    }
    carrier.prependListener('data', count)
  }

  return {
    admit(connection, carrier) {
      const address = addressKey((connection as Partial<Socket>).remoteAddress)
      const refusal = addresses.admit(address, performance.now())
      if (refusal) {
        report(address, refusal)
        connection.destroy()
        return false
      }
      open(connection, address)
      if (carrier) watchCarrier(connection, carrier)
      return true
    },
    authenticated(connection) {
      const line = lines.get(connection)
      if (line) line.stranger = false
    },
    accepted(connection, taker) {
      const line = lines.get(connection)
      if (!line) return
      line.taker = taker
      if (isWaiting(line)) line.inspection.phase = 'open'
    },
    report(connection, refusal, details) {
      report(lines.get(connection)?.address ?? addressKey(undefined), refusal, details)
    },
    reportAddress: (remote, refusal) => report(addressKey(remote), refusal),
    connections: () => addresses.count(),
    close() {
      clearInterval(sweeper)
      for (const line of lines.values()) stopTimers(line)
    },
  }
}

/** Packets are written whole in one turn, and this is another one: what is written from here on starts with a packet. */
function mendSubacks(line: Line): boolean {
  if (!line.subacks) {
    const mender = createSubackMender()
    const original = line.connection.write.bind(line.connection)
    line.connection.write = ((chunk: Uint8Array | string) => mender.write(chunk, original)) as Duplex['write']
    line.subacks = mender
  }
  return line.inspection.doubles.splice(0).every((doubles) => line.subacks?.expect(doubles) === true)
}

/**
 * Node 26 gives what was pushed at once, one push at a time, and tells of it once. Aedes asks once, and again only after a
 * whole packet: the rest of a packet that lay there in two pieces would never be read.
 */
function readAll(connection: Duplex, original: () => Buffer | null): Buffer | null {
  const first = original()
  if (first === null || connection.readableLength === 0) return first
  const pieces = [first]
  for (let next = original(); next !== null; next = connection.readableLength > 0 ? original() : null) pieces.push(next)
  return Buffer.concat(pieces)
}

/**
 * A piece with nothing in it but plain messages goes to the taker; of any other all goes to Aedes, so that neither overtakes
 * the other. A plain message that is not whole waits here, and what comes next begins with a packet again.
 * @returns what is for Aedes
 */
function divert(line: Line, taker: Taker, piece: Buffer, isBegun: boolean, isAllPlain: boolean): Buffer | null {
  const { inspection, held } = line
  const isCut = isUnderWay(inspection) && isPlain(inspection) && !(isBegun && inspection.good === 0)
  const cut = isCut ? inspection.good : piece.length
  if (cut === 0) {
    held.push(piece)
    return null
  }
  const whole = joined(line, piece.subarray(0, cut))
  if (isCut) line.held.push(piece.subarray(cut))
  if (isBegun || !isAllPlain) return whole
  taker.take(whole)
  return null
}

/** Behind what was held. */
function joined(line: Line, piece: Buffer): Buffer {
  if (line.held.length === 0) return piece
  const whole = Buffer.concat([...line.held, piece])
  line.held = []
  return whole
}

/** CONNECT is through, CONNACK is not. */
function isWaiting(line: Line): boolean {
  return line.inspection.phase === 'waiting'
}

function stopTimers(line: Line): void {
  for (const timer of [line.late, line.slow, line.throttled]) clearTimeout(timer)
}
