/** What the hub says to a page: `hub/live`, `hub/duty`. */

export interface Place {
  building?: string
  floor?: string
  spot?: string
  label?: string
}

export interface Device {
  /** `linli/v1/…/{gateway}/{class}/{device}` */
  path: string
  gateway: string
  class: string
  device: string
  meta: { model: string; place: Place; capabilities: string[]; driver: { name: string; version: string } } | null
  state: unknown
  availability: { status: string; reason?: string; since?: string } | null
  heard: string | null
}

export interface EstateEvent {
  id: string
  path: string
  gateway: string
  class: string
  device: string
  type: string
  time: string
  severity: string
  replayed: boolean
  place: Place | null
  data: Record<string, unknown>
}

export interface Reading {
  value: number | null
  unit: string
  quality: string
  reason: string | null
  at: string
}

export interface Picture {
  id: string
  now: string
  devices: Device[]
  incidents: Incident[]
  readings: Record<string, Record<string, Reading>>
  events: EstateEvent[]
}

export interface GateState {
  kind: 'door' | 'barrier'
  mode: string
  modeby: string
  modeuntil?: string
  position: string
  held: boolean
  helduntil?: string
  alarm: string
  lock?: string
  safety?: string
  waiting?: number
  vehicles?: { in: number; out: number; withoutright: number }
  faults: string[]
  tamper: string[]
}

export interface ParkState {
  quantities: Array<{ name: string; unit: string; quality: string; reason?: string; since: string }>
  alarms: Array<{ quantity: string; threshold: string; since: string }>
  outputs: Array<{ name: string; on: boolean; until?: string }>
}

/** What the hub says of itself; what is well is absent or says so. */
export interface HubState {
  evacuation?: object
  upstreams?: Array<{ name: string; status: string; since: string }>
  journal?: { fault?: { code: string } }
  flows?: { status: string; fellback?: { from: number; to: number; user: string; at: string } }
}

export interface Incident {
  number: string
  status: string
  kind: string
  source: string
  cause: string
  since: string
  count: number
  late: boolean
  device?: string
  place?: Place
  reference?: string
  team?: string
  steps: Array<{ status: string; at: string; actor: string }>
  overdue: Array<{ clock: string; tier: string }>
  text?: string
}

export interface CommandTold {
  id: string
  path: string
  name: string
  actor: string
  at: string
  status?: string
  code?: string
}

export interface Result {
  id: string
  name: string
  status: string
  at: string
  code?: string
  message?: string
}

export interface Line {
  what: string
  status: string
  detail?: string
  since?: string
  place?: Place
}

export interface Sheet {
  number: number
  from?: string
  to: string
  notes: string
  incidents: Line[]
  devices: Line[]
  gates: Line[]
  outgoing: { name: string; at: string }
  incoming?: { name: string; at: string }
  remark?: string
}

export interface Person {
  name: string
  role: string
  language?: 'zh' | 'en'
}
