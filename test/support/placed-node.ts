import type { Msg, NodeStatus, RedApi, RedNode } from '../../flows/nodes/red.ts'
import { createBridge } from '../../flows/parent/bridge.ts'
import type { CommandMessage, DeviceRecord, ReportMessage, ToHub } from '../../flows/parent/messages.ts'
import type { Result } from '../../hub/contract/command.ts'

/** A node as Node-RED makes it, with what it said. */
export function placed<C extends object>(
  register: (RED: RedApi) => void,
  config: C,
  { withHub = true, devices = [] }: { withHub?: boolean; devices?: DeviceRecord[] } = {},
) {
  const toHub: ToHub[] = []
  const bridge = createBridge({ send: (message) => toHub.push(message), rss_bytes: () => 1, clock: () => 0 })
  bridge.receive({ type: 'snapshot', devices: devices })
  bridge.release()
  const sent: Array<Msg | null | Array<Msg | null>> = []
  const statuses: NodeStatus[] = []
  const errors: string[] = []
  const listeners = new Map<string, (...args: never[]) => void>()
  const started: Array<() => void> = []
  const node: RedNode = {
    id: 'node1',
    send: (msg) => sent.push(msg),
    status: (status) => statuses.push(status),
    error: (text) => errors.push(text),
    on: (name: string, listener: (...args: never[]) => void) => listeners.set(name, listener),
  }
  register({
    nodes: {
      createNode() {},
      registerType: (_type, create) => create.call(node, config as never),
    },
    settings: withHub ? { linli: bridge } : {},
    events: { once: (_name, listener) => started.push(listener), off() {} },
    util: {
      evaluateNodeProperty: (value, type, _node, msg) => (type === 'json' ? JSON.parse(value) : msg[value]),
    },
  })
  const input = (msg: Msg) =>
    new Promise<void>((resolve) => {
      const listener = listeners.get('input') as unknown as (m: Msg, s: typeof node.send, d: () => void) => void
      listener(msg, node.send, resolve)
    })
  const answer = (status: Result['status'], code?: string) => {
    for (const message of toHub.splice(0) as Array<CommandMessage | ReportMessage>) {
      const result = { id: message.id, name: message.name, status, at: '2026-11-23T00:00:00.000Z' }
      bridge.receive({ type: 'command-result', id: message.id, result: code ? { ...result, code } : result })
    }
  }
  return { bridge, sent, statuses, errors, toHub, started, input, answer, close: () => listeners.get('close')?.() }
}
