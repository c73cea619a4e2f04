import { spawnSync } from 'node:child_process'
import { newAjv } from './published.ts'

/**
 * What Home Assistant takes as a device discovery message, written from its documentation
 * (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload and the pages of event, lock, cover, binary_sensor
 * and sensor) and its own validation of 2025 (components/mqtt/schemas.py and the platforms' files). Stricter than that: an
 * option that a platform does not know, which Home Assistant drops in silence, is a mistake here. Home Assistant itself
 * does not run in our tests.
 */

const text = { type: 'string', minLength: 1 }
const topic = { type: 'string', pattern: '^[^#+\\u0000]+$' }
/** Subscriptions may have wildcards. */
const filter = { type: 'string', minLength: 1, maxLength: 65_535 }
const positive = { type: 'integer', minimum: 1 }
const availability = {
  type: 'array',
  minItems: 1,
  items: {
    type: 'object',
    required: ['topic'],
    additionalProperties: false,
    properties: { topic: filter, value_template: text, payload_available: text, payload_not_available: text },
  },
}
/** MQTT_ENTITY_COMMON_SCHEMA and MQTT_BASE_SCHEMA. */
const common = {
  unique_id: { type: 'string', pattern: '^[a-z0-9_-]+$' },
  name: text,
  qos: { enum: [0, 1, 2] },
  availability,
  entity_category: { enum: ['config', 'diagnostic'] },
  enabled_by_default: { type: 'boolean' },
  icon: { type: 'string', pattern: '^mdi:' },
  state_topic: filter,
  value_template: text,
}

function platform(name: string, required: string[], own: object) {
  return {
    type: 'object',
    required: ['platform', 'unique_id', ...required],
    additionalProperties: false,
    properties: { platform: { const: name }, ...common, ...own },
  }
}

const nullable = { type: ['string', 'null'], minLength: 1 }
const platforms = [
  platform('event', ['state_topic', 'event_types'], {
    device_class: { enum: ['button', 'doorbell', 'motion'] },
    event_types: { type: 'array', items: text, minItems: 1, uniqueItems: true },
  }),
  platform('lock', ['command_topic'], {
    command_topic: topic,
    payload_lock: text,
    payload_unlock: text,
    payload_open: text,
    payload_reset: text,
    retain: { type: 'boolean' },
    optimistic: { type: 'boolean' },
  }),
  platform('cover', [], {
    command_topic: topic,
    device_class: {
      enum: ['awning', 'blind', 'curtain', 'damper', 'door', 'garage', 'gate', 'shade', 'shutter', 'window'],
    },
    payload_open: nullable,
    payload_close: nullable,
    payload_stop: nullable,
    retain: { type: 'boolean' },
    optimistic: { type: 'boolean' },
  }),
  platform('binary_sensor', ['state_topic'], {
    device_class: { enum: ['connectivity', 'door', 'problem', 'safety', 'tamper'] },
    expire_after: positive,
    payload_on: text,
    payload_off: text,
  }),
  platform('sensor', ['state_topic'], {
    expire_after: positive,
    unit_of_measurement: text,
    state_class: { enum: ['measurement', 'total', 'total_increasing'] },
    device_class: text,
  }),
  // A component that is taken away.
  {
    type: 'object',
    required: ['platform'],
    additionalProperties: false,
    properties: { platform: { enum: ['event', 'lock', 'cover', 'binary_sensor', 'sensor'] } },
  },
]

/** DEVICE_CLASS_UNITS of the sensor platform, for the classes that we use. */
export const UNITS_OF_CLASS: Record<string, Array<string | undefined>> = {
  temperature: ['°C', '°F', 'K'],
  humidity: ['%'],
  moisture: ['%'],
  pm25: ['µg/m³', 'μg/m³'],
  pm10: ['µg/m³', 'μg/m³'],
  sound_pressure: ['dB', 'dBA'],
  illuminance: ['lx'],
  carbon_dioxide: ['ppm'],
  wind_speed: ['m/s', 'km/h', 'kn', 'mph'],
  distance: ['m', 'km', 'cm', 'mm'],
  aqi: [undefined],
}

const discovery = {
  type: 'object',
  required: ['device', 'origin', 'components'],
  additionalProperties: false,
  properties: {
    device: {
      type: 'object',
      required: ['identifiers'],
      additionalProperties: false,
      properties: {
        identifiers: { type: 'array', items: text, minItems: 1 },
        name: text,
        manufacturer: text,
        model: text,
        sw_version: text,
        via_device: text,
        suggested_area: text,
      },
    },
    origin: {
      type: 'object',
      required: ['name'],
      additionalProperties: false,
      properties: { name: text, sw_version: text },
    },
    components: { type: 'object', minProperties: 1, additionalProperties: { oneOf: platforms } },
    availability,
    qos: { enum: [0, 1, 2] },
  },
}

/** TOPIC_MATCHER of its discovery.py, below the prefix. */
export const DISCOVERY_TOPIC = /^homeassistant\/device\/[a-zA-Z0-9_-]+\/config$/

const ajv = newAjv({ allowUnionTypes: true })
const validate = ajv.compile(discovery)

/** Why Home Assistant would not take a discovery message; undefined when it would. */
export function discoveryComplaint(payload: unknown): string | undefined {
  return validate(payload) ? undefined : ajv.errorsText(validate.errors)
}

export interface Rendering {
  template: string
  payload: unknown
}

/** Debian's own Python has Debian's Jinja2; another one in the PATH may have its own. */
const PYTHONS = ['python3', '/usr/bin/python3']
const python = PYTHONS.find((one) => spawnSync(one, ['-c', 'import jinja2'], { stdio: 'ignore' }).status === 0)
export const hasJinja = python !== undefined

/** As `TemplateEnvironment` of Home Assistant: sandboxed, `to_json`, and a warning for a field that is used and absent. */
const RENDER = `
import json, sys
from jinja2 import make_logging_undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
import logging
class Warned(logging.Handler):
    def emit(self, record): raise RuntimeError(record.getMessage())
logger = logging.getLogger('t'); logger.addHandler(Warned()); logger.propagate = False
env = ImmutableSandboxedEnvironment(undefined=make_logging_undefined(logger=logger))
env.filters['to_json'] = lambda value: json.dumps(value, ensure_ascii=False)
out = []
for job in json.load(sys.stdin):
    out.append(env.from_string(job['template']).render(value_json=job['payload'], value=json.dumps(job['payload'])).strip())
json.dump(out, sys.stdout)
`

/** Renders templates with Jinja2 itself; throws what a template throws, and what Home Assistant would warn of. */
export function renderTemplates(jobs: Rendering[]): string[] {
  if (python === undefined) throw new Error('no Python with Jinja2')
  const { stdout, stderr, status } = spawnSync(python, ['-c', RENDER], {
    input: JSON.stringify(jobs),
    maxBuffer: 2 ** 26,
  })
  if (status !== 0) throw new Error(`Jinja2: ${stderr.toString('utf8').trim().split('\n').at(-1)}`)
  return JSON.parse(stdout.toString('utf8')) as string[]
}
