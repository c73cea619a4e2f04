import type { Command } from './commands.ts'
import { type Frame, Scs } from './frame.ts'
import {
  isInstallDue,
  onChallengeReply,
  onCryptogramReply,
  onKeyReply,
  refuseKey,
  sendChallenge,
  sendCryptogram,
  sendKey,
} from './handshake-machine.ts'
import { CAPABILITY_INPUTS, decodeReply, Nak, REPLY_ACK, REPLY_BUSY, REPLY_NAK, type Reply } from './replies.ts'
import { type Disbelief, equalBytes, openReply } from './secure-channel.ts'
import {
  answer,
  count,
  lose,
  type Run,
  refuse,
  resend,
  retry,
  send,
  set,
  tamper,
  tell,
  waitBusy,
} from './session-run.ts'
import {
  type Phase,
  QUEUE_MAX,
  type ReaderUnit,
  type SessionConfig,
  type SessionState,
  type TamperKind,
} from './session-state.ts'

/**
 * The session of a controller with one reader: who speaks when, what is believed, when it is over. Pure. The bus offers
 * the line (`turn`), brings frames of this address with a right check (`frame`) or says that the time for a reply is over
 * (`silence`); it does what the effects say. A command that was sent is answered, repeated or lost before the next.
 */

export type SessionInput =
  /** @param random 8 fresh bytes, used if a challenge is due */
  | { type: 'turn'; random: Uint8Array }
  | { type: 'frame'; frame: Frame }
  | { type: 'silence'; corrupted: boolean }
  | { type: 'command'; ticket: number; command: Command; expires_ms: number }
  /** Explicit install mode: until then the reader is given this key. */
  | { type: 'install'; until_ms: number; key: Uint8Array | undefined }
  | { type: 'line'; up: boolean }

export function step(config: SessionConfig, state: SessionState, input: SessionInput, now_ms: number) {
  const run: Run = { config, now_ms, state, effects: [] }
  switch (input.type) {
    case 'turn':
      onTurn(run, input.random)
      break
    case 'frame':
      onFrame(run, input.frame)
      break
    case 'silence':
      onSilence(run, input.corrupted)
      break
    case 'command':
      onCommand(run, input)
      break
    case 'install':
      onInstall(run, input)
      break
    case 'line':
      onLine(run, input.up)
      break
  }
  return { state: run.state, effects: run.effects }
}

export interface Turn {
  /** Monotonic ms. */
  at_ms: number
  /** Somebody waits for it: a lamp, a buzzer, a strike. */
  urgent: boolean
  /** The reader did not answer last time; it may cost the line a whole reply time. */
  doubtful: boolean
}

/** When the session wants the line next; undefined while it waits for a reply. */
export function nextTurn(state: SessionState): Turn | undefined {
  const { phase, outstanding, queue } = state
  if (outstanding)
    return outstanding.waiting
      ? undefined
      : { at_ms: outstanding.next_ms, urgent: false, doubtful: outstanding.tries > 0 }
  if (phase.name === 'offline') return { at_ms: phase.until_ms, urgent: false, doubtful: true }
  if (phase.name !== 'online') return { at_ms: state.heard_ms, urgent: false, doubtful: false }
  if (queue.length > 0) return { at_ms: state.heard_ms, urgent: true, doubtful: false }
  return { at_ms: state.nextPoll_ms, urgent: false, doubtful: false }
}

function onTurn(run: Run, random: Uint8Array) {
  const { state, now_ms } = run
  const { outstanding, phase } = state
  if (outstanding) {
    if (!outstanding.waiting && outstanding.next_ms <= now_ms) resend(run)
    return
  }
  switch (phase.name) {
    case 'offline':
      if (phase.until_ms > now_ms) return
      set(run, { phase: { name: 'hello' }, heard_ms: now_ms })
      return send(run, { type: 'id' })
    case 'hello':
      return send(run, { type: 'id' })
    case 'challenge':
      return sendChallenge(run, random)
    case 'cryptogram':
      return sendCryptogram(run)
    case 'set-key':
      return sendKey(run)
    case 'setup':
      return phase.ask[0] && send(run, phase.ask[0])
    case 'online':
      return isInstallDue(run) ? lose(run, 'installing') : sendNext(run)
  }
}

function sendNext(run: Run) {
  const { now_ms, config } = run
  for (;;) {
    const [next, ...queue] = run.state.queue
    if (!next) break
    set(run, { queue })
    const { ticket, command, expires_ms } = next
    if (expires_ms >= now_ms) return send(run, command, { ticket, expires_ms })
    const message = `the ${command.type} command waited too long for the line`
    answer(run, ticket, { ok: false, code: 'OSDP_EXPIRED', message })
  }
  if (run.state.nextPoll_ms > now_ms) return
  set(run, { nextPoll_ms: now_ms + config.pollInterval_ms })
  send(run, { type: 'poll' })
}

