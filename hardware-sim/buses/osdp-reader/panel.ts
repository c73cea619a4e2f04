import type { KeyStore } from './channel.ts'
import { type Answer, answer, COMMAND, NAK, nak, REPLY } from './codes.ts'
import type { Light } from './light.ts'

/** What a reader does when it is told to, apart from the line. */

/** Function, compliance, number (OSDP 2.2, annex B): what this reader has. */
const CAPABILITIES = [
  [3, 1, 1], // cards as bits
  [4, 4, 1], // one light of several colours, with timers
  [5, 2, 1], // a buzzer with timers
  [8, 1, 0], // CRC
  [9, 1, 1], // AES-128, and the default key
  [10, 0xa0, 0x05], // takes 1440 bytes
  [13, 0, 1], // one reader
].flat()
const VENDOR = [0x4c, 0x4e, 0x4c]
const FIRMWARE = [1, 0, 0]
const KEY_BYTES = 16
const KEY_TYPE_SCBK = 1
const BUZZER_BYTES = 5
const TONE_OFF = 1

/** What may be asked of a reader that has a site key before the channel is secure. */
const BEFORE_SECURE: readonly number[] = [COMMAND.poll, COMMAND.id, COMMAND.capabilities, COMMAND.localStatus]

export interface PanelHost {
  readonly keys: KeyStore
  readonly serial: number
  readonly secureOnly: boolean
  readonly tampered: boolean
  readonly light: Light
  /** What waits to be told; it stays until the controller has heard it. */
  waiting(): Answer | undefined
  beep(count: number, at_ms: number): void
  keySet(at_ms: number): void
}

export function execute(host: PanelHost, code: number, data: Uint8Array, secure: boolean, at_ms: number): Answer {
  if (!secure && host.secureOnly && !BEFORE_SECURE.includes(code)) return nak(NAK.condition)
  switch (code) {
    case COMMAND.poll:
      // A card is not shouted over an open line by a reader that has a key.
      return (secure || !host.secureOnly ? host.waiting() : undefined) ?? answer(REPLY.ack)
    case COMMAND.id:
      return answer(REPLY.id, ...VENDOR, 1, 1, ...littleEndian32(host.serial), ...FIRMWARE)
    case COMMAND.capabilities:
      return answer(REPLY.capabilities, ...CAPABILITIES)
    case COMMAND.localStatus:
      return localStatus(host.tampered)
    case COMMAND.inputStatus:
      return answer(REPLY.inputStatus)
    case COMMAND.outputStatus:
      return answer(REPLY.outputStatus)
    case COMMAND.output:
      return nak(NAK.record)
    case COMMAND.led:
      return host.light.command(data, at_ms) ? answer(REPLY.ack) : nak(data.length % 14 ? NAK.length : NAK.record)
    case COMMAND.buzzer:
      return beep(host, data, at_ms)
    case COMMAND.keySet:
      return keySet(host, data, secure, at_ms)
    default:
      return nak(NAK.unknown)
  }
}

export function localStatus(tampered: boolean): Answer {
  return answer(REPLY.localStatus, tampered ? 1 : 0, 0)
}

export function littleEndian32(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff]
}

function beep(host: PanelHost, data: Uint8Array, at_ms: number): Answer {
  if (data.length !== BUZZER_BYTES) return nak(NAK.length)
  const [, tone = 0, , , count = 0] = data
  host.beep(tone > TONE_OFF ? count : 0, at_ms)
  return answer(REPLY.ack)
}

/** A new site key takes effect with the next session, and ends the install mode. */
function keySet(host: PanelHost, data: Uint8Array, secure: boolean, at_ms: number): Answer {
  if (!secure) return nak(NAK.condition)
  if (data.length !== KEY_BYTES + 2) return nak(NAK.length)
  if (data[0] !== KEY_TYPE_SCBK || data[1] !== KEY_BYTES) return nak(NAK.record)
  host.keys.scbk = data.slice(2)
  host.keys.install = false
  host.keySet(at_ms)
  return answer(REPLY.ack)
}
