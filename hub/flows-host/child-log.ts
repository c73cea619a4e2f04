import { createTokenBucket } from './token-bucket.ts'

/** What the hub needs of its logger; a pino logger fits. */
export interface FlowsLog {
  error(fields: object, text: string): void
  warn(fields: object, text: string): void
  info(fields: object, text: string): void
}

/** Lines of the flows process in the hub's log: limited, so that a chatty flow costs neither disk nor time. */
export interface ChildLog {
  line(text: string, now: number): void
  /** Says how many lines were left out since the last call, if any. */
  report(): void
}

const LINES_PER_S = 50
const LINES_BURST = 500

export function createChildLog(log: FlowsLog): ChildLog {
  const bucket = createTokenBucket({ per_s: LINES_PER_S, burst: LINES_BURST })
  let left_out = 0
  return {
    line(text, now) {
      if (!bucket.take(now)) {
        left_out += 1
        return
      }
      const { level, fields, message } = parseLine(text)
      log[level]({ from: 'flows', ...fields }, message)
    },
    report() {
      if (left_out > 0) log.warn({ from: 'flows', left_out }, 'flows log too much; lines were left out')
      left_out = 0
    },
  }
}

/** A JSON line of the flows process, or plain text from whatever else wrote there (V8 before it ends, a library). */
function parseLine(text: string): { level: keyof FlowsLog; fields: object; message: string } {
  try {
    const { level, msg, ...fields } = JSON.parse(text) as Record<string, unknown>
    if (typeof msg === 'string' && (level === 'error' || level === 'warn' || level === 'info'))
      return { level, fields, message: msg }
  } catch {
    // Plain text.
  }
  return { level: 'warn', fields: {}, message: text }
}