function onSilence(run: Run, corrupted: boolean) {
  if (!run.state.outstanding?.waiting) return
  count(run, corrupted ? 'corrupted' : 'timeouts')
  retry(run, corrupted)
}

function onCommand(run: Run, input: Extract<SessionInput, { type: 'command' }>) {
  const { phase, queue } = run.state
  const { ticket, command, expires_ms } = input
  if (phase.name !== 'online')
    return answer(run, ticket, { ok: false, code: 'OSDP_OFFLINE', message: 'the reader is not online' })
  if (queue.length >= QUEUE_MAX)
    return answer(run, ticket, { ok: false, code: 'OSDP_QUEUE_FULL', message: `${QUEUE_MAX} commands wait already` })
  set(run, { queue: [...queue, { ticket, command, expires_ms }] })
}

function onInstall(run: Run, { until_ms, key }: Extract<SessionInput, { type: 'install' }>) {
  const { phase, keys, outstanding, told } = run.state
  const isTrying = phase.name === 'cryptogram' || (phase.name === 'challenge' && outstanding !== undefined)
  set(run, {
    // What comes of it is told, also when it is what was told before.
    told: told.online ? told : { online: false, reason: 'installing', tamper: undefined },
    install: { until_ms, given: false, key },
    keys: key ? [key, ...keys.filter((one) => !equalBytes(one, key))] : keys,
    // The new one comes after the one that is being tried.
    attempt: isTrying ? -1 : 0,
    expected: undefined,
    backoff_ms: 0,
  })
  if (phase.name === 'offline' && phase.until_ms !== Number.POSITIVE_INFINITY)
    set(run, { phase: { name: 'offline', until_ms: run.now_ms } })
}

function onLine(run: Run, up: boolean) {
  if (!up) return lose(run, 'line-lost')
  if (run.state.phase.name === 'offline') set(run, { phase: { name: 'offline', until_ms: run.now_ms }, backoff_ms: 0 })
}

const disbeliefs: Record<Disbelief, TamperKind> = {
  plain: 'downgraded',
  'bad-mac': 'bad-mac',
  replayed: 'replayed',
  'bad-padding': 'malformed',
}

function onFrame(run: Run, frame: Frame) {
  const { config, state } = run
  const { outstanding } = state
  if (!outstanding?.waiting) return count(run, 'unexpected')
  // BUSY is always plain and numbered 0, in a secure session too. A forged one delays, it does not deceive.
  if (frame.code === REPLY_BUSY && frame.data.length === 0 && !frame.security) return waitBusy(run)
  if (state.secure && !frame.security && frame.code === REPLY_NAK) return onPlainNakInSession(run, frame)
  // A NAK may carry another number; any other frame with a wrong one is late, or a repetition.
  if (frame.sequence !== state.sequence && frame.code !== REPLY_NAK) return count(run, 'unexpected')

  if (state.phase.name === 'set-key' && !frame.security && frame.code === REPLY_ACK) return onPlainKeyAck(run)
  if (frame.mac && !outstanding.sealed) return count(run, 'unexpected')

  let data = frame.data
  if (outstanding.sealed) {
    const opened = openReply(config.aes, outstanding.sealed, frame)
    if (!opened.ok) return refuse(run, disbeliefs[opened.reason])
    data = opened.data
    set(run, { secure: opened.session })
  }
  const reply = decodeReply(frame.code, data)
  if (!reply) return refuse(run, 'malformed')
  if (outstanding.sealed && isLaidOpen(frame, reply)) return refuse(run, 'downgraded')
  if (reply.type === 'nak' && reply.nak === Nak.check && !outstanding.sealed) return onCheckNak(run)
  count(run, 'replies')
  run.effects.push({ type: 'release' })
  set(run, { outstanding: undefined, heard_ms: run.now_ms, sequence: (state.sequence % 3) + 1 })
  onReply(run, frame, reply, outstanding.ticket)
}

/** Authenticated but not encrypted: what is worth reading must be both. */
const isLaidOpen = (frame: Frame, reply: Reply) =>
  frame.security?.type === Scs.replyMac && frame.data.length > 0 && reply.type !== 'nak'

/** Some readers drop the old session before they acknowledge the new key. Nothing is believed: the proof comes next. */
function onPlainKeyAck(run: Run) {
  run.effects.push({ type: 'release' })
  set(run, { outstanding: undefined })
  onKeyReply(run, { type: 'ack' })
}

/** The reader got broken bytes and did nothing. */
function onCheckNak(run: Run) {
  count(run, 'naks')
  retry(run, true)
}

/**
 * Only a reader that has lost the session, or could not read the command, may answer it without protection. Neither is
 * believed to say anything else; both are in the power of whoever can cut the line.
 */
