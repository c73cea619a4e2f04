import type { CommandDesk } from '../commands/desk.ts'
import { CREDENTIALS_ACTOR } from '../commands/own-commands.ts'
import { type CredentialsHave, type CredentialsUpdate, checkHave } from '../contract/credentials.ts'
import type { Message } from '../contract/decode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { type Address, gatewayPath } from '../contract/topic.ts'
import type { Devices } from '../devices/devices.ts'
import type { CredentialSource } from './source.ts'

/**
 * Brings each gateway the credentials of its gates: what it says it has decides what it is told, one command at a time
 * and in order. Nothing about a gateway is kept on disk: after any restart it says again what it has.
 */
export interface Distributor {
  /** To be called for each accepted message, after the devices have taken it. */
  heard(message: Message): void
  close(): void
}

export interface DistributorDeps {
  source: Pick<CredentialSource, 'answer' | 'onChange' | 'forget'>
  devices: Pick<Devices, 'get' | 'ofGateway' | 'gatewayOnline'>
  send: CommandDesk['send']
  /** All that a gateway needed at the time has been taken. */
  onServed(gateway: string, version: number): void
  onFault(gateway: string, fault: LinliError): void
}

/** A part is decoded and written in well under a second; a slow card and a slow line get the rest. */
const TTL_MS = 60_000
/**
 * A gateway announces itself before it has subscribed to its commands and described its gates: sent at once, the first
 * command would be lost, and its loss be noticed a minute later.
 */
export const SETTLE_MS = 1_000
/** After a failure, or when a gateway took everything and does not say so. */
export const RETRY_MS = 60_000

type Waiting = 'settle' | 'confirmation' | 'retry'
type Target = Pick<CredentialsHave, 'epoch' | 'version' | 'digest'>
/** What it will say it has, and what it had before. */
type Sent = { target: Target; asked: string }
type Outcome = { type: 'nothing' } | { type: 'sent'; target: Target } | { type: 'other-gates' } | { type: 'failed' }

/** What is going on with one gateway: nothing, sending (`turn`), or waiting. */
interface Round {
  address: Address
  turn: object | undefined
  waiting: { for: Waiting; timer: ReturnType<typeof setTimeout>; sent?: Sent } | undefined
  /** Something changed while it was being served. */
  again: boolean
  /** In a row. */
  failures: number
  bootid: unknown
  gates: string
}

