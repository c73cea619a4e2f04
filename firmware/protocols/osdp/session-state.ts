import type { Command } from './commands.ts'
import type { Check } from './frame.ts'
import type { Capability, CardRead, Identity, Reply } from './replies.ts'
import type { Aes, SecureSession, SessionKeys } from './secure-channel.ts'

/** What a session with one reader knows, takes and gives. The transitions are in session-machine.ts. */

export type Security =
  /**
   * Nothing but the secure channel with one of these keys, the likeliest first: two while one replaces the other. Outside
   * install mode a reader that has none of them stays offline, and without any key nobody is asked for a proof.
   */
  | { mode: 'secure'; keys: readonly Uint8Array[] }
  /** No secure channel: for readers that have none, behind a locked cabinet. */
  | { mode: 'plain' }

export interface SessionConfig {
  address: number
  security: Security
  aes: Aes
  check: Check
  /** Which reader belongs here; another one is told as tamper. Learnt from the first that comes online, if not given. */
  expected?: ReaderUnit
  /** Start of one poll to the start of the next; 0 polls as fast as the line can. */
  pollInterval_ms: number
  /** Without a valid reply for this long the session is lost (the standard: 8 s). */
  sessionLost_ms: number
  /** Waits between attempts to reach an offline reader. */
  backoff: { first_ms: number; max_ms: number }
}

/** What tells one unit from another of its kind. */
export type ReaderUnit = Pick<Identity, 'vendor' | 'model' | 'serial'>

export const QUEUE_MAX = 16

export type OfflineReason =
  | 'starting'
  | 'no-reply'
  | 'busy'
  /** Bytes came, none of them a valid frame. */
  | 'corrupted'
  | 'line-lost'
  /** The reader forgot the session, as after a loss of power. */
  | 'restarted'
  /** The reader does not take our key. */
  | 'key-refused'
  /** It is there, and we have no key for it. */
  | 'not-installed'
  /** Begun anew to give it a key, or to learn who it is. */
  | 'installing'
  /** The reader speaks only through a secure channel, and none is configured. */
  | 'secure-channel-required'
  | 'tamper'
  | 'protocol'
  /** A command that may not be carried out late could not be delivered in time. */
  | 'command-expired'

export type TamperKind =
  /** The reader could not prove that it knows the key, or refused to be asked. */
  | 'wrong-key'
  /** It offers the key that everybody knows. */
  | 'default-key'
  /** A reply without the protection that the session asks for. */
  | 'downgraded'
  | 'bad-mac'
  | 'replayed'
  /** Truncated or contradictory, though the check was right. */
  | 'malformed'
  /** Nothing but broken frames until the session was lost. */
  | 'corrupted'
  | 'reader-swapped'

export type SessionEvent =
  /** @param key the one that it has proven; never to be logged. Undefined without secure channel. */
  | { type: 'online'; identity: Identity | undefined; capabilities: Capability[]; key: Uint8Array | undefined }
  | { type: 'offline'; reason: OfflineReason }
  | { type: 'card'; card: CardRead }
  | { type: 'keypad'; reader: number; keys: string }
  /** The reader's own tamper switch and supply; told at first and on change. */
  | { type: 'local-status'; tampered: boolean; powerFailed: boolean }
  | { type: 'inputs'; active: boolean[] }
  | { type: 'outputs'; active: boolean[] }
  | { type: 'reader-status'; readers: number[] }
  /** Somebody or something is between us and the reader. The frame was not believed. */
  | { type: 'tamper'; kind: TamperKind }
  /** The reader has proven that it has our key now. Install mode ended. */
  | { type: 'key-set' }

export type CommandResult =
  | { ok: true; reply: Reply }
  | { ok: false; code: 'OSDP_OFFLINE' | 'OSDP_REFUSED' | 'OSDP_EXPIRED' | 'OSDP_QUEUE_FULL'; message: string }

export interface QueuedCommand {
  ticket: number
  command: Command
  /** Not sent after this; monotonic ms. */
  expires_ms: number
}

export type Count =
  | 'polls'
  | 'commands'
  | 'replies'
  | 'timeouts'
  | 'corrupted'
  | 'retries'
  | 'busy'
  | 'naks'
  /** Frames that were not believed. */
  | 'refused'
  /** Frames that nobody had asked for, or with another sequence number: late or repeated replies. */
  | 'unexpected'
  | 'sessions'

export type SessionEffect =
  | { type: 'send'; bytes: Uint8Array }
  /** The exchange that was under way is over: the line is free. */
  | { type: 'release' }
  | { type: 'event'; event: SessionEvent }
  | { type: 'result'; ticket: number; result: CommandResult }
  | { type: 'count'; count: Count }

export interface Outstanding {
  command: Command
  ticket: number | undefined
  expires_ms: number
  /** Sent again as they are: a retry is the same bytes with the same number. */
  bytes: Uint8Array
  /** The secure session as it is once the reader has the command. */
  sealed: SecureSession | undefined
  /** On the line now; otherwise waiting for `next_ms` to be sent again. */
  waiting: boolean
  next_ms: number
  tries: number
  first_ms: number
  /** The last attempt was answered by broken bytes. */
  corrupted: boolean
}

export type Phase =
  | { name: 'offline'; until_ms: number }
  /** Sequence 0: both sides begin anew. */
  | { name: 'hello' }
  | { name: 'challenge'; random: Uint8Array }
  | { name: 'cryptogram'; keys: SessionKeys; server: Uint8Array }
  | { name: 'set-key' }
  /** Asked once at the beginning of each session; what was found is told once the reader is online. */
  | { name: 'setup'; ask: Command[]; found: Reply[] }
  | { name: 'online'; since_ms: number }

export interface SessionState {
  phase: Phase
  /** Number of the next new command. */
  sequence: number
  /** The kind of key of this attempt. `default` only ever in install mode. */
  key: 'site' | 'default'
  /** The keys that may be proven, the likeliest first. */
  keys: readonly Uint8Array[]
  /** Which of them is tried next, or is being tried. */
  attempt: number
  /** The key of the challenge that is under way: which one it is must not depend on what is installed meanwhile. */
  trying: Uint8Array | undefined
  /** Install mode: until then the reader is given this key, once; without secure channel (no key) it may be another unit. */
  install: { until_ms: number; given: boolean; key: Uint8Array | undefined } | undefined
  secure: SecureSession | undefined
  outstanding: Outstanding | undefined
  queue: readonly QueuedCommand[]
  /** Last valid reply, or start of this session. */
  heard_ms: number
  nextPoll_ms: number
  backoff_ms: number
  /** What was last told, so that one condition is told once. */
  told: { online: boolean; reason: OfflineReason | undefined; tamper: TamperKind | undefined }
  identity: Identity | undefined
  expected: ReaderUnit | undefined
  capabilities: Capability[]
  /** JSON of the statuses last told, by type. */
  statuses: Readonly<Record<string, string>>
}

export function createSessionState(config: SessionConfig, now_ms: number): SessionState {
  return {
    phase: { name: 'offline', until_ms: now_ms },
    sequence: 0,
    key: 'site',
    keys: config.security.mode === 'secure' ? config.security.keys : [],
    attempt: 0,
    trying: undefined,
    install: undefined,
    secure: undefined,
    outstanding: undefined,
    queue: [],
    heard_ms: now_ms,
    nextPoll_ms: now_ms,
    backoff_ms: 0,
    told: { online: false, reason: 'starting', tamper: undefined },
    identity: undefined,
    expected: config.expected,
    capabilities: [],
    statuses: {},
  }
}
