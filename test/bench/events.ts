import { DEMO_SITE } from '../../hub/cli/demo/estate.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { makeEvent } from '../../hub/contract/event.ts'
import { type Address, formatTopic, gatewayPath } from '../../hub/contract/topic.ts'
import { packet } from '../support/mqtt-bytes.ts'
import { publishPacket } from './lean-client.ts'

/** The events of a gateway that exists only here, made before the clock runs. */

const BENCH: Address = { ...DEMO_SITE, gateway: 'bench', class: 'alarm-button', device: 'x1' }
export const BENCH_FILTER = `${gatewayPath(DEMO_SITE, BENCH.gateway)}/#`
/** MQTT 3.1.1 §2.3.1: packet ids are 1 to 65,535. */
const PACKET_IDS = 65_535
/** §3.3.1 */
const PUBLISH_QOS1_RETAINED = 0x33

type DeviceOf = (index: number) => string
const always: DeviceOf = () => BENCH.device

/** `count` presses with the sequences 1 to `count` of one boot, of one button unless said otherwise. */
export function pressedMessages(
  bootid: string,
  count: number,
  deviceOf = always,
): Array<{ topic: string; payload: Uint8Array }> {
  const wall_ms = Date.now()
  return Array.from({ length: count }, (_, index) => {
    const sequence = index + 1
    const address = { ...BENCH, device: deviceOf(index) }
    const stamp = { wall_ms, monotonic_ms: sequence, quality: 'synced' } as const
    const event = makeEvent({ address, bootid, sequence }, 'pressed', 'alarm', stamp, {
      press: sequence,
      atstart: false,
    })
    return { topic: formatTopic({ ...address, channel: 'evt', type: 'pressed' }), payload: encodeJson(event) }
  })
}

/** The same, each as a PUBLISH of QoS 1. */
export function pressedPackets(bootid: string, count: number, deviceOf = always): Buffer[] {
  return pressedMessages(bootid, count, deviceOf).map(({ topic, payload }, index) =>
    publishPacket(topic, payload, (index % PACKET_IDS) + 1),
  )
}

/** Says where a button hangs, as a PUBLISH of QoS 1. */
export function placedAt(device: string, building: string): Buffer {
  const driver = { name: 'bench', version: '1' }
  const meta = { class: BENCH.class, model: 'bench', driver, place: { building }, capabilities: [] }
  const topic = formatTopic({ ...BENCH, device, channel: 'meta' })
  return packet(PUBLISH_QOS1_RETAINED, topic, PACKET_IDS >> 8, PACKET_IDS & 0xff, encodeJson(meta))
}

/** As many telemetry messages of one reading, each as a PUBLISH of QoS 1. */
export function readingPackets(bootid: string, count: number): Buffer[] {
  const address = { ...BENCH, class: 'park-sensor', device: 'x2' } as const
  const topic = formatTopic({ ...address, channel: 'tele' })
  const wall_ms = Date.now()
  return Array.from({ length: count }, (_, index) => {
    const sequence = index + 1
    const stamp = { wall_ms, monotonic_ms: sequence, quality: 'synced' } as const
    const pack = [{ bn: 'x2/', n: 'temperature', u: 'Cel', t: wall_ms / 1000, v: 20 + (index % 100) / 10 }]
    const event = makeEvent({ address, bootid, sequence }, 'telemetry', 'notice', stamp, pack)
    return publishPacket(topic, encodeJson(event), (index % PACKET_IDS) + 1)
  })
}

/** The sequence of an event of this boot, found without parsing the JSON; undefined for any other message. */
export function sequenceOf(payload: Buffer, bootid: string): number | undefined {
  const mark = `"${BENCH.gateway}:${bootid}:`
  const at = payload.indexOf(mark)
  return at < 0 ? undefined : Number(payload.toString('latin1', at + mark.length, at + mark.length + 12))
}
