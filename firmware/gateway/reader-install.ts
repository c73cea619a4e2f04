import type { LinliError } from '../../hub/contract/errors.ts'
import { READER_CODES, type ReaderCode } from '../../hub/contract/gateway.ts'
import type { Outcome } from '../drivers/driver.ts'
import type { Identity } from '../protocols/osdp/replies.ts'
import { equalBytes, KEY_BYTES } from '../protocols/osdp/secure-channel.ts'
import type { ReaderUnit, SessionEvent } from '../protocols/osdp/session-state.ts'
import type { ReaderRecord, ReaderRecords } from './reader-records.ts'

/**
 * The keys of one reader, and giving it a new one. In this order, so that a power cut at any step leaves a key that works
 * or an installation that can be repeated: the new key is on disk, then the reader is given it, then it proves it, then
 * the old one is forgotten, and only then has the installation succeeded.
 */
export interface ReaderInstall {
  /** Which keys the reader may prove, the likeliest first. */
  keys(): Uint8Array[]
  /** The reader has been given a key of the site, or has one from the configuration. */
  isInstalled(): boolean
  isUnderWay(): boolean
  /** Never rejects. */
  begin(): Promise<Outcome>
  /** To be told all that the session says. Resolves when what follows from it is on disk, or cannot be. */
  onEvent(event: SessionEvent): Promise<void>
  close(): void
}

export interface InstallDeps {
  reader: string
  records: ReaderRecords
  /** From the configuration; not believed any more once the reader was installed. */
  fileKey: Uint8Array | undefined
  isPlain: boolean
  randomBytes(count: number): Uint8Array
  /** Puts the session into install mode. */
  give(key: Uint8Array | undefined, for_ms: number): void
  onFault(fault: LinliError): void
  onEnd(): void
}

interface Install {
  /** The reader is being given the key; before that nothing that it proves is about this installation. */
  isGiving: boolean
  end(outcome: Outcome): void
  timer: ReturnType<typeof setTimeout>
}

/** Well below the minute in which every command is answered. */
export const INSTALL_MS = 40_000

export function createReaderInstall(deps: InstallDeps): ReaderInstall {
  const { reader, records, fileKey, isPlain } = deps
  let underWay: Install | undefined

  function start(): Install & { outcome: Promise<Outcome> } {
    const { promise, resolve } = Promise.withResolvers<Outcome>()
    const end = (outcome: Outcome) => {
      clearTimeout(timer)
      underWay = undefined
      deps.onEnd()
      resolve(outcome)
    }
    const timer = setTimeout(() => end(failed('READER_OFFLINE')), INSTALL_MS)
    return { isGiving: false, end, timer, outcome: promise }
  }

  async function begin(): Promise<Outcome> {
    if (underWay) return { status: 'refused', code: 'READER_BUSY', message: READER_CODES.READER_BUSY }
    const install = start()
    underWay = install
    const fresh = isPlain ? undefined : deps.randomBytes(KEY_BYTES)
    // One that was begun and never ended may be in the reader already: it is ended now, and no third key comes in.
    const keep = (before: ReaderRecord) => (before.pending || !fresh ? before : { ...before, pending: fresh })
    if (await isKept(keep)) {
      install.isGiving = true
      if (underWay === install) deps.give(isPlain ? undefined : records.get(reader).pending, INSTALL_MS)
    }
    return install.outcome
  }

  /** An installation that cannot keep its keys is over. */
  async function isKept(change: (before: ReaderRecord) => ReaderRecord): Promise<boolean> {
    try {
      await records.update(reader, change)
      return true
    } catch (error) {
      deps.onFault(error as LinliError)
      underWay?.end(failed('READER_RECORD_IO'))
      return false
    }
  }

  async function onOnline(key: Uint8Array | undefined, identity: Identity | undefined): Promise<void> {
    // The key that is about to be given must stay on disk, whatever is proven meanwhile.
    if (underWay && !underWay.isGiving) return
    let isNew = false
    const install = underWay
    const change = (before: ReaderRecord) => {
      isNew = isPlain ? install !== undefined : isSame(before.pending, key)
      return learnt(before, isNew, identity)
    }
    if (await isKept(change)) install?.end(isNew ? { status: 'succeeded' } : failed('READER_KEY_NOT_TAKEN'))
  }

  return {
    keys() {
      if (isPlain) return []
      const { key, pending } = records.get(reader)
      return [key ?? fileKey, pending].filter((one) => one !== undefined)
    },
    isInstalled: () => isPlain || (records.get(reader).key ?? fileKey) !== undefined,
    isUnderWay: () => underWay !== undefined,
    begin,
    async onEvent(event) {
      if (event.type === 'online') await onOnline(event.key, event.identity)
      else if (event.type === 'offline' && event.reason === 'key-refused' && underWay?.isGiving)
        underWay.end(failed('READER_KEY_REFUSED'))
    },
    close() {
      clearTimeout(underWay?.timer)
    },
  }
}

/**
 * What is to be kept after a reader came online; the same record when nothing is new.
 * @param isNew it has proven the key that it was being given, or may be another unit on purpose
 */
function learnt(before: ReaderRecord, isNew: boolean, identity: Identity | undefined): ReaderRecord {
  const { pending, ...proven } = before
  const record: ReaderRecord = isNew && pending ? { ...proven, key: pending } : pending ? proven : before
  if (!identity || (record.unit && !isNew)) return record
  return { ...record, unit: unitOf(identity) }
}

const unitOf = ({ vendor, model, serial }: Identity): ReaderUnit => ({ vendor, model, serial })
const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined) =>
  a !== undefined && b !== undefined && equalBytes(a, b)

function failed(code: ReaderCode): Outcome {
  return { status: 'failed', code, message: READER_CODES[code] }
}
