import { momentNow } from '../moment.ts'
import type {
  BusStatus,
  PollPlan,
  ReadResult,
  RegisterBus,
  RegisterRange,
  RegisterWrite,
  WriteResult,
} from '../ports/register-bus.ts'

const MISSING = { ok: false, code: 'BUS_NO_REPLY', message: 'no reply' } as const
const EXCEPTION = { ok: false, code: 'BUS_EXCEPTION', message: 'illegal data address', exception: 2 } as const

/** A bus whose units a test sets: registers by `unit/table/address`. What is not there is answered with an exception. */
export class TestBus implements RegisterBus {
  readonly id = 'bus-a'
  readonly registers = new Map<string, number>()
  readonly written: RegisterWrite[] = []
  /** Units that do not answer. */
  readonly dead = new Set<number>()
  refuses = false
  readonly #listeners: Array<(status: BusStatus) => void> = []

  set(unit: number, table: string, address: number, ...values: number[]): void {
    values.forEach((value, index) => {
      this.registers.set(`${unit}/${table}/${address + index}`, value)
    })
  }

  async read(range: RegisterRange): Promise<ReadResult> {
    return this.#answer(range)
  }

  async write(write: RegisterWrite): Promise<WriteResult> {
    const { unit, table, address, values } = write
    if (this.dead.has(unit)) return MISSING
    if (this.refuses) return EXCEPTION
    this.written.push(write)
    this.set(unit, table, address, ...values)
    return { ok: true, at: momentNow() }
  }

  async exchange(): Promise<ReadResult> {
    return EXCEPTION
  }

  poll(plan: PollPlan, listener: (result: ReadResult) => void): () => void {
    const timer = setInterval(() => listener(this.#answer(plan)), plan.every_ms)
    return () => clearInterval(timer)
  }

  kill(unit: number): void {
    this.dead.add(unit)
    this.tell({ type: 'unit', unit, online: false, at: momentNow() })
  }

  tell(status: BusStatus): void {
    for (const listener of this.#listeners) listener(status)
  }

  isReachable(unit: number): boolean {
    return !this.dead.has(unit)
  }
  onStatus(listener: (status: BusStatus) => void): void {
    this.#listeners.push(listener)
  }
  stats() {
    return new Map()
  }
  start(): void {}
  async close(): Promise<void> {}

  #answer({ unit, table, address, count }: RegisterRange): ReadResult {
    if (this.dead.has(unit)) return MISSING
    const values = Array.from({ length: count }, (_, index) =>
      this.registers.get(`${unit}/${table}/${address + index}`),
    )
    return values.every((value) => value !== undefined) ? { ok: true, values, at: momentNow() } : EXCEPTION
  }
}
