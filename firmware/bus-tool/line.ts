import type { BytePortFactory } from '../ports/byte-port.ts'
import { silentLogger } from '../ports/logger.ts'
import type { BusStatus, ReadResult, RegisterBus, RegisterTable } from '../ports/register-bus.ts'
import { createModbusBus } from '../protocols/modbus/bus.ts'

/** A line that an installer asks by hand: every question has one answer, and no unit is left alone for having been silent. */

export interface LineSettings {
  path: string
  baud: number
  parity: 'none' | 'even' | 'odd'
  /** From the end of a request to the first byte of its reply. */
  timeout_ms: number
}

export interface AskedLine {
  bus: RegisterBus
  /** One attempt, after whatever may still come of the last one. */
  ask(unit: number, table: RegisterTable, address: number, count: number): Promise<ReadResult>
  /** Whether anybody is there: one attempt at once. */
  probe(unit: number, table: RegisterTable): Promise<ReadResult>
  /** Whether a second unit answers to this address; listens for a while, so that nothing talks into its answer. */
  isDoubled(unit: number): Promise<boolean>
  /** The adapter repeats what it sends. */
  readonly echoes: boolean
  close(): Promise<void>
}

/** How long what comes too late may still come. */
const LATE_MS = 150
/** Whoever begins an attempt by then has it to itself: behind a silence, or a reply that may still come. */
const BEGIN_MS = LATE_MS + 50
/** The silence before a frame, with room for a machine that is busy; less than the timeout, or the attempt would be repeated. */
const BEGIN_AT_ONCE_MS = 50
/** No unit counts as away. */
const MISSES_MAX = 1_000_000

/** @throws {Error} with what to do when the port cannot be opened */
export async function openLine(openPort: BytePortFactory, settings: LineSettings): Promise<AskedLine> {
  const { path, baud, parity, timeout_ms } = settings
  const stopBits = 1
  const bus = createModbusBus(
    { port: openPort({ path, baud, parity, stopBits }), random: () => 0, log: silentLogger },
    { id: path, baud, parity, stopBits, timeout_ms, late_ms: LATE_MS, retries: MISSES_MAX },
  )
  const faults: Array<Extract<BusStatus, { type: 'fault' }>> = []
  const opened = new Promise<string | undefined>((resolve) => {
    bus.onStatus((status) => {
      if (status.type === 'fault') faults.push(status)
      if (status.type === 'line') resolve(status.up ? undefined : (status.reason ?? 'closed'))
    })
  })
  bus.start()
  const reason = await opened
  if (reason !== undefined) {
    await bus.close()
    throw new Error(`${path}: ${reason}`)
  }
  return {
    bus,
    async isDoubled(unit) {
      await new Promise((resolve) => setTimeout(resolve, timeout_ms))
      return faults.some((fault) => fault.kind === 'two-on-one-address' && fault.unit === unit)
    },
    get echoes() {
      return faults.some(({ kind }) => kind === 'echo')
    },
    ask: (unit, table, address, count) => bus.read({ unit, table, address, count }, { expires_ms: BEGIN_MS }),
    probe: (unit, table) =>
      bus.read({ unit, table, address: 0, count: 1 }, { expires_ms: Math.min(BEGIN_AT_ONCE_MS, timeout_ms) }),
    close: () => bus.close(),
  }
}

/** Whether somebody answered, be it with an exception. */
export const isAnswer = (result: ReadResult) => result.ok || result.code === 'BUS_EXCEPTION'
