import { reasonOf } from '../../hub/contract/errors.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { Bridge } from '../parent/bridge.ts'
import { type CommandConfig, planTargets, ttl_ms } from './command-plan.ts'
import { bridgeOf, type Msg, type RedApi, type RedNode } from './red.ts'

/** `linli command`: asks devices to act; first output the results, second output what was refused or failed. */
export default function linliCommand(RED: RedApi): void {
  function LinliCommand(this: RedNode, config: CommandConfig): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    this.on('input', (msg, send, done) => {
      run(RED, this, bridge, config, msg, send).then(
        () => done(),
        (error: unknown) => {
          fail(this, send, msg, { code: 'FLOW_NODE_FAILED', message: reasonOf(error) })
          done()
        },
      )
    })
  }
  RED.nodes.registerType('linli command', LinliCommand)
}

type Send = (msg: Array<Msg | null>) => void

async function run(
  RED: RedApi,
  node: RedNode,
  bridge: Bridge,
  config: CommandConfig,
  msg: Msg,
  send: Send,
): Promise<void> {
  const targets = planTargets(config, msg, bridge.devices)
  if (!targets.ok) return fail(node, send, msg, targets)
  const args = RED.util.evaluateNodeProperty(config.args || '{}', config.argsType || 'json', node, msg)
  node.status({ fill: 'yellow', shape: 'ring', text: `${config.command} → ${targets.addresses.length}` })
  const outcomes = await Promise.all(
    targets.addresses.map((address) => ask(bridge, config, msg, address, args, node.id)),
  )
  const failed = outcomes.filter(({ result }) => result.status !== 'succeeded')
  for (const { address, result } of outcomes) {
    const out = { ...msg, payload: result, target: address }
    if (result.status === 'succeeded') send([out, null])
    else
      send([null, { ...out, error: { code: result.code ?? result.status, message: result.message ?? result.status } }])
  }
  const done = outcomes.length - failed.length
  node.status(
    failed.length === 0
      ? { fill: 'green', shape: 'dot', text: `${config.command} ${done}/${outcomes.length}` }
      : {
          fill: 'red',
          shape: 'dot',
          text: `${config.command} ${done}/${outcomes.length} ${failed[0]?.result.code ?? failed[0]?.result.status}`,
        },
  )
}

async function ask(bridge: Bridge, config: CommandConfig, msg: Msg, address: Address, args: unknown, node: string) {
  const cause = (msg.event as { id?: unknown } | undefined)?.id
  const result = await bridge.command({
    address,
    name: config.command,
    args,
    ttl_ms: ttl_ms(config),
    // Who did it, for the audit log: the id is what the editor's search finds.
    flow: `${config.name ? `${config.name.slice(0, 50)} ` : ''}${node}`.slice(0, 80),
    ...(typeof msg.type === 'string' ? { reason: `flow: ${msg.type}`.slice(0, 200) } : {}),
    ...(typeof cause === 'string' ? { event: cause } : {}),
  })
  return { address, result }
}

function fail(node: RedNode, send: Send, msg: Msg, { code, message }: { code: string; message: string }): void {
  node.status({ fill: 'red', shape: 'dot', text: code })
  send([null, { ...msg, error: { code, message } }])
}
