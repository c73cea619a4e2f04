import { LinliError } from '../contract/errors.ts'
import { ownCopy } from './batch.ts'
import type { InFlight, Streams } from './streams.ts'
import type { Append, Appended, Entry, JournalCode, LaneConfig } from './types.ts'

/** The appends that wait for the disk: admitted, dropped as duplicates or refused here, settled when their commit is known. */

interface Waiter {
  resolve(appended: Appended): void
  reject(error: LinliError): void
}

export interface Pending extends InFlight, Waiter {
  /** Its position is given when it goes into a commit. */
  entry: Entry
  /** Duplicates that came in meanwhile. */
  duplicates: Waiter[]
  isRefused: boolean
}

export interface Intake {
  add(append: Append): Promise<Appended>
  /** The next batch; what is in it stays pending until settled. */
  take(): Pending[]
  settle(batch: readonly Pending[], refusalOf: (lane: string) => LinliError | undefined): void
  /** Refuses everything that waits, in a batch or not. */
  refuseAll(error: LinliError): void
  /** Appends not yet given out in a batch. */
  waiting(): number
  /** Appends that have not been answered. */
  pending(): number
}

export interface IntakeConfig {
  batch_entries_max: number
  batch_bytes_max: number
  pending_max: number
  payload_bytes_max: number
}

interface Deps {
  lanes: ReadonlyMap<string, LaneConfig>
  streams: Streams<Pending>
  /** Why nothing is taken at present, if so. */
  closedBy(): LinliError | undefined
  onWaiting(): void
  /** `isAlone`: nothing else is unanswered. */
  onTaken(entry: Entry, isAlone: boolean): void
  onRefused(lane: string): void
}

export function createIntake(deps: Deps, config: IntakeConfig): Intake {
  const { streams } = deps
  let queue: Pending[] = []
  let head = 0
  /** Neither settled nor refused, in the queue or in a batch. */
  const inBatch = new Set<Pending>()
  let unanswered = 0
  let refused_in_queue = 0

  function answer(pending: Pending, error: LinliError | undefined): void {
    unanswered -= 1 + pending.duplicates.length
    if (error) {
      pending.isRefused = true
      deps.onRefused(pending.entry.lane)
      pending.reject(error)
      for (const duplicate of pending.duplicates) duplicate.reject(error)
      return
    }
    pending.resolve({ position: pending.entry.position })
    for (const duplicate of pending.duplicates) duplicate.resolve({ duplicate: true })
  }

  function refuse(pending: Pending, error: LinliError): void {
    if (pending.isRefused) return
    const { lane, stream } = pending.entry
    const behind = stream === undefined ? [pending] : streams.refused(lane, stream, pending.sequence, error)
    for (const one of behind) {
      if (!inBatch.has(one)) refused_in_queue += 1
      answer(one, error)
    }
  }

  function queueUp(append: Append): Promise<Appended> {
    return new Promise((resolve, reject) => {
      const entry = ownCopy(append, 0)
      const pending = { sequence: append.sequence ?? -1, entry, duplicates: [], isRefused: false, resolve, reject }
      queue.push(pending)
      unanswered += 1
      if (append.stream !== undefined) streams.begin(append.lane, append.stream, pending)
      deps.onWaiting()
      deps.onTaken(entry, unanswered === 1)
    })
  }

  return {
    add(append) {
      const invalid = invalidity(append, deps.lanes, config.payload_bytes_max)
      if (invalid !== undefined) return Promise.reject(error('JOURNAL_APPEND_INVALID', invalid, 'caller'))
      const { lane, stream, sequence = -1 } = append
      const admission = stream === undefined ? { kind: 'new' as const } : streams.check(lane, stream, sequence)
      if (admission.kind === 'duplicate') return Promise.resolve({ duplicate: true })
      const closed = deps.closedBy()
      const isFull = unanswered >= config.pending_max
      const why =
        closed ?? (isFull ? overloaded(config.pending_max) : admission.kind === 'held' ? admission.why : undefined)
      if (why) {
        // A duplicate of one in flight may be refused without harm: its first copy decides.
        if (stream !== undefined && admission.kind === 'new') streams.refused(lane, stream, sequence, why)
        deps.onRefused(lane)
        return Promise.reject(why)
      }
      if (admission.kind !== 'duplicate-of') return queueUp(append)
      const { other } = admission
      unanswered += 1
      return new Promise((resolve, reject) => other.duplicates.push({ resolve, reject }))
    },
    take() {
      let bytes = 0
      const batch: Pending[] = []
      while (head < queue.length) {
        const pending = queue[head]
        if (!pending) break
        const isJoined = batch.length > 0 && pending.entry.joined === true
        if (batch.length >= config.batch_entries_max && !isJoined) break
        if (pending.isRefused) refused_in_queue -= 1
        else {
          bytes += pending.entry.payload.length
          if (bytes > config.batch_bytes_max && batch.length > 0 && !isJoined) break
          batch.push(pending)
          inBatch.add(pending)
        }
        head += 1
      }
      if (head === queue.length || head > 4096) {
        queue = queue.slice(head)
        head = 0
      }
      return batch
    },
    settle(batch, refusalOf) {
      for (const pending of batch) {
        const refusal = refusalOf(pending.entry.lane)
        const { lane, stream } = pending.entry
        if (refusal) refuse(pending, refusal)
        else if (!pending.isRefused) {
          if (stream !== undefined) streams.committed(lane, stream)
          answer(pending, undefined)
        }
      }
      for (const pending of batch) inBatch.delete(pending)
    },
    refuseAll(why) {
      for (const pending of [...inBatch, ...queue.slice(head)]) refuse(pending, why)
      inBatch.clear()
      queue = []
      head = 0
      refused_in_queue = 0
    },
    waiting: () => queue.length - head - refused_in_queue,
    pending: () => unanswered,
  }
}

function invalidity(
  append: Append,
  lanes: ReadonlyMap<string, LaneConfig>,
  payload_bytes_max: number,
): string | undefined {
  const lane = lanes.get(append.lane)
  if (!lane) return `there is no lane ${append.lane}; there are ${[...lanes.keys()].join(', ')}`
  if (!(append.payload instanceof Uint8Array)) return 'the payload is not a Uint8Array'
  if (append.payload.length > payload_bytes_max) {
    return `the payload has ${append.payload.length} bytes; ${payload_bytes_max} are allowed`
  }
  if (typeof append.topic !== 'string' || append.topic === '') return 'the topic is empty'
  if (!Number.isFinite(append.time_ms)) return 'time_ms is not a number'
  if ((lane.kind === 'compacted') !== (append.key !== undefined)) {
    return `lane ${lane.name} is ${lane.kind}: its entries ${lane.kind === 'compacted' ? 'need a key' : 'have no key'}`
  }
  if ((append.stream === undefined) !== (append.sequence === undefined)) return 'stream and sequence go together'
  if (append.sequence !== undefined && !(Number.isSafeInteger(append.sequence) && append.sequence >= 0)) {
    return 'the sequence is not an integer from 0'
  }
  return undefined
}

function overloaded(pending_max: number): LinliError {
  return error('JOURNAL_OVERLOADED', `${pending_max} appends are waiting for the disk already`, 'fault')
}

function error(code: JournalCode, message: string, kind: 'caller' | 'fault'): LinliError {
  return new LinliError(code, message, { kind })
}
