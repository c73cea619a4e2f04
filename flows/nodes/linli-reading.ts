import { sourceOf } from '../../hub/contract/topic.ts'
import type { DeviceRecord } from '../parent/messages.ts'
import { type DeviceFilter, meansDevice } from './device-filter.ts'
import { listOf } from './event-filter.ts'
import { bridgeOf, type RedApi, type RedNode } from './red.ts'
import { readingsIn } from './senml.ts'

interface ReadingConfig extends DeviceFilter {
  /** Separated by commas. */
  quantities: string
  /** The worst that passes. */
  quality: 'good' | 'suspect' | 'bad'
}

const RANK = { good: 0, suspect: 1, bad: 2 }

/** `linli reading`: sends a message for each reading of a park sensor that can be believed. */
export default function linliReading(RED: RedApi): void {
  function LinliReading(this: RedNode, config: ReadingConfig): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    const wanted = listOf(config.quantities)
    const unsubscribe = bridge.onDevice(({ address, field, value }) => {
      if (field !== 'readings' || value === null) return
      const place = bridge.devices.get(address)?.meta?.place ?? null
      if (!meansDevice(config, address, place)) return
      const { pack, time } = value as NonNullable<DeviceRecord['readings']>
      for (const reading of readingsIn(pack, time)) {
        if (wanted.length > 0 && !wanted.includes(reading.quantity)) continue
        const text = `${address.device} · ${reading.quantity} ${reading.value ?? '–'} ${reading.unit}`
        if (RANK[reading.quality] > RANK[config.quality]) {
          this.status({
            fill: 'yellow',
            shape: 'ring',
            text: `${text} · ${reading.quality} ${reading.reason ?? ''}`.trim(),
          })
          continue
        }
        this.status({ fill: reading.quality === 'good' ? 'green' : 'yellow', shape: 'dot', text })
        const topic = `${sourceOf(address).slice(1)}/tele`
        this.send({ topic, payload: reading.value ?? null, ...reading, device: address, place })
      }
    })
    this.on('close', unsubscribe)
  }
  RED.nodes.registerType('linli reading', LinliReading)
}
