import { ahead_ms, connection, hear, heard_ms, me, now_ms } from './store.ts'

/**
 * The one line to the hub. Its browser's own reconnecting is not relied on: a line that is silent for too long is dead, and is
 * opened anew from where it was, so that nothing is missed and nothing stale is shown as if it were so now.
 */

const NAMES = [
  'picture',
  'device',
  'device-gone',
  'event',
  'readings',
  'command',
  'result',
  'incident',
  'incident-gone',
  'handover',
  'plan',
] as const
/** The hub says something every 3 s. */
const SILENCE_MS = 8_000
const AGAIN_MS = 1_000
const AGAIN_MS_MAX = 5_000

let source: EventSource | undefined
let last: string | undefined
let again_ms = AGAIN_MS
let timer: ReturnType<typeof setTimeout> | undefined

export function openLine(): void {
  connect()
  setInterval(look, 1_000)
  // A phone that wakes up must not wait for its timers.
  addEventListener('online', connect)
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && connection.value !== 'open') connect()
  })
}

function look(): void {
  now_ms.value = Date.now() + ahead_ms.value
  if (connection.value === 'open' && Date.now() - heard_ms.value > SILENCE_MS) lost()
}

function connect(): void {
  clearTimeout(timer)
  source?.close()
  const opened = new EventSource(`/api/v1/live${last === undefined ? '' : `?after=${encodeURIComponent(last)}`}`)
  source = opened
  const since_ms = Date.now()
  for (const name of NAMES)
    opened.addEventListener(name, (message) => {
      alive()
      if (message.lastEventId !== '') last = message.lastEventId
      hear(name, JSON.parse(message.data))
    })
  opened.addEventListener('beat', (message) => {
    alive()
    ahead_ms.value = Date.parse((JSON.parse(message.data) as { now: string }).now) - Date.now()
  })
  opened.addEventListener('error', () => {
    if (source === opened) lost()
  })
  // Neither opened nor refused: a hub that hangs.
  timer = setTimeout(() => {
    if (source === opened && heard_ms.value < since_ms) lost()
  }, SILENCE_MS)
}

function alive(): void {
  heard_ms.value = Date.now()
  again_ms = AGAIN_MS
  connection.value = 'open'
}

function lost(): void {
  source?.close()
  source = undefined
  connection.value = 'lost'
  clearTimeout(timer)
  timer = setTimeout(connect, again_ms)
  again_ms = Math.min(again_ms * 2, AGAIN_MS_MAX)
  void askWho()
}

/** Also tells a session that has ended from a hub that is away. */
export async function askWho(): Promise<void> {
  try {
    const answer = await fetch('/api/v1/me', { signal: AbortSignal.timeout(5_000) })
    if (answer.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.hash)}`)
    else if (answer.ok) me.value = await answer.json()
  } catch {
    // Away: the line itself tells.
  }
}
