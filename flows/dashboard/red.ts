import type { RedApi } from '../nodes/red.ts'

/** What the Dashboard's part uses of Node-RED beside what every Linli node does. */
export interface DashboardRed {
  nodes: RedApi['nodes'] & { getNode(id: string): unknown }
  plugins: { registerPlugin(id: string, plugin: { type: string; hooks: object }): void }
}
