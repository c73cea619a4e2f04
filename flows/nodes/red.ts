import type { Bridge } from '../parent/bridge.ts'

/** The part of Node-RED's node API that the Linli nodes use. */

export type Msg = Record<string, unknown>

export interface NodeStatus {
  fill?: 'red' | 'green' | 'yellow' | 'blue' | 'grey'
  shape?: 'dot' | 'ring'
  text?: string
}

export interface RedNode {
  id: string
  send(msg: Msg | null | Array<Msg | null>): void
  status(status: NodeStatus): void
  error(text: string, msg?: Msg): void
  on(event: 'close', listener: () => void): void
  on(
    event: 'input',
    listener: (msg: Msg, send: (msg: Array<Msg | null>) => void, done: (error?: Error) => void) => void,
  ): void
}

export interface RedApi {
  nodes: {
    createNode(node: RedNode, config: object): void
    registerType<C>(type: string, create: (this: RedNode, config: C) => void): void
  }
  settings: { linli?: Bridge }
  events: { once(name: string, listener: () => void): void; off(name: string, listener: () => void): void }
  util: { evaluateNodeProperty(value: string, type: string, node: RedNode, msg: Msg): unknown }
}

/** The hub's side of a node; outside the hub there is none, and the node says so. */
export function bridgeOf(RED: RedApi, node: RedNode): Bridge | undefined {
  const bridge = RED.settings.linli
  if (!bridge) {
    node.status({ fill: 'red', shape: 'ring', text: 'no hub' })
    node.error('Linli nodes work only in the flows process of a Linli hub')
  }
  return bridge
}
