import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { SimError, type SimErrorCode } from './error.ts'

interface Fault {
  keyword: string
  instancePath: string
  params: Record<string, unknown>
  message: string
}

/**
 * Checks untrusted data against a schema.
 * @param at where the data stands in its file, for the message, e.g. `steps[3]`
 * @throws SimError with `code`, naming the field, what is allowed there and what was found
 */
export function decode<S extends TSchema>(schema: S, data: unknown, at: string, code: SimErrorCode): Static<S> {
  if (Value.Check(schema, data)) return data as Static<S>
  throw new SimError(code, describe(Value.Errors(schema, data) as Fault[], data, at))
}

/** `boards` + `/0/baud` → `boards[0].baud` */
function fieldPath(at: string, pointer: string): string {
  const keys = pointer.split('/').slice(1)
  let path = at
  for (const key of keys) path += /^\d+$/.test(key) ? `[${key}]` : path === '' ? key : `.${key}`
  return path
}

function valueAt(data: unknown, pointer: string): unknown {
  let value = data
  for (const key of pointer.split('/').slice(1)) value = (value as Record<string, unknown> | undefined)?.[key]
  return value
}

function describe(faults: Fault[], data: unknown, at: string): string {
  // A missing or misspelt field explains the rest, so it is named first.
  const unknown = faults.find((fault) => fault.keyword === 'additionalProperties')
  if (unknown) {
    const names = unknown.params.additionalProperties as string[]
    return `${fieldPath(at, `${unknown.instancePath}/${names[0]}`)}: unknown field`
  }
  const missing = faults.find((fault) => fault.keyword === 'required')
  if (missing) {
    const names = missing.params.requiredProperties as string[]
    return `${fieldPath(at, `${missing.instancePath}/${names[0]}`)}: missing`
  }
  const fault = faults[0]
  if (!fault) return `${at}: not valid`
  const allowed = faults
    .filter((other) => other.keyword === 'const' && other.instancePath === fault.instancePath)
    .map((other) => JSON.stringify(other.params.allowedValue))
  const rule = allowed.length > 0 ? `must be one of ${allowed.join(', ')}` : fault.message
  const found = JSON.stringify(valueAt(data, fault.instancePath)) ?? 'nothing'
  const where = fieldPath(at, fault.instancePath)
  return `${where === '' ? 'document' : where}: ${rule}, found ${found.slice(0, 80)}`
}
