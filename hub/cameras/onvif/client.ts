import { failed } from '../failure.ts'
import type { Login, Transport } from './http.ts'
import { child, type Element, type Service, soapBody, soapRequest } from './soap.ts'

/**
 * What is asked of an ONVIF camera. Whatever it says of its own address, only its path is used: cameras behind a router or
 * after a change of their network give an old one, and none may send us elsewhere.
 */
export interface OnvifClient {
  snapshot(signal: AbortSignal): Promise<Buffer>
  /** What it remembers of a moment of ours. @param path with `{at}` for the time, which is by its own clock */
  past(path: string, at_ms: number, signal: AbortSignal): Promise<Buffer>
  gotoPreset(preset: string, signal: AbortSignal): Promise<void>
}

export interface OnvifDeps {
  transport: Transport
  now_ms: () => number
  nonce: () => Buffer
}

const XML_BYTES_MAX = 256 * 1024
const PICTURE_BYTES_MAX = 8_000_000
/** A camera says its time in whole seconds: what differs by less does not differ. */
const CLOCK_MS = 2_000

/** What does not change while a camera runs, asked once. */
interface Known {
  /** Its clock less ours. */
  ahead_ms: number
  profile: string
  snapshot: URL
  ptz: URL | undefined
}

export function createOnvifClient(
  deps: OnvifDeps,
  camera: { url: string; profile: string | undefined; login: () => Login | undefined },
): OnvifClient {
  const device = new URL(camera.url)
  let known: Known | undefined

  async function call(
    where: { url: URL; service: Service; ahead_ms: number | undefined },
    action: string,
    fields: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Element> {
    const login = where.ahead_ms === undefined ? undefined : camera.login()
    const token = login && { ...login, nonce: deps.nonce(), at_ms: deps.now_ms() + (where.ahead_ms ?? 0) }
    const body = soapRequest(where.service, action, fields, token)
    const ask = { url: where.url, method: 'POST', body, bytes_max: XML_BYTES_MAX, signal } as const
    const answer = await deps.transport(ask, login)
    if (answer.status === 401 || answer.status === 403) throw failed('CAMERA_LOGIN')
    const content = soapBody(answer.body)
    if (content.name !== `${action}Response`) throw failed('CAMERA_ANSWER', `${content.name} to ${action}`)
    return content
  }

  async function discover(signal: AbortSignal): Promise<Known> {
    const open = { url: device, service: 'tds', ahead_ms: undefined } as const
    const ahead_ms = clockOf(await call(open, 'GetSystemDateAndTime', {}, signal)) - deps.now_ms()
    const known = { ...open, ahead_ms }
    const capabilities = child(await call(known, 'GetCapabilities', { Category: 'All' }, signal), 'Capabilities')
    const media = { url: pinned(child(capabilities, 'Media', 'XAddr')?.text), service: 'trt', ahead_ms } as const
    const profiles = (await call(media, 'GetProfiles', {}, signal)).children.filter(({ name }) => name === 'Profiles')
    const wanted = camera.profile
    const found = wanted === undefined ? profiles[0] : profiles.find((one) => isNamed(one, wanted))
    const profile = found?.attributes.token
    if (profile === undefined) throw failed('CAMERA_ANSWER', `it has no profile ${wanted ?? 'at all'}`)
    const uri = await call(media, 'GetSnapshotUri', { ProfileToken: profile }, signal)
    const ptz = child(capabilities, 'PTZ', 'XAddr')?.text
    return {
      ahead_ms,
      profile,
      snapshot: pinned(child(uri, 'MediaUri', 'Uri')?.text),
      ptz: ptz === undefined ? undefined : pinned(ptz),
    }
  }

  /** Of the camera as it is configured, with the path that it named. */
  function pinned(text: string | undefined): URL {
    if (text === undefined || !URL.canParse(text)) throw failed('CAMERA_ANSWER', 'an address that is none')
    return at(new URL(text))
  }

  /** Set, not resolved: `//elsewhere/x` is a path here. */
  function at({ pathname, search }: Pick<URL, 'pathname' | 'search'>): URL {
    return Object.assign(new URL(device.origin), { pathname, search })
  }

  /** What was known of it may have changed: then it is asked anew, once. */
  async function withKnown<T>(signal: AbortSignal, work: (known: Known) => Promise<T>): Promise<T> {
    const before = known
    try {
      known ??= await discover(signal)
      return await work(known)
    } catch (error) {
      known = undefined
      const { code } = error as { code?: string }
      // A camera locks whoever comes with a wrong password again and again.
      if (!before || signal.aborted || code === 'CAMERA_LOGIN' || code === 'CAMERA_AWAY') throw error
      known = await discover(signal)
      return work(known)
    }
  }

  async function get(url: URL, signal: AbortSignal): Promise<Buffer> {
    const ask = { url, method: 'GET', bytes_max: PICTURE_BYTES_MAX, signal } as const
    const { status, body } = await deps.transport(ask, camera.login())
    if (status === 401 || status === 403) throw failed('CAMERA_LOGIN')
    if (status !== 200) throw failed('CAMERA_ANSWER', `status ${status}`)
    return wholeJpeg(body)
  }

  return {
    snapshot: (signal) => withKnown(signal, ({ snapshot }) => get(snapshot, signal)),
    past: (path, at_ms, signal) =>
      withKnown(signal, ({ ahead_ms }) => {
        const moment = new Date(at_ms + (Math.abs(ahead_ms) < CLOCK_MS ? 0 : ahead_ms)).toISOString()
        const [pathname = '', search = ''] = path.replace('{at}', encodeURIComponent(moment)).split(/(?=\?)/, 2)
        return get(at({ pathname, search }), signal)
      }),
    gotoPreset: (preset, signal) =>
      withKnown(signal, async ({ ptz, profile, ahead_ms }) => {
        if (!ptz) throw failed('CAMERA_PRESET', 'it does not turn')
        const where = { url: ptz, service: 'tptz', ahead_ms } as const
        const { children } = await call(where, 'GetPresets', { ProfileToken: profile }, signal)
        const token = children.find((one) => one.name === 'Preset' && isNamed(one, preset))?.attributes.token
        if (token === undefined) throw failed('CAMERA_PRESET', preset)
        await call(where, 'GotoPreset', { ProfileToken: profile, PresetToken: token }, signal)
      }),
  }
}

function isNamed(element: Element, name: string): boolean {
  return element.attributes.token === name || child(element, 'Name')?.text === name
}

/** @throws {LinliError} CAMERA_ANSWER */
function clockOf(answer: Element): number {
  const utc = child(answer, 'SystemDateAndTime', 'UTCDateTime')
  const part = (...path: string[]) => Number(child(utc, ...path)?.text ?? Number.NaN)
  const [year, month, day] = [part('Date', 'Year'), part('Date', 'Month'), part('Date', 'Day')]
  const at_ms = Date.UTC(year, month - 1, day, part('Time', 'Hour'), part('Time', 'Minute'), part('Time', 'Second'))
  if (Number.isNaN(at_ms)) throw failed('CAMERA_ANSWER', 'it does not know its time')
  return at_ms
}

const START = Buffer.from([0xff, 0xd8, 0xff])
const END = Buffer.from([0xff, 0xd9])
/** Some cameras have zeros or notes of their own behind the picture. */
const BEHIND_MAX = 4096

/**
 * Within a picture the mark of the end stands nowhere else (T.81 B.1.1.5).
 * @throws {LinliError} CAMERA_PICTURE
 */
function wholeJpeg(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(END)
  const isWhole = bytes.subarray(0, 3).equals(START) && end > 0 && bytes.length - end <= BEHIND_MAX
  if (!isWhole) throw failed('CAMERA_PICTURE', `${bytes.length} bytes`)
  return bytes
}
