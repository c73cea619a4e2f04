import { createHash } from 'node:crypto'

/**
 * Flows as units that are edited, shipped and compared as a whole: a tab with its nodes, a subflow with its nodes, or one
 * configuration node. The site keeps only the units that differ from the shipped ones, so that a new version of Linli
 * brings its flows to every site that has not changed them.
 */

export interface FlowNode {
  id: string
  type: string
  /** The tab or subflow it is on. */
  z?: string
  [property: string]: unknown
}

export type Units = Map<string, FlowNode[]>

/** What a site has changed. */
export interface SiteEdits {
  format: 1
  /** RFC 3339. */
  saved_at: string
  user: string
  /** The order of all units, as the editor shows its tabs. */
  order: string[]
  /** `base`: digest of the shipped unit that was edited; null when the site made it. */
  units: Array<{ id: string; base: string | null; nodes: FlowNode[] }>
  removed: Array<{ id: string; base: string }>
}

export function splitUnits(nodes: FlowNode[]): Units {
  const units: Units = new Map()
  for (const node of nodes) {
    const id = node.z === undefined || node.z === '' ? node.id : node.z
    const unit = units.get(id)
    if (!unit) units.set(id, [node])
    // The tab comes first, wherever it stood.
    else if (node.id === id) unit.unshift(node)
    else unit.push(node)
  }
  return units
}

/** The same for two units that mean the same: order of nodes and of properties does not count. */
export function digestUnit(nodes: FlowNode[]): string {
  const sorted = [...nodes].sort((a, b) => (a.id < b.id ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(sorted, sortedKeys)).digest('hex')
}

function sortedKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What is different between the flows of the editor and the shipped ones. */
export function diffUnits(
  shipped: Units,
  edited: Units,
  previous: SiteEdits | undefined,
  saved: { at: string; user: string },
): SiteEdits {
  // A base stays the one the edit was first made from: only then is it known that the shipped unit changed since.
  const bases = new Map([...(previous?.units ?? []), ...(previous?.removed ?? [])].map(({ id, base }) => [id, base]))
  const digests = new Map([...shipped].map(([id, nodes]) => [id, digestUnit(nodes)]))
  const units = [...edited]
    .filter(([id, nodes]) => digests.get(id) !== digestUnit(nodes))
    .map(([id, nodes]) => ({ id, base: bases.get(id) ?? digests.get(id) ?? null, nodes }))
  const removed = [...digests]
    .filter(([id]) => !edited.has(id))
    .map(([id, digest]) => ({ id, base: bases.get(id) ?? digest }))
  return { format: 1, saved_at: saved.at, user: saved.user, order: [...edited.keys()], units, removed }
}

export interface Merged {
  nodes: FlowNode[]
  /** Units that the site edited or removed and that were shipped anew since: somebody should compare. */
  outdated: string[]
}

/** The shipped flows with what the site changed. */
export function mergeUnits(shipped: Units, edits: SiteEdits | undefined): Merged {
  if (!edits) return { nodes: [...shipped.values()].flat(), outdated: [] }
  const removed = new Set(edits.removed.map(({ id }) => id))
  const edited = new Map(edits.units.map(({ id, nodes }) => [id, nodes]))
  const ids = new Set([...edits.order, ...shipped.keys(), ...edited.keys()])
  const nodes = [...ids].filter((id) => !removed.has(id)).flatMap((id) => edited.get(id) ?? shipped.get(id) ?? [])
  const outdated = [...edits.units, ...edits.removed]
    .filter(({ id, base }) => {
      const now = shipped.get(id)
      return base !== null && now !== undefined && digestUnit(now) !== base
    })
    .map(({ id }) => id)
  return { nodes, outdated }
}
