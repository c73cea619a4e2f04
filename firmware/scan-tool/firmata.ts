import type { BytePortFactory } from '../ports/byte-port.ts'

/** Whether a Firmata board is on a line, and which firmware it runs (Firmata protocol 2.5, "Query Firmware Name and Version"). */

export interface FoundBoard {
  firmware: string
  version: string
}

const BAUD = 57_600
/** Opening the line resets many boards: the bootloader of an Uno takes 1.6 s, then its firmware says by itself what it is. */
const LISTEN_MS = 2_500
const ANSWER_MS = 1_000
const ASK = Uint8Array.of(0xf0, 0x79, 0xf7)
const [START, END, REPORT_FIRMWARE] = [0xf0, 0xf7, 0x79]
/** Of a name with 60 characters, twice over; what is longer is no Firmata. */
const BYTES_MAX = 256

/** Nothing is written before the line has been listened to. @throws {LinliError} SERIAL_… */
export async function askFirmata(openPort: BytePortFactory, path: string): Promise<FoundBoard | undefined> {
  const line = await openPort({ path, baud: BAUD }).open()
  let heard: number[] = []
  let found: FoundBoard | undefined
  let wake = () => {}
  line.onData((bytes) => {
    heard = [...heard, ...bytes].slice(-BYTES_MAX)
    found ??= boardIn(heard)
    if (found) wake()
  })
  const wait = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (found) wake()
    })
  try {
    await wait(LISTEN_MS)
    if (!found && line.write(ASK)) await wait(ANSWER_MS)
    return found
  } finally {
    await line.close()
  }
}

/** The newest whole report in what was heard. */
export function boardIn(bytes: readonly number[]): FoundBoard | undefined {
  const end = bytes.lastIndexOf(END)
  if (end < 0) return undefined
  const start = bytes.lastIndexOf(START, end)
  const [, kind, major, minor, ...name] = bytes.slice(start, end)
  const isWhole = start >= 0 && kind === REPORT_FIRMWARE && major !== undefined && minor !== undefined
  if (!isWhole || name.length % 2 !== 0 || name.some((byte) => byte > 0x7f)) return undefined
  const text = Array.from({ length: name.length / 2 }, (_, at) => (name[2 * at] ?? 0) | ((name[2 * at + 1] ?? 0) << 7))
  // Printable alone: it is shown on a terminal.
  if (text.some((code) => code < 0x20 || code > 0x7e)) return undefined
  return { firmware: String.fromCharCode(...text), version: `${major}.${minor}` }
}
