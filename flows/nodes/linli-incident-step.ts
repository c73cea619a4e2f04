import { type IncidentCommand, NEW_INCIDENT } from '../../hub/contract/incident.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { Bridge } from '../parent/bridge.ts'
import { ask, resultMsg } from './asking.ts'
import { addressIn } from './command-plan.ts'
import { bridgeOf, type Msg, type RedApi, type RedNode } from './red.ts'

interface StepConfig {
  name?: string
  step: IncidentCommand
  /** What is written with it; `msg.payload` when empty. */
  text: string
  kind: string
}

/** Which member of its arguments a step takes the text as. */
const TEXT_AS: Partial<Record<IncidentCommand, string>> = {
  'false-alarm': 'reason',
  reopen: 'reason',
  raise: 'text',
  comment: 'text',
  resolve: 'text',
  answer: 'text',
}

/** s until it must not be done any more. */
const TTL_MS = 60_000

/** `linli incident step`: does something to an incident, or raises one; first output the result, second what was refused. */
export default function linliIncidentStep(RED: RedApi): void {
  function LinliIncidentStep(this: RedNode, config: StepConfig): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    this.on('input', (msg, send, done) => {
      const plan = planOf(config, msg, bridge)
      const { step: name } = config
      const request = plan && {
        ...plan,
        name,
        ttl_ms: TTL_MS,
        flow: `${config.name ?? ''} ${this.id}`.trim().slice(0, 80),
      }
      const code = 'FLOW_NO_INCIDENT'
      const message = 'msg.incident or msg.device is not an incident; use a linli incident before'
      const asked = request ? bridge.command(request) : Promise.resolve({ status: 'refused' as const, code, message })
      void ask(this, name, asked).then((result) => {
        send(resultMsg(msg, result))
        done()
      })
    })
  }
  RED.nodes.registerType('linli incident step', LinliIncidentStep)
}

function planOf(config: StepConfig, msg: Msg, bridge: Bridge): { address: Address; args: object } | undefined {
  const { step } = config
  const address = step === 'raise' ? newIncident(bridge) : addressIn(msg)
  if (address?.class !== 'incident') return undefined
  const text = (config.text || (typeof msg.payload === 'string' ? msg.payload : '')).slice(0, 2_000)
  const kind = config.kind === '' ? {} : { kind: config.kind }
  if (step === 'correct-kind')
    return { address, args: { kind: config.kind || 'shared', ...(text ? { comment: text } : {}) } }
  if (step === 'raise') {
    const place = msg.place ? { place: msg.place } : {}
    return { address, args: { text: text || '流程 flow', ...kind, ...place } }
  }
  const fallback = step === 'false-alarm' || step === 'reopen' || step === 'comment' ? '流程 flow' : ''
  return { address, args: text || fallback ? { [TEXT_AS[step] ?? 'comment']: text || fallback } : {} }
}

/** Of the same estate as everything else here; undefined before the hub has told of anything. */
function newIncident(bridge: Bridge): Address | undefined {
  const [any] = bridge.devices.all()
  return any && { ...any.address, gateway: 'hub', class: 'incident', device: NEW_INCIDENT }
}
