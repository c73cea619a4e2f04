import type { IncidentState } from '../../hub/contract/incident.ts'
import type { Place } from '../../hub/contract/meta.ts'
import { type Address, sourceOf } from '../../hub/contract/topic.ts'
import { meansDevice } from './device-filter.ts'
import { listOf } from './event-filter.ts'
import { bridgeOf, type Msg, type RedApi, type RedNode } from './red.ts'

interface IncidentConfig {
  /** What happened to it, separated by commas. */
  types: string
  kind: string
  building: string
  floor: string
  spot: string
  /** Also those that are open when the flows start. */
  atstart: boolean
}

/** `linli incident`: sends a message for each step of an incident, and for those that are open at the start. */
export default function linliIncident(RED: RedApi): void {
  function LinliIncident(this: RedNode, config: IncidentConfig): void {
    RED.nodes.createNode(this, config)
    const bridge = bridgeOf(RED, this)
    if (!bridge) return
    const wanted = listOf(config.types)
    const say = (address: Address, type: string, state: IncidentState | undefined, more: Msg) => {
      if (config.kind !== '' && config.kind !== state?.kind) return
      if (!meansDevice({ ...config, class: 'incident', device: '' }, address, state?.place)) return
      const urgent = ['raised', 'repeated', 'reopened', 'escalated', 'open'].includes(type)
      this.status({
        fill: urgent ? 'red' : 'green',
        shape: urgent ? 'dot' : 'ring',
        text: `${address.device} · ${type}`,
      })
      const place: Place | null = state?.place ?? null
      const incident = { id: address.device, ...state }
      this.send({
        topic: sourceOf(address).slice(1),
        type,
        payload: incident,
        incident,
        device: address,
        place,
        ...more,
      })
    }
    const stateOf = (address: Address) => bridge.devices.get(address)?.state as IncidentState | undefined
    const stopEvents = bridge.onEvent(({ address, name, event, replayed }) => {
      if (address.class !== 'incident' || (wanted.length > 0 && !wanted.includes(name))) return
      // The event comes before the state of the same step: what it says itself is newer.
      const said = event.data as Partial<IncidentState>
      const known = { ...stateOf(address), ...said } as IncidentState
      say(address, name, known, { event, severity: event.severity, replayed, data: said })
    })
    const sayOpen = (address: Address, state: IncidentState) => {
      if (config.atstart && isOpen(state)) say(address, 'open', state, {})
    }
    const stopStates = bridge.onDevice(({ address, field, value, atstart }) => {
      if (atstart && address.class === 'incident' && field === 'state' && value)
        sayOpen(address, value as IncidentState)
    })
    const sayKnown = () => {
      for (const { address, state } of bridge.devices.all())
        if (address.class === 'incident' && state) sayOpen(address, state as IncidentState)
    }
    RED.events.once('flows:started', sayKnown)
    this.on('close', () => {
      RED.events.off('flows:started', sayKnown)
      stopEvents()
      stopStates()
    })
  }
  RED.nodes.registerType('linli incident', LinliIncident)
}

function isOpen({ status }: IncidentState): boolean {
  return status !== 'resolved' && status !== 'answered' && status !== 'false-alarm'
}
