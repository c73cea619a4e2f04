import type { RedNode } from '../nodes/red.ts'
import type { DashboardRed } from './red.ts'

interface ViewConfig {
  group: string
  view: string
}

/** `ui-linli-view`: one page of the duty desk in a group of FlowFuse Dashboard. It fetches what it shows from the hub itself. */
export default function uiLinliView(RED: DashboardRed): void {
  function UiLinliView(this: RedNode, config: ViewConfig): void {
    RED.nodes.createNode(this, config)
    const group = RED.nodes.getNode(config.group) as { register?(node: RedNode, config: object, events: object): void }
    if (group?.register) group.register(this, config, {})
    else this.error('no group: choose where it is shown')
  }
  RED.nodes.registerType('ui-linli-view', UiLinliView)
}
