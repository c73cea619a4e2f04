import { type EventFilter, matches } from './event-filter.ts'
import { eventMsg } from './event-message.ts'
import { bridgeOf, type RedApi, type RedNode } from './red.ts'

/** `linli event`: sends a message for each event of a device that its filter lets through. */
export default function linliEvent(RED: RedApi): void {
  function LinliEvent(this: RedNode, config: EventFilter): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    const unsubscribe = bridge.onEvent((message) => {
      if (!matches(config, message)) return
      const alarm = message.event.severity === 'alarm'
      this.status({
        fill: alarm ? 'red' : 'green',
        shape: message.replayed ? 'ring' : 'dot',
        text: `${message.name} · ${message.address.device} · ${message.event.time.slice(11, 19)}Z`,
      })
      this.send(eventMsg(message, bridge.devices))
    })
    this.on('close', unsubscribe)
  }
  RED.nodes.registerType('linli event', LinliEvent)
}
