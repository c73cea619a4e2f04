import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { CommandDesk } from '../commands/desk.ts'
import { SITE_ACTOR } from '../commands/own-commands.ts'
import {
  CONTENT_CHARS_MAX,
  type ConfigurationHave,
  checkConfigurationHave,
  signedText,
} from '../contract/configuration.ts'
import type { Message } from '../contract/decode.ts'
import type { Address, Site } from '../contract/topic.ts'
import type { Devices } from '../devices/devices.ts'
import type { GatewayPart, SiteConfig } from './schema.ts'

/**
 * Brings each gateway its part of the site. What the gateway says it runs on decides whether it is told anything, so that
 * nothing about it is kept on disk here: after any restart, or with a site from a backup, it says again what it has.
 */
export interface Pusher {
  /** To be called for each accepted message, after the devices have taken it. */
  heard(message: Message): void
  /** The site has changed. */
  onSite(): void
  status(): Record<string, PushStatus>
  close(): void
}

export interface PushStatus {
  /** `waiting`: to be told as soon as it can be reached; `silent`: it has not said what it runs on. */
  status: 'current' | 'waiting' | 'refused' | 'silent'
  version?: number
  /** Why it does not run on what the site says. */
  error?: { code: string; message: string }
}

export interface PusherDeps {
  site: Site
  config: () => SiteConfig
  devices: Pick<Devices, 'get' | 'gatewayOnline'>
  send: CommandDesk['send']
  /** Nothing is sent now: a gateway closes its gates' outputs when it starts again, and in an evacuation they are open. */
  isHeld(): boolean
  /** With the key of the site's authority; see signedText. */
  sign(text: string): string
  logger: { info(details: object, message: string): void; error(details: object, message: string): void }
}

/** A gateway announces itself before it has subscribed to its commands. */
export const SETTLE_MS = 1_000
/** After a failure that may pass. */
export const RETRY_MS = 60_000
/** Looks again whether it may. */
export const HELD_MS = 10_000
const TTL_MS = 30_000
/** Sent again they would be refused again. */
const FINAL_CODES: readonly string[] = ['CONFIG_UNTRUSTED', 'CONFIG_INVALID', 'CONFIG_START_FAILED', 'SCHEMA_VIOLATION']

/** What is going on with one gateway. */
interface Round {
  isSending: boolean
  /** Something changed meanwhile. */
  again: boolean
  timer: ReturnType<typeof setTimeout> | undefined
  /** Of the content that it refused. */
  refused: { digest: string; code: string; message: string } | undefined
}

export function createPusher(deps: PusherDeps): Pusher {
  const { devices } = deps
  /** Only gateways heard since the start: what is remembered as online may be dead. */
  const rounds = new Map<string, Round>()
  let isClosed = false

  function addressOf(gateway: string): Address {
    return { ...deps.site, gateway, class: 'gateway', device: gateway }
  }

  function partOf(gateway: string): GatewayPart | undefined {
    const { gateways } = deps.config()
    return Object.hasOwn(gateways, gateway) ? gateways[gateway] : undefined
  }

  function haveOf(gateway: string): ConfigurationHave | undefined {
    const state = devices.get(addressOf(gateway))?.state as { configuration?: unknown } | undefined
    const have = checkConfigurationHave(state?.configuration)
    return have.ok ? have.value : undefined
  }

  function soon(gateway: string, round: Round, after_ms: number): void {
    clearTimeout(round.timer)
    round.timer = setTimeout(() => void consider(gateway, round), after_ms)
  }

  /** Never rejects. */
  async function consider(gateway: string, round: Round): Promise<void> {
    round.again = round.isSending
    if (isClosed || round.isSending || !devices.gatewayOnline(addressOf(gateway))) return
    const part = partOf(gateway)
    const have = haveOf(gateway)
    if (!part || !have) return
    const text = JSON.stringify(part)
    const digest = digestOf(text)
    if (have.digest === digest || refusalOf(round, have, digest)) return
    if (deps.isHeld()) {
      soon(gateway, round, HELD_MS)
      return
    }
    const content = gzipSync(text).toString('base64')
    if (content.length > CONTENT_CHARS_MAX) {
      refused(gateway, round, { digest, code: 'CONFIG_INVALID', message: 'it is larger than a command can carry' })
      return
    }
    const version = Math.max(have.version, have.failed?.version ?? 0) + 1
    const signature = deps.sign(signedText(deps.site, gateway, { version, digest }))
    round.isSending = true
    const args = { version, digest, content, signature }
    const result = await deps.send({
      address: addressOf(gateway),
      name: 'configure',
      args,
      ttl_ms: TTL_MS,
      actor: SITE_ACTOR,
    })
    round.isSending = false
    if (result.status === 'succeeded') {
      round.refused = undefined
      deps.logger.info({ gateway, version }, 'the gateway has taken its configuration')
    } else {
      const { code = 'CONFIG_IO', message = result.status } = result
      if (FINAL_CODES.includes(code)) refused(gateway, round, { digest, code, message })
      else if (!isClosed) soon(gateway, round, RETRY_MS)
    }
    if (round.again && !isClosed) soon(gateway, round, SETTLE_MS)
  }

  function refused(gateway: string, round: Round, refusal: NonNullable<Round['refused']>): void {
    round.refused = refusal
    const { code, message } = refusal
    deps.logger.error({ gateway, code }, `${gateway} does not take its configuration: ${message}`)
  }

  function roundOf(gateway: string): Round {
    const known = rounds.get(gateway)
    if (known) return known
    const made: Round = { isSending: false, again: false, timer: undefined, refused: undefined }
    rounds.set(gateway, made)
    return made
  }

  function statusOf(gateway: string, part: GatewayPart): PushStatus {
    const have = haveOf(gateway)
    if (!have) return { status: 'silent' }
    const { version } = have
    const digest = digestOf(JSON.stringify(part))
    if (have.digest === digest) return { status: 'current', version }
    const refusal = refusalOf(rounds.get(gateway), have, digest)
    if (!refusal) return { status: 'waiting', version }
    return { status: 'refused', version, error: { code: refusal.code, message: refusal.message } }
  }

  return {
    heard({ topic, kind }) {
      const isOurs = sameSite(topic, deps.site) && topic.class === 'gateway'
      if (isOurs && (kind === 'state' || kind === 'availability') && partOf(topic.gateway))
        soon(topic.gateway, roundOf(topic.gateway), SETTLE_MS)
    },
    onSite() {
      for (const gateway of Object.keys(deps.config().gateways)) {
        const round = rounds.get(gateway)
        if (round || haveOf(gateway)) soon(gateway, roundOf(gateway), 0)
      }
    },
    status: () =>
      Object.fromEntries(Object.entries(deps.config().gateways).map(([name, part]) => [name, statusOf(name, part)])),
    close() {
      isClosed = true
      for (const { timer } of rounds.values()) clearTimeout(timer)
    },
  }
}

/** It has said so to the command, or says so of itself since. */
function refusalOf(round: Round | undefined, { failed }: ConfigurationHave, digest: string) {
  if (round?.refused?.digest === digest) return round.refused
  return failed?.digest === digest ? failed : undefined
}

function sameSite(a: Site, b: Site): boolean {
  return a.street === b.street && a.community === b.community && a.estate === b.estate
}

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}
