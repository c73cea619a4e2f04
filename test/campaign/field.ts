import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { Estate, WAIT } from '../support/estate.ts'
import { createFaultShim, type FaultShim } from '../support/fault-shim.ts'
import { pressEvery, pressed, unique } from '../support/story.ts'
import { createWire, type Wire } from '../support/wire.ts'
import { mountDisk } from './disk.ts'
import { type DistrictRecord, openRecord } from './record.ts'
import { type Sender, startSender } from './sender.ts'

/** Where the campaign happens: a whole estate of real processes, with everything between and under them breakable. */
export interface Field {
  readonly estate: Estate
  readonly gateways: readonly string[]
  readonly uplink: Wire
  readonly upstream: Wire
  readonly shim: FaultShim
  readonly hubDir: string
  readonly sender: Sender
  readonly record: DistrictRecord
  /** Presses every button once, one after the other. */
  press(): void
  /** Resolves when every press so far was made. */
  pressed(): Promise<void>
  /** From now until the returned promise resolves, a press at this gateway may go unseen: its box is off. */
  downtime(gateway: string): () => Promise<void>
  readonly downtimes: readonly Downtime[]
  /** When the hub's disk was full, by performance.now(): telemetry of these times may be refused, as designed. */
  readonly fullDisk: Array<{ from_ms: number; until_ms: number }>
  close(): Promise<void>
}

export interface Downtime {
  gateway: string
  from_ms: number
  until_ms: number
}

const BOARDS = [
  ['b1', 'b2'],
  ['b3', 'b4'],
]
const PRESS_EVERY_MS = 250

export async function openField(config: { seed: number; events_per_s: number }): Promise<Field> {
  const dir = mkdtempSync(join(tmpdir(), 'linli-campaign-'))
  const closers: Array<() => unknown> = [() => rmSync(dir, { recursive: true, force: true })]
  const close = async () => {
    for (let closer = closers.pop(); closer; closer = closers.pop()) await closer()
  }
  try {
    const disk = join(dir, 'disk')
    closers.push(mountDisk(disk))
    const hubDir = join(disk, 'hub')
    mkdirSync(hubDir)
    const shim = createFaultShim(dir, 'hub')
    closers.push(() => shim.close())
    const ways: { uplink?: Wire; upstream?: Wire } = {}
    const estate = new Estate({
      boards: BOARDS,
      hubDir,
      hubEnv: shim.env,
      uplinkPort: () => ways.uplink?.port ?? 0,
      upstreamPort: () => ways.upstream?.port ?? 0,
    })
    closers.push(() => estate.end())
    const uplink = await createWire(() => estate.mqttPort)
    const upstream = await createWire(() => estate.districtPort)
    Object.assign(ways, { uplink, upstream })
    closers.push(() => Promise.all([uplink.close(), upstream.close()]))
    await estate.start()
    const record = openRecord(estate.record)
    closers.push(() => record.close())
    const sender = startSender(() => uplink.port, {
      bootid: `seed${config.seed}`,
      per_second: config.events_per_s,
    })
    closers.push(() => sender.close())
    const downtimes: Downtime[] = []
    let presses = 0
    return {
      press() {
        presses += BOARDS.flat().length
        estate.sim.send(pressEvery(BOARDS.flat(), PRESS_EVERY_MS, BOARDS.flat().length))
      },
      pressed: () => pressed(estate, presses),
      estate,
      gateways: BOARDS.map((_, index) => `gw-${index + 1}`),
      uplink,
      upstream,
      shim,
      hubDir,
      sender,
      record,
      downtimes,
      fullDisk: [],
      downtime: (gateway) => startDowntime(estate, downtimes, gateway),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Ends with the board ready again under a new boot of the gateway. */
function startDowntime(estate: Estate, downtimes: Downtime[], gateway: string): () => Promise<void> {
  const ready = () => unique(estate.events('board-ready')).filter((event) => event.gateway === gateway).length
  const before = ready()
  const downtime = { gateway, from_ms: Date.now(), until_ms: Number.POSITIVE_INFINITY }
  downtimes.push(downtime)
  return async () => {
    await vi.waitFor(() => expect(ready(), `${gateway} has its board back`).toBeGreaterThan(before), WAIT)
    downtime.until_ms = Date.now()
  }
}
