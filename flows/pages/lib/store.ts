import { computed, reactive, ref, shallowReactive } from 'vue'
import type { CommandTold, Device, EstateEvent, Incident, Person, Picture, Reading } from './shapes.ts'

/** The estate as this page knows it: filled by the live line (`line.ts`), read by every page. */

export type Connection = 'opening' | 'open' | 'lost'

export const connection = ref<Connection>('opening')
/** When the page last heard from the hub, by its own clock. */
export const heard_ms = ref(Date.now())
/** How far this page's clock is behind the hub's, ms. */
export const ahead_ms = ref(0)
/** Moves once a second, by the hub's clock: what counts seconds depends on it. */
export const now_ms = ref(Date.now())
export const me = ref<Person | undefined>()

const known = shallowReactive(new Map<string, Incident>())
export const devices = shallowReactive(new Map<string, Device>())
export const readings = shallowReactive(new Map<string, Record<string, Reading>>())
export const events = ref<EstateEvent[]>([])
/** Newest first. */
export const commands = ref<CommandTold[]>([])
/** Counts what other pages changed: a sheet, the plan. */
export const told = reactive({ handover: 0, plan: 0, incidents: 0 })

export const EVENTS_MAX = 300
const COMMANDS_MAX = 100

/** Nobody has to do anything about it any more. */
const DONE = ['answered', 'false-alarm']

export function hear(name: string, data: unknown): void {
  if (name === 'picture') takePicture(data as Picture)
  else if (name === 'device') devices.set((data as Device).path, data as Device)
  else if (name === 'device-gone') devices.delete((data as { path: string }).path)
  else if (name === 'event') events.value = [...events.value, data as EstateEvent].slice(-EVENTS_MAX)
  else if (name === 'readings')
    for (const [path, mine] of Object.entries(data as Picture['readings'])) readings.set(path, mine)
  else if (name === 'command') commands.value = [data as CommandTold, ...commands.value].slice(0, COMMANDS_MAX)
  else if (name === 'result') {
    const { id, status, code } = data as CommandTold
    commands.value = commands.value.map((one) =>
      one.id === id ? { ...one, ...(status ? { status } : {}), ...(code ? { code } : {}) } : one,
    )
  } else if (name === 'handover') told.handover += 1
  else if (name === 'plan') told.plan += 1
  else if (name === 'incident') takeIncident(data as Incident)
  else if (name === 'incident-gone') known.delete((data as Incident).number)
}

function takeIncident(incident: Incident): void {
  if (DONE.includes(incident.status)) known.delete(incident.number)
  else known.set(incident.number, incident)
  told.incidents += 1
}

/** Everything anew: what is not in it is not any more. */
function takePicture(picture: Picture): void {
  const present = new Set(picture.devices.map(({ path }) => path))
  for (const path of devices.keys()) if (!present.has(path)) devices.delete(path)
  for (const device of picture.devices) devices.set(device.path, device)
  known.clear()
  for (const incident of picture.incidents) takeIncident(incident)
  readings.clear()
  for (const [path, mine] of Object.entries(picture.readings)) readings.set(path, mine)
  events.value = picture.events
  told.handover += 1
  told.plan += 1
  told.incidents += 1
}

export function ofClass(name: string): Device[] {
  return [...devices.values()].filter((device) => device.class === name).sort(byName)
}

function byName(a: Device, b: Device): number {
  return `${a.gateway}/${a.device}` < `${b.gateway}/${b.device}` ? -1 : 1
}

const ORDER = ['raised', 'acknowledged', 'dispatched', 'on-site', 'resolved']
const WEIGHT = ['major', 'shared', 'private']

/** What somebody has to do something about: first what nobody has taken yet, the gravest and oldest of it first. */
export const incidents = computed<Incident[]>(() =>
  [...known.values()]
    .filter(({ status }) => !DONE.includes(status))
    .sort(
      (a, b) =>
        ORDER.indexOf(a.status) - ORDER.indexOf(b.status) ||
        WEIGHT.indexOf(a.kind) - WEIGHT.indexOf(b.kind) ||
        a.since.localeCompare(b.since),
    ),
)
export const waiting = computed(() => incidents.value.filter(({ status }) => status === 'raised'))

const MAY = ['viewer', 'operator', 'installer', 'admin']
export function may(role: string): boolean {
  return MAY.indexOf(me.value?.role ?? 'viewer') >= MAY.indexOf(role)
}

/** `{gateway}/{class}/{device}` */
export function keyOf(device: { gateway: string; class: string; device: string }): string {
  return `${device.gateway}/${device.class}/${device.device}`
}

export function deviceOfKey(key: string): Device | undefined {
  return [...devices.values()].find((device) => keyOf(device) === key)
}
