import type { Frame } from './frame.ts'
import { Scs } from './frame.ts'
import type { Reply } from './replies.ts'
import {
  clientCryptogram,
  DEFAULT_KEY,
  equalBytes,
  initialMac,
  openSession,
  serverCryptogram,
  sessionKeys,
} from './secure-channel.ts'
import { count, lose, type Run, restart, send, set, tamper, tell } from './session-run.ts'

/**
 * From the challenge to the secure channel (SIA OSDP v2, Annex D). The site key is always tried first; the default key
 * only in install mode, and only to set the site key, after which everything begins again with that.
 */

const KEY_NUMBER = { default: 0, site: 1 } as const
/** Third byte of the reader's last block when it did not believe our cryptogram. */
const CRYPTOGRAM_REFUSED = 0xff

const keyOf = ({ config, state }: Run) =>
  state.key === 'default' || config.security.mode === 'plain' ? DEFAULT_KEY : config.security.key
/** Open for giving the key; not any more once it was given. */
const mayGiveKey = ({ state: { install }, now_ms }: Run) =>
  install !== undefined && !install.given && now_ms < install.until_ms

export function sendChallenge(run: Run, random: Uint8Array) {
  set(run, { phase: { name: 'challenge', random } })
  const security = { type: Scs.challenge, data: Uint8Array.of(KEY_NUMBER[run.state.key]) }
  send(run, { type: 'challenge', random }, { security })
}

/** The reader's proof. Without a right one it does not get ours. */
export function onChallengeReply(run: Run, frame: Frame, reply: Reply) {
  const { config, state } = run
  if (state.phase.name !== 'challenge') return
  if (reply.type !== 'client-cryptogram' || frame.security?.type !== Scs.challengeReply) return refuseKey(run, false)
  const keyNumber = frame.security.data[0]
  if (keyNumber !== KEY_NUMBER[state.key]) return refuseKey(run, keyNumber === KEY_NUMBER.default)
  const { random } = state.phase
  const keys = sessionKeys(config.aes, keyOf(run), random)
  if (!equalBytes(clientCryptogram(config.aes, keys, random, reply.random), reply.cryptogram))
    return refuseKey(run, false)
  const server = serverCryptogram(config.aes, keys, random, reply.random)
  set(run, { phase: { name: 'cryptogram', keys, server } })
}

export function sendCryptogram(run: Run) {
  const { phase, key } = run.state
  if (phase.name !== 'cryptogram') return
  const security = { type: Scs.cryptogram, data: Uint8Array.of(KEY_NUMBER[key]) }
  send(run, { type: 'server-cryptogram', cryptogram: phase.server }, { security })
}

export function onCryptogramReply(run: Run, frame: Frame, reply: Reply) {
  const { config, state } = run
  if (state.phase.name !== 'cryptogram') return
  const { keys, server } = state.phase
  const mac = initialMac(config.aes, keys, server)
  const believed =
    reply.type === 'initial-mac' &&
    frame.security?.type === Scs.cryptogramReply &&
    frame.security.data[0] !== CRYPTOGRAM_REFUSED &&
    equalBytes(reply.mac, mac)
  if (!believed) return refuseKey(run, false)
  count(run, 'sessions')
  if (state.key === 'site') endInstallMode(run)
  set(run, {
    secure: openSession(keys, mac),
    phase:
      state.key === 'default'
        ? { name: 'set-key' }
        : { name: 'setup', ask: [{ type: 'id' }, { type: 'capabilities' }, { type: 'local-status' }], found: [] },
  })
}

function endInstallMode(run: Run) {
  const { install } = run.state
  if (!install) return
  set(run, { install: undefined })
  if (install.given || run.now_ms < install.until_ms) tell(run, { type: 'key-set' })
}

export function sendKey(run: Run) {
  const { security } = run.config
  if (security.mode === 'secure' && mayGiveKey(run)) send(run, { type: 'set-key', key: security.key })
  else lose(run, 'key-refused')
}

/**
 * Whatever the reader answers, only a session with the new key proves that it took it. It is given once: a reader that
 * acknowledges and forgets must not keep the line busy.
 */
export function onKeyReply(run: Run, reply: Reply) {
  const { install } = run.state
  if (reply.type !== 'ack') return lose(run, 'protocol')
  if (install) set(run, { install: { ...install, given: true } })
  restart(run, 'site')
}

/** The reader did not prove that it has the key. In install mode that is what a new reader looks like. */
export function refuseKey(run: Run, offersDefault: boolean) {
  if (run.state.key === 'site' && mayGiveKey(run)) return restart(run, 'default')
  count(run, 'refused')
  tamper(run, offersDefault ? 'default-key' : 'wrong-key')
  lose(run, 'key-refused')
}
