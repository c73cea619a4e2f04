import type { Moment } from '../moment.ts'

/**
 * A line on which one master asks numbered units for tables of bits and 16-bit registers, as Modbus does. Addresses are
 * those of the wire and begin at 0 (what manuals call coil 1, 10001, 40001 or 30001).
 */

/** Coils and discrete inputs hold bits, told as 0 and 1; holding and input registers hold 0…65535. */
export type RegisterTable = 'coil' | 'discrete' | 'holding' | 'input'

export interface RegisterRange {
  /** 1–247. */
  unit: number
  table: RegisterTable
  address: number
  count: number
}

export interface RegisterWrite {
  /** 0 writes to every unit at once; nobody answers then. */
  unit: number
  table: 'coil' | 'holding'
  address: number
  values: readonly number[]
  /** For units that know only the functions for several (15, 16). */
  multiple?: boolean
}

/** Why there is no value; the message says what to do. */
export type BusCode =
  /** The adapter is not there, or the bus was closed. */
  | 'BUS_ABSENT'
  | 'BUS_NO_REPLY'
  /** Bytes came, and no reply could be read in them. */
  | 'BUS_CORRUPT'
  /** The unit answered that it cannot; `exception` has its code. */
  | 'BUS_EXCEPTION'
  /** Nothing was sent: it waited too long for the line, */
  | 'BUS_EXPIRED'
  /** or another write to the same place came after it, */
  | 'BUS_SUPERSEDED'
  /** or too much was waiting, */
  | 'BUS_QUEUE_FULL'
  /** or the unit does not answer and it is not time to try it again, */
  | 'BUS_UNIT_AWAY'
  /** or no such request exists. */
  | 'BUS_REQUEST'

export interface BusFailure {
  ok: false
  code: BusCode
  message: string
  exception?: number
}
export type ReadResult = { ok: true; values: readonly number[]; at: Moment } | BusFailure
export type WriteResult = { ok: true; at: Moment } | BusFailure

export interface RequestOptions {
  /** Urgent requests pass routine ones. Writes are urgent and reads routine unless said otherwise. */
  urgent?: boolean
  /** No attempt begins later than this after the call; 2000 if not given. */
  expires_ms?: number
}

export interface PollPlan extends RegisterRange {
  every_ms: number
  /** Inputs that safety rests on are read before others. */
  urgent?: boolean
}

export type BusStatus =
  | { type: 'line'; up: boolean; reason?: string; at: Moment }
  | { type: 'unit'; unit: number; online: boolean; reason?: string; at: Moment }
  /**
   * `echo`: the adapter repeats what it sends (and copes). `two-on-one-address`: two units answered one request.
   * `unreadable-replies`: a unit answers and cannot be understood: two on one address, a wrong speed or parity, or noise.
   */
  | {
      type: 'fault'
      kind: 'echo' | 'two-on-one-address' | 'unreadable-replies'
      unit: number
      at: Moment
    }

export interface UnitStats {
  online: boolean
  /** `foreign`: another unit answered. `late`: an answer came after its time and was thrown away. */
  counts: Readonly<
    Record<'requests' | 'replies' | 'exceptions' | 'timeouts' | 'corrupted' | 'foreign' | 'late' | 'retries', number>
  >
  /** From the first byte of a request to the last of its reply. */
  roundTrip_ms: { last: number; max: number; sum: number; count: number }
}

export interface RegisterBus {
  readonly id: string
  /** @param maxAge_ms a value that was read no longer ago will do; 0 if not given. Never rejects. */
  read(range: RegisterRange, options?: RequestOptions & { maxAge_ms?: number }): Promise<ReadResult>
  /** A write that was answered has been carried out; one that was not may have been. Never rejects. */
  write(write: RegisterWrite, options?: RequestOptions): Promise<WriteResult>
  /** Writes holding registers, then reads some, in one request (function 23). Never rejects. */
  exchange(
    read: Omit<RegisterRange, 'table'>,
    write: Pick<RegisterWrite, 'address' | 'values'>,
    options?: RequestOptions,
  ): Promise<ReadResult>
  /** Reads periodically, merged with what lies beside it. @returns how to stop */
  poll(plan: PollPlan, listener: (result: ReadResult) => void): () => void
  /** Whether a write would go out now: the line is there and the unit answered last time. */
  isReachable(unit: number): boolean
  onStatus(listener: (status: BusStatus) => void): void
  stats(): ReadonlyMap<number, UnitStats>
  start(): void
  /** Writes that wait already still go out, for a second at most; nothing else is asked any more. */
  close(): Promise<void>
}
