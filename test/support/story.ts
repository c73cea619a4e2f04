import { expect, vi } from 'vitest'
import { type Estate, type ReceivedEvent, WAIT } from './estate.ts'

/** Reading a run: what physically happened (the simulator says), against what the district acknowledged. */

export interface Edge {
  device: string
  contact: 'closed' | 'open'
  at_ms: number
}

export function edges(estate: Estate, contact: Edge['contact'] = 'closed'): Edge[] {
  return estate.sim.lines
    .filter((line) => line.includes('"edge"'))
    .map((line) => JSON.parse(line) as Edge & { type: string })
    .filter((edge) => edge.type === 'edge' && edge.contact === contact)
}

/** Presses at a steady pace, all buttons in turn; the simulator plays them by itself. */
export function pressEvery(devices: string[], gap_ms: number, count: number, for_ms = 60): object {
  const steps = Array.from({ length: count }, (_, index) => ({
    at_ms: 10 + index * gap_ms,
    do: 'press',
    device: devices[index % devices.length],
    for_ms,
  }))
  return { do: 'scenario', steps }
}

/** Resolves when the simulator has played this many presses. */
export async function pressed(estate: Estate, count: number): Promise<void> {
  await vi.waitFor(() => expect(edges(estate).length).toBeGreaterThanOrEqual(count), { ...WAIT, interval: 5 })
}

/** Events by id, the first of each: what a consumer that drops duplicates sees. */
export function unique(events: ReceivedEvent[]): ReceivedEvent[] {
  const seen = new Set<string>()
  return events.filter(({ id }) => !seen.has(id) && seen.add(id))
}

export function duplicatesOf(events: ReceivedEvent[]): number {
  return events.length - unique(events).length
}

/** Per gateway boot the sequence numbers have no hole: events and telemetry share one counter. */
export function expectNoHoles(estate: Estate): void {
  const seen = new Map<string, Set<number>>()
  for (const { topic, payload } of estate.received()) {
    if (!topic.includes('/evt/') && !topic.endsWith('/tele')) continue
    const boot = `${topic.split('/')[5]}:${String(payload.bootid)}`
    const numbers = seen.get(boot) ?? new Set()
    numbers.add(Number(payload.sequence))
    seen.set(boot, numbers)
  }
  for (const [boot, numbers] of seen) {
    const sorted = [...numbers].sort((a, b) => a - b)
    const missing: number[] = []
    for (let n = sorted[0] ?? 1; n <= (sorted.at(-1) ?? 0); n++) if (!numbers.has(n)) missing.push(n)
    expect(missing, `sequences missing of boot ${boot}`).toEqual([])
  }
}

/** Per device, what a consumer sees first keeps the order of the gateway. */
export function expectOrder(events: ReceivedEvent[]): void {
  const last = new Map<string, { boot: string; sequence: number }>()
  for (const { id, gateway, device } of unique(events)) {
    const [, boot = '', sequence = '0'] = id.split(':')
    const before = last.get(`${gateway}/${device}`)
    if (before && before.boot === boot)
      expect(Number(sequence), `order of ${gateway}/${device}`).toBeGreaterThan(before.sequence)
    last.set(`${gateway}/${device}`, { boot, sequence: Number(sequence) })
  }
}

/** Every press of the ground truth has its event, each event one press. */
export async function expectEveryPress(estate: Estate, count: number): Promise<void> {
  await vi.waitFor(() => expect(unique(estate.events('pressed')).length).toBe(count), WAIT)
  await vi.waitFor(() => expect(unique(estate.events('released')).length).toBe(count), WAIT)
  for (const device of new Set(edges(estate).map((edge) => edge.device))) {
    const truth = edges(estate).filter((edge) => edge.device === device).length
    expect(unique(estate.events('pressed')).filter((event) => event.device === device).length, device).toBe(truth)
  }
}