function onPlainNakInSession(run: Run, frame: Frame) {
  count(run, 'naks')
  switch (frame.data[0]) {
    case Nak.check:
      return retry(run, true)
    case Nak.sequence:
    case Nak.securityUnsupported:
    case Nak.securityCondition:
      return lose(run, 'restarted')
    default:
      return refuse(run, 'downgraded')
  }
}

/** A believed reply to the command that was outstanding. */
function onReply(run: Run, frame: Frame, reply: Reply, ticket: number | undefined) {
  const { phase } = run.state
  if (reply.type === 'nak') return onNak(run, reply.nak, ticket)
  switch (phase.name) {
    case 'hello':
      return onHelloReply(run, reply)
    case 'challenge':
      return onChallengeReply(run, frame, reply)
    case 'cryptogram':
      return onCryptogramReply(run, frame, reply)
    case 'set-key':
      return onKeyReply(run, reply)
    case 'setup':
      return onAnswer(run, phase, reply)
    case 'online':
      report(run, reply)
      return answer(run, ticket, { ok: true, reply })
    case 'offline':
      return
  }
}

function onNak(run: Run, nak: number, ticket: number | undefined) {
  const { phase } = run.state
  count(run, 'naks')
  if (nak === Nak.sequence) return lose(run, 'restarted')
  const wantsSecurity = nak === Nak.securityUnsupported || nak === Nak.securityCondition
  if (phase.name === 'challenge' || phase.name === 'cryptogram') return refuseKey(run, false)
  if (phase.name === 'set-key') return lose(run, 'protocol')
  if (wantsSecurity && run.state.secure) return lose(run, 'restarted')
  if (wantsSecurity && run.config.security.mode === 'plain') return lose(run, 'secure-channel-required')
  if (phase.name === 'hello') return onHelloReply(run, { type: 'nak', nak })
  if (phase.name === 'setup') return onAnswer(run, phase, { type: 'nak', nak })
  answer(run, ticket, { ok: false, code: 'OSDP_REFUSED', message: `the reader refused the command with NAK ${nak}` })
}

/** The reader is there. Who it says to be counts only once it can prove it, if it must. */
function onHelloReply(run: Run, reply: Reply) {
  if (run.config.security.mode === 'secure') {
    if (run.state.keys.length === 0) return lose(run, 'not-installed')
    set(run, { identity: undefined, phase: { name: 'challenge', random: new Uint8Array(0) } })
    return
  }
  count(run, 'sessions')
  set(run, {
    identity: reply.type === 'identity' ? reply.identity : undefined,
    phase: { name: 'setup', ask: [{ type: 'capabilities' }, { type: 'local-status' }], found: [] },
  })
}

/** A reader that does not answer one of the questions is still a reader. */
function onAnswer(run: Run, phase: Extract<Phase, { name: 'setup' }>, reply: Reply) {
  const rest = phase.ask.slice(1)
  const found = [...phase.found, reply]
  if (reply.type === 'identity') set(run, { identity: reply.identity })
  if (reply.type === 'capabilities') {
    set(run, { capabilities: reply.capabilities })
    if (reply.capabilities.some((one) => one.function === CAPABILITY_INPUTS && one.count > 0))
      rest.push({ type: 'input-status' })
  }
  if (rest.length > 0) return set(run, { phase: { name: 'setup', ask: rest, found } })
  // The key was asked for while this session was under way.
  if (run.state.install?.key && isInstallDue(run)) return lose(run, 'installing')
  becomeOnline(run)
  for (const one of found) report(run, one)
}

function becomeOnline(run: Run) {
  const { now_ms, config } = run
  const { identity, capabilities, expected, install, keys } = run.state
  const isSecure = config.security.mode === 'secure'
  set(run, {
    phase: { name: 'online', since_ms: now_ms },
    nextPoll_ms: now_ms,
    told: { online: true, reason: undefined, tamper: undefined },
    expected: expected ?? identity,
    install: isSecure ? install : undefined,
  })
  // The one that was proven is the first from then on.
  tell(run, { type: 'online', identity, capabilities, key: isSecure ? keys[0] : undefined })
  if (expected && identity && !isSameUnit(expected, identity)) tamper(run, 'reader-swapped')
}

const isSameUnit = (a: ReaderUnit, b: ReaderUnit) =>
  a.vendor === b.vendor && a.model === b.model && a.serial === b.serial

/** Readers send what happened as the answer to a poll, some to any command. */
function report(run: Run, reply: Reply) {
  switch (reply.type) {
    case 'card':
      return tell(run, { type: 'card', card: reply.card })
    case 'keypad':
      return tell(run, reply)
    case 'local-status':
    case 'inputs':
    case 'outputs':
    case 'reader-status': {
      const { statuses } = run.state
      const shown = JSON.stringify(reply)
      if (statuses[reply.type] === shown) return
      set(run, { statuses: { ...statuses, [reply.type]: shown } })
      return tell(run, reply)
    }
    default:
  }
}
