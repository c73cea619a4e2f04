import { createHash, verify, X509Certificate } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import {
  type ConfigurationCode,
  type ConfigurationHave,
  type Configure,
  checkConfigure,
  signedText,
  UNPACKED_BYTES_MAX,
} from '../../hub/contract/configuration.ts'
import { type Decoded, LinliError, reasonOf } from '../../hub/contract/errors.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { Folder } from '../../hub/journal/folder.ts'
import type { Driver, Outcome } from '../drivers/driver.ts'
import type { Logger } from '../ports/logger.ts'
import { decodeConfig, type GatewayConfig } from './config.ts'

/**
 * What this gateway runs on: the file it was started with, and over it what its hub has sent, signed, the last of which is
 * kept and checked again at every start. With the hub away it runs on that alone.
 */
export interface Configuration {
  readonly config: GatewayConfig
  have(): ConfigurationHave
  /** Checked whole and on disk when it succeeds; in use when `taken` has resolved. */
  take(args: unknown): Promise<Outcome>
  /** Resolves when something was taken. */
  taken(): Promise<void>
  /** It could not be started on: back to the one before. False: there is none. */
  fallBack(error: unknown): Promise<boolean>
}

export interface ConfigurationDeps {
  folder: Folder
  /** PEM of the authority at which this gateway enrolled. */
  authority: string | undefined
  /** What only the box knows, such as its profiles. @throws {LinliError} */
  check(config: GatewayConfig): void
  log: Logger
}

const CURRENT = 'current.json'
const PREVIOUS = 'previous.json'
const MESSAGE_CHARS_MAX = 400

interface InUse {
  sent: Configure | undefined
  config: GatewayConfig
}

/** @param own the file that the gateway was started with */
export async function openConfiguration(deps: ConfigurationDeps, own: GatewayConfig): Promise<Configuration> {
  const { folder, log } = deps
  let inUse: InUse = (await kept(CURRENT)) ?? (await kept(PREVIOUS)) ?? { sent: undefined, config: own }
  let next: InUse | undefined
  let failed: ConfigurationHave['failed']
  let onTaken: (() => void) | undefined
  let last: Promise<unknown> = Promise.resolve()

  async function kept(name: string): Promise<InUse | undefined> {
    const bytes = await folder.read(name)
    if (!bytes || bytes.length === 0) return undefined
    const checked = opened(deps, own, parsed(bytes))
    if (checked.ok) return checked.value
    log.error({ code: checked.error.code }, `the configuration kept as ${name} is not used: ${checked.error.message}`)
    return undefined
  }

  async function take(args: unknown): Promise<Outcome> {
    const checked = opened(deps, own, args)
    if (!checked.ok) return refusal(checked.error)
    const { sent } = checked.value
    const newest = next ?? inUse
    if (sent && newest.sent?.digest === sent.digest && newest.sent.version === sent.version)
      return { status: 'succeeded' }
    const version = Math.max(newest.sent?.version ?? 0, failed?.version ?? 0)
    if (sent && sent.version <= version)
      return refusal(error('CONFIG_STALE', `this gateway has version ${version} already`))
    try {
      if (inUse.sent) await replace(folder, PREVIOUS, JSON.stringify(inUse.sent))
      await replace(folder, CURRENT, JSON.stringify(sent))
    } catch (fault) {
      return refusal(error('CONFIG_IO', `cannot keep it: ${reasonOf(fault)}`))
    }
    next = checked.value
    // The answer is in the spool first.
    setTimeout(() => onTaken?.(), 0)
    return { status: 'succeeded', data: { version: sent?.version } }
  }

  return {
    get config() {
      return inUse.config
    },
    have() {
      const { version = 0, digest } = inUse.sent ?? {}
      return { version, ...(digest === undefined ? {} : { digest }), ...(failed === undefined ? {} : { failed }) }
    },
    take(args) {
      const mine = last.then(() => take(args))
      last = mine.catch(() => undefined)
      return mine
    },
    taken: () =>
      new Promise((resolve) => {
        onTaken = () => {
          if (!next) return
          inUse = next
          next = undefined
          failed = undefined
          resolve()
        }
        onTaken()
      }),
    async fallBack(fault) {
      const { sent } = inUse
      if (!sent) return false
      const { version, digest } = sent
      const message = reasonOf(fault).slice(0, MESSAGE_CHARS_MAX)
      failed = { version, digest, code: 'CONFIG_START_FAILED', message }
      log.error({ version }, `cannot run on the configuration of the hub, back to the one before: ${message}`)
      const before = await kept(PREVIOUS)
      inUse = before && before.sent?.version !== version ? before : { sent: undefined, config: own }
      if (inUse.sent) await replace(folder, CURRENT, JSON.stringify(inUse.sent))
      else for (const name of [CURRENT, PREVIOUS]) await folder.remove(name)
      return true
    },
  }
}

