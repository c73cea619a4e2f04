import { FRONT_LIMITS, type FrontLimits } from '../../hub/broker/front/limits.ts'
import { complaint, fuzzCase, seeded } from '../support/mqtt-fuzz.ts'
import { inspectAll } from '../support/mqtt-inspect.ts'
import type { Bench, Findings } from './bench.ts'

/** Random and damaged MQTT packets against the front and a second reading of the standard; any disagreement ends the run. */

const PACKETS = { full: 1_000_000, quick: 50_000 }
const PACKETS_OF_STREAM_MAX = 12
/** Small, so that limits are met; the packets are small too. */
const LIMITS: FrontLimits = {
  ...FRONT_LIMITS,
  connect_bytes_max: 500,
  packet_bytes_max: 2_000,
  topic_bytes_max: 200,
  subscriptions_max: 3,
}
const STREAMS_BETWEEN_BREATHS = 500

export async function fuzz(bench: Bench): Promise<Findings> {
  const wanted = bench.quick ? PACKETS.quick : PACKETS.full
  const seed = (Math.random() * 2 ** 32) >>> 0
  bench.say(`fuzz: ${wanted.toLocaleString('en')} packets from seed ${seed}`)
  const random = seeded(seed)
  const causes = new Map<string, number>()
  let packets = 0
  let streams = 0
  let passed = 0
  let kept_bytes_max = 0
  while (packets < wanted) {
    const made = fuzzCase(random, PACKETS_OF_STREAM_MAX)
    const wrong = complaint(LIMITS, made)
    if (wrong !== undefined) throw new Error(`fuzz, seed ${seed}, stream ${streams}: ${wrong}`)
    const verdict = inspectAll(LIMITS, made.pieces)
    const cause = verdict.refused ?? 'nothing refused'
    causes.set(cause, (causes.get(cause) ?? 0) + 1)
    packets += made.packets
    passed += verdict.packets
    kept_bytes_max = Math.max(kept_bytes_max, verdict.kept_bytes_max)
    // Signals and the time limit of the bench are heard.
    if (++streams % STREAMS_BETWEEN_BREATHS === 0) await new Promise<void>((resolve) => setImmediate(resolve))
  }
  return {
    rows: [
      {
        what: 'MQTT fuzz: packets made; passed whole; streams refused for',
        linli: `${packets.toLocaleString('en')}; ${passed.toLocaleString('en')}; ${causes.size - 1} different causes`,
        peer: 'a second reading of the standard: 0 disagreements',
        aim: { text: `≥ ${wanted.toLocaleString('en')} packets, 0 disagreements`, met: packets >= wanted },
      },
      {
        what: 'MQTT fuzz: most bytes the front kept of one connection',
        linli: `${kept_bytes_max} B at a limit of ${LIMITS.packet_bytes_max} B a packet`,
        peer: '',
      },
    ],
    notes: [
      `Fuzz: seed ${seed}; ${streams.toLocaleString('en')} streams of up to ${PACKETS_OF_STREAM_MAX + 1} packets, three in five of them damaged, each shown whole and in random pieces.`,
    ],
    data: { seed, packets, streams, passed, kept_bytes_max, causes: Object.fromEntries(causes) },
  }
}
