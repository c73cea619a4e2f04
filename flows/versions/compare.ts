import { isDeepStrictEqual } from 'node:util'
import type { FlowNode } from '../storage/units.ts'

/** One node that is not the same in two versions. */
export interface Difference {
  what: 'added' | 'removed' | 'changed'
  /** Label of the tab it is on. */
  flow: string
  id: string
  type: string
  name: string
  /** Which of a changed one. */
  properties: string[]
}

/** Where nodes stand on the page counts as no difference. */
const PLACE = ['x', 'y', 'w', 'h']

export function compareFlows(from: FlowNode[], to: FlowNode[]): Difference[] {
  const [before, after] = [from, to].map((nodes) => new Map(nodes.map((node) => [node.id, node]))) as [Nodes, Nodes]
  const tell = (what: Difference['what'], node: FlowNode, nodes: Nodes, properties: string[] = []): Difference => {
    const tab = nodes.get(node.z ?? '') ?? node
    const flow = String(tab.label ?? tab.name ?? tab.id)
    return { what, flow, id: node.id, type: node.type, name: String(node.name ?? node.label ?? ''), properties }
  }
  const changed = from.flatMap((node) => {
    const now = after.get(node.id)
    if (!now) return [tell('removed', node, before)]
    const names = [...new Set([...Object.keys(node), ...Object.keys(now)])]
    const properties = names.filter((name) => !PLACE.includes(name) && !isDeepStrictEqual(node[name], now[name]))
    return properties.length > 0 ? [tell('changed', now, after, properties)] : []
  })
  return [...changed, ...to.filter(({ id }) => !before.has(id)).map((node) => tell('added', node, after))]
}

type Nodes = Map<string, FlowNode>
