import type { Channel } from './channel.ts'
import { type Answer, answer, COMMAND, NAK, nak, REPLY, SECURITY_BLOCK } from './codes.ts'
import { BROADCAST, type Command, encodeReply, type Reply } from './frame.ts'
import { equal } from './secure.ts'

export interface LinkHost {
  /** Carries a command out. */
  execute(code: number, data: Uint8Array, secure: boolean): Answer
  /** The controller has heard the last reply: it has gone on. */
  heard(): void
}

/**
 * Sequence numbers and security of one reader: which command is new, which a retry, which refused. A refused one changes
 * nothing, so that the controller's own next command still fits.
 */
export class Link {
  readonly #address: number
  readonly #channel: Channel
  readonly #host: LinkHost
  /** The last command carried out, and what was answered. */
  #last: { sequence: number; raw: Uint8Array; reply: Uint8Array } | undefined
  #busy = 0

  constructor(address: number, channel: Channel, host: LinkHost) {
    this.#address = address
    this.#channel = channel
    this.#host = host
  }

  /** The connection is gone: only sequence 0 begins another. */
  reset(): void {
    this.#last = undefined
    this.#channel.drop()
  }

  beBusy(count: number): void {
    this.#busy = count
  }

  /** @returns the reply as bytes, or undefined when the command is for another */
  handle(command: Command): Uint8Array | undefined {
    if (command.address !== this.#address && command.address !== BROADCAST) return undefined
    if (this.#busy > 0) {
      this.#busy -= 1
      return encodeReply({ ...this.#reply(command, answer(REPLY.busy)), sequence: 0 })
    }
    if (command.sequence === 0) this.reset()
    else if (this.#last && equal(command.raw, this.#last.raw)) return this.#last.reply
    else if (!this.#last || command.sequence !== (this.#last.sequence % 3) + 1) {
      return this.#refuse(command, NAK.sequence)
    }
    const opened = this.#open(command)
    if (typeof opened === 'number') return this.#refuse(command, opened)
    if (command.sequence !== 0) this.#host.heard()
    const reply = this.#answer(command, opened)
    this.#last = { sequence: command.sequence, raw: command.raw, reply }
    return reply
  }

  #reply(command: Command, { code, data }: Answer): Reply {
    const address = command.address === BROADCAST ? BROADCAST : this.#address
    return { address, sequence: command.sequence, crc: command.crc, code, data }
  }

  #refuse(command: Command, reason: number): Uint8Array {
    return encodeReply(this.#reply(command, nak(reason)))
  }

  /** @returns the clear data, or the reason why it is refused */
  #open(command: Command): Uint8Array | number {
    const type = command.block?.type
    if (type === undefined) return this.#channel.established ? NAK.condition : command.data
    if (type === SECURITY_BLOCK.challenge || type === SECURITY_BLOCK.serverCryptogram) return command.data
    if (type !== SECURITY_BLOCK.macToReader && type !== SECURITY_BLOCK.encryptedToReader) return NAK.security
    return this.#channel.open(command) ?? NAK.condition
  }

  #answer(command: Command, data: Uint8Array): Uint8Array {
    const type = command.block?.type
    if (type === SECURITY_BLOCK.challenge && command.code === COMMAND.challenge) {
      const handshake = this.#channel.challenge(command)
      return encodeReply({
        ...this.#reply(command, handshake),
        ...('block' in handshake && { block: handshake.block }),
      })
    }
    if (type === SECURITY_BLOCK.serverCryptogram && command.code === COMMAND.serverCryptogram) {
      const handshake = this.#channel.serverCryptogram(command)
      return encodeReply({
        ...this.#reply(command, handshake),
        ...('block' in handshake && { block: handshake.block }),
      })
    }
    const secure = this.#channel.established && type !== undefined
    const reply = this.#reply(command, this.#host.execute(command.code, data, secure))
    return secure ? this.#channel.seal(reply) : encodeReply(reply)
  }
}
