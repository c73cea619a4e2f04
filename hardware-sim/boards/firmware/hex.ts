import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { SimError } from '../../error.ts'

const require = createRequire(import.meta.url)

/** ATmega328P: 32 KiB of flash. */
const FLASH_BYTES = 0x8000
const DATA_RECORD = 0
const END_RECORD = 1

/** Intel HEX into the program memory of an ATmega328P. @throws SimError on a wrong checksum, record or address */
export function parseHex(text: string): Uint16Array {
  const flash = new Uint8Array(FLASH_BYTES)
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '') continue
    const bytes = Buffer.from(line.slice(1), 'hex')
    const length = bytes[0] ?? 0
    const sound =
      line.startsWith(':') && bytes.length === length + 5 && bytes.reduce((sum, byte) => sum + byte, 0) % 256 === 0
    if (!sound) throw new SimError('SIM_CONFIG_INVALID', `firmware hex, line ${index + 1}: damaged record`)
    const address = bytes.readUInt16BE(1)
    const kind = bytes[3]
    if (kind === END_RECORD) break
    if (kind !== DATA_RECORD || address + length > FLASH_BYTES) {
      throw new SimError('SIM_CONFIG_INVALID', `firmware hex, line ${index + 1}: not for an ATmega328P`)
    }
    flash.set(bytes.subarray(4, 4 + length), address)
  }
  return new Uint16Array(flash.buffer)
}

let cached: Uint16Array | undefined

/** StandardFirmata for the Uno, as the development dependency avrgirl-arduino ships it (LGPL, so never copied here). */
export function loadStandardFirmata(): Uint16Array {
  cached ??= parseHex(readFileSync(locate('avrgirl-arduino', 'junk/hex/uno/StandardFirmata.cpp.hex'), 'utf8'))
  return cached
}

/** The emulator is a development dependency too: a production install has no use for it. */
export function loadEmulator(): typeof import('avr8js') {
  locate('avr8js', 'package.json')
  return require('avr8js') as typeof import('avr8js')
}

function locate(name: string, file: string): string {
  try {
    return require.resolve(`${name}/${file}`)
  } catch {
    throw new SimError(
      'SIM_CONFIG_INVALID',
      `boards of kind "firmware" need the development dependency ${name}: run npm ci without --omit=dev, or use kind "protocol"`,
    )
  }
}
