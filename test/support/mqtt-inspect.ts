import { inspect, isUnderWay, newInspection } from '../../hub/broker/front/inspection.ts'
import type { FrontLimits } from '../../hub/broker/front/limits.ts'

/** Everything the front says of one stream in these pieces, with every CONNECT accepted at once. */

export interface Verdict {
  refused: string | undefined
  connack: number | undefined
  /** Whole packets that passed. */
  packets: number
  passed: Buffer
  underWay: boolean
  kept_bytes_max: number
}

export function inspectAll(limits: FrontLimits, pieces: readonly Uint8Array[]): Verdict {
  const inspection = newInspection()
  const passed: Uint8Array[] = []
  let kept_bytes_max = 0
  for (const piece of pieces) {
    for (let at = 0; at < piece.length && !inspection.refusal; ) {
      const count = inspect(limits, inspection, piece.subarray(at))
      passed.push(piece.subarray(at, at + count))
      at += count
      if (inspection.phase === 'waiting') inspection.phase = 'open'
      kept_bytes_max = Math.max(kept_bytes_max, inspection.body?.length ?? 0)
    }
  }
  return {
    refused: inspection.refusal?.cause,
    connack: inspection.refusal?.connack,
    packets: inspection.packets,
    passed: Buffer.concat(passed),
    underWay: isUnderWay(inspection),
    kept_bytes_max,
  }
}
