import type { Severity } from '../../hub/contract/event.ts'
import { ask, resultMsg } from './asking.ts'
import { bridgeOf, type RedApi, type RedNode } from './red.ts'

interface SendConfig {
  name?: string
  /** What it is about, for programs. */
  about: string
  severity: Severity
  /** For people; `msg.text`, else a payload that is text, when empty. */
  text: string
}

/** `linli upstream send`: an event of the flow's own, kept by the hub until each platform has acknowledged it. */
export default function linliUpstreamSend(RED: RedApi): void {
  function LinliUpstreamSend(this: RedNode, config: SendConfig): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    this.on('input', (msg, send, done) => {
      const { payload } = msg
      const said = config.text || msg.text || payload
      const text = (typeof said === 'string' && said !== '' ? said : config.about).slice(0, 2_000)
      const data = typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? { data: payload } : {}
      const flow = `${config.name ?? ''} ${this.id}`.trim().slice(0, 80)
      const asked = bridge.report({ flow, name: config.about, text, severity: config.severity, ...data })
      void ask(this, config.about, asked).then((result) => {
        send(resultMsg(msg, result))
        done()
      })
    })
  }
  RED.nodes.registerType('linli upstream send', LinliUpstreamSend)
}
