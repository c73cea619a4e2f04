import { bridgeOf, type RedApi, type RedNode } from './red.ts'

interface ToldConfig {
  /** What became of it; `auto`: failed when the message carries an error or an HTTP status of 400 and above. */
  delivery: 'auto' | 'sent' | 'delivered' | 'failed'
}

/** `linli notice told`: writes into the story of the incident what became of a notice to one person. */
export default function linliNoticeTold(RED: RedApi): void {
  function LinliNoticeTold(this: RedNode, config: ToldConfig): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    this.on('input', (msg, send, done) => {
      const notice = (msg.notice as { id?: unknown } | undefined)?.id
      const person = (msg.to as { person?: unknown } | undefined)?.person
      if (typeof notice !== 'string' || typeof person !== 'string') {
        const error = { code: 'FLOW_NO_NOTICE', message: 'msg.notice and msg.to are not those of a linli notice' }
        this.status({ fill: 'red', shape: 'ring', text: error.code })
        send([{ ...msg, error }])
        return done()
      }
      const why = whyFailed(msg)
      const delivery = config.delivery === 'auto' ? (why === undefined ? 'delivered' : 'failed') : config.delivery
      const failed = delivery === 'failed'
      bridge.delivered({ notice, person, delivery, ...(failed && why ? { error: why.slice(0, 400) } : {}) })
      this.status({ fill: failed ? 'red' : 'green', shape: failed ? 'ring' : 'dot', text: `${person} · ${delivery}` })
      done()
    })
  }
  RED.nodes.registerType('linli notice told', LinliNoticeTold)
}

function whyFailed({ error, statusCode }: Record<string, unknown>): string | undefined {
  if (error) {
    const { message } = error as { message?: unknown }
    return typeof message === 'string' ? message : String(error)
  }
  // The request node of Node-RED puts the name of a network fault where the status would be.
  if (typeof statusCode === 'string') return statusCode
  return typeof statusCode === 'number' && statusCode >= 400 ? `HTTP ${statusCode}` : undefined
}
