/** Firmata protocol 2.5 (github.com/firmata/protocol, protocol-2.5.md): the numbers, and the messages a board sends. */

export const DIGITAL_MESSAGE = 0x90
export const REPORT_ANALOG = 0xc0
export const REPORT_DIGITAL = 0xd0
export const ANALOG_MESSAGE = 0xe0
export const START_SYSEX = 0xf0
export const SET_PIN_MODE = 0xf4
export const SET_DIGITAL_PIN = 0xf5
export const END_SYSEX = 0xf7
export const REPORT_VERSION = 0xf9
export const SYSTEM_RESET = 0xff

export const ANALOG_MAPPING_QUERY = 0x69
export const ANALOG_MAPPING_RESPONSE = 0x6a
export const CAPABILITY_QUERY = 0x6b
export const CAPABILITY_RESPONSE = 0x6c
export const PIN_STATE_QUERY = 0x6d
export const PIN_STATE_RESPONSE = 0x6e
export const EXTENDED_ANALOG = 0x6f
export const SERVO_CONFIG = 0x70
export const STRING_DATA = 0x71
export const I2C_REQUEST = 0x76
export const REPORT_FIRMWARE = 0x79
export const SAMPLING_INTERVAL = 0x7a

export const PIN_MODE = { input: 0, output: 1, analog: 2, pwm: 3, servo: 4, i2c: 6, pullup: 11 } as const

/** A number as 7-bit bytes, low part first. */
export function sevenBit(value: number): [number, number] {
  return [value & 0x7f, (value >> 7) & 0x7f]
}

export function sysex(command: number, data: readonly number[]): Uint8Array {
  return Uint8Array.from([START_SYSEX, command, ...data, END_SYSEX])
}

/** Text travels with each character as two 7-bit bytes. */
function sevenBitText(text: string): number[] {
  return [...Buffer.from(text, 'latin1')].flatMap(sevenBit)
}

export function versionMessage(major: number, minor: number): Uint8Array {
  return Uint8Array.from([REPORT_VERSION, major, minor])
}

export function firmwareMessage(major: number, minor: number, name: string): Uint8Array {
  return sysex(REPORT_FIRMWARE, [major, minor, ...sevenBitText(name)])
}

export function stringMessage(text: string): Uint8Array {
  return sysex(STRING_DATA, sevenBitText(text))
}

export function digitalMessage(port: number, bits: number): Uint8Array {
  return Uint8Array.from([DIGITAL_MESSAGE | port, ...sevenBit(bits)])
}

export function analogMessage(channel: number, value: number): Uint8Array {
  return Uint8Array.from([ANALOG_MESSAGE | channel, ...sevenBit(value)])
}

/** The state of a pin as 7-bit bytes, as many as it needs, at least one. */
export function pinStateMessage(pin: number, mode: number, state: number): Uint8Array {
  const bytes = [state & 0x7f]
  for (let rest = state >> 7; rest > 0; rest >>= 7) bytes.push(rest & 0x7f)
  return sysex(PIN_STATE_RESPONSE, [pin, mode, ...bytes])
}
