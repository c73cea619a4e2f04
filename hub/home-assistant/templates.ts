/**
 * Value templates (Jinja2, as Home Assistant renders them with `value_json`): from a message of the contract to what an
 * entity wants. What renders to nothing is ignored by Home Assistant, `None` makes an entity unknown. A field that may be
 * absent goes through `default` or `is defined`: Home Assistant logs a warning for any other use of it.
 */

/** How its messages start the id of a command that was asked in Home Assistant. */
export const COMMAND_ID_PREFIX = 'ha-'

const isLive = 'not value_json.replayed | default(false)'

/** An event of the contract → its type, with its data as attributes. One that comes late is history, not an alarm. */
export const EVENT = `{% if ${isLive} %}{{ dict(value_json.data, event_type=value_json.type.split('.')[2], time=value_json.time) | to_json }}{% endif %}`

/** The final result of a command that was asked here. */
export const RESULT = `{% if value_json.id.startswith('${COMMAND_ID_PREFIX}') and value_json.status not in ('accepted', 'executing') %}{{ {'event_type': value_json.status, 'command': value_json.name, 'code': value_json.code | default(''), 'message': value_json.message | default('')} | to_json }}{% endif %}`

/** The newest record of a quantity in a SenML pack: its number when it is good, else unknown. */
export function reading(quantity: string): string {
  const records = `value_json.data | selectattr('n', 'eq', ${jinjaText(quantity)}) | list`
  const value = `r.v if r.v is defined and r.q | default('good') == 'good' else 'None'`
  return `{% set found = ${records} %}{% if found and ${isLive} %}{% set r = found[-1] %}{{ ${value} }}{% endif %}`
}

/** Anything but online: do not trust that silence is peace. */
export const ONLINE = `{{ 'online' if value_json.status == 'online' else 'offline' }}`
/** For what says what is wrong with a device: it must be seen just then. */
export const REACHABLE = `{{ 'online' if value_json.status in ('online', 'fault') else 'offline' }}`

export const onWhen = (condition: string) => `{{ 'ON' if ${condition} else 'OFF' }}`
export const unlessUnknown = (field: string, condition: string) =>
  `{{ 'None' if value_json.${field} == 'unknown' else 'ON' if ${condition} else 'OFF' }}`

export const LOCK = `{{ {'locked': 'LOCKED', 'unlocked': 'UNLOCKED'}.get(value_json.lock | default('unknown'), 'None') }}`
export const COVER = `{{ 'None' if value_json.position == 'unknown' else value_json.position }}`

/** A name of the contract, which has no quote; JSON's own escapes are Jinja's too. */
function jinjaText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
