import { compile, pointerTo, type SchemaIssue } from './conform.ts'
import { type Decoded, LinliError } from './errors.ts'
import type { Static, TSchema } from './type.ts'

/** Checks a value against a schema, naming the first bad field and what it may be. */
export type Checker<T> = (value: unknown) => Decoded<T>

/**
 * Compiles a schema once; the checker is then cheap enough for every message (a few µs).
 * @param code the code of the error that a bad value gets
 */
export function checker<S extends TSchema>(schema: S, code = 'SCHEMA_VIOLATION'): Checker<Static<S>> {
  const conforms = compile(schema)
  return (value) => {
    if (conforms(value)) return { ok: true, value: value as Static<S> }
    const issues: SchemaIssue[] = []
    conforms(value, issues)
    const { path, message } = describeIssues(issues, value)
    return { ok: false, error: new LinliError(code, message, { kind: 'caller', path }) }
  }
}

/** The most telling of a checker's issues as a sentence: field, what was found, what is allowed. */
export function describeIssues(issues: SchemaIssue[], root: unknown): { path: string; message: string } {
  const literals = issues.filter((issue) => issue.keyword === 'const')
  const issue =
    issues.find((one) => one.keyword !== 'boolean' && one.keyword !== 'const' && one.keyword !== 'anyOf') ?? issues[0]
  if (!issue) return { path: '/', message: 'the value does not match its schema' }
  const path = issue.instancePath === '' ? '/' : issue.instancePath
  const params = issue.params as Record<string, unknown>
  const found = show(valueAt(root, issue.instancePath))
  if (issue.keyword === 'required') {
    const names = (params.requiredProperties as string[]).filter(
      (name) => !hasOwn(valueAt(root, issue.instancePath), name),
    )
    return {
      path: pointerTo(issue.instancePath, names[0] ?? ''),
      message: `missing field ${names.map((n) => pointerTo(issue.instancePath, n)).join(', ')}`,
    }
  }
  if (issue.keyword === 'additionalProperties') {
    const names = params.additionalProperties as string[]
    return {
      path: pointerTo(issue.instancePath, names[0] ?? ''),
      message: `unknown field ${names.map((n) => pointerTo(issue.instancePath, n)).join(', ')}`,
    }
  }
  if (issue.keyword === 'enum')
    return {
      path,
      message: `${path} is ${found}; allowed: ${(params.allowedValues as unknown[]).map(show).join(', ')}`,
    }
  const allowed = literals
    .filter((one) => one.instancePath === issue.instancePath)
    .map((one) => show((one.params as { allowedValue: unknown }).allowedValue))
  if (allowed.length > 0) return { path, message: `${path} is ${found}; allowed: ${allowed.join(', ')}` }
  return { path, message: `${path} ${issue.message} (found ${found})` }
}

function hasOwn(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
}

function valueAt(root: unknown, pointer: string): unknown {
  let value = root
  for (const escaped of pointer.split('/').slice(1)) {
    const part = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
    if (!hasOwn(value, part)) return undefined
    value = (value as Record<string, unknown>)[part]
  }
  return value
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing'
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
