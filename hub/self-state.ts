import { encodeJson } from './contract/encode.ts'
import type { HubState } from './contract/hub.ts'
import { type Address, formatTopic } from './contract/topic.ts'

/** The hub's own retained state, put together from what its rooms say of themselves. */
export interface SelfState {
  read(): HubState
  /** Something that people wait for has changed: said at once. */
  show(): void
  /** Counters and connections, which can change often: said within `SOON_MS`. */
  showSoon(): void
  start(): void
  close(): void
}

/** Each change is a write to the disk, and goes to everybody. */
const SOON_MS = 10_000

export function createSelfState(
  deps: {
    /** Resolves when it is on disk. */
    say: (topic: string, payload: Uint8Array, retain: boolean) => Promise<void>
    /** It could not be written, and is tried again until it is: told once. */
    onFault: (error: unknown) => void
    parts: ReadonlyArray<() => Partial<HubState>>
  },
  config: { address: Address; version: string },
): SelfState {
  const topic = formatTopic({ ...config.address, channel: 'state' })
  let shown = ''
  let isFailing = false
  let soon: ReturnType<typeof setTimeout> | undefined
  let watch: ReturnType<typeof setInterval> | undefined

  function read(): HubState {
    return Object.assign({ version: config.version }, ...deps.parts.map((part) => part()))
  }

  function show(): void {
    clearTimeout(soon)
    soon = undefined
    const state = read()
    const text = JSON.stringify(state)
    if (text === shown) return
    shown = text
    deps.say(topic, encodeJson(state), true).then(
      () => {
        isFailing = false
      },
      (error: unknown) => {
        // That the disk is full is among what is to be said: the next look says it again.
        if (shown === text) shown = ''
        if (!isFailing) deps.onFault(error)
        isFailing = true
      },
    )
  }

  return {
    read,
    show,
    showSoon() {
      soon ??= setTimeout(show, SOON_MS)
    },
    start() {
      show()
      // What the journal drops announces itself to nobody.
      watch = setInterval(show, SOON_MS)
    },
    close() {
      clearTimeout(soon)
      clearInterval(watch)
    },
  }
}