export function createDistributor(deps: DistributorDeps): Distributor {
  const { devices, source } = deps
  /** Only gateways heard since the start: what is remembered as online may be dead, and a command to it lost. */
  const rounds = new Map<string, Round>()
  let closed = false
  const stop = source.onChange(() => {
    for (const round of rounds.values()) consider(round)
  })

  function abandon(round: Round): void {
    round.turn = undefined
    round.again = false
    clearTimeout(round.waiting?.timer)
    round.waiting = undefined
  }

  function wait(round: Round, reason: Waiting, after_ms: number, sent?: Sent): void {
    const timer = setTimeout(() => {
      round.waiting = undefined
      consider(round)
    }, after_ms)
    round.waiting = { for: reason, timer, ...(sent ? { sent } : {}) }
  }

  function resume(round: Round): void {
    abandon(round)
    consider(round)
  }

  function consider(round: Round): void {
    if (round.turn) round.again = true
    if (closed || round.turn || round.waiting || !devices.gatewayOnline(round.address)) return
    const have = haveOf(round.address)
    const gates = gatesOf(round.address)
    round.gates = gates.join()
    // Without a gate there is nothing that a credential could open.
    if (!have || gates.length === 0) return
    const turn = {}
    round.turn = turn
    void serve(round, turn, gates, have).then((outcome) => {
      if (round.turn === turn) conclude(round, JSON.stringify(have), outcome)
    })
  }

  /** Never rejects. */
  async function serve(round: Round, turn: object, gates: string[], have: CredentialsHave): Promise<Outcome> {
    const gateway = gatewayPath(round.address, round.address.gateway)
    let target: Target | undefined
    try {
      for (const update of await source.answer(gateway, gates, have)) {
        if (round.turn !== turn) return { type: 'failed' }
        if (gatesOf(round.address).join() !== gates.join()) return { type: 'other-gates' }
        await told(round.address, update)
        target = update
      }
    } catch (error) {
      const fault =
        error instanceof LinliError ? error : new LinliError('CREDENTIALS_UNSENT', reasonOf(error), { kind: 'bug' })
      if (round.turn === turn) deps.onFault(gateway, fault)
      return { type: 'failed' }
    }
    return target ? { type: 'sent', target } : { type: 'nothing' }
  }

  /** @throws {LinliError} with the code of the result when the gateway did not take it */
  async function told(address: Address, update: CredentialsUpdate): Promise<void> {
    const name = update.type === 'delta' ? 'credentials-delta' : 'credentials-part'
    const result = await deps.send({ address, name, args: update, ttl_ms: TTL_MS, actor: CREDENTIALS_ACTOR })
    if (result.status === 'succeeded') return
    const { code = 'CREDENTIALS_UNSENT', message = '' } = result
    const text = `version ${update.version} of the credentials was not taken (${result.status}): ${message}`
    throw new LinliError(code, text, { kind: 'fault' })
  }

  function conclude(round: Round, asked: string, outcome: Outcome): void {
    const { again } = round
    abandon(round)
    const have = haveOf(round.address)
    const hasSpoken = JSON.stringify(have) !== asked
    if (outcome.type === 'failed') {
      round.failures++
      if (hasSpoken && round.failures === 1) consider(round)
      else wait(round, 'retry', RETRY_MS)
      return
    }
    if (outcome.type === 'sent' && !(have && isAt(have, outcome.target))) {
      wait(round, 'confirmation', RETRY_MS, { target: outcome.target, asked })
      return
    }
    if (outcome.type === 'sent') served(round, outcome.target)
    if (outcome.type === 'nothing') round.failures = 0
    if (outcome.type !== 'nothing' || again || hasSpoken) consider(round)
  }

  function served(round: Round, { version }: Target): void {
    round.failures = 0
    deps.onServed(gatewayPath(round.address, round.address.gateway), version)
  }

  function onState(round: Round, state: unknown): void {
    const { bootid } = (state ?? {}) as { bootid?: unknown }
    const isOther = round.bootid !== undefined && round.bootid !== bootid
    round.bootid = bootid
    // Whatever it had half of is gone.
    if (isOther) settle(round)
    else if (!round.waiting) consider(round)
    else if (round.waiting.for === 'confirmation') onConfirmation(round, round.waiting.sent)
    // Once at its word; one that fails again and again is not asked again and again.
    else if (round.waiting.for === 'retry' && round.failures <= 1) resume(round)
  }

  function onConfirmation(round: Round, sent: Sent | undefined): void {
    const have = haveOf(round.address)
    if (!have || !sent) return
    if (isAt(have, sent.target)) {
      served(round, sent.target)
      resume(round)
      // A state from before may come after a result: only one that it did not have before counts.
    } else if (have.need === 'snapshot' && JSON.stringify(have) !== sent.asked) {
      round.failures++
      if (round.failures <= 1) resume(round)
    }
  }

  function settle(round: Round): void {
    abandon(round)
    wait(round, 'settle', SETTLE_MS)
  }

  function haveOf(address: Address): CredentialsHave | undefined {
    const state = devices.get(address)?.state as { credentials?: unknown } | undefined
    const have = checkHave(state?.credentials)
    return have.ok ? have.value : undefined
  }

  function gatesOf(address: Address): string[] {
    return devices
      .ofGateway(address)
      .filter((device) => device.address.class === 'access-gate' && device.meta !== undefined)
      .map((device) => device.address.device)
      .sort()
  }

  function onGateway(message: Message, round: Round): void {
    if (message.kind === 'state') onState(round, message.state)
    else if (message.kind === 'availability') {
      if (message.availability.status === 'online') settle(round)
      else abandon(round)
    }
  }

  function roundOf({ street, community, estate, gateway }: Address): Round {
    const path = gatewayPath({ street, community, estate }, gateway)
    const known = rounds.get(path)
    if (known) return known
    const address: Address = { street, community, estate, gateway, class: 'gateway', device: gateway }
    const made = {
      address,
      turn: undefined,
      waiting: undefined,
      again: false,
      failures: 0,
      bootid: undefined,
      gates: '',
    }
    rounds.set(path, made)
    return made
  }

  return {
    heard(message) {
      const { topic } = message
      if (topic.class === 'gateway') {
        if (message.kind !== 'cleared') {
          onGateway(message, roundOf(topic))
          return
        }
        if (devices.get(topic)) return
        const path = gatewayPath(topic, topic.gateway)
        const round = rounds.get(path)
        if (round) abandon(round)
        rounds.delete(path)
        source.forget(path)
      } else if (topic.class === 'access-gate' && topic.channel === 'meta') {
        const round = rounds.get(gatewayPath(topic, topic.gateway))
        if (round && gatesOf(round.address).join() !== round.gates) consider(round)
      }
    },
    close() {
      closed = true
      stop()
      for (const round of rounds.values()) abandon(round)
    },
  }
}

function isAt(have: CredentialsHave, { epoch, version, digest }: Target): boolean {
  return have.epoch === epoch && have.version === version && have.digest === digest && have.need === 'changes'
}
