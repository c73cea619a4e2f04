import { reasonOf } from '../contract/errors.ts'
import type { Place } from '../contract/meta.ts'
import { type CameraConfig, type CameraConfigs, camerasAt, keptFor, type PictureLimits } from './config.ts'
import { failed } from './failure.ts'
import type { OnvifClient } from './onvif/client.ts'
import type { PictureStore } from './store.ts'

/**
 * Pictures from the place of an alarm. A camera is spoken to when an alarm asks for its place and never else; whatever it does,
 * nobody waits for it.
 */
export interface Cameras {
  /** Returns at once; what comes of it is told, picture by picture. */
  fetch(wanted: Wanted): void
  /** From now on old pictures go by themselves. */
  start(): void
  /** Until everything that is under way has been told. */
  settled(): Promise<void>
  close(): void
}

export interface Wanted {
  incident: string
  place: Place | undefined
  /** Of the alarm itself, epoch ms. */
  at: number
  /** After a restart: what the incident says already. What it does not say by then was lost with the hub. */
  told?: readonly { camera?: string; when?: When; error?: string }[]
}

/** What comes of it: a picture by its hash, or why there is none. */
export interface Picture {
  incident: string
  camera: string
  when: When
  sha256?: string
  at: number
  error?: string
}
type When = 'before' | 'at' | 'after'

export interface CamerasDeps {
  cameras: () => CameraConfigs
  limits: () => PictureLimits | undefined
  client: (camera: CameraConfig) => OnvifClient
  store: PictureStore
  now_ms: () => number
  told: (picture: Picture) => void
  log: { warn(details: object, message: string): void }
}

export const TIMES = {
  /** For everything that one picture, or one turn, takes. */
  timeout_ms: 5_000,
  /** How long before and after the alarm. */
  before_ms: 5_000,
  after_ms: 5_000,
  /** An alarm that is older than this when it comes has no picture of its moment, but where a camera remembers. */
  late_ms: 3_000,
}
const TIDY_MS = 6 * 3600_000
/** Requests that wait for one camera, of all alarms together. */
const WAITING_MAX = 20

interface Known {
  config: CameraConfig
  client: OnvifClient
  /** One request after the other. */
  last: Promise<unknown>
  waiting: number
}

