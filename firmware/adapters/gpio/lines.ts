import { constants } from 'node:os'
import { LinliError } from '../../../hub/contract/errors.ts'
import type { Bias, LineInput } from '../../ports/line-chip.ts'
import { busyError, callError, missingLineError, openError } from './errors.ts'
import { EAGAIN, type GpioKernel } from './kernel.ts'
import {
  ATTRIBUTES_MAX,
  type Attribute,
  decodeChipInfo,
  decodeEvents,
  decodeLineInfo,
  decodeValues,
  EVENT_BYTES,
  emptyChipInfo,
  encodeLineInfo,
  encodeRequest,
  encodeValues,
  GPIO_GET_CHIPINFO,
  GPIO_V2_GET_LINE,
  GPIO_V2_GET_LINEINFO,
  GPIO_V2_LINE_GET_VALUES,
  GPIO_V2_LINE_SET_VALUES,
  LINE_FLAGS,
  LINES_MAX,
  type LineEvent,
  type LineRequest,
  requestedFd,
} from './uapi.ts'

/**
 * The lines of one chip while we hold them: all inputs in one request and all outputs in another. The kernel gives them
 * to nobody else meanwhile.
 */
export interface HeldLines {
  /** The level of every input, read now; true is high. @throws {LinliError} GPIO_GONE, GPIO_FAILED */
  readLevels(): Map<number, boolean>
  /** Edges that wait, oldest first, at most `EVENTS_AT_ONCE`. @throws {LinliError} GPIO_GONE, GPIO_FAILED */
  readEvents(): LineEvent[]
  /** @throws {LinliError} GPIO_GONE, GPIO_FAILED */
  write(line: number, high: boolean): void
  /** Low on every output, then everything is let go. Never throws. */
  release(): void
}

export interface LineUse {
  inputs: ReadonlyMap<number, LineInput>
  outputs: readonly number[]
}

export const EVENTS_AT_ONCE = 64
const CONSUMER = 'linli'
/** The kernel keeps this many edges for us; a loop of events that stalls for long drops the oldest. */
const EVENTS_KEPT = 1024
const { EBUSY } = constants.errno

const BIAS_FLAGS: Readonly<Record<Bias, bigint>> = {
  'pull-up': LINE_FLAGS.biasPullUp,
  'pull-down': LINE_FLAGS.biasPullDown,
  disabled: LINE_FLAGS.biasDisabled,
}

/**
 * Takes the lines; outputs are low from the first moment on.
 * @throws {LinliError} GPIO_NOT_FOUND, GPIO_PERMISSION, GPIO_BUSY, GPIO_LINE_MISSING, GPIO_TOO_MANY, GPIO_GONE, GPIO_FAILED
 */
export function holdLines(kernel: GpioKernel, path: string, use: LineUse, onReadable: () => void): HeldLines {
  const chip = kernel.open(path)
  if (chip < 0) throw openError(path, chip)
  const release: Array<() => void> = []
  try {
    checkLines(kernel, path, chip, [...use.inputs.keys(), ...use.outputs])
    // Outputs first: a relay whose line floated is off the sooner.
    const outputs = requestLines(kernel, path, chip, outputRequest(use.outputs), release)
    const inputs = requestLines(kernel, path, chip, inputRequest(use.inputs), release)
    if (inputs !== undefined) release.push(kernel.watch(inputs, onReadable))
    return heldLines(kernel, path, { use, inputs, outputs, release })
  } catch (error) {
    for (const free of release.reverse()) free()
    throw error
  } finally {
    kernel.close(chip)
  }
}

function checkLines(kernel: GpioKernel, path: string, chip: number, lines: readonly number[]): void {
  const info = emptyChipInfo()
  check(path, 'tell what it is', kernel.ioctl(chip, GPIO_GET_CHIPINFO, info))
  const count = decodeChipInfo(info).lines
  const missing = lines.find((line) => line >= count)
  if (missing !== undefined) throw missingLineError(path, missing, count)
}

/** @returns the descriptor of the lines, or undefined when there are none to request */
function requestLines(
  kernel: GpioKernel,
  path: string,
  chip: number,
  request: LineRequest,
  release: Array<() => void>,
): number | undefined {
  if (request.lines.length === 0) return undefined
  if (request.lines.length > LINES_MAX || request.attributes.length > ATTRIBUTES_MAX)
    throw new LinliError(
      'GPIO_TOO_MANY',
      `a chip serves at most ${LINES_MAX} inputs and ${LINES_MAX} outputs, with at most ${ATTRIBUTES_MAX} different settings`,
      { kind: 'caller' },
    )
  const bytes = encodeRequest(request)
  const code = kernel.ioctl(chip, GPIO_V2_GET_LINE, bytes)
  if (code === -EBUSY) throw whoIsBusy(kernel, path, chip, request.lines) ?? callError(path, 'give its lines', code)
  check(path, 'give its lines', code)
  const fd = requestedFd(bytes)
  release.push(() => kernel.close(fd))
  return fd
}

