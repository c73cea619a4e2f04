/** What a controller says to a reader: every command, its code and its bytes (SIA OSDP v2, Annex A). */

export const LED_COLORS = ['off', 'red', 'green', 'amber', 'blue', 'magenta', 'cyan', 'white'] as const
export type LedColor = (typeof LED_COLORS)[number]

/** One rhythm of a lamp; times count in tenths of a second, 0–255. */
export interface LedRhythm {
  on_100ms: number
  off_100ms: number
  onColor: LedColor
  offColor: LedColor
}

export interface Led {
  /** Reader head on this address; 0 unless the device has several. */
  reader: number
  led: number
  /** Shown for `timer_100ms` (1–65535), then the lasting rhythm returns. */
  temporary?: LedRhythm & { timer_100ms: number }
  /** Ends a temporary rhythm now. */
  cancelTemporary?: boolean
  lasting?: LedRhythm
}

/** What an output of the reader does: lasting ones abort a timer or wait for it, pulses end by their timer. */
export const OUTPUT_ACTIONS = [
  'none',
  'off',
  'on',
  'off-after-timer',
  'on-after-timer',
  'pulse-on',
  'pulse-off',
] as const
export interface Output {
  output: number
  action: (typeof OUTPUT_ACTIONS)[number]
  /** For pulses; 0–65535. */
  timer_100ms: number
}

export type Command =
  | { type: 'poll' | 'id' | 'capabilities' | 'local-status' | 'input-status' | 'output-status' | 'reader-status' }
  | { type: 'output'; outputs: Output[] }
  | { type: 'led'; leds: Led[] }
  | { type: 'buzzer'; reader: number; tone: 'off' | 'default'; on_100ms: number; off_100ms: number; count: number }
  | { type: 'text'; reader: number; text: string; seconds: number; row: number; column: number }
  | { type: 'set-line'; address: number; baud: number }
  | { type: 'set-key'; key: Uint8Array }
  | { type: 'challenge'; random: Uint8Array }
  | { type: 'server-cryptogram'; cryptogram: Uint8Array }

const byte = (value: number) => Math.min(0xff, Math.max(0, Math.trunc(value)))
const word = (value: number) => {
  const held = Math.min(0xffff, Math.max(0, Math.trunc(value)))
  return [held & 0xff, held >> 8]
}
const rhythm = (one: LedRhythm) => [
  byte(one.on_100ms),
  byte(one.off_100ms),
  LED_COLORS.indexOf(one.onColor),
  LED_COLORS.indexOf(one.offColor),
]
const stillRhythm = [0, 0, 0, 0]

function ledRecord(led: Led): number[] {
  const temporaryCode = led.temporary ? 2 : led.cancelTemporary ? 1 : 0
  return [
    byte(led.reader),
    byte(led.led),
    temporaryCode,
    ...(led.temporary ? rhythm(led.temporary) : stillRhythm),
    ...word(led.temporary?.timer_100ms ?? 0),
    led.lasting ? 1 : 0,
    ...(led.lasting ? rhythm(led.lasting) : stillRhythm),
  ]
}

/** Text beyond what one length byte can tell is cut; characters that readers cannot show become `?`. */
const TEXT_BYTES_MAX = 32
const printable = (text: string) =>
  [...text].slice(0, TEXT_BYTES_MAX).map((one) => {
    const code = one.codePointAt(0) ?? 0
    return code >= 0x20 && code < 0x7f ? code : 0x3f
  })

function line(address: number, baud: number): number[] {
  return [byte(address), baud & 0xff, (baud >> 8) & 0xff, (baud >> 16) & 0xff, (baud >>> 24) & 0xff]
}

function text(command: Extract<Command, { type: 'text' }>): number[] {
  const shown = printable(command.text)
  const lasting = command.seconds <= 0
  return [
    byte(command.reader),
    lasting ? 1 : 3,
    lasting ? 0 : Math.max(1, byte(command.seconds)),
    byte(command.row),
    byte(command.column),
    shown.length,
    ...shown,
  ]
}

type Row<T extends Command['type']> = [
  code: number,
  bytes: (command: Extract<Command, { type: T }>) => Iterable<number>,
]
const nothing = () => []
/** `00` asks for the standard report; no other is defined. */
const standardReport = () => [0]

const rows: { [T in Command['type']]: Row<T> } = {
  poll: [0x60, nothing],
  id: [0x61, standardReport],
  capabilities: [0x62, standardReport],
  'local-status': [0x64, nothing],
  'input-status': [0x65, nothing],
  'output-status': [0x66, nothing],
  'reader-status': [0x67, nothing],
  output: [
    0x68,
    ({ outputs }) => outputs.flatMap((o) => [byte(o.output), OUTPUT_ACTIONS.indexOf(o.action), ...word(o.timer_100ms)]),
  ],
  led: [0x69, ({ leds }) => leds.flatMap(ledRecord)],
  buzzer: [0x6a, (c) => [byte(c.reader), c.tone === 'off' ? 1 : 2, byte(c.on_100ms), byte(c.off_100ms), byte(c.count)]],
  text: [0x6b, text],
  'set-line': [0x6e, ({ address, baud }) => line(address, baud)],
  'set-key': [0x75, ({ key }) => [1, key.length, ...key]],
  challenge: [0x76, ({ random }) => random],
  'server-cryptogram': [0x77, ({ cryptogram }) => cryptogram],
}

/** Numbers out of range are held at the nearest that the field can carry. */
export function encodeCommand(command: Command): { code: number; data: Uint8Array } {
  const [code, bytes] = rows[command.type] as [number, (command: Command) => Iterable<number>]
  return { code, data: Uint8Array.from(bytes(command)) }
}
