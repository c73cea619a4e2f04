import { createHmac, randomBytes } from 'node:crypto'
import { type CredentialDesk, createCredentialDesk } from '../../firmware/credentials/desk.ts'
import { CREDENTIAL_USE_LANE } from '../../firmware/credentials/ledger.ts'
import { momentNow } from '../../firmware/moment.ts'
import { cardPinHash, credentialId, keyId, normalForm } from '../../hub/contract/credentials.ts'
import { CREDENTIAL_LANE } from '../../hub/credentials/entries.ts'
import { type CredentialSource, createCredentialSource } from '../../hub/credentials/source.ts'
import { openFolder } from '../../hub/journal/folder.ts'
import { openFileLog } from '../../hub/journal/open.ts'
import { type Bench, type Findings, inMs, ratioOf } from './bench.ts'
import { median, percentile } from './statistics.ts'

/** 50,000 credentials: card reference at the desk → decision, from the hub's journal to the gateway's disk and memory. */

const COUNT = { full: 50_000, quick: 5_000 }
const DECISIONS = { full: 200_000, quick: 20_000 }
const WARM_UP = 5_000
/** One in so many is a visitor under a limit, and one in so many has anti-passback: what has to be remembered. */
const VISITOR_EVERY = 20
const PASSBACK_EVERY = 3
const GATES = ['door-1', 'door-2', 'door-3', 'boom-1']
/** Decisions between two turns of the event loop. */
const TOGETHER = 50
const DECISION_P99_MS_MAX = 5

const reference = (number: number) => `h10301:${number >> 16}:${number & 65_535}`

export async function credentials(bench: Bench): Promise<Findings> {
  const count = bench.quick ? COUNT.quick : COUNT.full
  const siteKey = randomBytes(32)
  bench.say(`credentials: ${count} into the hub`)
  const { source, enrol_ms } = await enrolled(bench, siteKey, count)
  const folder = bench.folder('credentials-gateway')
  const log = await openFileLog(bench.folder('credentials-spool'), { lanes: [CREDENTIAL_USE_LANE] })
  bench.closers.push(() => log.close())
  const open = async () =>
    createCredentialDesk(
      { folder: await openFolder(folder), log, onFault: bench.fail },
      { siteKeys: [siteKey], gates: {}, schedules: {} },
    )
  bench.say('credentials: a snapshot to the gateway')
  const samples = new Float64Array(bench.quick ? DECISIONS.quick : DECISIONS.full)
  const before_bytes = heldBytes()
  const desk = await open()
  const snapshot_ms = await timed(() => sync(source, desk))
  const held_bytes = heldBytes() - before_bytes
  bench.say('credentials: decisions')
  await decide(desk, count, samples)
  const remembered_bytes = (heldBytes() - before_bytes - held_bytes) / desk.stats().remembered
  const decisions_ms = Array.from(samples)
  const hmac_ms = hmacs(siteKey, samples.length)
  const visitor_ms = await visitors(desk, count)
  const { change_ms, apply_ms } = await deltas(source, desk, siteKey, bench.quick ? 20 : 200)
  let again: CredentialDesk | undefined
  const load_ms = await timed(async () => {
    again = await open()
  })
  if (JSON.stringify(again?.have()) !== JSON.stringify(desk.have())) throw new Error('the copy on disk is another one')
  const p99_ms = percentile(decisions_ms, 99)
  const { bytes } = desk.stats()
  const row = (what: string, linli: string) => ({ what, linli, peer: '' })
  return {
    rows: [
      {
        ...row(`card → decision among ${count}, p50 / p99 / max`, spread(decisions_ms)),
        peer: `${spread(hmac_ms)} one HMAC-SHA-256`,
        ratio: ratioOf(p99_ms, percentile(hmac_ms, 99)),
        aim: { text: `p99 < ${DECISION_P99_MS_MAX} ms`, met: p99_ms < DECISION_P99_MS_MAX },
      },
      row('visitor → decision and use on disk, p50 / p99 / max', spread(visitor_ms)),
      row('memory per credential, tables', `${(bytes / count).toFixed(0)} B`),
      row('memory per credential, all that the gateway holds', `${(held_bytes / count).toFixed(0)} B`),
      row('memory per credential of which something is remembered', `${remembered_bytes.toFixed(0)} B more`),
      row(`enrol ${count} in the hub`, inMs(enrol_ms)),
      row(`snapshot of ${count}, hub → gateway, on disk`, inMs(snapshot_ms)),
      row('one change, hub → gateway, both on disk, p50 / p99 / max', spread(change_ms)),
      row('one change applied at the gateway, on disk, p50 / p99 / max', spread(apply_ms)),
      row(`start of a gateway with ${count}`, inMs(load_ms)),
    ],
    notes: [
      'Credentials: no wire between hub and gateway; the ratio of the decision is p99 to p99; memory is heap and array buffers after a collection when node runs with --expose-gc, otherwise as it stands.',
    ],
    data: {
      count,
      p99_ms,
      bytes,
      held_bytes,
      remembered_bytes,
      enrol_ms,
      snapshot_ms,
      load_ms,
      decision_p50_ms: median(decisions_ms),
      hmac_p50_ms: median(hmac_ms),
      hmac_p99_ms: percentile(hmac_ms, 99),
      apply_p50_ms: median(apply_ms),
    },
  }
}

