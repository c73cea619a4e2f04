import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { decodeJson } from '../contract/decode.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import { Segment } from '../contract/topic.ts'
import { type Static, Type } from '../contract/type.ts'
import { parseBrokerUrl } from '../journal/shipper/link-errors.ts'
import type { LinkSecrets } from '../journal/shipper/mqtt-link.ts'
import { Filter } from './filter.ts'
import { SecretFiles, secretsReader } from './secret-files.ts'

/** What the hub is told of its upstreams: a part of `site.json`, or a file of their own. */

/** `all`: every command of the estate. `replay`: it may ask for what it missed. `none`: it only listens. */
export const COMMAND_RIGHTS = ['all', 'replay', 'none'] as const
export type CommandRights = (typeof COMMAND_RIGHTS)[number]

/** `now`: what happens from now on, and what holds. `oldest`: everything that the journal still has. */
export const STARTS = ['now', 'oldest'] as const
export type Start = (typeof STARTS)[number]

/** At once: each has a connection, a window and a cursor of its own. */
export const UPSTREAMS_MAX = 16

const Upstream = Type.Object(
  {
    /** Names its cursor, its metrics and its dead letters: an upstream under another name is another one. */
    name: Segment,
    url: Type.String({ maxLength: 300 }),
    filter: Type.Optional(Filter),
    /** Unacknowledged messages at most: more hides more latency; a crash sends five times as many twice at worst. */
    window: Type.Optional(Type.Integer({ minimum: 1, maximum: 5_000 })),
    /** A connection on which nothing comes back for one and a half times this long is given up. */
    keepalive_s: Type.Optional(Type.Integer({ minimum: 2, maximum: 3_600 })),
    start: Type.Optional(Type.Enum([...STARTS])),
    commands: Type.Optional(Type.Enum([...COMMAND_RIGHTS])),
    /** How often a message may break the connection, alone, before it goes to the dead letters. */
    tries: Type.Optional(Type.Integer({ minimum: 2, maximum: 100 })),
    login: Type.Optional(SecretFiles.login),
    tls: Type.Optional(SecretFiles.tls),
  },
  { additionalProperties: false },
)

export const UpstreamList = Type.Array(Upstream, { maxItems: UPSTREAMS_MAX })
export type UpstreamList = Static<typeof UpstreamList>
const UpstreamsFile = Type.Object({ upstreams: UpstreamList }, { additionalProperties: false })
const checkFile = checker(UpstreamsFile, 'UPSTREAMS_INVALID')

export interface UpstreamSettings {
  name: string
  url: string
  filter: Filter | undefined
  window: number
  keepalive_s: number | undefined
  start: Start
  commands: CommandRights
  tries: number
  /** User name, password and certificates, read from their files now. Throws a LinliError that says what to do. */
  secrets: (() => LinkSecrets) | undefined
}

/** Name of the one that `--upstream URL` gives. */
export const SINGLE = 'upstream'
export const WINDOW_DEFAULT = 200
/** Three could be three unlucky breaks of a bad line; five in a row, each with the line proven before it, are not. */
export const TRIES_DEFAULT = 5

/** The upstream of `--upstream URL`: it may command, as the only one there is. */
export function singleUpstream(url: string): UpstreamSettings {
  return {
    name: SINGLE,
    url,
    filter: undefined,
    window: WINDOW_DEFAULT,
    keepalive_s: undefined,
    start: 'oldest',
    commands: 'all',
    tries: TRIES_DEFAULT,
    secrets: undefined,
  }
}

/**
 * Of hubs of before there was a place for them in `site.json`, and of `--upstreams`.
 * @throws {LinliError} UPSTREAMS_INVALID, a caller's mistake, that names file, field and what is allowed
 */
export function readUpstreams(file: string): UpstreamSettings[] {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw invalid(file, reasonOf(error), '/')
  }
  return decodeUpstreams(bytes, file)
}

/** @param file where it comes from: names of other files in it are meant from there */
export function decodeUpstreams(bytes: Uint8Array, file: string): UpstreamSettings[] {
  const json = decodeJson(bytes)
  if (!json.ok) throw invalid(file, json.error.message, '/')
  const checked = checkFile(json.value)
  if (!checked.ok) throw invalid(file, checked.error.message, checked.error.path ?? '/')
  return upstreamsFrom(checked.value.upstreams, file)
}

/**
 * @param file where they come from: names of other files in it are meant from there
 * @throws {LinliError} UPSTREAMS_INVALID
 */
export function upstreamsFrom(upstreams: UpstreamList, file: string): UpstreamSettings[] {
  return upstreams.map((one, index) => {
    const path = `/upstreams/${index}`
    const twin = upstreams.findIndex(({ name }) => name === one.name)
    if (twin !== index)
      throw invalid(file, `${path}/name is ${one.name}, as is /upstreams/${twin}/name`, `${path}/name`)
    return settingsOf(one, file, path)
  })
}

function settingsOf(one: Static<typeof Upstream>, file: string, path: string): UpstreamSettings {
  const { name, url, filter, login, tls } = one
  checkUrl(url, tls !== undefined, file, path)
  if (tls && (tls.certfile === undefined) !== (tls.keyfile === undefined)) {
    const lacking = tls.certfile === undefined ? 'certfile' : 'keyfile'
    throw invalid(
      file,
      `missing field ${path}/tls/${lacking}: certificate and key go together`,
      `${path}/tls/${lacking}`,
    )
  }
  return {
    name,
    url,
    filter,
    window: one.window ?? WINDOW_DEFAULT,
    keepalive_s: one.keepalive_s,
    start: one.start ?? 'now',
    commands: one.commands ?? 'none',
    tries: one.tries ?? TRIES_DEFAULT,
    secrets: login || tls ? secretsReader(dirname(file), { login, tls }) : undefined,
  }
}

const SECURE = ['mqtts:', 'ssl:']

function checkUrl(text: string, hasTls: boolean, file: string, path: string): void {
  try {
    parseBrokerUrl(text)
  } catch (error) {
    throw invalid(file, `${path}/url: ${reasonOf(error)}`, `${path}/url`)
  }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    throw invalid(file, `${path}/url holds a user name or a password; give them as ${path}/login`, `${path}/url`)
  if (hasTls && !SECURE.includes(url.protocol))
    throw invalid(file, `${path}/url is ${url.protocol}//…, but ${path}/tls needs mqtts://…`, `${path}/url`)
}

function invalid(file: string, what: string, path: string): LinliError {
  return new LinliError('UPSTREAMS_INVALID', `${file}: ${what}`, { kind: 'caller', path })
}
