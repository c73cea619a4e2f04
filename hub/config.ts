import { LinliError } from './contract/errors.ts'
import { isSegment, type Site } from './contract/topic.ts'
import { DAY_MS, type Retention } from './history/types.ts'
import type { Settings as HomeAssistantSettings } from './home-assistant/entities.ts'

/** Everything one hub is told at start. */
export interface HubConfig {
  dataDir: string
  site: Site
  /** Name of this hub, a topic segment. */
  name: string
  host: string
  mqttPort: number
  httpPort: number
  upstream: string | undefined
  /** No logins, unknown gateways accepted, loopback only. */
  dev: boolean
  flows: { port: number } | undefined
  logLevel: string
  /** How long readings are kept. */
  retention: Retention
  /** Shown in Home Assistant; undefined: not. */
  homeAssistant: HomeAssistantSettings | undefined
}

/** As the command line gives it: strings. */
export interface HubOptions {
  data: string
  site: string
  name: string
  host: string
  mqttPort: string
  httpPort: string
  flowsPort: string
  upstream?: string
  flows: boolean
  dev?: boolean
  logLevel: string
  historyRawDays: string
  historyMinuteDays: string
  homeAssistant?: boolean
  homeAssistantMayOpen?: boolean
  language: string
}

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
/** Schemes that an upstream URL may have; mqtts is MQTT over TLS. */
const UPSTREAM_SCHEMES = ['mqtt:', 'mqtts:', 'tcp:', 'ws:', 'wss:']

/** Options → config; throws a LinliError of kind `caller` that names the option. */
export function hubConfig(options: HubOptions): HubConfig {
  const dev = options.dev === true
  if (dev && !LOOPBACK.test(options.host)) {
    throw bad(
      `--dev lets everyone in and therefore binds loopback only; --host is ${options.host}. Leave --dev away, or use --host 127.0.0.1`,
    )
  }
  if (!(LOG_LEVELS as readonly string[]).includes(options.logLevel))
    throw bad(`--log-level is ${options.logLevel}; allowed: ${LOG_LEVELS.join(', ')}`)
  if (!isSegment(options.name)) throw bad(`--name is ${options.name}; allowed: 1–40 of a–z, 0–9, -`)
  return {
    dataDir: options.data,
    site: siteOf(options.site),
    name: options.name,
    host: options.host,
    mqttPort: port('--mqtt-port', options.mqttPort),
    httpPort: port('--http-port', options.httpPort),
    upstream: options.upstream === undefined ? undefined : upstreamUrl(options.upstream),
    dev,
    flows: options.flows ? { port: port('--flows-port', options.flowsPort) } : undefined,
    logLevel: options.logLevel,
    retention: {
      raw_ms: days('--history-raw-days', options.historyRawDays),
      minute_ms: days('--history-minute-days', options.historyMinuteDays),
    },
    homeAssistant: homeAssistant(options),
  }
}

function homeAssistant({ homeAssistant: shown, homeAssistantMayOpen: mayOpen, language }: HubOptions) {
  if (language !== 'zh' && language !== 'en') throw bad(`--language is ${language}; allowed: zh, en`)
  if (mayOpen && !shown) throw bad('--home-assistant-may-open needs --home-assistant')
  return shown ? ({ language, mayOpen: mayOpen === true } as const) : undefined
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

export function upstreamUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !UPSTREAM_SCHEMES.includes(url.protocol) || url.hostname === '') {
    throw bad(
      `--upstream is ${text}; give a URL like mqtt://127.0.0.1:1883 (schemes: ${UPSTREAM_SCHEMES.map((s) => s.slice(0, -1)).join(', ')})`,
    )
  }
  return text
}

function bad(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
