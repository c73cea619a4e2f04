import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openFileLog } from '../open.ts'
import { JOURNAL_CODES, type LaneConfig } from '../types.ts'

/**
 * A process of its own that sends one stream, a few at a time, and goes back to the first sequence without an answer when one
 * is refused. Says on stdout `ack SEQUENCE` only when it was acknowledged, and `no SEQUENCE CODE`. Made to be killed:
 * `node retrying-sender.ts FOLDER FIRST RETRY_MS`.
 */

export const SENDER_LANES: LaneConfig[] = [{ name: 'alarm', kind: 'queue', evict: 'never' }]
export const SENDER_STREAM = 'sender'
const WINDOW = 8
const [folder, first, retry_ms] = process.argv.slice(2)

/** What a sequence carries: does not compress, so that commits are of many pages. */
export function senderPayload(sequence: number): Buffer {
  const parts = Array.from({ length: 20 }, (_, part) => createHash('sha256').update(`${sequence} ${part}`).digest())
  return Buffer.concat([Buffer.from(`${sequence} `), ...parts])
}

if (import.meta.main && folder !== undefined) {
  const log = await openFileLog(folder, { lanes: SENDER_LANES, reserve_bytes: 0, stream_hold_ms: 60_000 })
  let next = Number(first)
  for (;;) {
    const sequences = Array.from({ length: WINDOW }, (_, index) => next + index)
    const outcomes = await Promise.allSettled(
      sequences.map((sequence) =>
        log.append({
          lane: 'alarm',
          topic: 't',
          payload: senderPayload(sequence),
          time_ms: 0,
          stream: SENDER_STREAM,
          sequence,
        }),
      ),
    )
    const refused = outcomes.findIndex(({ status }) => status === 'rejected')
    for (const sequence of refused < 0 ? sequences : sequences.slice(0, refused)) writeSync(1, `ack ${sequence}\n`)
    next += refused < 0 ? WINDOW : refused
    const outcome = outcomes[refused]
    if (outcome?.status !== 'rejected') continue
    const { code } = outcome.reason as { code: string }
    writeSync(1, `no ${next} ${code in JOURNAL_CODES ? code : String(outcome.reason)}\n`)
    await new Promise((resolve) => setTimeout(resolve, Number(retry_ms)))
  }
}
