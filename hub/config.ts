import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LinliError, reasonOf } from './contract/errors.ts'
import { isSegment, type Site } from './contract/topic.ts'
import { DAY_MS, type Retention } from './history/types.ts'
import type { Settings as HomeAssistantSettings } from './home-assistant/entities.ts'
import { parseBrokerUrl } from './journal/shipper/link-errors.ts'
import { selfTest_ms } from './lifeline/lifeline.ts'
import { UPSTREAMS_FILE } from './site/moved-upstreams.ts'
import { SITE_FILE } from './site/site-file.ts'
import {
  readUpstreams,
  singleUpstream,
  type UpstreamList,
  type UpstreamSettings,
  upstreamsFrom,
} from './upstream/settings.ts'

/** Everything one hub is told at start. */
export interface HubConfig {
  dataDir: string
  site: Site
  /** Name of this hub, a topic segment. */
  name: string
  /** Of what is not encrypted: always loopback. */
  host: string
  /** MQTT without TLS, on loopback; undefined: not at all. */
  mqttPort: number | undefined
  /** For other machines; undefined with `dev`. */
  tls: { host: string; mqttsPort: number; httpsPort: number } | undefined
  httpPort: number
  upstreams: readonly UpstreamSettings[]
  /** No logins, unknown gateways accepted, loopback only. */
  dev: boolean
  flows: boolean
  logLevel: string
  /** How long readings are kept. */
  retention: Retention
  /** Changes of availability within ten minutes that are flapping; 0: none are. */
  flapChanges: number
  /** Of the site. */
  language: 'zh' | 'en'
  /** Shown in Home Assistant; undefined: not. */
  homeAssistant: HomeAssistantSettings | undefined
  /** Device of the hardware's watchdog; undefined: it is left alone. */
  watchdog: string | undefined
  /** The way of alarms is tested when nothing has gone it for so long. */
  selfTest_ms: number
}

/** As the command line gives it: strings. */
export interface HubOptions {
  data: string
  site: string
  name: string
  host?: string
  mqttPort?: string
  mqttsPort: string
  httpsPort: string
  httpPort: string
  upstream?: string
  upstreams?: string
  /** Of `site.json`. */
  siteUpstreams?: UpstreamList
  flows: boolean
  dev?: boolean
  logLevel: string
  historyRawDays: string
  historyMinuteDays: string
  flapChanges: string
  homeAssistant?: boolean
  homeAssistantMayOpen?: boolean
  language: string
  watchdog?: string
  selfTest: string
}

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/
const LOOPBACK_DEFAULT = '127.0.0.1'
const ANY_ADDRESS = '0.0.0.0'
/** IANA: mqtt. */
const MQTT_PORT_DEFAULT = '1883'
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const

/** Options → config; throws a LinliError of kind `caller` that names the option. */
export function hubConfig(options: HubOptions): HubConfig {
  const dev = options.dev === true
  const { host } = options
  if (dev && host !== undefined && !LOOPBACK.test(host)) {
    throw bad(
      `--dev lets everyone in and therefore binds loopback only; --host is ${host}. Leave --dev away, or use --host 127.0.0.1`,
    )
  }
  if (!(LOG_LEVELS as readonly string[]).includes(options.logLevel))
    throw bad(`--log-level is ${options.logLevel}; allowed: ${LOG_LEVELS.join(', ')}`)
  if (!isSegment(options.name)) throw bad(`--name is ${options.name}; allowed: 1–40 of a–z, 0–9, -`)
  return {
    dataDir: options.data,
    site: siteOf(options.site),
    name: options.name,
    host: host !== undefined && LOOPBACK.test(host) ? host : LOOPBACK_DEFAULT,
    mqttPort:
      options.mqttPort === undefined && !dev ? undefined : port('--mqtt-port', options.mqttPort ?? MQTT_PORT_DEFAULT),
    tls: dev
      ? undefined
      : {
          host: host ?? ANY_ADDRESS,
          mqttsPort: port('--mqtts-port', options.mqttsPort),
          httpsPort: port('--https-port', options.httpsPort),
        },
    httpPort: port('--http-port', options.httpPort),
    upstreams: upstreamsOf(options),
    dev,
    flows: options.flows,
    logLevel: options.logLevel,
    retention: {
      raw_ms: days('--history-raw-days', options.historyRawDays),
      minute_ms: days('--history-minute-days', options.historyMinuteDays),
    },
    flapChanges: flapChanges(options.flapChanges),
    language: languageOf(options),
    homeAssistant: homeAssistant(options),
    watchdog: options.watchdog,
    selfTest_ms: selfTest_ms('--self-test', options.selfTest),
  }
}

function languageOf({ language }: HubOptions): 'zh' | 'en' {
  if (language !== 'zh' && language !== 'en') throw bad(`--language is ${language}; allowed: zh, en`)
  return language
}

function homeAssistant(options: HubOptions) {
  const { homeAssistant: shown, homeAssistantMayOpen: mayOpen } = options
  if (mayOpen && !shown) throw bad('--home-assistant-may-open needs --home-assistant')
  return shown ? ({ language: languageOf(options), mayOpen: mayOpen === true } as const) : undefined
}

const DAYS_MAX = 3_650
/** Two days, because the air quality of a day is derived from raw readings. */
const DAYS_MIN = 2

function days(option: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < DAYS_MIN || value > DAYS_MAX)
    throw bad(`${option} is ${text}; give a number of days from ${DAYS_MIN} to ${DAYS_MAX}`)
  return value * DAY_MS
}

const FLAP_CHANGES_MAX = 1000

function flapChanges(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value === 1 || value > FLAP_CHANGES_MAX)
    throw bad(`--flap-changes is ${text}; give a number from 2 to ${FLAP_CHANGES_MAX}, or 0 for never`)
  return value
}

export function siteOf(text: string): Site {
  const [street, community, estate, ...more] = text.split('/')
  if (
    street === undefined ||
    community === undefined ||
    estate === undefined ||
    more.length > 0 ||
    ![street, community, estate].every(isSegment)
  ) {
    throw bad(`--site is ${text}; give street/community/estate, each 1–40 of a–z, 0–9, -`)
  }
  return { street, community, estate }
}

export function port(option: string, text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535)
    throw bad(`${option} is ${text}; give a number from 0 (any free port) to 65535`)
  return value
}

/** Those of `--upstreams`, or else of `site.json`, or else of `upstreams.json`; and beside them the one of `--upstream`. */
function upstreamsOf({ data, upstream, upstreams, siteUpstreams }: HubOptions): UpstreamSettings[] {
  const file = upstreams ?? join(data, siteUpstreams ? SITE_FILE : UPSTREAMS_FILE)
  const listed =
    upstreams === undefined && siteUpstreams
      ? upstreamsFrom(siteUpstreams, file)
      : upstreams !== undefined || existsSync(file)
        ? readUpstreams(file)
        : []
  if (upstream === undefined) return listed
  const single = singleUpstream(upstreamUrl(upstream))
  if (listed.some(({ name }) => name === single.name))
    throw bad(
      `--upstream is the upstream of the name ${single.name}, and ${file} has one of this name too; rename that`,
    )
  return [single, ...listed]
}

/** The URL, when it is one of an MQTT broker. */
export function upstreamUrl(text: string): string {
  try {
    parseBrokerUrl(text)
    return text
  } catch (error) {
    // Not as it was given: it may hold a password.
    throw bad(`--upstream: ${reasonOf(error)}`)
  }
}

function bad(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
