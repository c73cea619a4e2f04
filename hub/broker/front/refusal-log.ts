import type { Refusal } from './refusal.ts'

export interface RefusalLogger {
  warn(details: object, message: string): void
}

/** Causes times addresses that are remembered; beyond that everything is told again. */
const REMEMBERED_MAX = 2_048
const TOLD_AGAIN_AT = 1_000

/** Tells each cause of each address once, then at every thousandth: an attack must not fill the disk with its own story. */
export function createRefusalLog(
  log: RefusalLogger,
): (address: string, refusal: Refusal, details?: Readonly<Record<string, string | undefined>>) => void {
  const counts = new Map<string, number>()
  return (address, { cause, reason }, details = {}) => {
    const key = `${cause} ${address}`
    const count = (counts.get(key) ?? 0) + 1
    if (counts.size >= REMEMBERED_MAX && !counts.has(key)) counts.clear()
    counts.set(key, count)
    if (count === 1 || count % TOLD_AGAIN_AT === 0)
      log.warn({ ...details, address, cause, count }, `MQTT client refused: ${reason}`)
  }
}
