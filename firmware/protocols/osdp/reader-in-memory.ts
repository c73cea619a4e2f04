import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { ByteConnection, BytePort } from '../../ports/byte-port.ts'

/**
 * A reader and its line for tests, in memory. Written straight from the standard's rules and sharing nothing with the
 * controller: its own bit-wise CRC, its own chaining over single AES blocks, its own frames.
 */

const SCBK_D = [...'0123456789:;<=>?'].map((one) => one.charCodeAt(0))

function crc(bytes: number[]): number {
  let value = 0x1d0f
  for (const byte of bytes)
    for (let bit = 7; bit >= 0; bit--) {
      const carry = ((value >> 15) ^ (byte >> bit)) & 1
      value = ((value << 1) & 0xffff) ^ (carry ? 0x1021 : 0)
    }
  return value
}

/** The bytes with mark and CRC, as they go over the line. */
export function framed(body: number[]): number[] {
  const check = crc(body)
  return [0xff, ...body, check & 0xff, check >> 8]
}

const ecb = (key: number[], data: number[]) => [
  ...createCipheriv('aes-128-ecb', Buffer.from(key), null).setAutoPadding(false).update(Buffer.from(data)),
]
const unecb = (key: number[], data: number[]) => [
  ...createDecipheriv('aes-128-ecb', Buffer.from(key), null).setAutoPadding(false).update(Buffer.from(data)),
]
const xor = (a: number[], b: number[]) => a.map((one, i) => one ^ (b[i] ?? 0))
const blocks = (data: number[]) => Array.from({ length: data.length / 16 }, (_, i) => data.slice(i * 16, i * 16 + 16))
const padded = (data: number[]) => {
  const out = [...data, 0x80]
  while (out.length % 16 !== 0) out.push(0)
  return out
}

interface Channel {
  enc: number[]
  mac1: number[]
  mac2: number[]
  random: number[]
  reader: number[]
  /** Whole MACs of the last command and the last reply. */
  command: number[]
  reply: number[]
  open: boolean
}

function macOf(channel: Channel, chain: number[], covered: number[]): number[] {
  const parts = blocks(covered.length % 16 === 0 ? covered : padded(covered))
  let last = chain
  parts.forEach((part, i) => {
    last = ecb(i === parts.length - 1 ? channel.mac2 : channel.mac1, xor(part, last))
  })
  return last
}
function crypt(key: number[], iv: number[], data: number[]): number[] {
  let last = iv.map((one) => one ^ 0xff)
  return blocks(padded(data)).flatMap((part) => {
    last = ecb(key, xor(part, last))
    return last
  })
}
function decrypt(key: number[], iv: number[], data: number[]): number[] {
  let last = iv.map((one) => one ^ 0xff)
  const clear = blocks(data).flatMap((part) => {
    const one = xor(unecb(key, part), last)
    last = part
    return one
  })
  return clear.slice(0, clear.lastIndexOf(0x80))
}

export interface ReaderInMemory {
  readonly address: number
  /** Undefined: fresh from the factory, knows only the default key. */
  key: number[] | undefined
  powered: boolean
  secure: boolean
  busy: number
  latency_ms: number
  serial: number
  /** Answers to the next polls. */
  pending: Array<{ code: number; data: number[]; laidOpen?: boolean }>
  /** Changes the next replies, one after another; undefined loses the reply. */
  faults: Array<(reply: number[]) => number[] | undefined>
  /** Commands as received and understood, decrypted. */
  heard: Array<{ code: number; data: number[]; sequence: number; at_ms: number; raw: string }>
  /** Every reply as it went out, before faults. */
  sent: number[][]
  loseMemory(): void
  /** The bytes of a reply as a reader without secure channel would send them. */
  plain(sequence: number, code: number, data: number[]): number[]
  receive(bytes: Uint8Array): number[] | undefined
}

