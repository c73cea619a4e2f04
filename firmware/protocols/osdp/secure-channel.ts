import { encodeFrame, type Frame, type FrameHead, MAC_BYTES, Scs } from './frame.ts'

/** The secure channel (SIA OSDP v2, Annex D): session keys, cryptograms, MAC chain, encryption. Pure over an injected AES. */

/** AES-128 in CBC mode without padding; lengths are multiples of 16. */
export interface Aes {
  encrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array
  decrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array
}

export const KEY_BYTES = 16
export const RANDOM_BYTES = 8
const BLOCK = 16
const PAD = 0x80
const zeros = new Uint8Array(BLOCK)

/** The key that everybody knows (SCBK-D): for giving a reader its first own key, and for nothing else. */
export const DEFAULT_KEY = Uint8Array.from({ length: KEY_BYTES }, (_, i) => 0x30 + i)

export interface SessionKeys {
  enc: Uint8Array
  mac1: Uint8Array
  mac2: Uint8Array
}

export interface SecureSession {
  keys: SessionKeys
  /** Whole MAC of the last command; the chain value of the reply. */
  commandMac: Uint8Array
  /** Whole MAC of the last reply; the chain value of the next command. */
  replyMac: Uint8Array
  /** MACs of the last replies as they were on the wire, so that a replay can be told from a forgery. */
  seen: readonly string[]
}
const SEEN_MAX = 16

const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]))
const invert = (bytes: Uint8Array) => bytes.map((byte) => ~byte)
/** One block by itself (ECB). */
const block = (aes: Aes, key: Uint8Array, data: Uint8Array) => aes.encrypt(key, zeros, data)
const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** Takes the same time wherever the difference is. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

/** Each key is the base key's encryption of a label and the first six bytes of the controller's random. */
export function sessionKeys(aes: Aes, baseKey: Uint8Array, controllerRandom: Uint8Array): SessionKeys {
  const derive = (...label: [number, number]) => {
    const seed = new Uint8Array(BLOCK)
    seed.set(label)
    seed.set(controllerRandom.subarray(0, 6), 2)
    return block(aes, baseKey, seed)
  }
  return { enc: derive(0x01, 0x82), mac1: derive(0x01, 0x01), mac2: derive(0x01, 0x02) }
}

/** The reader's proof. */
export const clientCryptogram = (aes: Aes, keys: SessionKeys, controller: Uint8Array, reader: Uint8Array) =>
  block(aes, keys.enc, join(controller, reader))

/** The controller's proof. */
export const serverCryptogram = (aes: Aes, keys: SessionKeys, controller: Uint8Array, reader: Uint8Array) =>
  block(aes, keys.enc, join(reader, controller))

/** The first link of the MAC chain. */
export const initialMac = (aes: Aes, keys: SessionKeys, server: Uint8Array) =>
  block(aes, keys.mac2, block(aes, keys.mac1, server))

export const openSession = (keys: SessionKeys, replyMac: Uint8Array): SecureSession => ({
  keys,
  commandMac: zeros,
  replyMac,
  seen: [],
})

function pad(data: Uint8Array): Uint8Array {
  const padded = new Uint8Array((Math.floor(data.length / BLOCK) + 1) * BLOCK)
  padded.set(data)
  padded[data.length] = PAD
  return padded
}

/** CBC over the covered bytes, all blocks with S-MAC1 but the last, which takes S-MAC2; padded only when unaligned. */
export function messageMac(aes: Aes, keys: SessionKeys, chain: Uint8Array, covered: Uint8Array): Uint8Array {
  const padded = covered.length % BLOCK === 0 ? covered : pad(covered)
  const head = padded.subarray(0, padded.length - BLOCK)
  const iv = head.length === 0 ? chain : aes.encrypt(keys.mac1, chain, head).slice(-BLOCK)
  return aes.encrypt(keys.mac2, iv, padded.subarray(padded.length - BLOCK))
}

/** Encrypts and authenticates a command. The session that is returned holds from when the reader has this command. */
export function sealCommand(
  aes: Aes,
  session: SecureSession,
  head: Omit<FrameHead, 'reply' | 'security'>,
): { bytes: Uint8Array; session: SecureSession } {
  const { keys, replyMac } = session
  // Data are always padded; without data there is nothing to encrypt.
  const encrypted = head.data.length > 0
  const data = encrypted ? aes.encrypt(keys.enc, invert(replyMac), pad(head.data)) : head.data
  const type = encrypted ? Scs.commandEncrypted : Scs.commandMac
  let commandMac: Uint8Array = zeros
  const bytes = encodeFrame({ ...head, reply: false, data, security: { type, data: new Uint8Array(0) } }, (covered) => {
    commandMac = messageMac(aes, keys, replyMac, covered)
    return commandMac
  })
  return { bytes, session: { ...session, commandMac } }
}

/** Why a reply was not believed. `plain`: it is not secured, or not as well as the session asks for. */
export type Disbelief = 'plain' | 'bad-mac' | 'replayed' | 'bad-padding'
export type Opened = { ok: true; data: Uint8Array; session: SecureSession } | { ok: false; reason: Disbelief }

/** @param session as `sealCommand` returned it for the command that this answers */
export function openReply(aes: Aes, session: SecureSession, frame: Frame): Opened {
  const { keys, commandMac } = session
  const type = frame.security?.type
  const encrypted = type === Scs.replyEncrypted
  if (!frame.reply || !frame.mac || (type !== Scs.replyMac && !encrypted)) return { ok: false, reason: 'plain' }
  const mac = messageMac(aes, keys, commandMac, frame.covered)
  const onWire = hex(frame.mac)
  if (!equalBytes(mac.subarray(0, MAC_BYTES), frame.mac))
    return { ok: false, reason: session.seen.includes(onWire) ? 'replayed' : 'bad-mac' }
  const next = { ...session, replyMac: mac, seen: [...session.seen, onWire].slice(-SEEN_MAX) }
  if (!encrypted || frame.data.length === 0) return { ok: true, data: frame.data, session: next }
  if (frame.data.length % BLOCK !== 0) return { ok: false, reason: 'bad-padding' }
  const padded = aes.decrypt(keys.enc, invert(commandMac), frame.data)
  const end = padded.findLastIndex((byte) => byte !== 0)
  if (end < 0 || padded[end] !== PAD) return { ok: false, reason: 'bad-padding' }
  return { ok: true, data: padded.slice(0, end), session: next }
}
