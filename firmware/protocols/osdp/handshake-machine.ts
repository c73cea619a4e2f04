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
 * From the challenge to the secure channel (SIA OSDP v2, Annex D). The keys of the site are always tried first; the
 * default key only in install mode, and only to set a key of the site, after which everything begins again with that.
 */

const KEY_NUMBER = { default: 0, site: 1 } as const
/** Third byte of the reader's last block when it did not believe our cryptogram. */
const CRYPTOGRAM_REFUSED = 0xff

/** Open for giving the key; not any more once it was given. */
export function isInstallDue({ state: { install }, now_ms }: Run): boolean {
  return install !== undefined && !install.given && now_ms < install.until_ms
}

export function sendChallenge(run: Run, random: Uint8Array) {
  const { key, keys, attempt } = run.state
  const trying = key === 'default' ? DEFAULT_KEY : keys[attempt]
  set(run, { phase: { name: 'challenge', random }, trying })
  const security = { type: Scs.challenge, data: Uint8Array.of(KEY_NUMBER[run.state.key]) }
  send(run, { type: 'challenge', random }, { security })
}

/** The reader's proof. Without a right one it does not get ours. */
export function onChallengeReply(run: Run, frame: Frame, reply: Reply) {
  const { config, state } = run
  if (state.phase.name !== 'challenge' || !state.trying) return
  if (reply.type !== 'client-cryptogram' || frame.security?.type !== Scs.challengeReply) return refuseKey(run, false)
  const keyNumber = frame.security.data[0]
  if (keyNumber !== KEY_NUMBER[state.key]) return refuseKey(run, keyNumber === KEY_NUMBER.default)
  const { random } = state.phase
  const keys = sessionKeys(config.aes, state.trying, random)
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
  if (state.key === 'site' && state.trying) onProof(run, state.trying)
  set(run, {
    secure: openSession(keys, mac),
    phase:
      state.key === 'default' || isInstallDue(run)
        ? { name: 'set-key' }
        : { name: 'setup', ask: [{ type: 'id' }, { type: 'capabilities' }, { type: 'local-status' }], found: [] },
  })
}

/** The reader has this key. When it is the new one, no other is believed any more, and install mode is over. */
function onProof(run: Run, proven: Uint8Array) {
  const { install, keys } = run.state
  set(run, { keys: [proven, ...keys.filter((one) => one !== proven)], attempt: 0 })
  if (!install?.key || !equalBytes(install.key, proven)) return
  set(run, { keys: [proven], install: undefined })
  if (install.given || run.now_ms < install.until_ms) tell(run, { type: 'key-set' })
}

export function sendKey(run: Run) {
  const key = run.state.install?.key
  if (key && isInstallDue(run)) send(run, { type: 'set-key', key })
  else lose(run, 'key-refused')
}

/**
 * Whatever the reader answers, only a session with the new key proves that it took it. It is given once: a reader that
 * acknowledges and forgets must not keep the line busy.
 */
export function onKeyReply(run: Run, reply: Reply) {
  const { install, keys } = run.state
  if (reply.type !== 'ack') return lose(run, 'protocol')
  const key = install?.key
  if (key) set(run, { install: { ...install, given: true }, keys: [key, ...keys.filter((one) => one !== key)] })
  restart(run, 'site')
}

/** The reader did not prove that it has the key. In install mode that is what a new reader looks like. */
export function refuseKey(run: Run, offersDefault: boolean) {
  const { attempt, key, keys } = run.state
  if (key === 'site' && attempt + 1 < keys.length) return restart(run, 'site', attempt + 1)
  if (key === 'site' && isInstallDue(run)) return restart(run, 'default')
  count(run, 'refused')
  tamper(run, offersDefault ? 'default-key' : 'wrong-key')
  lose(run, 'key-refused')
}