export function createReaderInMemory(address: number, key?: number[]): ReaderInMemory {
  let channel: Channel | undefined
  let lastSequence = -1
  let lastCommand = ''
  let lastReply: number[] = []

  function frame(sequence: number, code: number, data: number[], security: number[] = []): number[] {
    const withMac = security[1] === 0x16 || security[1] === 0x18
    const length = 5 + security.length + 1 + data.length + (withMac ? 4 : 0) + 2
    const control = sequence | 4 | (security.length > 0 ? 8 : 0)
    const body = [0x53, address | 0x80, length & 0xff, length >> 8, control, ...security, code, ...data]
    if (withMac && channel) {
      channel.reply = macOf(channel, channel.command, body)
      body.push(...channel.reply.slice(0, 4))
    }
    return framed(body)
  }

  function secured(sequence: number, code: number, data: number[]): number[] {
    if (!channel?.open) return frame(sequence, code, data)
    if (data.length === 0) return frame(sequence, code, data, [2, 0x16])
    return frame(sequence, code, crypt(channel.enc, channel.command, data), [2, 0x18])
  }

  function challenge(sequence: number, keyNumber: number, random: number[]): number[] {
    const base = keyNumber === 0 ? SCBK_D : self.key
    // A reader with a key of its own does not speak under the default key any more, and one without has only that.
    if (base === undefined || (keyNumber === 0 && self.key !== undefined)) return frame(sequence, 0x41, [6])
    const derive = (label: number) => ecb(base, [1, label, ...random.slice(0, 6), 0, 0, 0, 0, 0, 0, 0, 0])
    const reader = [0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, address]
    const none = new Array<number>(16).fill(0)
    channel = {
      enc: derive(0x82),
      mac1: derive(1),
      mac2: derive(2),
      random,
      reader,
      command: none,
      reply: none,
      open: false,
    }
    const proof = ecb(channel.enc, [...random, ...reader])
    return frame(sequence, 0x76, [1, 2, 3, 4, 5, 6, 7, 8, ...reader, ...proof], [3, 0x12, keyNumber])
  }

  function cryptogram(sequence: number, theirs: number[]): number[] {
    if (!channel) return frame(sequence, 0x41, [6])
    const right = ecb(channel.enc, [...channel.reader, ...channel.random])
    if (right.join() !== theirs.join()) return frame(sequence, 0x41, [6])
    channel.reply = ecb(channel.mac2, ecb(channel.mac1, right))
    channel.open = true
    const answer = frame(sequence, 0x78, channel.reply, [3, 0x14, 1])
    return answer
  }

  function answerTo(sequence: number, code: number, data: number[]): number[] {
    const reply = (replyCode: number, replyData: number[] = []) => secured(sequence, replyCode, replyData)
    switch (code) {
      case 0x60: {
        const next = self.pending.shift()
        if (next?.laidOpen) return frame(sequence, next.code, next.data, [2, 0x16])
        return next ? reply(next.code, next.data) : reply(0x40)
      }
      case 0x61:
        return reply(0x45, [0x0a, 0x0b, 0x0c, 1, 2, self.serial & 0xff, self.serial >> 8, 0, 0, 3, 4, 5])
      case 0x62:
        return reply(0x46, [1, 1, 2, 9, 1, 1])
      case 0x64:
        return reply(0x48, [0, 0])
      case 0x65:
        return reply(0x49, [0, 1])
      case 0x68:
      case 0x69:
      case 0x6a:
        return reply(0x40)
      case 0x75: {
        const answer = reply(0x40)
        if (!channel?.open) return frame(sequence, 0x41, [6])
        self.key = data.slice(2)
        return answer
      }
      default:
        return reply(0x41, [3])
    }
  }

  function obey(body: number[]): number[] {
    const control = body[4] ?? 0
    const sequence = control & 3
    const block = control & 8 ? body.slice(5, 5 + (body[5] ?? 0)) : []
    const type = block[1]
    const hasMac = type === 0x15 || type === 0x17
    const end = body.length - 2 - (hasMac ? 4 : 0)
    const code = body[5 + block.length] ?? 0
    let data = body.slice(6 + block.length, end)
    if (sequence === 0) channel = undefined
    else if (sequence !== (lastSequence % 3) + 1 || lastSequence < 0) return frame(sequence, 0x41, [4])
    if (hasMac) {
      if (!channel?.open) return frame(sequence, 0x41, [6])
      const mac = macOf(channel, channel.reply, body.slice(0, end))
      if (mac.slice(0, 4).join() !== body.slice(end, end + 4).join()) return frame(sequence, 0x41, [6])
      if (type === 0x17) data = decrypt(channel.enc, channel.reply, data)
      channel.command = mac
    } else if (channel?.open) {
      channel = undefined
      return frame(sequence, 0x41, [6])
    }
    lastSequence = sequence
    self.heard.push({ code, data, sequence, at_ms: performance.now(), raw: body.join() })
    if (code === 0x76) return challenge(sequence, block[2] ?? 0, data)
    if (code === 0x77) return cryptogram(sequence, data)
    return answerTo(sequence, code, data)
  }

  const self: ReaderInMemory = {
    address,
    key,
    powered: true,
    secure: true,
    busy: 0,
    latency_ms: 2,
    serial: 1000 + address,
    pending: [],
    faults: [],
    heard: [],
    sent: [],
    loseMemory() {
      channel = undefined
      lastSequence = -1
      lastCommand = ''
    },
    plain: (sequence, code, data) => frame(sequence, code, data),
    receive(bytes) {
      const body = [...bytes].slice(1)
      if (!self.powered || body[1] !== address) return undefined
      const check = crc(body.slice(0, -2))
      if (body.at(-2) !== (check & 0xff) || body.at(-1) !== check >> 8) return undefined
      if (self.busy > 0) {
        self.busy--
        return frame(0, 0x79, [])
      }
      const repeated = body.join() === lastCommand && (body[4] ?? 0) % 4 !== 0
      const reply = repeated ? lastReply : obey(body)
      lastCommand = body.join()
      lastReply = reply
      self.sent.push(reply)
      const fault = self.faults.shift()
      return fault ? fault([...reply]) : reply
    },
  }
  return self
}