/** Trusted, whole, and a configuration of this gateway. */
function opened(deps: ConfigurationDeps, own: GatewayConfig, args: unknown): Decoded<InUse> {
  const shape = checkConfigure(args)
  if (!shape.ok) return shape
  const sent = shape.value
  if (!isSigned(deps.authority, signedText(own.site, own.gateway, sent), sent.signature))
    return no('CONFIG_UNTRUSTED', 'it is not signed by the authority at which this gateway enrolled')
  let text: string
  try {
    text = gunzipSync(Buffer.from(sent.content, 'base64'), { maxOutputLength: UNPACKED_BYTES_MAX }).toString('utf8')
  } catch (fault) {
    return no('CONFIG_INVALID', `it cannot be unpacked: ${reasonOf(fault)}`)
  }
  if (createHash('sha256').update(text, 'utf8').digest('hex') !== sent.digest)
    return no('CONFIG_UNTRUSTED', 'its content is not what was signed')
  try {
    const decoded = decodeConfig(JSON.stringify(over(own, JSON.parse(text) as object)))
    if (!decoded.ok) return decoded
    deps.check(decoded.value)
    return { ok: true, value: { sent, config: decoded.value } }
  } catch (fault) {
    return no('CONFIG_INVALID', reasonOf(fault))
  }
}

/** Who the gateway is, where its data and its hub are, stay its own; keys and profiles too, unless the hub names them. */
function over({ gateway, site, data, uplink, credentials, profiles }: GatewayConfig, sent: object): object {
  return { credentials, profiles, ...sent, gateway, site, data, uplink }
}

function isSigned(authority: string | undefined, text: string, signature: string): boolean {
  if (authority === undefined) return false
  const key = { key: new X509Certificate(authority).publicKey, dsaEncoding: 'ieee-p1363' } as const
  return verify('sha256', Buffer.from(text, 'utf8'), key, Buffer.from(signature, 'base64url'))
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

async function replace(folder: Folder, name: string, text: string): Promise<void> {
  const temporary = `${name}.new`
  await folder.write(temporary, [text])
  await folder.sync(temporary)
  await folder.rename(temporary, name)
  await folder.syncNames()
}

function refusal({ code, message }: LinliError): Outcome {
  return { status: 'refused', code, message: message.slice(0, MESSAGE_CHARS_MAX) }
}

function error(code: ConfigurationCode, message: string): LinliError {
  return new LinliError(code, message, { kind: 'caller' })
}

function no(code: ConfigurationCode, message: string): { ok: false; error: LinliError } {
  return { ok: false, error: error(code, message) }
}

/** The gateway as the target of commands: its configuration here, the rest by its intake, while it has access to decide. */
export function createOwnTarget(
  address: Address,
  configuration: Pick<Configuration, 'take'> | undefined,
  intake: () => Driver | undefined,
): Driver {
  return {
    address,
    meta: { class: 'gateway', model: '', driver: { name: '', version: '' }, place: {}, capabilities: [] },
    start: () => undefined,
    execute(command, answer) {
      const target = intake()
      if (command.name === 'configure' && configuration) void configuration.take(command.args).then(answer)
      else if (target) target.execute(command, answer)
      else answer({ status: 'refused', code: 'DEVICE_UNKNOWN', message: 'this gateway has no gates' })
    },
    close: () => undefined,
  }
}