/** The kernel says only that some line is in use; which and by whom it tells when asked line by line. */
function whoIsBusy(kernel: GpioKernel, path: string, chip: number, lines: readonly number[]): LinliError | undefined {
  for (const line of lines) {
    const info = encodeLineInfo(line)
    if (kernel.ioctl(chip, GPIO_V2_GET_LINEINFO, info) < 0) continue
    const { used, consumer } = decodeLineInfo(info)
    if (used) return busyError(path, line, consumer)
  }
  return undefined
}

function outputRequest(lines: readonly number[]): LineRequest {
  const low: Attribute = { kind: 'output-values', values: 0n, mask: maskOf(lines, () => true) }
  return { lines, consumer: CONSUMER, flags: LINE_FLAGS.output, attributes: [low], eventBuffer: 0 }
}

function inputRequest(inputs: ReadonlyMap<number, LineInput>): LineRequest {
  const lines = [...inputs.keys()]
  const settings = [...inputs.values()]
  const flagsOf = (bias: Bias) => LINE_FLAGS.input | LINE_FLAGS.edgeRising | LINE_FLAGS.edgeFalling | BIAS_FLAGS[bias]
  const others = distinct(settings.map(({ bias }) => bias)).filter((bias) => bias !== 'pull-up')
  const periods_ms = distinct(settings.map(({ settle_ms }) => settle_ms)).filter((settle_ms) => settle_ms > 0)
  return {
    lines,
    consumer: CONSUMER,
    flags: flagsOf('pull-up'),
    attributes: [
      ...others.map((bias): Attribute => {
        return { kind: 'flags', flags: flagsOf(bias), mask: maskOf(settings, (one) => one.bias === bias) }
      }),
      ...periods_ms.map((settle_ms): Attribute => {
        const mask = maskOf(settings, (one) => one.settle_ms === settle_ms)
        return { kind: 'debounce', period_us: Math.round(settle_ms * 1000), mask }
      }),
    ],
    eventBuffer: EVENTS_KEPT,
  }
}

function heldLines(
  kernel: GpioKernel,
  path: string,
  held: { use: LineUse; inputs: number | undefined; outputs: number | undefined; release: Array<() => void> },
): HeldLines {
  const { use, inputs, outputs, release } = held
  const lines = [...use.inputs.keys()]
  const all = maskOf(lines, () => true)
  const events = Buffer.alloc(EVENTS_AT_ONCE * EVENT_BYTES)

  const setOutputs = (bits: bigint, mask: bigint) =>
    outputs === undefined ? 0 : kernel.ioctl(outputs, GPIO_V2_LINE_SET_VALUES, encodeValues(bits, mask))

  return {
    readLevels() {
      if (inputs === undefined) return new Map()
      const values = encodeValues(0n, all)
      check(path, 'read its lines', kernel.ioctl(inputs, GPIO_V2_LINE_GET_VALUES, values))
      const bits = decodeValues(values)
      return new Map(lines.map((line, index) => [line, (bits & (1n << BigInt(index))) !== 0n]))
    },
    readEvents() {
      if (inputs === undefined) return []
      const count = kernel.read(inputs, events)
      if (count === -EAGAIN) return []
      check(path, 'tell its edges', count)
      return decodeEvents(events.subarray(0, count))
    },
    write(line, high) {
      const bit = maskOf(use.outputs, (one) => one === line)
      check(path, `set line ${line}`, setOutputs(high ? bit : 0n, bit))
    },
    release() {
      setOutputs(
        0n,
        maskOf(use.outputs, () => true),
      )
      for (const free of release.splice(0).reverse()) free()
    },
  }
}

function check(path: string, what: string, code: number): void {
  if (code < 0) throw callError(path, what, code)
}

/** Bit n for each n-th of `all` that is wanted. */
function maskOf<T>(all: readonly T[], wanted: (one: T) => boolean): bigint {
  return all.reduce((mask, one, index) => (wanted(one) ? mask | (1n << BigInt(index)) : mask), 0n)
}

function distinct<T>(all: readonly T[]): T[] {
  return [...new Set(all)]
}
