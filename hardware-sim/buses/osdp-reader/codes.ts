/** Commands, replies and refusals of OSDP v2 that a plain card reader knows. */
export const COMMAND = {
  poll: 0x60,
  id: 0x61,
  capabilities: 0x62,
  localStatus: 0x64,
  inputStatus: 0x65,
  outputStatus: 0x66,
  output: 0x68,
  led: 0x69,
  buzzer: 0x6a,
  keySet: 0x75,
  challenge: 0x76,
  serverCryptogram: 0x77,
} as const

export const REPLY = {
  ack: 0x40,
  nak: 0x41,
  id: 0x45,
  capabilities: 0x46,
  localStatus: 0x48,
  inputStatus: 0x49,
  outputStatus: 0x4a,
  raw: 0x50,
  keypad: 0x53,
  clientCryptogram: 0x76,
  initialMac: 0x78,
  busy: 0x79,
} as const

export const NAK = { length: 2, unknown: 3, sequence: 4, security: 5, condition: 6, record: 9 } as const

export const SECURITY_BLOCK = {
  challenge: 0x11,
  clientCryptogram: 0x12,
  serverCryptogram: 0x13,
  initialMac: 0x14,
  macToReader: 0x15,
  macFromReader: 0x16,
  encryptedToReader: 0x17,
  encryptedFromReader: 0x18,
} as const

export interface Answer {
  code: number
  data: Uint8Array
}

export const answer = (code: number, ...data: number[]): Answer => ({ code, data: Uint8Array.from(data) })
export const nak = (reason: number): Answer => answer(REPLY.nak, reason)