export function createCameras(deps: CamerasDeps, times = TIMES): Cameras {
  const known = new Map<string, Known>()
  const running = new Set<Promise<void>>()
  const ending = new AbortController()
  let timer: ReturnType<typeof setInterval> | undefined

  function knownOf(id: string, config: CameraConfig): Known {
    const before = known.get(id)
    if (before && JSON.stringify(before.config) === JSON.stringify(config)) return before
    const fresh = { config, client: deps.client(config), last: Promise.resolve(), waiting: 0 }
    known.set(id, fresh)
    return fresh
  }

  /** @throws {LinliError} CAMERA_…, within `timeout_ms` of its turn */
  async function inTurn<T>(camera: Known, work: (client: OnvifClient, signal: AbortSignal) => Promise<T>): Promise<T> {
    if (camera.waiting >= WAITING_MAX) throw failed('CAMERA_BUSY')
    camera.waiting += 1
    const mine = camera.last.then(() =>
      within(times.timeout_ms, ending.signal, (signal) => work(camera.client, signal)),
    )
    camera.last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      camera.waiting -= 1
    }
  }

  /** Takes a picture and tells of it; the failure when there was none. */
  async function shoot(
    camera: Known,
    about: Pick<Picture, 'incident' | 'camera' | 'when'>,
    past_ms: number | undefined,
  ): Promise<string | undefined> {
    const { past } = camera.config
    let at = past_ms ?? deps.now_ms()
    try {
      const bytes = await inTurn(camera, (client, signal) => {
        if (past_ms === undefined) at = deps.now_ms()
        return past_ms === undefined || !past ? client.snapshot(signal) : client.past(past.path, at, signal)
      })
      deps.told({ ...about, at, sha256: await deps.store.put(bytes) })
      return undefined
    } catch (error) {
      return fail(about, at, error)
    }
  }

  function fail(about: Pick<Picture, 'incident' | 'camera' | 'when'>, at: number, error: unknown): string {
    const code = codeOf(error)
    deps.log.warn({ ...about, code }, `no picture: ${reasonOf(error)}`)
    if (!ending.signal.aborted) deps.told({ ...about, at, error: code })
    return code
  }

  async function turn(id: string, camera: Known): Promise<void> {
    const { preset } = camera.config
    if (preset === undefined) return
    try {
      await inTurn(camera, (client, signal) => client.gotoPreset(preset, signal))
    } catch (error) {
      deps.log.warn({ camera: id, preset, code: codeOf(error) }, `the camera did not turn: ${reasonOf(error)}`)
    }
  }

  async function cover(id: string, camera: Known, { incident, at }: Wanted): Promise<void> {
    const asked_ms = deps.now_ms()
    const reach_ms = (camera.config.past?.seconds ?? 0) * 1000
    const isRemembered = (moment_ms: number) => asked_ms - moment_ms <= reach_ms
    const about = (when: When) => ({ incident, camera: id, when })
    const isLate = asked_ms - at > times.late_ms
    let failure: string | undefined
    // The moment itself comes first: everything else can wait for it.
    if (!isLate) failure = await shoot(camera, about('at'), undefined)
    else if (isRemembered(at)) failure = await shoot(camera, about('at'), at)
    else fail(about('at'), at, failed('PICTURE_LATE'))
    if (camera.config.past && isRemembered(at - times.before_ms) && failure !== 'CAMERA_LOGIN')
      await shoot(camera, about('before'), at - times.before_ms)
    // A camera locks whoever comes with a wrong password again and again.
    if (isLockedOut(failure)) return
    await turn(id, camera)
    await shootAfter(camera, about('after'), at)
  }

  /** What a hub that was restarted still can get, and what it cannot. */
  async function resume(
    id: string,
    camera: Known,
    { incident, at }: Wanted,
    told: NonNullable<Wanted['told']>,
  ): Promise<void> {
    const mine = told.filter((one) => one.camera === id)
    const isTold = (when: When) => mine.some((one) => one.when === when)
    const about = (when: When) => ({ incident, camera: id, when })
    const lost = failed('PICTURE_RESTARTED')
    if (!isTold('at')) fail(about('at'), at, lost)
    if (isTold('after') || mine.some(({ error }) => isLockedOut(error))) return
    if (deps.now_ms() - at > times.after_ms + times.late_ms) fail(about('after'), at + times.after_ms, lost)
    else await shootAfter(camera, about('after'), at)
  }

  async function shootAfter(camera: Known, about: Parameters<typeof shoot>[1], at: number): Promise<void> {
    await pause(Math.max(0, at + times.after_ms - deps.now_ms()), ending.signal)
    if (!ending.signal.aborted) await shoot(camera, about, undefined)
  }

  async function tidy(): Promise<void> {
    try {
      await deps.store.tidy(keptFor(deps.limits()))
    } catch (error) {
      deps.log.warn({}, `old pictures could not be removed: ${reasonOf(error)}`)
    }
  }

  return {
    fetch(wanted) {
      const shown = camerasAt(deps.cameras(), wanted.place)
      if (shown.length === 0 || ending.signal.aborted) return
      const job = Promise.all(
        shown.map(([id, config]) => {
          const camera = knownOf(id, config)
          return wanted.told ? resume(id, camera, wanted, wanted.told) : cover(id, camera, wanted)
        }),
      )
        .then(tidy)
        .catch((error: unknown) => deps.log.warn({}, `pictures: ${reasonOf(error)}`))
        .finally(() => running.delete(job))
      running.add(job)
    },
    async settled() {
      while (running.size > 0) await Promise.all(running)
    },
    start() {
      void tidy()
      timer = setInterval(() => void tidy(), TIDY_MS)
    },
    close() {
      clearInterval(timer)
      ending.abort()
    },
  }
}

function isLockedOut(code: string | undefined): boolean {
  return code === 'CAMERA_LOGIN' || code === 'CAMERA_SECRET'
}

async function within<T>(for_ms: number, ending: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const timeout = new AbortController()
  const end = () => timeout.abort()
  const timer = setTimeout(end, for_ms)
  ending.addEventListener('abort', end)
  try {
    return await work(timeout.signal)
  } finally {
    clearTimeout(timer)
    ending.removeEventListener('abort', end)
  }
}

function pause(for_ms: number, ending: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      ending.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, for_ms)
    ending.addEventListener('abort', end)
  })
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^(CAMERA|PICTURE)_/.test(code) ? code : 'CAMERA_ANSWER'
}
