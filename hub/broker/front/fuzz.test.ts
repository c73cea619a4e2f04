import fc from 'fast-check'
import { expect, it } from 'vitest'
import { complaint, type FuzzCase, fuzzCase, seeded } from '../../../test/support/mqtt-fuzz.ts'
import { inspectAll } from '../../../test/support/mqtt-inspect.ts'
import { FRONT_LIMITS, type FrontLimits } from './limits.ts'

/** The long run is `npm run bench -- --only fuzz`. */

const LIMITS: FrontLimits = {
  ...FRONT_LIMITS,
  connect_bytes_max: 500,
  packet_bytes_max: 2_000,
  topic_bytes_max: 200,
  subscriptions_max: 3,
}

it('agrees with a second reading of the standard on any stream, in any pieces, with bounded memory', () => {
  const reached = new Set<string | undefined>()
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const made = fuzzCase(seeded(seed), 5)
      reached.add(inspectAll(LIMITS, made.pieces).refused)
      expect(complaint(LIMITS, made)).toBeUndefined()
    }),
    { numRuns: 4_000 },
  )
  // A fuzzer that comes nowhere proves nothing.
  expect(reached.size).toBeGreaterThan(25)
})

it('holds for bytes of no protocol at all', () => {
  const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
  fc.assert(
    fc.property(pieces, (parts) => {
      const made: FuzzCase = {
        stream: Buffer.concat(parts),
        pieces: parts.map((part) => Buffer.from(part)),
        packets: 1,
      }
      expect(complaint(LIMITS, made)).toBeUndefined()
    }),
    { numRuns: 2_000 },
  )
})
