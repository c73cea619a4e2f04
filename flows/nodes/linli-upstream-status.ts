import type { UpstreamStatus } from '../parent/messages.ts'
import { bridgeOf, type RedApi, type RedNode } from './red.ts'
import { upstreamDot } from './upstream-text.ts'

/** `linli upstream status`: whether each upstream hears the hub; sends a message for each at start, and on every change. */
export default function linliUpstreamStatus(RED: RedApi): void {
  function LinliUpstreamStatus(this: RedNode, config: object): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    const say = (upstream: UpstreamStatus) => {
      const { name, status, backlog } = upstream
      this.status(upstreamDot(bridge.upstreams()))
      this.send({ topic: 'upstream', payload: upstream, upstream: name, status, backlog })
    }
    // After a deploy the hub has nothing new to say, but this node has; not before the nodes behind it exist.
    const sayKnown = () => {
      for (const known of bridge.upstreams()) say(known)
    }
    RED.events.once('flows:started', sayKnown)
    const unsubscribe = bridge.onUpstream(say)
    this.on('close', () => {
      RED.events.off('flows:started', sayKnown)
      unsubscribe()
    })
  }
  RED.nodes.registerType('linli upstream status', LinliUpstreamStatus)
}
