import * as wire from './wire.ts'

/** A message from the host, already cut out of the bytes. */
export type HostMessage =
  | { type: 'digital-port'; port: number; value: number }
  | { type: 'analog-write'; pin: number; value: number }
  | { type: 'report-digital'; port: number; on: boolean }
  | { type: 'report-analog'; channel: number; on: boolean }
  | { type: 'pin-mode'; pin: number; mode: number }
  | { type: 'digital-pin'; pin: number; on: boolean }
  | { type: 'version-query' }
  | { type: 'reset' }
  | { type: 'sysex'; command: number; data: number[] }

/** Room for one sysex in StandardFirmata (Firmata.h, MAX_DATA_BYTES); a longer one is lost. */
const SYSEX_BYTES_MAX = 64

const DATA_BYTES: Record<number, number> = {
  [wire.DIGITAL_MESSAGE]: 2,
  [wire.ANALOG_MESSAGE]: 2,
  [wire.SET_PIN_MODE]: 2,
  [wire.SET_DIGITAL_PIN]: 2,
  [wire.REPORT_ANALOG]: 1,
  [wire.REPORT_DIGITAL]: 1,
}

/** Cuts a byte stream into messages. Bytes that belong to nothing are skipped, as the firmware does. */
export function createParser(handle: (message: HostMessage) => void): { push(bytes: Uint8Array): void; reset(): void } {
  let sysex: number[] | undefined
  let overlong = false
  let command = 0
  let channel = 0
  let data: number[] = []

  function begin(byte: number): void {
    data = []
    command = byte < wire.START_SYSEX ? byte & 0xf0 : byte
    channel = byte & 0x0f
    if (byte === wire.REPORT_VERSION) handle({ type: 'version-query' })
    else if (byte === wire.SYSTEM_RESET) handle({ type: 'reset' })
    else if (byte === wire.START_SYSEX) {
      sysex = []
      overlong = false
    }
  }

  function inSysex(byte: number, collected: number[]): void {
    if (byte === wire.END_SYSEX) {
      sysex = undefined
      const [first, ...rest] = collected
      if (first !== undefined && !overlong) handle({ type: 'sysex', command: first, data: rest })
    } else if (byte === wire.SYSTEM_RESET) {
      sysex = undefined
      handle({ type: 'reset' })
    } else if (collected.length < SYSEX_BYTES_MAX) collected.push(byte)
    else overlong = true
  }

  function complete(first: number, second: number): void {
    if (command === wire.DIGITAL_MESSAGE) handle({ type: 'digital-port', port: channel, value: first | (second << 7) })
    else if (command === wire.ANALOG_MESSAGE)
      handle({ type: 'analog-write', pin: channel, value: first | (second << 7) })
    else if (command === wire.SET_PIN_MODE) handle({ type: 'pin-mode', pin: first, mode: second })
    else if (command === wire.SET_DIGITAL_PIN) handle({ type: 'digital-pin', pin: first, on: second !== 0 })
    else if (command === wire.REPORT_ANALOG) handle({ type: 'report-analog', channel, on: first !== 0 })
    else handle({ type: 'report-digital', port: channel, on: first !== 0 })
  }

  function push(byte: number): void {
    if (sysex) inSysex(byte, sysex)
    else if (byte >= 0x80) begin(byte)
    else {
      const wanted = DATA_BYTES[command]
      if (wanted === undefined) return
      data.push(byte)
      if (data.length < wanted) return
      const [first = 0, second = 0] = data
      data = []
      complete(first, second)
      command = 0
    }
  }

  return {
    push(bytes) {
      for (const byte of bytes) push(byte)
    },
    reset() {
      sysex = undefined
      command = 0
      data = []
    },
  }
}
