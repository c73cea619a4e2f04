import { randomBytes } from 'node:crypto'
import type { BytePort } from '../../firmware/ports/byte-port.ts'
import { silentLogger } from '../../firmware/ports/logger.ts'
import { nodeAes } from '../../firmware/protocols/osdp/aes.ts'
import { createOsdpBus, type OsdpBus } from '../../firmware/protocols/osdp/bus.ts'
import type { BusTiming } from '../../firmware/protocols/osdp/bus-config.ts'
import { encodeCommand } from '../../firmware/protocols/osdp/commands.ts'
import { encodeFrame } from '../../firmware/protocols/osdp/frame.ts'
import type { SessionEvent } from '../../firmware/protocols/osdp/session-state.ts'
import { pause } from './bench.ts'

/** A line with card readers on it: as the simulator is told of it, and as it is asked from here. */

export interface ReaderLine {
  id: string
  /** Bits per second. */
  baud: number
  readers: number
  secure: boolean
}

/** 8N1. */
const BITS_PER_BYTE = 10
/** IEC 60839-11-5: whoever is about to send leaves the line idle for the time of two characters. */
export const IDLE_CHARACTERS = 2
const ONLINE_LIMIT_MS = 20_000
const KEY = randomBytes(16)
export const KEY_HEX = KEY.toString('hex')

export const characters_ms = (baud: number, count: number) => (count * BITS_PER_BYTE * 1000) / baud

export const readerId = (line: { id: string }, address: number) => `${line.id}-r${address}`

/** For the simulator. Its readers answer as soon as the standard allows, unless `reply_ms` says otherwise. */
export function simulatedBus(
  line: ReaderLine,
  port: string,
  reply_ms = characters_ms(line.baud, IDLE_CHARACTERS),
): object {
  const devices = Array.from({ length: line.readers }, (_, address) => ({
    kind: 'osdp-reader',
    id: readerId(line, address),
    address,
    reply_ms,
    ...(line.secure ? { scbk: KEY_HEX } : {}),
  }))
  return { id: line.id, baud: line.baud, port, devices }
}

/** Our own bus on the line; resolves when all its readers are online. */
export async function startBus(
  port: BytePort,
  line: ReaderLine,
  options: { timing?: Partial<BusTiming>; onEvent?: (event: SessionEvent) => void } = {},
): Promise<OsdpBus> {
  const online = new Set<number>()
  let allOnline = () => {}
  const ready = new Promise<void>((resolve) => {
    allOnline = resolve
  })
  const bus = createOsdpBus(
    {
      port,
      aes: nodeAes,
      randomBytes: (count) => randomBytes(count),
      random: Math.random,
      log: silentLogger,
      onEvent(address, event) {
        if (event.type === 'online') online.add(address)
        if (online.size === line.readers) allOnline()
        options.onEvent?.(event)
      },
    },
    {
      baud: line.baud,
      ...(options.timing ? { timing: options.timing } : {}),
      readers: Array.from({ length: line.readers }, (_, address) => ({
        address,
        security: line.secure ? { mode: 'secure', keys: [Uint8Array.from(KEY)] } : { mode: 'plain' },
      })),
    },
  )
  bus.start()
  const limit = setTimeout(allOnline, ONLINE_LIMIT_MS)
  await ready
  clearTimeout(limit)
  if (online.size < line.readers) throw new Error(`only ${online.size} of ${line.readers} readers of ${line.id} answer`)
  return bus
}

/** One reader asked over and over by a loop that knows no sessions: what pty, `serialport` and simulator allow. */
export async function pollBare(port: BytePort, { baud }: ReaderLine, for_ms: number): Promise<void> {
  const poll = encodeFrame({ address: 0, sequence: 0, check: 'crc', reply: false, ...encodeCommand({ type: 'poll' }) })
  const connection = await port.open()
  let heard_bytes = 0
  const send = () => {
    const from_ms = performance.now()
    while (performance.now() - from_ms < characters_ms(baud, IDLE_CHARACTERS));
    connection.write(poll)
  }
  connection.onData((bytes) => {
    heard_bytes += bytes.length
    // An ACK is as long as a poll.
    if (heard_bytes < poll.length) return
    heard_bytes = 0
    send()
  })
  send()
  await pause(for_ms)
  await connection.close()
}
