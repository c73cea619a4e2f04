import { crc16 } from '../buses/osdp-reader/frame.ts'
import * as secure from '../buses/osdp-reader/secure.ts'

/** The controller's side of OSDP, just enough for the tests of the reader: it builds and takes apart one frame at a time. */

export interface HeardReply {
  address: number
  sequence: number
  block: number[] | undefined
  code: number
  data: number[]
  macOk: boolean | undefined
}

const RND_A = Uint8Array.from({ length: 8 }, (_, index) => 0xb0 + index)

export class TestController {
  readonly address: number
  sequence = 0
  #keys: secure.SessionKeys | undefined
  #replyMac = new Uint8Array(16)
  #commandMac = new Uint8Array(16)
  #secure = false

  constructor(address: number) {
    this.address = address
  }

  /** A command frame with the next sequence number, or the one given. */
  command(
    code: number,
    data: readonly number[] = [],
    options: { sequence?: number; plain?: boolean } = {},
  ): Uint8Array {
    const sequence = options.sequence ?? this.sequence
    this.sequence = (sequence % 3) + 1
    if (!this.#secure || options.plain || !this.#keys) return this.#frame(sequence, [], code, data)
    const sent = data.length > 0 ? [...secure.encryptData(this.#keys, this.#replyMac, Uint8Array.from(data))] : []
    const head = this.#head(sequence, [2, data.length > 0 ? 0x17 : 0x15], code, sent, 4)
    this.#commandMac = Uint8Array.from(secure.messageMac(this.#keys, this.#replyMac, Uint8Array.from(head)))
    return sealed([...head, ...this.#commandMac.slice(0, 4)])
  }

  /** @param site whether to ask for the site key; else the default key */
  challenge(scbk: Uint8Array, site: boolean): Uint8Array {
    this.#secure = false
    this.#keys = secure.sessionKeys(scbk, RND_A)
    return this.#blocked([3, 0x11, site ? 1 : 0], 0x76, [...RND_A])
  }

  /** Answers a client cryptogram; @returns undefined when it is not of who has the key */
  serverCryptogram(reply: HeardReply, site: boolean): Uint8Array | undefined {
    if (!this.#keys) return undefined
    const rndB = Uint8Array.from(reply.data.slice(8, 16))
    const client = secure.cryptogram(this.#keys, RND_A, rndB)
    if (!secure.equal(client, Uint8Array.from(reply.data.slice(16)))) return undefined
    const server = secure.cryptogram(this.#keys, rndB, RND_A)
    this.#replyMac = Uint8Array.from(secure.firstReplyMac(this.#keys, server))
    return this.#blocked([3, 0x13, site ? 1 : 0], 0x77, [...server])
  }

  /** The reader has confirmed the channel. */
  confirmed(reply: HeardReply): boolean {
    this.#secure = secure.equal(this.#replyMac, Uint8Array.from(reply.data))
    return this.#secure
  }

  /** @returns undefined when there is no whole reply with a right check */
  take(bytes: readonly number[]): HeardReply | undefined {
    const start = bytes.indexOf(0x53)
    const raw = bytes.slice(start)
    const length = (raw[2] ?? 0) | ((raw[3] ?? 0) << 8)
    if (start < 0 || raw.length < length) return undefined
    const body = Uint8Array.from(raw.slice(0, length - 2))
    if (crc16(body) !== ((raw[length - 2] ?? 0) | ((raw[length - 1] ?? 0) << 8))) return undefined
    const control = raw[4] ?? 0
    const blockLength = control & 8 ? (raw[5] ?? 0) : 0
    const block = blockLength ? raw.slice(6, 5 + blockLength) : undefined
    const signed = (block?.[0] ?? 0) >= 0x15
    const code = raw[5 + blockLength] ?? 0
    let data = raw.slice(6 + blockLength, length - 2 - (signed ? 4 : 0))
    let macOk: boolean | undefined
    if (signed && this.#keys) {
      const mac = secure.messageMac(this.#keys, this.#commandMac, body.slice(0, -4))
      macOk = secure.equal(mac.slice(0, 4), body.slice(-4))
      if (block?.[0] === 0x18) {
        data = [...(secure.decryptData(this.#keys, this.#commandMac, Uint8Array.from(data)) ?? [])]
      }
      if (macOk) this.#replyMac = Uint8Array.from(mac)
    }
    return { address: raw[1] ?? 0, sequence: control & 3, block, code, data, macOk }
  }

  #blocked(block: number[], code: number, data: number[]): Uint8Array {
    const { sequence } = this
    this.sequence = (sequence % 3) + 1
    return this.#frame(sequence, block, code, data)
  }

  #frame(sequence: number, block: number[], code: number, data: readonly number[]): Uint8Array {
    return sealed(this.#head(sequence, block, code, data, 0))
  }

  #head(sequence: number, block: number[], code: number, data: readonly number[], mac: number): number[] {
    const length = 5 + block.length + 1 + data.length + mac + 2
    const control = sequence | 4 | (block.length > 0 ? 8 : 0)
    return [0x53, this.address, length & 0xff, length >> 8, control, ...block, code, ...data]
  }
}

function sealed(body: number[]): Uint8Array {
  const check = crc16(Uint8Array.from(body))
  return Uint8Array.from([0xff, ...body, check & 0xff, check >> 8])
}
