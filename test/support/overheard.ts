import mqtt, { type MqttClient } from 'mqtt'
import { expect } from 'vitest'
import { type Published, publishedContract } from './published.ts'

/**
 * Listens on a hub's own broker, where commands pass too, and holds everything against the published document: what hub
 * and gateways really send, not what a generator makes up.
 */
export class Overheard {
  readonly #published: Published = publishedContract()
  readonly #complaints: string[] = []
  /** Of the document, with how many messages came on each. */
  readonly channels = new Map<string, number>()
  #client: MqttClient | undefined

  /** Connects, and again whenever the hub on this port was away. */
  async listen(port: number): Promise<void> {
    if (this.#client) return
    const options = { host: '127.0.0.1', port, clientId: 'overheard', reconnectPeriod: 50, protocolVersion: 4 } as const
    const client = await mqtt.connectAsync(options)
    this.#client = client
    client.on('message', (topic, payload) => {
      // Nothing at all clears what was retained.
      if (payload.length > 0) this.judge(topic, JSON.parse(payload.toString('utf8')))
    })
    client.on('error', () => undefined)
    await client.subscribeAsync('linli/#', { qos: 1 })
  }

  judge(topic: string, payload: unknown): void {
    const channel = this.#published.channelOf(topic) ?? topic
    this.channels.set(channel, (this.channels.get(channel) ?? 0) + 1)
    const complaint = this.#published.complaint(topic, payload)
    if (complaint !== undefined && this.#complaints.length < 20) this.#complaints.push(complaint)
  }

  async close(): Promise<void> {
    await this.#client?.endAsync(true)
  }

  expectConformity(): void {
    expect(this.#complaints, 'messages that hub/contract/published/asyncapi.json does not describe').toEqual([])
  }
}
