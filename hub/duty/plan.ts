import { createHash } from 'node:crypto'
import { LinliError } from '../contract/errors.ts'
import { type Static, Type } from '../contract/type.ts'
import { type ImageKind, imageKind } from './image.ts'
import { jsonRecord, type Records } from './records.ts'

/** The plan of the site as a picture, and where on it each device is. */

export const PLAN_BYTES_MAX = 1_000_000
const PLAN_SIDE_MAX = 8_000
const POSITIONS_MAX = 2_000

const Share = Type.Number({ minimum: 0, maximum: 1 })
export const PlanPositions = Type.Record(
  Type.String({ pattern: '^[a-z0-9-]{1,40}/[a-z-]{1,20}/[a-z0-9-]{1,40}$', description: '{gateway}/{class}/{device}' }),
  Type.Object({ x: Share, y: Share }, { additionalProperties: false, description: 'shares of width and height' }),
  { maxProperties: POSITIONS_MAX, additionalProperties: false },
)
export type PlanPositions = Static<typeof PlanPositions>

export interface Plan {
  /** Undefined: none was given. */
  image(): (ImageKind & { sha256: string; bytes: Uint8Array }) | undefined
  positions(): PlanPositions
  /** @throws {LinliError} PLAN_TYPE, PLAN_TOO_LARGE */
  putImage(bytes: Uint8Array): Promise<void>
  removeImage(): Promise<void>
  putPositions(positions: PlanPositions): Promise<void>
}

const IMAGE = 'plan/image'
const POSITIONS = 'plan/positions'

export function createPlan(records: Records): Plan {
  const positions = jsonRecord(records, PlanPositions)

  return {
    image() {
      const bytes = records.get(IMAGE)
      const kind = bytes && imageKind(bytes)
      return bytes && kind && { ...kind, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
    },
    positions: () => positions.get(POSITIONS) ?? {},
    async putImage(bytes) {
      const kind = imageKind(bytes)
      if (!kind) throw caller('PLAN_TYPE', 'the plan is no picture that the hub knows: give a PNG, JPEG or WebP file')
      if (bytes.length > PLAN_BYTES_MAX || Math.max(kind.width, kind.height) > PLAN_SIDE_MAX)
        throw caller(
          'PLAN_TOO_LARGE',
          `at most ${PLAN_BYTES_MAX} bytes and ${PLAN_SIDE_MAX} pixels a side: make it smaller`,
        )
      await records.put(IMAGE, bytes)
    },
    removeImage: () => records.put(IMAGE, new Uint8Array()),
    putPositions: (next) => positions.put(POSITIONS, next),
  }
}

function caller(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'caller' })
}
