/**
 * The one error family of Linli. A code is stable and documented: callers and dashboards match on it, people read the
 * message, which always says what to do.
 */

/** `bug`: ours, an assertion failed. `caller`: the input or request is wrong. `fault`: the world failed, handled and visible. */
export type ErrorKind = 'bug' | 'caller' | 'fault'

/** Codes of the contract itself (bytes that cross MQTT). Other rooms add their own codes with their own prefix. */
export const CONTRACT_CODES = {
  TOPIC_MALFORMED: 'the topic has an empty, too long or illegal segment',
  TOPIC_UNKNOWN: 'the topic is not one that the contract defines',
  PAYLOAD_TOO_LARGE: 'the payload is larger than PAYLOAD_BYTES_MAX',
  PAYLOAD_NOT_UTF8: 'the payload is not UTF-8',
  PAYLOAD_NOT_JSON: 'the payload is not JSON',
  SCHEMA_VIOLATION: 'a field is missing, of the wrong type or out of range',
  ENVELOPE_MISMATCH: 'the payload (source, id, type, class or name) contradicts the topic it came on',
  RETAIN_FORBIDDEN: 'this channel never carries retained messages',
  RETAIN_REQUIRED: 'this channel always carries retained messages',
  COMMAND_UNKNOWN: 'the device class has no command of this name',
  COMMAND_EXPIRED: 'the command arrived after its expiresat',
  COMMAND_REPLAYED: 'a command with this id was already handled',
} as const

export type ContractCode = keyof typeof CONTRACT_CODES

export interface LinliErrorOptions {
  kind: ErrorKind
  /** JSON pointer of the bad field, e.g. `/data/count`. */
  path?: string
  cause?: unknown
}

export class LinliError extends Error {
  readonly code: string
  readonly kind: ErrorKind
  readonly path: string | undefined

  constructor(code: string, message: string, options: LinliErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'LinliError'
    this.code = code
    this.kind = options.kind
    this.path = options.path
  }
}

/** What a decoder returns: it never throws on bytes from outside. */
export type Decoded<T> = { ok: true; value: T } | { ok: false; error: LinliError }

export function refuse(code: ContractCode, message: string, path?: string): { ok: false; error: LinliError } {
  return {
    ok: false,
    error: new LinliError(code, message, path === undefined ? { kind: 'caller' } : { kind: 'caller', path }),
  }
}

/** The message of anything thrown, for logs and for people. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
