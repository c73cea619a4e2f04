import { sourceOf } from '../../hub/contract/topic.ts'
import type { DeviceChange } from '../parent/bridge.ts'
import { type DeviceFilter, meansDevice } from './device-filter.ts'
import { bridgeOf, type RedApi, type RedNode } from './red.ts'

interface StateConfig extends DeviceFilter {
  about: 'state' | 'availability' | 'both'
  /** A member of the state: only when it changes, with its value as the payload. Empty: the whole state. */
  property: string
  /** Also what holds when the flows start. */
  atstart: boolean
}

/** `linli state`: sends a message when what holds for a device changes. */
export default function linliState(RED: RedApi): void {
  function LinliState(this: RedNode, config: StateConfig): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    const say = ({ address, field, value, previous, atstart }: DeviceChange) => {
      if (field !== 'state' && field !== 'availability') return
      if (config.about !== 'both' && config.about !== field) return
      // An incident has a node of its own.
      if (address.class === 'incident' || value === null || (atstart && !config.atstart)) return
      const place = bridge.devices.get(address)?.meta?.place ?? null
      if (!meansDevice(config, address, place)) return
      const [now, before] =
        field === 'state' ? [value, previous].map((one) => partOf(one, config.property)) : [value, previous]
      if (now === undefined || (!atstart && JSON.stringify(now) === JSON.stringify(before))) return
      const { status = 'online' } = field === 'availability' ? (value as { status?: string }) : {}
      this.status({
        fill: status === 'online' ? 'green' : 'red',
        shape: status === 'online' ? 'dot' : 'ring',
        text: `${address.device} · ${textOf(field === 'availability' ? status : now)}`.slice(0, 60),
      })
      const topic = `${sourceOf(address).slice(1)}/${field === 'state' ? 'state' : 'avail'}`
      this.send({ topic, payload: now, previous: before ?? null, about: field, atstart, device: address, place })
    }
    // After a deploy the hub has nothing new to say, but this node has; not before the nodes behind it exist.
    const sayKnown = () => {
      for (const { address, state, availability } of bridge.devices.all())
        for (const [field, value] of [
          ['availability', availability],
          ['state', state],
        ] as const)
          if (value !== undefined) say({ type: 'device', address, field, value, previous: undefined, atstart: true })
    }
    RED.events.once('flows:started', sayKnown)
    const unsubscribe = bridge.onDevice(say)
    this.on('close', () => {
      RED.events.off('flows:started', sayKnown)
      unsubscribe()
    })
  }
  RED.nodes.registerType('linli state', LinliState)
}

function partOf(state: unknown, property: string): unknown {
  if (property === '') return state
  return typeof state === 'object' && state !== null ? (Reflect.get(state, property) as unknown) : undefined
}

function textOf(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
