import type { RegisterRange } from '../../ports/register-bus.ts'
import { type BusState, type Job, type Turn, type Unit, unitOf, type Watch } from './bus-state.ts'
import { BROADCAST, COUNT_MAX, encodeRequest, functionOf, isBits, type Request } from './frame.ts'

/** Which request goes out next, and what is read along with it. */

/** After so many urgent reads one that is not urgent goes. */
const URGENT_IN_ROW_MAX = 3
/**
 * What lies between two ranges is read along while that is shorter on the wire than another request: that costs 20 bytes
 * at least, of request, reply frame and silences.
 */
const GAP_MAX = { bits: 128, registers: 8 } as const

type Want = { urgent: boolean; since_ms: number; unit: number } & ({ job: Job } | { watch: Watch })

/** From when on a unit may be tried: one that is away not before its own time, nor before that of all that are. */
export const mayTryAt = (state: BusState, { online, awayUntil_ms }: Unit) =>
  online === false ? Math.max(awayUntil_ms, state.probe_ms) : awayUntil_ms

/** From when on a request may go to its unit: not while the unit is away, nor while a reply is owed that could be taken for its own. */
export function mayGoAt(state: BusState, unit: Unit, request: Request, now_ms: number): number {
  const owed = unit.owed.filter(({ until_ms }) => until_ms > now_ms)
  if (owed.length === 0) return mayTryAt(state, unit)
  const asked = encodeRequest(request)
  const blocking = owed.filter((one) => {
    const same = Buffer.compare(one.asked, asked) === 0
    // What answers a write repeats it, and cannot be taken for the answer to another one.
    if (request.type === 'write') return same && one.overtaken
    return one.asked[1] === functionOf(request) && !(same && one.mayRepeat)
  })
  return Math.max(mayTryAt(state, unit), ...blocking.map(({ until_ms }) => until_ms))
}

const requestOf = ({ unit, table, address, count }: RegisterRange): Request => ({
  type: 'read',
  unit,
  table,
  address,
  count,
})
const isWrite = (job: Job) => job.request.type === 'write'

/** @returns the turn, or when to ask again; infinitely late if nothing waits. */
export function chooseTurn(state: BusState, now_ms: number): Turn | { wait_ms: number } {
  let wait_ms = Number.POSITIVE_INFINITY
  const wants: Want[] = []
  const consider = (want: Want, request: Request, from_ms: number) => {
    const unit = request.unit === BROADCAST ? undefined : unitOf(state, request.unit)
    const at_ms = Math.max(from_ms, unit ? mayGoAt(state, unit, request, now_ms) : 0)
    if (at_ms <= now_ms) wants.push(want)
    else wait_ms = Math.min(wait_ms, at_ms - now_ms)
  }
  for (const job of state.queue) {
    const want = { job, urgent: job.urgent, since_ms: job.expires_ms, unit: job.request.unit }
    consider(want, job.request, 0)
    // The first urgent write goes before everything.
    if (isWrite(job) && job.urgent && wants.includes(want)) return single(job)
  }
  for (const watch of state.watches.values()) {
    const { range, urgent, due_ms } = watch
    consider({ watch, urgent, since_ms: due_ms, unit: range.unit }, requestOf(range), due_ms)
  }
  const first = firstOf(wants, state.urgentInRow)
  if (!first) return { wait_ms }
  if ('job' in first && first.job.request.type !== 'read') return single(first.job)
  return merged(state, wants, first, now_ms)
}

/** The one that waits longest; urgent ones before, with a pause for the others. */
function firstOf(wants: Want[], urgentInRow: number): Want | undefined {
  const routine = wants.filter(({ urgent }) => !urgent)
  const urgent = wants.filter((want) => want.urgent)
  const pool = urgent.length > 0 && (routine.length === 0 || urgentInRow < URGENT_IN_ROW_MAX) ? urgent : routine
  return pool.reduce<Want | undefined>(
    (first, one) => (first === undefined || one.since_ms < first.since_ms ? one : first),
    undefined,
  )
}

const single = (job: Job): Turn => ({ request: job.request, jobs: [job], watches: [], merged: 'none' })

const rangeOf = (want: Want): RegisterRange | undefined => {
  if ('watch' in want) return want.watch.range
  return want.job.request.type === 'read' ? want.job.request : undefined
}

/** Everything else that waits at the same table of the same unit, as far as it fits into one request. */
function merged(state: BusState, wants: Want[], first: Want, now_ms: number): Turn {
  const base = rangeOf(first) as RegisterRange
  const { merge } = unitOf(state, base.unit)
  const gapMax = merge === 'gaps' ? GAP_MAX[isBits(base.table) ? 'bits' : 'registers'] : 0
  const others = [...wants, ...soon(state, wants, base, now_ms)].filter((want) => {
    const range = rangeOf(want)
    return want !== first && range?.unit === base.unit && range.table === base.table
  })
  const chosen: Want[] = [first]
  let { address, count } = base
  let hole = false
  for (let grown = true; grown; ) {
    grown = false
    for (const want of others) {
      const range = rangeOf(want) as RegisterRange
      if (chosen.includes(want)) continue
      const start = Math.min(address, range.address)
      const end = Math.max(address + count, range.address + range.count)
      const gap = end - start - count - range.count
      const inside = start === address && end === address + count
      if (end - start > COUNT_MAX.read[base.table] || gap > gapMax || (merge === 'none' && !inside)) continue
      hole ||= gap > 0
      address = start
      count = end - start
      chosen.push(want)
      grown = true
    }
  }
  const grew = address !== base.address || count !== base.count
  return {
    request: requestOf({ ...base, address, count }),
    jobs: chosen.flatMap((want) => ('job' in want ? [want.job] : [])),
    watches: chosen.flatMap((want) => ('watch' in want ? [want.watch] : [])),
    merged: hole ? 'gaps' : grew ? 'adjacent' : 'none',
  }
}

/** Watches of the table that are due within half their period: read now, they stay together. */
function soon(state: BusState, wants: Want[], base: RegisterRange, now_ms: number): Want[] {
  const here = new Set(wants.flatMap((want) => ('watch' in want ? [want.watch.id] : [])))
  return [...state.watches.values()]
    .filter(({ id, range, due_ms, every_ms }) => {
      const near = due_ms - now_ms <= every_ms / 2
      return near && range.unit === base.unit && range.table === base.table && !here.has(id)
    })
    .map((watch) => ({ watch, urgent: watch.urgent, since_ms: watch.due_ms, unit: watch.range.unit }))
}
