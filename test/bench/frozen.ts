import { DEMO_SITE } from '../../hub/cli/demo/estate.ts'
import { sitePath } from '../../hub/contract/topic.ts'
import { connectPacket, packet } from '../support/mqtt-bytes.ts'
import { type FramePeer, framePeer } from '../support/mqtt-frames.ts'
import { type Bench, type Findings, inMs, pause, ratioOf } from './bench.ts'
import { createEar, type Ear } from './ear.ts'
import { pressedPackets } from './events.ts'
import { type LeanClient, leanClient } from './lean-client.ts'
import { sendPaced } from './load.ts'
import { bootIds, startHub, startUpstream } from './paths.ts'
import { percentile } from './statistics.ts'

/**
 * Alarms to one subscriber while others misbehave: frozen with QoS 0, with QoS 1 and with a session, one that reads and never
 * acknowledges, and one that reads a little at a time. Calm and frozen rounds alternate on one hub.
 */

const ALARMS_PER_S = 100
const FLOOD_PER_S = 1_000
const FULL = { rounds: 3, seconds: 15 }
const QUICK = { rounds: 1, seconds: 4 }
/** MQTT's SUBACK. */
const SUBACK = 9
/** The slow one reads this much, this often. */
const SIP = { bytes: 1_024, every_ms: 100 }
const QUIET_MS = 2_000
const AIM_MS = 50

interface Round {
  latencies_ms: number[]
  /** Between two arrivals. */
  gaps_ms: number[]
  lost: number
}

export async function frozen(bench: Bench): Promise<Findings> {
  const { rounds, seconds } = bench.quick ? QUICK : FULL
  const hub = await startHub(bench, await startUpstream(bench))
  const ear = await createEar(hub.mqttPort, bench.fail)
  bench.closers.push(() => ear.close())
  const alarms = await publisher(bench, hub.mqttPort, 'bench')
  const flood = await publisher(bench, hub.mqttPort, 'flood')
  const nextBoot = bootIds()
  const run = () => round({ ear, alarms, flood, nextBoot }, seconds)
  await round({ ear, alarms, flood, nextBoot }, 2)
  const calm: Round[] = []
  const stuck: Round[] = []
  for (let n = 1; n <= rounds; n += 1) {
    bench.say(`frozen: round ${n} of ${rounds}`)
    calm.push(await run())
    const bad = await misbehaving(hub.mqttPort)
    stuck.push(await run())
    for (const one of bad) one.end()
    await pause(1_000)
  }
  const page = await (await fetch(`http://127.0.0.1:${hub.httpPort}/metrics`)).text()
  return findings(calm, stuck, { rounds, seconds, cut: metricLines(page) })
}

async function publisher(bench: Bench, port: number, name: string): Promise<LeanClient> {
  const client = await leanClient(port, name, { lost: bench.fail })
  bench.closers.push(() => client.close())
  return client
}

async function round(
  rig: { ear: Ear; alarms: LeanClient; flood: LeanClient; nextBoot: () => string },
  seconds: number,
): Promise<Round> {
  const { ear, alarms, flood, nextBoot } = rig
  const count = ALARMS_PER_S * seconds
  const bootid = nextBoot()
  const sent_ms = new Float64Array(count)
  const many = FLOOD_PER_S * seconds
  const packets = { alarms: pressedPackets(bootid, count), flood: pressedPackets(nextBoot(), many) }
  const reception = ear.listen(bootid, count)
  await Promise.all([
    sendPaced({ publisher: alarms }, packets.alarms, sent_ms, ALARMS_PER_S),
    sendPaced({ publisher: flood }, packets.flood, new Float64Array(many), FLOOD_PER_S),
  ])
  await ear.settled(QUIET_MS, 60_000)
  const arrivals = [...reception.arrivals]
  return {
    latencies_ms: arrivals.map((at_ms, index) => at_ms - (sent_ms[index] ?? 0)).filter((one) => !Number.isNaN(one)),
    gaps_ms: arrivals.map((at_ms, index) => at_ms - (arrivals[index - 1] ?? at_ms)).filter((one) => one > 0),
    lost: count - reception.received,
  }
}

async function misbehaving(port: number): Promise<Array<{ end(): void }>> {
  const frozen0 = await subscriber(port, 'frozen-0', 0, true)
  const frozen1 = await subscriber(port, 'frozen-1', 1, true)
  const lasting = await subscriber(port, 'frozen-session', 1, false)
  const greedy = await subscriber(port, 'never-acknowledges', 1, true)
  const slow = await subscriber(port, 'slow', 1, true)
  for (const one of [frozen0, frozen1, lasting, slow]) one.socket.pause()
  const sips = setInterval(() => slow.socket.read(SIP.bytes), SIP.every_ms)
  return [frozen0, frozen1, lasting, greedy, slow, { end: () => clearInterval(sips) }]
}

async function subscriber(port: number, id: string, qos: 0 | 1, isClean: boolean): Promise<FramePeer> {
  const filter = `${sitePath(DEMO_SITE)}/#`
  const peer = framePeer(port, connectPacket({ id, flags: isClean ? 2 : 0 }), packet(0x82, 0, 1, filter, qos))
  while (peer.of(SUBACK).length === 0) await pause(10)
  return peer
}

function metricLines(page: string): string[] {
  return page.split('\n').filter((line) => /^linli_(mqtt_(refused|dropped|queued)|qos0_shed)/.test(line))
}

function findings(calm: Round[], stuck: Round[], about: { rounds: number; seconds: number; cut: string[] }): Findings {
  const worst = (all: Round[], of: 'latencies_ms' | 'gaps_ms', percent: number) =>
    percentile(
      all.flatMap((one) => one[of]),
      percent,
    )
  const row = (what: string, of: 'latencies_ms' | 'gaps_ms', percent: number, isAim = false) => {
    const linli = worst(stuck, of, percent)
    const peer = worst(calm, of, percent)
    const aim = isAim ? { aim: { text: `< ${AIM_MS} ms`, met: linli < AIM_MS } } : {}
    return { what, linli: inMs(linli), peer: inMs(peer), ratio: ratioOf(linli, peer), ...aim }
  }
  const lost = [...calm, ...stuck].reduce((sum, one) => sum + one.lost, 0)
  return {
    rows: [
      row('alarm gap with frozen subscribers beside, p99; without them', 'gaps_ms', 99, true),
      row('alarm gap, longest', 'gaps_ms', 100),
      row('publish → subscriber with frozen subscribers beside, p99; without them', 'latencies_ms', 99, true),
      row('the same, p50', 'latencies_ms', 50),
    ],
    notes: [
      `Frozen: ${about.rounds} alternating rounds of ${about.seconds} s; ${ALARMS_PER_S} alarms/s to the measured subscriber among ${FLOOD_PER_S}/s more, all to five others that freeze with QoS 0, QoS 1 and a session, never acknowledge, or read ${SIP.bytes} B every ${SIP.every_ms} ms; ${lost} alarms lost.`,
    ],
    data: { calm, stuck, ...about },
  }
}
