import { type Command, encodeCommand } from './commands.ts'
import { encodeFrame, type SecurityBlock } from './frame.ts'
import { sealCommand } from './secure-channel.ts'
import type {
  CommandResult,
  Count,
  OfflineReason,
  Phase,
  SessionConfig,
  SessionEffect,
  SessionEvent,
  SessionState,
  TamperKind,
} from './session-state.ts'

/** What every transition of a session can do: tell, send, lose the session. One run is one step of the machine. */
export interface Run {
  readonly config: SessionConfig
  readonly now_ms: number
  state: SessionState
  readonly effects: SessionEffect[]
}

/** Quick retries after the first attempt; later ones wait, so that a dead reader does not take the line from the others. */
const QUICK_RETRIES = 2
const RETRY_WAIT_MS = 400
/** Last told: nobody knows whether it is there at all. */
const SILENT: ReadonlyArray<OfflineReason | undefined> = ['starting', 'no-reply', 'line-lost']
/** A busy reader is asked again no faster than this. */
const BUSY_WAIT_MS_MIN = 20

export function set(run: Run, change: Partial<SessionState>): void {
  run.state = { ...run.state, ...change }
}
export function tell(run: Run, event: SessionEvent): void {
  run.effects.push({ type: 'event', event })
}
export function count(run: Run, name: Count): void {
  run.effects.push({ type: 'count', count: name })
}
export function answer(run: Run, ticket: number | undefined, result: CommandResult): void {
  if (ticket !== undefined) run.effects.push({ type: 'result', ticket, result })
}

/** Told once per session, or once per loss while there is none. */
export function tamper(run: Run, kind: TamperKind): void {
  const { told } = run.state
  if (told.tamper === kind) return
  set(run, { told: { ...told, tamper: kind } })
  tell(run, { type: 'tamper', kind })
}

/** Puts a new command on the line with the next number. */
export function send(
  run: Run,
  command: Command,
  more: { ticket?: number; expires_ms?: number; security?: SecurityBlock } = {},
): void {
  const { config, state, now_ms } = run
  const head = { address: config.address, sequence: state.sequence, check: config.check, ...encodeCommand(command) }
  const sealed = state.secure && sealCommand(config.aes, state.secure, head)
  const bytes =
    sealed?.bytes ?? encodeFrame({ ...head, reply: false, ...(more.security ? { security: more.security } : {}) })
  const outstanding = {
    command,
    ticket: more.ticket,
    expires_ms: more.expires_ms ?? Number.POSITIVE_INFINITY,
    bytes,
    sealed: sealed?.session,
    waiting: true,
    next_ms: now_ms,
    tries: 0,
    first_ms: now_ms,
    corrupted: false,
  }
  set(run, { outstanding })
  count(run, command.type === 'poll' ? 'polls' : 'commands')
  run.effects.push({ type: 'send', bytes })
}

/** A strike that moves because of an old command is worse than one that does not move. */
function isTooLate(run: Run): boolean {
  const { outstanding } = run.state
  return outstanding?.command.type === 'output' && outstanding.expires_ms < run.now_ms
}

export function resend(run: Run) {
  const { outstanding } = run.state
  if (!outstanding) return
  // Sequence 0 makes the reader forget the command, if it never saw it.
  if (isTooLate(run)) return lose(run, 'command-expired')
  set(run, { outstanding: { ...outstanding, waiting: true } })
  count(run, 'retries')
  run.effects.push({ type: 'send', bytes: outstanding.bytes })
}

/** The attempt failed: the same bytes again, now or a little later, until the session counts as lost. */
export function retry(run: Run, corrupted: boolean) {
  const { config, state, now_ms } = run
  const { outstanding, phase } = state
  if (!outstanding) return
  const tries = outstanding.tries + 1
  // A reader that is looked for gets one attempt per turn of the backoff; noise, and one that was there, get a few.
  const isLookedFor = !corrupted && SILENT.includes(state.told.reason)
  const gone = phase.name === 'hello' && (isLookedFor || tries > QUICK_RETRIES)
  if (gone || now_ms - state.heard_ms >= config.sessionLost_ms) {
    if (corrupted) tamper(run, 'corrupted')
    return lose(run, corrupted ? 'corrupted' : 'no-reply')
  }
  const next_ms = tries <= QUICK_RETRIES ? now_ms : now_ms + RETRY_WAIT_MS
  set(run, { outstanding: { ...outstanding, waiting: false, tries, corrupted, next_ms } })
  run.effects.push({ type: 'release' })
}

/** BUSY is neither an answer nor a failure: the same bytes after a pause. */
export function waitBusy(run: Run) {
  const { config, state, now_ms } = run
  const { outstanding } = state
  if (!outstanding) return
  count(run, 'busy')
  if (now_ms - outstanding.first_ms >= config.sessionLost_ms) return lose(run, 'busy')
  const next_ms = now_ms + Math.max(BUSY_WAIT_MS_MIN, config.pollInterval_ms)
  set(run, { heard_ms: now_ms, outstanding: { ...outstanding, waiting: false, tries: 0, next_ms } })
  run.effects.push({ type: 'release' })
}

/** A frame that was not believed ends the session: the next one begins with a new proof of the key. */
export function refuse(run: Run, kind: TamperKind): void {
  count(run, 'refused')
  tamper(run, kind)
  lose(run, 'tamper')
}

/** Ends the session. What waited fails now; nothing of it is sent in the next session. */
export function lose(run: Run, reason: OfflineReason): void {
  const { config, now_ms } = run
  const { phase, backoff_ms, told } = run.state
  // A session that held is tried again at once, one that fails again and again ever more rarely.
  const held = phase.name === 'online' && now_ms - phase.since_ms >= config.sessionLost_ms
  const { first_ms, max_ms } = config.backoff
  const until_ms = reason === 'line-lost' ? Number.POSITIVE_INFINITY : now_ms + (held ? 0 : backoff_ms)
  endExchange(run)
  failAll(run, reason)
  set(run, {
    ...fresh({ name: 'offline', until_ms }),
    key: 'site',
    attempt: 0,
    statuses: {},
    backoff_ms: held ? first_ms : Math.min(max_ms, Math.max(first_ms, backoff_ms * 2)),
    told: { ...told, online: false, reason },
  })
  if (told.online || told.reason !== reason) tell(run, { type: 'offline', reason })
}

/** Begins again at once, with this key. */
export function restart(run: Run, key: 'site' | 'default', attempt = 0): void {
  endExchange(run)
  set(run, { ...fresh({ name: 'hello' }), key, attempt, heard_ms: run.now_ms })
}

const fresh = (phase: Phase) => ({ phase, sequence: 0, secure: undefined, outstanding: undefined })

function endExchange(run: Run): void {
  if (run.state.outstanding?.waiting) run.effects.push({ type: 'release' })
}

function failAll(run: Run, reason: OfflineReason): void {
  const { outstanding, queue } = run.state
  const result: CommandResult = {
    ok: false,
    code: 'OSDP_OFFLINE',
    message: `the reader went offline (${reason}) before it answered`,
  }
  answer(run, outstanding?.ticket, result)
  for (const { ticket } of queue) answer(run, ticket, result)
  set(run, { queue: [] })
}
