import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { Aes } from './secure-channel.ts'

/** AES-128-CBC without padding by the runtime's own crypto. */
export const nodeAes: Aes = {
  encrypt(key, iv, data) {
    const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false)
    return new Uint8Array(Buffer.concat([cipher.update(data), cipher.final()]))
  },
  decrypt(key, iv, data) {
    const decipher = createDecipheriv('aes-128-cbc', key, iv).setAutoPadding(false)
    return new Uint8Array(Buffer.concat([decipher.update(data), decipher.final()]))
  },
}
