import type { UpstreamStatus } from '../parent/messages.ts'
import { bridgeOf, type RedApi, type RedNode } from './red.ts'
import { upstreamDot } from './upstream-text.ts'

/** `linli upstream status`: whether the district platform hears the hub; sends a message at start and on every change. */
export default function linliUpstreamStatus(RED: RedApi): void {
  function LinliUpstreamStatus(this: RedNode, config: object): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    const say = (upstream: UpstreamStatus) => {
      this.status(upstreamDot(upstream))
      this.send({ topic: 'upstream', payload: upstream, status: upstream.status, backlog: upstream.backlog })
    }
    // After a deploy the hub has nothing new to say, but this node has; not before the nodes behind it exist.
    const sayKnown = () => {
      const known = bridge.upstream()
      if (known) say(known)
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
