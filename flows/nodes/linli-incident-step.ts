import { NEW_INCIDENT } from '../../hub/contract/incident.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { Bridge } from '../parent/bridge.ts'
import { type Answer, ask, resultMsg } from './asking.ts'
import { addressIn } from './command-plan.ts'
import { type StepConfig, stepArgs } from './incident-step.ts'
import { bridgeOf, type Msg, type RedApi, type RedNode } from './red.ts'

/** Until it must not be done any more. */
const TTL_MS = 60_000

/** `linli incident step`: does something to an incident, or raises one; first output the result, second what was refused. */
export default function linliIncidentStep(RED: RedApi): void {
  function LinliIncidentStep(this: RedNode, config: StepConfig): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    this.on('input', (msg, send, done) => {
      const flow = `${config.name ?? ''} ${this.id}`.trim().slice(0, 80)
      void ask(this, config.step, carryOut(config, msg, bridge, flow)).then((result) => {
        send(resultMsg(msg, result))
        done()
      })
    })
  }
  RED.nodes.registerType('linli incident step', LinliIncidentStep)
}

async function carryOut(config: StepConfig, msg: Msg, bridge: Bridge, flow: string): Promise<Answer> {
  const { step: name } = config
  const address = name === 'raise' ? newIncident(bridge) : addressIn(msg)
  if (address?.class !== 'incident')
    return refused('FLOW_NO_INCIDENT', 'msg.incident or msg.device is not an incident; use a linli incident before')
  const planned = stepArgs(config, msg)
  if ('missing' in planned)
    return refused('FLOW_STEP_INCOMPLETE', `neither the node nor the message say ${planned.missing}`)
  return bridge.command({ address, name, args: planned.args, ttl_ms: TTL_MS, flow })
}

function refused(code: string, message: string): Answer {
  return { status: 'refused', code, message }
}

/** Of the same estate as everything else here; undefined before the hub has told of anything. */
function newIncident(bridge: Bridge): Address | undefined {
  const [any] = bridge.devices.all()
  return any && { ...any.address, gateway: 'hub', class: 'incident', device: NEW_INCIDENT }
}
