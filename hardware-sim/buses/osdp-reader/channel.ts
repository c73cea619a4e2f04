import type { Random } from '../../random.ts'
import { integerBetween } from '../../random.ts'
import { type Answer, answer, NAK, nak, REPLY, SECURITY_BLOCK } from './codes.ts'
import { type Command, type Reply, replyBody, sealed } from './frame.ts'
import * as secure from './secure.ts'

const RANDOM_BYTES = 8
const CHALLENGE_BYTES = 8

/** What the channel needs to know of its reader. */
export interface KeyStore {
  /** The site key. */
  scbk: Uint8Array | undefined
  /** Whether the default key is taken. */
  install: boolean
  /** Eight bytes that name this very unit. */
  clientId: Uint8Array
}

interface Session {
  keys: secure.SessionKeys
  rndA: Uint8Array
  rndB: Uint8Array
  defaultKey: boolean
  established: boolean
  /** The last MAC of each side, whole. */
  replyMac: Uint8Array
  commandMac: Uint8Array
}

/** An answer with the security block that goes with it. */
export interface Handshake extends Answer {
  block: { type: number; data: Uint8Array }
}

/** The reader's side of the secure channel: one session at a time, from a challenge to the first thing that is wrong. */
export class Channel {
  readonly #store: KeyStore
  readonly #random: Random
  #session: Session | undefined

  constructor(store: KeyStore, random: Random) {
    this.#store = store
    this.#random = random
  }

  get established(): boolean {
    return this.#session?.established ?? false
  }

  /** Whether what is said now is protected by the key that everybody knows. */
  get onDefaultKey(): boolean {
    return this.established && this.#session?.defaultKey === true
  }

  drop(): void {
    this.#session = undefined
  }

  challenge(command: Command): Handshake | Answer {
    this.drop()
    if (command.data.length !== CHALLENGE_BYTES || !command.block) return nak(NAK.length)
    const defaultKey = command.block.data[0] === 0
    if (defaultKey && !this.#store.install) return nak(NAK.condition)
    const scbk = defaultKey ? secure.DEFAULT_KEY : this.#store.scbk
    if (!scbk) return nak(NAK.security)
    const rndA = command.data
    const rndB = Uint8Array.from({ length: RANDOM_BYTES }, () => integerBetween(this.#random, 0, 255))
    const keys = secure.sessionKeys(scbk, rndA)
    const none = new Uint8Array(secure.BLOCK)
    this.#session = { keys, rndA, rndB, defaultKey, established: false, replyMac: none, commandMac: none }
    const mine = secure.cryptogram(keys, rndA, rndB)
    return {
      ...answer(REPLY.clientCryptogram, ...this.#store.clientId, ...rndB, ...mine),
      block: { type: SECURITY_BLOCK.clientCryptogram, data: Uint8Array.of(defaultKey ? 0 : 1) },
    }
  }

  serverCryptogram(command: Command): Handshake | Answer {
    const session = this.#session
    if (!session || session.established) return nak(NAK.condition)
    if (!secure.equal(command.data, secure.cryptogram(session.keys, session.rndB, session.rndA))) {
      this.drop()
      return nak(NAK.security)
    }
    session.established = true
    session.replyMac = secure.firstReplyMac(session.keys, command.data)
    return {
      ...answer(REPLY.initialMac, ...session.replyMac),
      block: { type: SECURITY_BLOCK.initialMac, data: Uint8Array.of(1) },
    }
  }

  /** @returns the clear data of a command, or undefined when its MAC or its padding is wrong: then there is no session any more */
  open(command: Command): Uint8Array | undefined {
    const session = this.#session
    if (!session?.established || !command.mac) return undefined
    const mac = secure.messageMac(session.keys, session.replyMac, command.signed)
    const encrypted = command.block?.type === SECURITY_BLOCK.encryptedToReader
    const data =
      encrypted && command.data.length > 0
        ? secure.decryptData(session.keys, session.replyMac, command.data)
        : command.data
    if (!secure.equal(secure.sentMac(mac), command.mac) || data === undefined) {
      this.drop()
      return undefined
    }
    session.commandMac = mac
    return data
  }

  /** A whole reply frame, signed, and encrypted if it carries anything. */
  seal(reply: Reply): Uint8Array {
    const session = this.#session
    if (!session) throw new Error('a reply was to be signed without a session')
    const { keys, commandMac } = session
    const clear = reply.data.length === 0
    const type = clear ? SECURITY_BLOCK.macFromReader : SECURITY_BLOCK.encryptedFromReader
    const data = clear ? reply.data : secure.encryptData(keys, commandMac, reply.data)
    const body = replyBody({ ...reply, data, block: { type, data: new Uint8Array(0) } }, true)
    session.replyMac = secure.messageMac(keys, commandMac, body)
    return sealed(body, secure.sentMac(session.replyMac), reply.crc)
  }
}
