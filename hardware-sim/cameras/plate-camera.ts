import type { Emit } from '../events.ts'
import { integerBetween, type Random } from '../random.ts'
import type { Timeline } from '../time/timeline.ts'
import type { CameraConfig } from './config.ts'

const LATENCY_MS = 250
const AT_M = 6
const MISREAD_SHARE = 0.02
const NOREAD_SHARE = 0.01
const READ_GAP_MS = 400
/** A reader of plates is sure of what it reads right, and often too sure of what it reads wrong. */
const SURE = { low: 0.9, high: 0.99 }
const UNSURE = { low: 0.45, high: 0.88 }
/** Characters that look alike on a dirty plate. */
const ALIKE: Readonly<Record<string, string>> = {
  '0': 'D',
  '1': '7',
  '2': 'Z',
  '5': 'S',
  '6': 'G',
  '7': '1',
  '8': 'B',
  B: '8',
  D: '0',
  S: '5',
  Z: '2',
}

/** A vehicle in view, until it has driven under the boom or turned back. */
export interface Seen {
  readonly plate: string
  readonly entered: boolean
  readonly left: boolean
}

/** What a camera looks at. */
export interface Watched {
  watch(side: 'approach' | 'exit', at_m: number, see: (vehicle: Seen, at_ms: number) => void): void
}

export interface CameraDeps {
  timeline: Timeline
  random: Random
  emit: Emit
  post: (url: string, body: object, token: string | undefined) => void
}

/** A camera that reads the plates of the vehicles that come to a barrier, well but not always. */
export function createPlateCamera(config: CameraConfig, barrier: Watched, deps: CameraDeps): void {
  const { timeline, random } = deps

  function report(plate: string, at_ms: number): void {
    if (random() < (config.noread_share ?? NOREAD_SHARE)) return
    const wrong = random() < (config.misread_share ?? MISREAD_SHARE)
    const { low, high } = wrong ? UNSURE : SURE
    const confidence = Math.round((low + random() * (high - low)) * 1000) / 1000
    const read = { plate: wrong ? misread(plate, random) : plate, confidence }
    const read_ms = timeline.wall_ms(at_ms)
    deps.emit({ type: 'plate', camera: config.id, ...read, at_ms: read_ms })
    if (config.post !== undefined)
      deps.post(config.post, { ...read, at: new Date(read_ms).toISOString() }, config.token)
  }

  const latency_ms = config.latency_ms ?? LATENCY_MS
  const { again_ms } = config

  function look(vehicle: Seen, at_ms: number): void {
    for (let read = 0; read < (config.reads ?? 1); read++) {
      timeline.at(at_ms + latency_ms + read * READ_GAP_MS, (due_ms) => report(vehicle.plate, due_ms))
    }
    if (again_ms === undefined) return
    timeline.at(at_ms + again_ms, (due_ms) => {
      if (!vehicle.entered && !vehicle.left) look(vehicle, due_ms)
    })
  }

  barrier.watch(config.side ?? 'approach', config.at_m ?? AT_M, look)
}

function misread(plate: string, random: Random): string {
  const characters = [...plate]
  const place = integerBetween(random, 0, characters.length - 1)
  const right = characters[place] ?? ''
  characters[place] = ALIKE[right] ?? (right === 'X' ? 'K' : 'X')
  return characters.join('')
}
