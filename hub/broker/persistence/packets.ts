/** The packets that the hub sends for QoS 1 and 2 by itself. */

const PUBLISH = 0x30
const DUP = 0x08
const RETAIN = 0x01
/** Its reserved bits are 0010 (MQTT-3.6.1-1). */
const PUBREL = 0x62

export function publishPacket(publish: {
  topic: string
  payload: Uint8Array
  qos: 1 | 2
  retain: boolean
  dup: boolean
  packet_id: number
}): Buffer {
  const { payload, packet_id } = publish
  const topic_bytes = Buffer.byteLength(publish.topic)
  const length = 2 + topic_bytes + 2 + payload.length
  const lengthBytes = remainingLength(length)
  const packet = Buffer.allocUnsafe(1 + lengthBytes.length + length)
  packet[0] = PUBLISH | (publish.dup ? DUP : 0) | (publish.qos << 1) | (publish.retain ? RETAIN : 0)
  packet.set(lengthBytes, 1)
  let at = 1 + lengthBytes.length
  at = packet.writeUInt16BE(topic_bytes, at)
  at += packet.write(publish.topic, at)
  at = packet.writeUInt16BE(packet_id, at)
  packet.set(payload, at)
  return packet
}

export function pubrelPacket(packet_id: number): Buffer {
  return Buffer.from([PUBREL, 2, packet_id >> 8, packet_id & 0xff])
}

/** §2.2.3 */
function remainingLength(length: number): number[] {
  const bytes: number[] = []
  for (let left = length; ; left = Math.floor(left / 128)) {
    if (left < 128) return [...bytes, left]
    bytes.push((left % 128) | 0x80)
  }
}