export interface LineInMemory extends BytePort {
  /** Bytes that come from nowhere. */
  inject(bytes: number[]): void
  unplug(): void
  /** What the controller wrote, oldest first. */
  readonly written: Array<{ bytes: Uint8Array; at_ms: number }>
  readonly opened: number
}

/** A half-duplex line that takes its time for every byte, in whole ms, driven by the global timers. */
export function createLineInMemory(readers: ReaderInMemory[], baud: number, options = { echo: false }): LineInMemory {
  const wire_ms = (count: number) => (count * 10_000) / baud
  const written: LineInMemory['written'] = []
  let opened = 0
  let deliver: (bytes: number[]) => void = () => {}
  let unplug: () => void = () => {}

  return {
    path: '/dev/memory',
    written,
    get opened() {
      return opened
    },
    inject: (bytes) => deliver(bytes),
    unplug: () => unplug(),
    async open(): Promise<ByteConnection> {
      let ended: string | undefined
      const data: Array<(bytes: Uint8Array) => void> = []
      const closed: Array<(reason: string) => void> = []
      const end = (reason: string) => {
        if (ended !== undefined) return
        ended = reason
        for (const listener of closed) listener(reason)
      }
      opened++
      unplug = () => end('the device went away')
      deliver = (bytes) => {
        if (ended === undefined) for (const listener of data) listener(Uint8Array.from(bytes))
      }
      return {
        get isOpen() {
          return ended === undefined
        },
        write(bytes) {
          if (ended !== undefined) return false
          written.push({ bytes: bytes.slice(), at_ms: performance.now() })
          const sent_ms = wire_ms(bytes.length)
          if (options.echo) setTimeout(() => deliver([...bytes]), Math.ceil(sent_ms))
          setTimeout(() => {
            for (const reader of readers) {
              const reply = reader.receive(bytes)
              if (reply) setTimeout(() => deliver(reply), Math.ceil(reader.latency_ms + wire_ms(reply.length)))
            }
          }, Math.ceil(sent_ms))
          return true
        },
        async close() {
          end('closed')
        },
        onData: (listener) => void data.push(listener),
        onClose: (listener) => (ended === undefined ? void closed.push(listener) : listener(ended)),
      }
    },
  }
}
