import { LinliError } from '../../contract/errors.ts'

/** Settings of a device as people type them: `contactPin=2`, `wiring.lock=5`. */

/** Text even where it looks like a number. */
const TEXTS: readonly string[] = ['kind', 'id', 'board', 'bus', 'chip', 'profile', 'park', 'model']
const NAME = /^[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z][A-Za-z0-9_-]*)*$/
const NUMBER = /^-?(0|[1-9]\d{0,14})(\.\d{1,15})?$/

/** Sets a field, by its path with dots. @throws {LinliError} OPTION_INVALID */
export function setField(fields: Record<string, unknown>, name: string, text: string): void {
  const parts = name.split('.')
  const last = parts.pop() ?? ''
  if (!NAME.test(name) || [...parts, last].some((part) => part in {}))
    throw told(
      `${JSON.stringify(name)} is not the name of a field; allowed: letters, digits, _ and -, with dots between`,
    )
  let place = fields
  for (const part of parts) {
    place[part] ??= {}
    const inner = place[part]
    if (typeof inner !== 'object' || inner === null) throw told(`${name}: ${part} has a value of its own`)
    place = inner as Record<string, unknown>
  }
  if (place[last] !== undefined) throw told(`${name} is given twice`)
  place[last] = parts.length === 0 && TEXTS.includes(last) ? text : valueIn(text)
}

/** @param settings each `name=value` @throws {LinliError} OPTION_INVALID */
export function fieldsOf(settings: readonly string[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const setting of settings) {
    const at = setting.indexOf('=')
    if (at < 1) throw told(`--set ${setting}: give name=value, such as contactPin=2`)
    setField(fields, setting.slice(0, at), setting.slice(at + 1))
  }
  return fields
}

function valueIn(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true'
  return NUMBER.test(text) ? Number(text) : text
}

function told(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
