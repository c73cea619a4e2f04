import { momentNow } from '../../moment.ts'
import type { DigitalOutput, PinBoard } from '../../ports/pin-board.ts'
import type { PollResult } from './belief/machine.ts'
import { type BoardSensor, outputOf, type ParkOnBoard } from './config.ts'
import { knownQuantity } from './profile/known.ts'
import type { Quantity } from './quantity.ts'
import type { ParkSide, SideListener } from './side.ts'

/** Park sensors on the pins of a board: voltages, contacts, and contacts that count. */

/** A reed contact of a tipping bucket bounces for a few ms; the bucket itself takes some 100 ms to tip. */
const BOUNCE_MS = 50
const COUNT_BITS = 32

/** Latest of one pin; `undefined` until the board has told it. */
interface Probe {
  quantity: Quantity
  value(): number | undefined
}

export function createPinSide(board: PinBoard, device: ParkOnBoard): ParkSide {
  const { sensors, outputs = [] } = device
  const probes = sensors.map((sensor, index) => createProbe(board, sensor, `/sensors/${index}`))
  // A board's pins are inputs after a reset.
  const limits = outputs.map(({ pin, ...fields }) => outputOf(fields, true))
  const pins = new Map<string, DigitalOutput>(outputs.map(({ name, pin }) => [name, board.output(pin)]))
  const timers: Array<ReturnType<typeof setInterval>> = []
  let listener: SideListener | undefined
  board.onStatus(({ status }) => {
    if (pins.size > 0) listener?.contact(status === 'ready')
  })

  function look(some: readonly Probe[]): PollResult[] {
    return some.map(({ quantity, value }) => {
      const raw = board.status.status === 'ready' ? value() : undefined
      return raw === undefined ? { quantity: quantity.name, fault: 'bus-error' } : { quantity: quantity.name, raw }
    })
  }

  return {
    quantities: probes.map(({ quantity }) => quantity),
    outputs: limits,
    settings: [],
    start(given) {
      listener = given
      for (const [every_ms, some] of Map.groupBy(probes, ({ quantity }) => quantity.poll_ms)) {
        timers.push(setInterval(() => given.results(look(some), momentNow()), every_ms))
      }
    },
    read: async () => ({ results: look(probes), at: momentNow() }),
    write: async (output, on) => (pins.get(output)?.set(on) === true ? 'ok' : 'lost'),
    set: async () => ({ status: 'refused', code: 'PARK_SETTING_UNKNOWN', message: 'a board has no settings' }),
    close() {
      for (const timer of timers.splice(0)) clearInterval(timer)
      listener = undefined
      for (const pin of pins.values()) pin.set(false)
    },
  }
}

function createProbe(board: PinBoard, sensor: BoardSensor, path: string): Probe {
  const quantity = boardQuantity(sensor, path)
  if ('message' in quantity) throw new TypeError(`${quantity.path} ${quantity.message}`)
  const { channel, pin, low = 0, high = 1 } = sensor
  let value: number | undefined
  if (channel !== undefined) board.watchAnalog(channel, ({ ratio }) => (value = low + ratio * (high - low)))
  else if (pin !== undefined && quantity.kind === 'counter') return { quantity, value: createCount(board, pin) }
  // The contact pulls the pin to ground.
  else if (pin !== undefined) board.watchDigital(pin, (report) => (value = report.high ? 0 : 1))
  return { quantity, value: () => value }
}

/** Counts closings of a contact to ground. */
function createCount(board: PinBoard, pin: number): () => number | undefined {
  let count: number | undefined
  let counted_ms = Number.NEGATIVE_INFINITY
  board.watchDigital(pin, ({ high, kind, at }) => {
    count ??= 0
    if (high || kind === 'found' || at.monotonic_ms - counted_ms < BOUNCE_MS) return
    counted_ms = at.monotonic_ms
    count = (count + 1) % 2 ** COUNT_BITS
  })
  return () => count
}

/** What is measured at a pin; a wrong entry as a JSON pointer with what is wrong. */
export function boardQuantity(sensor: BoardSensor, path: string): Quantity | { path: string; message: string } {
  const { channel, low, high, pin, step, ...known } = sensor
  if ((channel === undefined) === (pin === undefined))
    return { path, message: 'names either an analog channel or a digital pin' }
  if (channel !== undefined && (low === undefined || high === undefined || low === high))
    return { path, message: 'gives with low and high what 0 V and the supply voltage mean' }
  const quantity = knownQuantity({ ...known, ...(step === undefined ? {} : { kind: 'counter' as const }) }, path)
  if ('message' in quantity) return quantity
  if (quantity.kind !== 'counter') return quantity
  if (step === undefined || pin === undefined)
    return { path, message: 'is a counter: it needs a digital pin, and step, the unit per closing of its contact' }
  return { ...quantity, range: { min: 0, max: 2 ** COUNT_BITS - 1 }, counter: { bits: COUNT_BITS, step } }
}
