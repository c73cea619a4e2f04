import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { integerBetween, type Random } from '../../hardware-sim/random.ts'
import { WAIT } from '../support/estate.ts'
import { fillDisk } from './disk.ts'
import type { Field } from './field.ts'

/** One way in which the world fails, for a while: `begin` does it, what it returns ends it. */
export interface Fault {
  name: string
  /** Relative to the other kinds. */
  weight: number
  /** Does nothing while another fault keeps its victim from working. */
  alone?: true
  /** How many processes die of it. */
  kills: number
  begin(field: Field, random: Random): Promise<() => Promise<void>>
}

/** Beyond what any client takes for granted: a day, as after a flat clock battery. */
const CLOCK_JUMP_MS_MAX = 24 * 3600_000
const SLOW_BYTES_PER_S = 20_000

const killHub: Fault = {
  name: 'kill -9 of the hub',
  weight: 6,
  kills: 1,
  async begin({ estate }) {
    await estate.hub.kill()
    return () => estate.startHub()
  },
}

const killDistrict: Fault = {
  name: 'kill -9 of the upstream broker',
  weight: 3,
  kills: 1,
  async begin({ estate }) {
    await estate.district.kill()
    return () => estate.startDistrict()
  },
}

const killGateway: Fault = {
  name: 'kill -9 of a gateway',
  weight: 3,
  kills: 1,
  async begin(field, random) {
    const name = field.gateways[integerBetween(random, 0, field.gateways.length - 1)] as string
    const end = field.downtime(name)
    await field.estate.gateway(name).kill()
    return async () => {
      await field.estate.startGateway(name)
      await end()
    }
  },
}

const killBoth: Fault = {
  name: 'kill -9 of hub and upstream broker at once',
  weight: 2,
  kills: 2,
  async begin({ estate }, random) {
    await Promise.all([estate.hub.kill(), estate.district.kill()])
    const hubFirst = random() < 0.5
    return async () => {
      if (hubFirst) await estate.startHub()
      await estate.startDistrict()
      if (!hubFirst) await estate.startHub()
    }
  },
}

function network(name: string, which: 'uplink' | 'upstream', state: Parameters<Field['uplink']['set']>[0]): Fault {
  return {
    name: `${name}, ${which === 'uplink' ? 'gateways – hub' : 'hub – upstream'}`,
    weight: 1,
    kills: 0,
    async begin(field) {
      field[which].set(state)
      return async () => field[which].set({ kind: 'open' })
    },
  }
}

const fsyncFails: Fault = {
  name: 'fsync of the hub fails',
  weight: 1,
  alone: true,
  kills: 0,
  async begin({ shim }) {
    const before = shim.failedFsyncs()
    shim.failFsync(true)
    await vi.waitFor(() => expect(shim.failedFsyncs(), 'refused fsyncs').toBeGreaterThan(before), WAIT)
    return async () => shim.failFsync(false)
  },
}

const fsyncSlow: Fault = {
  name: "fsync of the hub takes an SD card's 20 ms",
  weight: 1,
  kills: 0,
  async begin({ shim }) {
    shim.delayFsync(20)
    return async () => shim.delayFsync(0)
  },
}

const clockJumps: Fault = {
  name: 'the wall clock of the hub jumps',
  weight: 1,
  kills: 0,
  async begin({ shim }, random) {
    shim.shiftClock(integerBetween(random, -CLOCK_JUMP_MS_MAX, CLOCK_JUMP_MS_MAX))
    return async () => shim.shiftClock(0)
  },
}

const diskFull: Fault = {
  name: 'the disk of the hub is full',
  weight: 1,
  alone: true,
  kills: 0,
  async begin({ hubDir, fullDisk }) {
    const ballast = join(hubDir, '..', 'ballast')
    const period = { from_ms: performance.now(), until_ms: Number.POSITIVE_INFINITY }
    fullDisk.push(period)
    fillDisk(ballast)
    return async () => {
      rmSync(ballast)
      period.until_ms = performance.now()
    }
  },
}

const killOnFullDisk: Fault = {
  name: 'kill -9 of the hub while its disk is full',
  weight: 1,
  kills: 1,
  async begin(field, random) {
    const empty = await diskFull.begin(field, random)
    await field.estate.hub.kill()
    return async () => {
      await empty()
      await field.estate.startHub()
    }
  },
}

export const FAULTS: Fault[] = [
  killHub,
  killDistrict,
  killGateway,
  killBoth,
  network('cut', 'uplink', { kind: 'cut' }),
  network('cut', 'upstream', { kind: 'cut' }),
  network('half-open', 'uplink', { kind: 'dead' }),
  network('half-open', 'upstream', { kind: 'dead' }),
  network('slow', 'uplink', { kind: 'slow', bytes_per_s: SLOW_BYTES_PER_S }),
  network('slow', 'upstream', { kind: 'slow', bytes_per_s: SLOW_BYTES_PER_S }),
  fsyncFails,
  fsyncSlow,
  clockJumps,
  diskFull,
  killOnFullDisk,
]
