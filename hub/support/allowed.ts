/**
 * What may leave the box in a support bundle: only what is named here, whatever else stands beside it. What nobody thought of
 * stays out, and a field that is new tomorrow too.
 */

const LEFT_OUT = '(left out)'

type Allowed = true | 'word' | 'path' | { [key: string]: Allowed } | [Allowed] | { '*': Allowed }

/** Ids and kinds: segments of topics, which every platform sees. */
const WORD = /^[a-zA-Z0-9][a-zA-Z0-9_/.:-]{0,60}$/
/** Serial lines by their own names; an address of a network may hold a password. */
const PATH = /^\/dev\/[\w./:-]{1,200}$/

const CARRIER: Allowed = {
  id: 'word',
  port: 'path',
  baud: true,
  parity: 'word',
  stopBits: true,
  watchdog_ms: true,
  handshake_ms: true,
  sampling_ms: true,
  timeout_ms: true,
  late_ms: true,
  echo: true,
}
const DEVICE: Allowed = {
  kind: 'word',
  id: 'word',
  board: 'word',
  bus: 'word',
  chip: 'word',
  unit: true,
  profile: 'word',
  park: 'word',
  contactPin: true,
  loopPin: true,
  lampPin: true,
  sirenPin: true,
  contactLine: true,
  lampLine: true,
  sirenLine: true,
}
const PART: Allowed = {
  boards: [CARRIER],
  buses: [CARRIER],
  readerBuses: [{ ...CARRIER, readers: [{ id: 'word', gate: 'word', address: true, security: 'word' }] }],
  cameras: { list: [{ id: 'word', gate: 'word', direction: 'word' }] },
  devices: [DEVICE],
  telemetryEvery_ms: true,
}

export const SITE: Allowed = {
  version: true,
  site: 'word',
  name: 'word',
  language: 'word',
  timeZone: 'word',
  listen: { mqttPort: true, mqttsPort: true, httpPort: true, httpsPort: true },
  gateways: { '*': PART },
}
export const GATEWAY: Allowed = { ...PART, gateway: 'word' }
export const DOCTOR: Allowed = {
  ok: true,
  warning: true,
  error: true,
  findings: [{ probe: 'word', level: 'word', code: 'word' }],
}
export const AUDIT_LINE: Allowed = {
  sequence: true,
  time: 'word',
  timequality: 'word',
  kind: 'word',
  action: 'word',
  outcome: 'word',
  code: 'word',
}
/** What our programs call things by; a text that quotes something stays here. */
export const LOG_LINE: Allowed = {
  level: true,
  time: true,
  hub: 'word',
  gateway: 'word',
  device: 'word',
  board: 'word',
  status: 'word',
  code: 'word',
  upstream: 'word',
}

/** The same value with what is allowed in it; what is not allowed is named and not shown. */
export function allowed(value: unknown, by: Allowed): unknown {
  if (by === true) return typeof value === 'number' || typeof value === 'boolean' ? value : LEFT_OUT
  if (by === 'word' || by === 'path')
    return typeof value === 'string' && (by === 'word' ? WORD : PATH).test(value) ? value : LEFT_OUT
  if (Array.isArray(by)) return Array.isArray(value) ? value.map((one) => allowed(one, by[0])) : LEFT_OUT
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return LEFT_OUT
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => {
      const rule = Object.hasOwn(by, key) ? (by as Record<string, Allowed>)[key] : (by as Record<string, Allowed>)['*']
      // Not even the name: it may be somebody's.
      return rule === undefined || !WORD.test(key) ? [] : [[key, allowed(one, rule)]]
    }),
  )
}

/** Labels that our metrics have; `client` is what a client calls itself. */
const LABELS =
  /^(lane|gateway|class|device|board|upstream|code|kind|cause|grade|connected|le|quantile|type|space|version|major|minor|patch)$/
const METRIC = /^((?:linli|process|nodejs)_\w+)(?:\{(.*)\})? (-?[\d.]+(?:e[+-]?\d+)?|NaN|[+-]?Inf)$/

/** Of a page of metrics. */
export function allowedMetrics(page: string): string {
  return page
    .split('\n')
    .flatMap((line) => {
      const [, name, labels = '', value] = METRIC.exec(line) ?? []
      if (name === undefined) return []
      const kept = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].filter(
        ([, label = '', text = '']) => LABELS.test(label) && (WORD.test(text) || text === '+Inf'),
      )
      return [`${name}{${kept.map(([whole]) => whole).join(',')}} ${value}`]
    })
    .join('\n')
}
