/** Log lines of this process: one JSON object per line on standard error, which the hub takes into its own log. */

export type LogLevel = 'error' | 'warn' | 'info'

export function logLine(level: LogLevel, msg: string, fields: object = {}): void {
  process.stderr.write(`${JSON.stringify({ level, ...fields, msg })}\n`)
}

/** A record as Node-RED hands it to a log handler (`@node-red/util` log.js). */
interface RedRecord {
  level: number
  msg?: unknown
  event?: string
  type?: string
  name?: string
  id?: string
  user?: { username?: string }
  username?: string
}

/** `log.AUDIT` of Node-RED. */
const AUDIT = 98
const WARN = 30
const ERROR = 20

/** Audit events that say who changed or tried to change something; the rest is every read of the editor. */
const AUDIT_KEPT =
  /^(auth\.|permission\.fail|flows\.set|flow\.(add|update|remove)|nodes\.(install|remove)|library\.set)/

/** A handler for `settings.logging`. */
export function redLogHandler(record: RedRecord): void {
  if (record.level === AUDIT) {
    const event = record.event ?? ''
    // The editor asks for its login with no token, which is "auth.invalid-token" of nobody.
    if (!AUDIT_KEPT.test(event) || event === 'auth.invalid-token') return
    const level = /fail/.test(event) ? 'warn' : 'info'
    logLine(level, `editor: ${event}`, { user: record.user?.username ?? record.username })
    return
  }
  const level = record.level <= ERROR ? 'error' : record.level <= WARN ? 'warn' : 'info'
  const node = record.type ? { node: `${record.type}:${record.name ?? record.id ?? ''}` } : {}
  logLine(level, textOf(record.msg), node)
}

function textOf(msg: unknown): string {
  if (typeof msg === 'string') return msg.trim()
  if (msg instanceof Error) return msg.message
  return JSON.stringify(msg) ?? String(msg)
}
