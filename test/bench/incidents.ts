import { INCIDENT_KINDS, type IncidentKind } from '../../hub/contract/incident.ts'
import { createArchiveThread } from '../../hub/incidents/archive/thread.ts'
import type { IncidentFilter } from '../../hub/incidents/archive/types.ts'
import { incidentConfig } from '../../hub/incidents/config.ts'
import { raiseIncident, type Stepped, stepIncident } from '../../hub/incidents/machine.ts'
import { pageOf } from '../../hub/incidents/query.ts'
import type { Live } from '../../hub/incidents/record.ts'
import { shown } from '../../hub/incidents/shown.ts'
import { monthOf, yardsticks } from '../../hub/incidents/yardsticks.ts'
import { type Bench, type Findings, inMs, type Row } from './bench.ts'
import { percentile } from './statistics.ts'

/** Lists and shares over a thousand open incidents and years of closed ones, as the API gives them. */

const OPEN = 1_000
const CLOSED = { full: 100_000, quick: 10_000 }
const ROUNDS = { full: 40, quick: 5 }
const AT_ONCE = 500
const PAGE = 50
const BEGIN_MS = Date.parse('2025-01-01T00:00:00Z')
const EVERY_MS = 300_000
const AIM_MS = 50
const SHARES = 'shares of a year'
const config = incidentConfig({}, 'Asia/Shanghai')

export async function incidents(bench: Bench): Promise<Findings> {
  const closed = bench.quick ? CLOSED.quick : CLOSED.full
  const archive = createArchiveThread(bench.folder('incidents'))
  bench.closers.push(() => archive.close())
  bench.say(`incidents: ${closed} closed ones go to the archive`)
  for (let number = 1; number <= closed; number += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, closed - number + 1) }, (_, index) => finished(number + index))
    await archive.put(
      some.map(({ incident, story }) => ({ incident, story, month: monthOf(incident, 'Asia/Shanghai') })),
    )
  }
  const before_bytes = heapUsed()
  const live: Live[] = Array.from({ length: OPEN }, (_, index) => {
    const { incident, story } = raised(closed + index + 1)
    return { incident, story: [...story], pieces: [] }
  })
  const open_bytes = heapUsed() - before_bytes
  const places = { live: () => live, archive }
  const now = momentOf(closed + OPEN)
  const list = async (filter: IncidentFilter, before: number | null) => {
    const { incidents: found } = await pageOf(places, filter, before, PAGE)
    return JSON.stringify(found.map((one) => shown(one, now, config.keepClosed_ms)))
  }
  const questions: Record<string, () => Promise<unknown>> = {
    'the newest page': () => list({}, null),
    'open ones': () => list({ status: ['raised', 'acknowledged'] }, null),
    'a page in the middle': () => list({}, Math.floor(closed / 2)),
    'of one device': () => list({ device: 'gw-3/alarm-button/b7' }, null),
    'of one building and kind': () => list({ building: '7', kind: 'shared' }, null),
    'false alarms of a month': () =>
      list({ status: ['false-alarm'], from_ms: BEGIN_MS, to_ms: BEGIN_MS + 30 * 86_400_000 }, null),
    'nothing found': () => list({ cause: 'no-such-rule', building: '7' }, null),
    [SHARES]: () => yardsticks(archive, live, { from: '2025-01', to: '2025-12', timeZone: 'Asia/Shanghai' }),
  }
  const rows: Row[] = []
  const data: Record<string, unknown> = { open_bytes }
  for (const [what, ask] of Object.entries(questions)) {
    bench.say(`incidents: ${what}`)
    const times_ms: number[] = []
    await ask()
    for (let round = 0; round < (bench.quick ? ROUNDS.quick : ROUNDS.full); round++) {
      const begun_ms = performance.now()
      await ask()
      times_ms.push(performance.now() - begun_ms)
    }
    const p95_ms = percentile(times_ms, 95)
    data[what] = { p50_ms: percentile(times_ms, 50), p95_ms }
    const aim = { text: `p95 < ${AIM_MS} ms`, met: p95_ms < AIM_MS }
    const isList = what !== SHARES
    rows.push({ what: `incidents: ${what}, p95`, linli: inMs(p95_ms), peer: '–', ...(isList ? { aim } : {}) })
  }
  rows.push({ what: `incidents: heap of ${OPEN} open ones`, linli: `${(open_bytes / 1e6).toFixed(1)} MB`, peer: '–' })
  return {
    rows,
    data,
    notes: [
      `Incidents: ${OPEN} open in memory, ${closed} closed in the archive on disk; a page of ${PAGE}, from the question to the JSON text, archive in its thread.`,
    ],
  }
}

function momentOf(number: number) {
  const run_ms = number * EVERY_MS
  return { run_ms, wall_ms: BEGIN_MS + run_ms, quality: 'synced' as const }
}

function raised(number: number): Stepped {
  const kind = INCIDENT_KINDS[number % INCIDENT_KINDS.length] as IncidentKind
  const device = `gw-${number % 5}/alarm-button/b${number % 40}`
  const place = { building: String(number % 12), floor: String(number % 30), spot: 'lobby', label: '3 号楼大堂' }
  const cause = { id: String(number), number, source: 'event', cause: 'button', kind, rule: {} } as const
  return raiseIncident(
    config,
    { ...cause, actor: 'hub:incidents', device, place, event: `gw-1:b:${number}` },
    momentOf(number),
  )
}

function finished(number: number): Stepped {
  let stepped = raised(number)
  const steps = number % 7 === 0 ? ['false-alarm'] : ['acknowledge', 'dispatch', 'arrive', 'resolve', 'answer']
  for (const step of steps) {
    const args = step === 'false-alarm' ? { reason: 'a child' } : { comment: '已处理,情况正常' }
    const input = { type: 'step', step, args, actor: 'person:wang', command: `c-${number}-${step}` }
    const next = stepIncident(config, stepped.incident, input as never, momentOf(number))
    if (!('refused' in next)) stepped = { ...next, story: [...stepped.story, ...next.story] }
  }
  return stepped
}

function heapUsed(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
