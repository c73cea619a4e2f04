import type { Availability } from '../../hub/contract/availability.ts'
import type { Result } from '../../hub/contract/command.ts'
import type { Message } from '../../hub/contract/decode.ts'
import { encodeJson } from '../../hub/contract/encode.ts'
import { makeEvent } from '../../hub/contract/event.ts'
import { type Address, type DeviceClass, formatTopic } from '../../hub/contract/topic.ts'
import type { DeviceView } from '../../hub/devices/devices.ts'
import { createArchive } from '../../hub/incidents/archive/store.ts'
import { type IncidentConfig, incidentConfig } from '../../hub/incidents/config.ts'
import { createIncidents } from '../../hub/incidents/incidents.ts'
import { incidentAddress } from '../../hub/incidents/messages.ts'
import type { PicturesWanted } from '../../hub/incidents/pictures.ts'
import { createIncidentPlaces } from '../../hub/incidents/places.ts'
import type { Incidents } from '../../hub/incidents/room.ts'
import type { ClockSample } from '../../hub/incidents/running-time.ts'
import { createMemoryDisk } from '../../hub/journal/memory-backend.ts'
import { openMemoryLog } from '../../hub/journal/open.ts'
import { JOURNAL_LANES } from '../../hub/journal-lanes.ts'
import { createOwnVoice } from '../../hub/own-voice.ts'

const SITE = { street: 's', community: 'c', estate: 'e' }
const SHIPPED = incidentConfig({}, 'Asia/Shanghai')

/** The room of the incidents over a journal in memory, which outlives a kill; its time is that of the fake timers. */
export class IncidentRoom {
  readonly disk = createMemoryDisk()
  readonly archive = { ...createArchive(), close: async () => undefined }
  readonly results: Result[] = []
  readonly faults: string[] = []
  readonly wanted: PicturesWanted[] = []
  config: () => IncidentConfig = () => SHIPPED
  log!: Awaited<ReturnType<typeof openMemoryLog>>
  incidents!: Incidents
  /** How far the wall clock is off, whether anybody trusts it, and which run of the machine this is. */
  jump_ms = 0
  quality: ClockSample['quality'] = 'synced'
  boot = 0
  /** What is shown of devices. */
  readonly views = new Map<string, DeviceView>()
  readonly #checkpoint_ms: number | undefined
  #sequence = 0
  #commands = 0

  constructor(checkpoint_ms?: number) {
    this.#checkpoint_ms = checkpoint_ms
  }

  async open(): Promise<this> {
    this.log = await openMemoryLog(this.disk, { lanes: JOURNAL_LANES })
    const { log } = this
    const voice = createOwnVoice(
      {
        sessions: { append: (one) => log.append(one) },
        logger: { error: (_d, message) => void this.faults.push(message) },
        now_ms: Date.now,
      },
      () => undefined,
      () => ({ publish: async () => undefined }),
    )
    this.incidents = createIncidents(
      {
        log,
        archive: this.archive,
        keep: voice.keep,
        desk: { answer: (_address, result) => void this.results.push(result), openBelow: () => [] },
        audit: { note: ({ action }) => void this.faults.push(action) },
        places: createIncidentPlaces(),
        devices: { all: () => [...this.views.values()] },
        placeOf: () => ({ building: '3' }),
        config: () => this.config(),
        now_ms: () => Date.now() + this.jump_ms,
        timeQuality: () => this.quality,
        // A machine counts from its own start, whatever that was.
        machine: { boot: `boot-${this.boot}`, monotonic_ms: () => Date.now() - this.boot * 1_000_003 },
        onFault: ({ message }) => void this.faults.push(message),
      },
      { site: SITE, ...(this.#checkpoint_ms === undefined ? {} : { checkpoint_ms: this.#checkpoint_ms }) },
    )
    this.incidents.onFetch((wanted) => void this.wanted.push(wanted))
    await this.incidents.start()
    return this
  }

  async kill(): Promise<void> {
    this.stop()
    await this.open()
  }
  /** What was not committed is gone. */
  stop(): void {
    this.log.kill()
    void this.incidents.close()
  }

  async say(type: string, data: object, device = 'b1'): Promise<string> {
    const address: Address = { ...SITE, gateway: 'gw-1', class: 'alarm-button', device }
    const stamp = { wall_ms: Date.now(), monotonic_ms: 1, quality: 'synced' } as const
    const event = makeEvent({ address, bootid: 'b', sequence: ++this.#sequence }, type, 'alarm', stamp, data)
    const topic = formatTopic({ ...address, channel: 'evt', type })
    await this.log.append({ lane: 'alarm', topic, payload: encodeJson(event), time_ms: Date.now() })
    return event.id
  }
  /** As it is shown of a device, by the hub or its gateway. */
  shows(device: string, availability: Availability, deviceClass: DeviceClass = 'alarm-button'): void {
    const address: Address = { ...SITE, gateway: 'gw-1', class: deviceClass, device }
    this.views.set(device, { address, availability, meta: undefined, state: undefined })
    this.incidents.heard({ kind: 'availability', topic: { ...address, channel: 'avail' }, availability } as Message)
  }
  press = () => this.say('pressed', { press: 1, atstart: false })

  /** Gives a command and waits for its answer. */
  async do(id: string, name: string, args: object = {}): Promise<Result> {
    const command = {
      id: `c${++this.#commands}`,
      name,
      issuedat: new Date(Date.now() + this.jump_ms).toISOString(),
      expiresat: new Date(Date.now() + this.jump_ms + 10_000).toISOString(),
      actor: { kind: 'platform', id: 'desk' } as const,
      args,
    }
    const topic = { ...incidentAddress(SITE, id), channel: 'cmd', name, id: command.id } as const
    this.incidents.onCommand({ kind: 'command', topic, command } as Message & { kind: 'command' })
    await settled()
    return this.results.at(-1) as Result
  }

  async said(): Promise<string[]> {
    const entries = await this.log.read('alarm', 0, 10_000)
    return entries.map(({ topic }) => topic).filter((topic) => topic.includes('/hub/incident/'))
  }
  async state(id: string): Promise<Record<string, unknown> | undefined> {
    const entry = (await this.log.list('state')).find(({ topic }) => topic.endsWith(`/incident/${id}/state`))
    return entry && JSON.parse(Buffer.from(entry.payload).toString())
  }
}

/** What is under way has come to its end. */
export async function settled(hops = 25): Promise<void> {
  for (let hop = 0; hop < hops; hop++) await new Promise<void>((resolve) => void setImmediate(resolve))
}
