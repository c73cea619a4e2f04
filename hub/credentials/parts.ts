import {
  type Credential,
  type CredentialsDelta,
  type CredentialsHave,
  PART_BYTES_MAX,
  type SnapshotPart,
} from '../contract/credentials.ts'

/** Cuts what a gateway has to be told into messages that fit. */

/** Of one message, below what the schema allows. */
const ITEMS_MAX = 900
/** Everything but the lists. */
const HEAD_BYTES = 1024

export interface Change {
  version: number
  id: string
  /** Undefined: it is gone. */
  text: string | undefined
  /** Of everything, after this change. */
  digest: string
}

export interface Head {
  key: string
  epoch: number
  version: number
  digest: string
}

/** @param texts of all credentials; taken at once, made into messages one by one as they are asked for */
export function* snapshotParts(head: Head, texts: readonly string[]): Generator<SnapshotPart> {
  const ends = [...cuts(texts.map((text) => text.length + 1))]
  let start = 0
  for (const [at, end] of ends.entries()) {
    const put = texts.slice(start, end).map((text) => JSON.parse(text) as Credential)
    yield { type: 'snapshot', ...head, count: texts.length, part: at + 1, parts: ends.length, put }
    start = end
  }
}

/** Each leads from a version that was to one that was: a gateway that gets only the first of them is right as of then. */
export function* deltas(
  { key, epoch }: Pick<Head, 'key' | 'epoch'>,
  from: Pick<CredentialsHave, 'version' | 'digest'>,
  changes: readonly Change[],
): Generator<CredentialsDelta> {
  let { version, digest } = from
  let start = 0
  for (const end of cuts(changes.map(({ id, text }) => (text?.length ?? id.length) + 4))) {
    const last = changes[end - 1]
    if (!last) return
    const latest = new Map(changes.slice(start, end).map(({ id, text }) => [id, text]))
    const put = [...latest.values()].flatMap((text) => (text === undefined ? [] : [JSON.parse(text) as Credential]))
    const gone = [...latest].flatMap(([id, text]) => (text === undefined ? [id] : []))
    yield {
      type: 'delta',
      key,
      epoch,
      from: version,
      fromdigest: digest,
      version: last.version,
      digest: last.digest,
      put,
      gone,
    }
    ;({ version, digest } = last)
    start = end
  }
}

/** Where messages end; texts are ASCII, so that characters are bytes. Nothing makes one empty message. */
function* cuts(sizes: readonly number[]): Generator<number> {
  let bytes = HEAD_BYTES
  let items = 0
  for (const [at, size] of sizes.entries()) {
    if (items > 0 && (bytes + size > PART_BYTES_MAX || items >= ITEMS_MAX)) {
      yield at
      bytes = HEAD_BYTES
      items = 0
    }
    bytes += size
    items++
  }
  yield sizes.length
}
