import mqtt, { type MqttClient } from 'mqtt'
import { encodeJson } from '../../hub/contract/encode.ts'
import { type LinliEvent, makeEvent } from '../../hub/contract/event.ts'
import { type Address, formatTopic } from '../../hub/contract/topic.ts'
import { SITE } from './estate.ts'

/** A gateway that is not ours: it publishes straight to the hub, by the contract or against it. */

export const FOREIGN: Address = { ...SITE, gateway: 'foreign', class: 'alarm-button', device: 'x1' }

export async function connectTo(port: number, clientId: string): Promise<MqttClient> {
  return mqtt.connectAsync({ host: '127.0.0.1', port, clientId, reconnectPeriod: 0, protocolVersion: 4 })
}

export function pressedEvent(
  sequence: number,
  bootid = 'boot1',
  address: Address = FOREIGN,
): { topic: string; payload: Buffer; event: LinliEvent } {
  const stamp = { wall_ms: Date.now(), monotonic_ms: sequence, quality: 'synced' } as const
  const event = makeEvent({ address, bootid, sequence }, 'pressed', 'alarm', stamp, {
    press: Math.max(1, sequence),
    atstart: false,
  })
  return {
    topic: formatTopic({ ...address, channel: 'evt', type: 'pressed' }),
    payload: Buffer.from(encodeJson(event)),
    event,
  }
}

/** Resolves on PUBACK; rejects when the connection ends first. */
export async function publish(
  client: MqttClient,
  topic: string,
  payload: Buffer | string,
  retain = false,
): Promise<void> {
  let onClose = () => {}
  const closed = new Promise<never>((_, reject) => {
    onClose = () => reject(new Error('the connection was closed'))
  })
  client.once('close', onClose)
  try {
    await Promise.race([client.publishAsync(topic, payload, { qos: 1, retain }), closed])
  } finally {
    client.off('close', onClose)
  }
}