async function enrolled(bench: Bench, siteKey: Uint8Array, count: number) {
  const log = await openFileLog(bench.folder('credentials-hub'), { lanes: [CREDENTIAL_LANE] })
  bench.closers.push(() => log.close())
  const source = await createCredentialSource(
    { log, now_s: () => Date.now() / 1000, onFault: bench.fail },
    { key: keyId(siteKey) },
  )
  const put = Array.from({ length: count }, (_, number) => credentialOf(siteKey, number))
  const enrol_ms = await timed(() => source.change({ put }))
  return { source, enrol_ms }
}

function credentialOf(siteKey: Uint8Array, number: number) {
  const id = credentialId(siteKey, 'card', reference(number))
  const isVisitor = number % VISITOR_EVERY === 0
  return normalForm({
    id,
    kind: 'card',
    class: isVisitor ? 'visitor' : 'resident',
    gates: GATES.slice(0, 1 + (number % GATES.length)),
    antipassback: number % PASSBACK_EVERY === 0 ? 'soft' : 'none',
    ...(isVisitor ? { until_s: 4_000_000_000, limits: { uses: 60_000 } } : {}),
    pin: cardPinHash(siteKey, id, `${number % 10_000}`),
  })
}

/** @returns ms of it that the gateway took */
async function sync(source: CredentialSource, desk: CredentialDesk): Promise<number> {
  const updates = await source.answer('gw-1', GATES, desk.have())
  const from_ms = performance.now()
  for (const update of updates) {
    const applied = await desk.apply(update)
    if (applied.status === 'refused') throw new Error(`${applied.code}: ${applied.message}`)
  }
  if (desk.have().need !== 'changes') throw new Error('the gateway still needs a snapshot')
  return performance.now() - from_ms
}

/** Cards known and unknown, in an order in which no cache helps; one in a hundred is nobody's. */
async function decide(desk: CredentialDesk, count: number, samples: Float64Array): Promise<void> {
  for (let n = 0; n < WARM_UP + samples.length; n++) {
    const number = (n * 7919) % Math.ceil(count * 1.01)
    const presence = { ...here(), gate: 'door-1' }
    const from_ms = performance.now()
    const { access, kept } = desk.card(reference(number), undefined, presence)
    if (n >= WARM_UP) samples[n - WARM_UP] = performance.now() - from_ms
    // What has to be remembered goes to the disk meanwhile, as it would.
    if (n % TOGETHER === 0) await kept
    if (access.granted !== number < count) throw new Error(`card ${number} was decided wrongly: ${access.reason}`)
  }
}

/** The least that a keyed lookup costs. */
function hmacs(siteKey: Uint8Array, count: number): number[] {
  const samples = new Float64Array(count)
  for (let n = -WARM_UP; n < count; n++) {
    const from_ms = performance.now()
    createHmac('sha256', siteKey)
      .update(reference(Math.abs(n)))
      .digest()
    if (n >= 0) samples[n] = performance.now() - from_ms
  }
  return Array.from(samples)
}

/** One after the other, each with its own fsync. */
async function visitors(desk: CredentialDesk, count: number): Promise<number[]> {
  const samples: number[] = []
  for (let number = 0; number < Math.min(count, 200 * VISITOR_EVERY); number += VISITOR_EVERY) {
    const from_ms = performance.now()
    const { kept } = desk.card(reference(number), undefined, { ...here(), gate: 'door-1' })
    if (!(await kept)) throw new Error('a use is not on disk')
    samples.push(performance.now() - from_ms)
  }
  return samples
}

async function deltas(source: CredentialSource, desk: CredentialDesk, siteKey: Uint8Array, changes: number) {
  const change_ms: number[] = []
  const apply_ms: number[] = []
  for (let number = 1; number <= changes; number++) {
    const credential = { ...credentialOf(siteKey, number), class: 'staff' }
    const from_ms = performance.now()
    await source.change({ put: [credential] })
    apply_ms.push(await sync(source, desk))
    change_ms.push(performance.now() - from_ms)
  }
  return { change_ms, apply_ms }
}

function here() {
  return { direction: 'in', mode: 'card', at: momentNow(), timeQuality: 'synced' } as const
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from_ms = performance.now()
  await work()
  return performance.now() - from_ms
}

function heldBytes(): number {
  // Array buffers of dropped tables go only with the second collection.
  for (let round = 0; round < 2; round++) globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function spread(samples_ms: readonly number[]): string {
  const us = (ms: number) => (ms < 1 ? `${(ms * 1000).toFixed(1)} µs` : inMs(ms))
  return [50, 99, 100].map((percent) => us(percentile(samples_ms, percent))).join(' / ')
}
