import { writeSync } from 'node:fs'
import { openFileLog } from '../open.ts'
import type { LaneConfig } from '../types.ts'

/**
 * A process of its own that appends as fast as it can, 20 at a time, and says on stdout which sequence got which position, only
 * after it was acknowledged. Made to be killed: `node appender.ts FOLDER LIFE >> FILE`.
 */

export const APPENDER_LANES: LaneConfig[] = [
  { name: 'alarm', kind: 'queue', evict: 'never' },
  { name: 'telemetry', kind: 'queue', evict: { oldest: { entries_max: 1_000_000 } } },
]
const [folder, life] = process.argv.slice(2)

if (import.meta.main && folder !== undefined) {
  const log = await openFileLog(folder, { lanes: APPENDER_LANES, reserve_bytes: 0 })
  let sequence = 0
  const one = async (): Promise<never> => {
    for (;;) {
      sequence += 1
      const mine = sequence
      const payload = Buffer.from(`${life}:${mine}`)
      const appended = await log.append({
        lane: 'alarm',
        topic: 't',
        payload,
        time_ms: 0,
        stream: `life-${life}`,
        sequence: mine,
      })
      // Straight to the file: what is said must not be lost in a buffer of the killed process.
      if ('position' in appended) writeSync(1, `${mine} ${appended.position}\n`)
    }
  }
  await Promise.all(Array.from({ length: 20 }, one))
}
