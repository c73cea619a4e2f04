import { createCipheriv, createDecipheriv } from 'node:crypto'

/** The secure channel of OSDP v2 (SIA OSDP 2.2, annex D): AES-128, keys of the session, cryptograms, MAC, encryption. */

export const BLOCK = 16
/** The key that everybody knows, for installation only. */
export const DEFAULT_KEY = Uint8Array.from({ length: BLOCK }, (_, index) => 0x30 + index)
const PAD = 0x80
const MAC_SENT_BYTES = 4

export interface SessionKeys {
  enc: Uint8Array
  mac1: Uint8Array
  mac2: Uint8Array
}

export function encryptBlock(key: Uint8Array, block: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false)
  return Uint8Array.from(cipher.update(block))
}

/** Each key is made of two bytes that say which, six of the controller's random number, and zeros. */
export function sessionKeys(scbk: Uint8Array, controllerRandom: Uint8Array): SessionKeys {
  const derive = (first: number, second: number) => {
    const block = new Uint8Array(BLOCK)
    block.set([first, second, ...controllerRandom.subarray(0, 6)])
    return encryptBlock(scbk, block)
  }
  return { enc: derive(0x01, 0x82), mac1: derive(0x01, 0x01), mac2: derive(0x01, 0x02) }
}

export function cryptogram(keys: SessionKeys, first: Uint8Array, second: Uint8Array): Uint8Array {
  return encryptBlock(keys.enc, Uint8Array.from([...first, ...second]))
}

/** What the first MAC of the controller goes on from. */
export function firstReplyMac(keys: SessionKeys, serverCryptogram: Uint8Array): Uint8Array {
  return encryptBlock(keys.mac2, encryptBlock(keys.mac1, serverCryptogram))
}

/** CBC over the message with the first key, its last block with the second. */
export function messageMac(keys: SessionKeys, from: Uint8Array, message: Uint8Array): Uint8Array {
  const padded = message.length % BLOCK === 0 ? message : pad(message)
  let chain = from
  for (let start = 0; start < padded.length; start += BLOCK) {
    const block = padded.slice(start, start + BLOCK).map((byte, index) => byte ^ (chain[index] ?? 0))
    chain = encryptBlock(start + BLOCK < padded.length ? keys.mac1 : keys.mac2, block)
  }
  return chain
}

const inverted = (bytes: Uint8Array) => bytes.map((byte) => ~byte & 0xff)

/** @param mac the last MAC of the other side */
export function encryptData(keys: SessionKeys, mac: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', keys.enc, inverted(mac)).setAutoPadding(false)
  return Uint8Array.from(cipher.update(pad(data)))
}

/** @returns undefined when it is not whole blocks, or not padded as it must be */
export function decryptData(keys: SessionKeys, mac: Uint8Array, data: Uint8Array): Uint8Array | undefined {
  if (data.length === 0 || data.length % BLOCK !== 0) return undefined
  const cipher = createDecipheriv('aes-128-cbc', keys.enc, inverted(mac)).setAutoPadding(false)
  const plain = Uint8Array.from(cipher.update(data))
  let end = plain.length - 1
  while (end >= 0 && plain[end] === 0) end--
  return end >= 0 && plain[end] === PAD ? plain.slice(0, end) : undefined
}

/** As it is sent: the first bytes stand for the whole. */
export const sentMac = (mac: Uint8Array): Uint8Array => mac.slice(0, MAC_SENT_BYTES)

export const equal = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index])

function pad(data: Uint8Array): Uint8Array {
  const padded = new Uint8Array(data.length + BLOCK - (data.length % BLOCK))
  padded.set(data)
  padded[data.length] = PAD
  return padded
}
