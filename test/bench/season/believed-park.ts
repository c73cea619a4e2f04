import { type BeliefInput, nextDeadline, step } from '../../../firmware/drivers/park-sensor/belief/machine.ts'
import { digestsOf, hear, noNeighbours } from '../../../firmware/drivers/park-sensor/belief/neighbours.ts'
import { packOf } from '../../../firmware/drivers/park-sensor/belief/pack.ts'
import {
  type BeliefState,
  createBeliefState,
  shownBelief,
  voicesOf,
} from '../../../firmware/drivers/park-sensor/belief/state.ts'
import type { Reading } from '../../../firmware/drivers/park-sensor/belief/telling.ts'
import type { SenmlPack } from '../../../hub/contract/senml.ts'
import type { Score } from './shown.ts'
import { createShown, type Shown } from './shown.ts'
import type { Unit } from './unit.ts'

/** The sensors of one park, judged by the real machine as the driver feeds it; what it tells goes on as packs. */

export interface ToldPack {
  device: string
  pack: SenmlPack
  at_ms: number
}

export interface BelievedPark {
  /** Samples so far. */
  readonly taken: number
  readonly told: number
  /** One minute of the park. */
  pass(minute: number, time_ms: number, tell: (pack: ToldPack) => void): void
  /** As a gateway that is killed and comes back: only what was retained is left. */
  restart(time_ms: number): void
  /** @param minutes when the season ended */
  scores(minutes: number): Score[]
}

const DIGEST_EVERY_MINUTES = 10
const DIGEST_AGE_MAX_MS = 15 * 60_000

interface Device {
  unit: Unit
  config: { profile: string; quantities: Unit['watched'][number]['quantity'][]; thresholds: [] }
  state: BeliefState
  shown: Map<string, Shown>
}

const momentOf = (time_ms: number) => ({ wall_ms: time_ms, monotonic_ms: time_ms })

export function createBelievedPark(units: readonly Unit[], start_ms: number): BelievedPark {
  const devices = units.map((unit): Device => {
    const config = {
      profile: 'season',
      quantities: unit.watched.map(({ quantity }) => quantity),
      thresholds: [] as [],
    }
    const shown = new Map(unit.watched.map((one) => [one.quantity.name, createShown(one, start_ms)]))
    return { unit, config, state: createBeliefState(config, undefined, momentOf(start_ms)), shown }
  })
  let neighbours = noNeighbours
  let taken = 0
  let told = 0
  let tellPack: (pack: ToldPack) => void = () => undefined

  function note(device: Device, readings: readonly Reading[], time_ms: number): void {
    told += readings.length
    for (const { name, at, quality } of readings) device.shown.get(name)?.tell(at.wall_ms, quality === 'good')
    tellPack({ device: device.unit.id, pack: packOf(`${device.unit.id}/`, readings), at_ms: time_ms })
  }

  function feed(device: Device, input: BeliefInput, time_ms: number): void {
    const { state, effects } = step(device.config, device.state, input, momentOf(time_ms))
    device.state = state
    for (const effect of effects) if (effect.type === 'readings') note(device, effect.readings, time_ms)
  }

  function poll(device: Device, minute: number, time_ms: number): void {
    for (let due = nextDeadline(device.config, device.state); due !== undefined && due < time_ms; ) {
      feed(device, { type: 'tick' }, due)
      due = nextDeadline(device.config, device.state)
    }
    for (const quantity of device.unit.calibrated(minute))
      feed(device, { type: 'calibrate', args: { quantity }, actor: 'installer:season' }, time_ms)
    const results = device.unit.poll(minute, time_ms)
    if (results.length === 0) return
    taken += results.length
    feed(device, { type: 'poll', results }, time_ms)
    for (const { quantity, voice } of voicesOf(device.config, device.state))
      neighbours = hear(neighbours, device.unit.id, quantity, voice)
  }

  return {
    get taken() {
      return taken
    },
    get told() {
      return told
    },
    pass(minute, time_ms, tell) {
      tellPack = tell
      for (const device of devices) poll(device, minute, time_ms)
      if (minute % DIGEST_EVERY_MINUTES !== 0) return
      const digests = digestsOf(neighbours, time_ms, DIGEST_AGE_MAX_MS)
      for (const device of devices) feed(device, { type: 'neighbours', digests }, time_ms)
    },
    restart(time_ms) {
      for (const device of devices) {
        const retained = shownBelief(device.config, device.state, momentOf(time_ms))
        device.state = createBeliefState(device.config, retained, momentOf(time_ms))
      }
      neighbours = noNeighbours
    },
    scores: (minutes) => devices.flatMap(({ shown }) => [...shown.values()].map((one) => one.score(minutes))),
  }
}
