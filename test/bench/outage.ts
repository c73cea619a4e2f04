import { type Bench, type Findings, NOT_INSTALLED, pause } from './bench.ts'
import { pressedPackets } from './events.ts'
import { outcomeOf, sendPaced } from './load.ts'
import { openCuttable, type PathKind, startRig } from './paths.ts'

/** The upstream is away while events go on: what is lost, what comes twice, how soon all is there again. */

const FULL = { down_ms: 5_000, per_second: 400, kinds: ['hub', 'bridge-plain', 'bridge-persistent', 'bridge-tuned'] }
const QUICK = { down_ms: 800, per_second: 800, kinds: ['hub', 'bridge-plain'] }
/** Events before the cut and after the mend, so that some are in flight when it happens. */
const AROUND_MS = 500
/** mosquitto waits 5 to 30 s, at random, before it connects again. */
const BACK_LIMIT_MS = 40_000
/** As long as nothing at all has come back, quiet means nothing; afterwards this much does. */
const QUIET_MS = 3_000
const DUPLICATES_MS = 500

const NAMES: Partial<Record<PathKind, string>> = {
  'bridge-plain': 'mosquitto, default',
  'bridge-persistent': 'mosquitto, persistence',
  'bridge-tuned': 'mosquitto, persistence, unlimited queue, reconnect after 1 s',
}

interface Recovery {
  lost: number
  duplicated: number
  /** Mend → first and last arrival; NaN when nothing came back. */
  first_ms: number
  last_ms: number
}

export async function outage(bench: Bench): Promise<Findings> {
  const plan = bench.quick ? QUICK : FULL
  const results = new Map<PathKind, Recovery>()
  for (const kind of plan.kinds as PathKind[]) {
    if (kind !== 'hub' && bench.mosquitto === undefined) continue
    bench.say(`outage: ${plan.down_ms} ms, ${kind}`)
    results.set(kind, await recover(bench, kind, plan.down_ms, plan.per_second))
  }
  const ours = results.get('hub')
  const peers = [...results].filter(([kind]) => kind !== 'hub')
  const down = Math.round((plan.down_ms / 1000) * plan.per_second)
  const total = Math.round(((plan.down_ms + 2 * AROUND_MS) / 1000) * plan.per_second)
  const what = `upstream away ${plan.down_ms / 1000} s`
  const rows = peers.length === 0 ? [['', undefined] as const] : peers.map(([kind, one]) => [NAMES[kind], one] as const)
  return {
    rows: rows.map(([name, one], index) => ({
      what: index === 0 ? `${what}, ${down.toLocaleString('en')} published` : `${what}, beside another setting`,
      linli: index === 0 && ours ? inWords(ours) : '″',
      peer: one ? `${name}: ${inWords(one)}` : NOT_INSTALLED,
      aim: index === 0 && ours ? { text: '0 lost', met: ours.lost === 0 } : undefined,
    })),
    notes: [
      `Outage: the connection to the upstream is cut and refused while ${total.toLocaleString('en')} events are published evenly, ${AROUND_MS} ms before and after it included; times run from the moment the upstream accepts again, so they hold each side's own wait before it reconnects.`,
    ],
    data: Object.fromEntries(results),
  }
}

async function recover(bench: Bench, kind: PathKind, down_ms: number, per_second: number): Promise<Recovery> {
  const upstream = await openCuttable(bench)
  const rig = await startRig(bench, [kind], upstream)
  const path = rig.paths[0]
  if (!path) throw new Error('the outage has no path')
  const count = Math.round(((down_ms + 2 * AROUND_MS) / 1000) * per_second)
  const bootid = rig.nextBoot()
  const packets = pressedPackets(bootid, count)
  const sent_ms = new Float64Array(count)
  const reception = rig.ear.listen(bootid, count)
  const sending = sendPaced(path, packets, sent_ms, per_second)
  await pause(AROUND_MS)
  await upstream.cut()
  await pause(down_ms)
  await upstream.mend()
  const mended_ms = performance.now()
  await sending
  await comesBack(() => reception.last_ms > mended_ms)
  const outcome = await outcomeOf(rig.ear, reception, sent_ms, QUIET_MS)
  await pause(DUPLICATES_MS)
  const back = reception.arrivals.filter((at_ms) => at_ms > mended_ms)
  return {
    lost: outcome.lost,
    duplicated: reception.duplicated,
    first_ms: back.length === 0 ? Number.NaN : Math.min(...back) - mended_ms,
    last_ms: back.length === 0 ? Number.NaN : Math.max(...back) - mended_ms,
  }
}

async function comesBack(isBack: () => boolean): Promise<void> {
  const until_ms = performance.now() + BACK_LIMIT_MS
  while (!isBack() && performance.now() < until_ms) await pause(20)
}

function inWords({ lost, duplicated, first_ms, last_ms }: Recovery): string {
  const seconds = (ms: number) => (Number.isNaN(ms) ? 'never' : `${(ms / 1000).toFixed(2)} s`)
  return `${lost} lost, ${duplicated} twice, first ${seconds(first_ms)}, last ${seconds(last_ms)}`
}
