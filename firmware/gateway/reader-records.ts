import { decodeJson } from '../../hub/contract/decode.ts'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import { checker } from '../../hub/contract/schema.ts'
import { Type } from '../../hub/contract/type.ts'
import type { Folder } from '../../hub/journal/folder.ts'
import { DEFAULT_KEY } from '../protocols/osdp/secure-channel.ts'
import type { ReaderUnit } from '../protocols/osdp/session-state.ts'

/** What the gateway keeps of each card reader: its keys, and which unit it is. One file a reader, for the gateway only. */

export interface ReaderRecord {
  /** The reader has proven it. */
  key?: Uint8Array
  /** It is being given: the reader may have it or not. Kept before it is sent, so that no power cut can lock us out. */
  pending?: Uint8Array
  /** Another one in its place is told as tamper. */
  unit?: ReaderUnit
}

export interface ReaderRecords {
  get(reader: string): ReaderRecord
  /**
   * Changes of one reader are made one after another; each holds when it is on disk.
   * @param change gives the same record when there is nothing to change
   * @returns rejects READER_RECORD_IO, and then the old record holds
   */
  update(reader: string, change: (before: ReaderRecord) => ReaderRecord): Promise<void>
}

const Key = Type.String({ pattern: '^[0-9a-f]{32}$' })
const Count = Type.Integer({ minimum: 0 })
const check = checker(
  Type.Object(
    {
      key: Type.Optional(Key),
      pending: Type.Optional(Key),
      unit: Type.Optional(Type.Object({ vendor: Count, model: Count, serial: Count }, { additionalProperties: false })),
    },
    { additionalProperties: false },
  ),
)
const DEFAULT = Buffer.from(DEFAULT_KEY).toString('hex')
const fileOf = (reader: string) => `${reader}.json`

/**
 * @param onFault READER_RECORD_DAMAGED: the file is set aside and the reader counts as one that nobody knows
 * @returns rejects when the folder cannot be read
 */
export async function openReaderRecords(
  folder: Folder,
  readers: readonly string[],
  onFault: (fault: LinliError) => void,
): Promise<ReaderRecords> {
  const records = new Map<string, ReaderRecord>()
  const writing = new Map<string, Promise<void>>()
  for (const reader of readers) {
    const bytes = await folder.read(fileOf(reader))
    if (!bytes) continue
    const record = recordOf(bytes)
    if (record) records.set(reader, record)
    else await setAside(reader)
  }

  async function setAside(reader: string): Promise<void> {
    const aside = `${reader}.damaged`
    await folder.rename(fileOf(reader), aside)
    await folder.syncNames()
    const message = `what was kept of reader ${reader} is not readable (kept as ${aside}): install it again`
    onFault(new LinliError('READER_RECORD_DAMAGED', message, { kind: 'fault' }))
  }

  async function write(reader: string, record: ReaderRecord): Promise<void> {
    const spare = `${reader}.new`
    try {
      await folder.write(spare, [textOf(record)])
      await folder.sync(spare)
      await folder.rename(spare, fileOf(reader))
      await folder.syncNames()
    } catch (error) {
      const message = `cannot keep what belongs to reader ${reader}: ${reasonOf(error)}`
      throw new LinliError('READER_RECORD_IO', message, { kind: 'fault', cause: error })
    }
    records.set(reader, record)
  }

  return {
    get: (reader) => records.get(reader) ?? {},
    update(reader, change) {
      const earlier = writing.get(reader) ?? Promise.resolve()
      const written = earlier
        .catch(() => undefined)
        .then(async () => {
          const before = records.get(reader) ?? {}
          const after = change(before)
          if (after !== before) await write(reader, after)
        })
      writing.set(reader, written)
      return written
    },
  }
}

function textOf({ key, pending, unit }: ReaderRecord): string {
  return JSON.stringify({
    ...(key ? { key: Buffer.from(key).toString('hex') } : {}),
    ...(pending ? { pending: Buffer.from(pending).toString('hex') } : {}),
    ...(unit ? { unit: { vendor: unit.vendor, model: unit.model, serial: unit.serial } } : {}),
  })
}

function recordOf(bytes: Uint8Array): ReaderRecord | undefined {
  const json = decodeJson(bytes)
  const checked = json.ok ? check(json.value) : json
  if (!checked.ok) return undefined
  const { key, pending, unit } = checked.value
  // Nothing of ours ever writes the key that everybody knows.
  if (key === DEFAULT || pending === DEFAULT) return undefined
  return {
    ...(key === undefined ? {} : { key: Buffer.from(key, 'hex') }),
    ...(pending === undefined ? {} : { pending: Buffer.from(pending, 'hex') }),
    ...(unit ? { unit } : {}),
  }
}
