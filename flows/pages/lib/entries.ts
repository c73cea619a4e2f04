import { type Component, defineAsyncComponent } from 'vue'

/** The pages of the desk, in the order of its menu; each comes when it is first looked at. */
export interface Entry {
  id: string
  icon: string
  /** The least that may see it. */
  role: 'viewer' | 'admin'
  page: Component
}

const page = (load: () => Promise<unknown>): Component => defineAsyncComponent(load as never)

export const ENTRIES: readonly Entry[] = [
  { id: 'alarms', icon: 'alarm', role: 'viewer', page: page(() => import('../pages/duty-desk.vue')) },
  { id: 'map', icon: 'map', role: 'viewer', page: page(() => import('../pages/place-map.vue')) },
  { id: 'gates', icon: 'gate', role: 'viewer', page: page(() => import('../pages/gates.vue')) },
  { id: 'parks', icon: 'park', role: 'viewer', page: page(() => import('../pages/parks.vue')) },
  { id: 'devices', icon: 'device', role: 'viewer', page: page(() => import('../pages/devices.vue')) },
  { id: 'yardsticks', icon: 'yardstick', role: 'viewer', page: page(() => import('../pages/yardsticks.vue')) },
  { id: 'handover', icon: 'handover', role: 'viewer', page: page(() => import('../pages/handover.vue')) },
  { id: 'audit', icon: 'audit', role: 'admin', page: page(() => import('../pages/audit.vue')) },
]
