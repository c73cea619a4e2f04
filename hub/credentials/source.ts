import {
  CREDENTIALS_MAX,
  type Credential,
  type CredentialsHave,
  type CredentialsUpdate,
  decodeCredential,
  textOf,
} from '../contract/credentials.ts'
import { LinliError } from '../contract/errors.ts'
import type { Append, Log } from '../journal/types.ts'
import { CREDENTIAL_LANE, EPOCH_KEY, epochPayload, readEntry } from './entries.ts'
import { deltas, type Head, snapshotParts } from './parts.ts'
import { createView, type View } from './view.ts'

/**
 * All credentials of the estate, and what each gateway has to be told of them. A version is a position in the journal's
 * lane: it grows for ever and belongs to one change. What is not on disk is told to nobody.
 */
export interface CredentialSource {
  readonly count: number
  readonly version: number
  readonly epoch: number
  get(id: string): Credential | undefined
  /** As of now, in no order. */
  all(): Iterable<Credential>
  /**
   * On disk when it resolves, with the version. Rejects with SCHEMA_VIOLATION or CREDENTIALS_LIMIT and nothing done, or
   * as the journal does, when the changes before the failed one hold.
   */
  change(changes: { put?: readonly unknown[]; gone?: readonly string[] }): Promise<number>
  /**
   * What a gateway needs to get from what it has to what holds; nothing when it has that. To be sent in order.
   * @param gates the access gates of this gateway
   */
  answer(gateway: string, gates: readonly string[], have: CredentialsHave): Promise<Iterable<CredentialsUpdate>>
  /** Called after each change. Returns the way to stop listening. */
  onChange(listener: () => void): () => void
  forget(gateway: string): void
}

export interface SourceDeps {
  /** Has the lane CREDENTIAL_LANE. */
  log: Pick<Log, 'append' | 'list' | 'last'>
  /** Unix time, s: a new epoch is later than those of hubs that were here before. */
  now_s: () => number
  onFault(fault: LinliError): void
}

/** @param config.key `keyId` of the site key that the hashes were made with. Rejects when the journal cannot be read. */
export async function createCredentialSource(deps: SourceDeps, config: { key: string }): Promise<CredentialSource> {
  const { log, onFault } = deps
  const { texts, epoch: found } = await load(deps)
  let version = log.last(CREDENTIAL_LANE.name)
  const views = new Map<string, View>()
  const listeners = new Set<() => void>()
  let before: Promise<unknown> = Promise.resolve()

  /** One after another: the journal's order is the order of versions. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = before.then(work)
    before = done.catch(() => undefined)
    return done
  }

  async function append(key: string, payload: Uint8Array): Promise<number> {
    const entry: Append = {
      lane: CREDENTIAL_LANE.name,
      topic: CREDENTIAL_LANE.name,
      key,
      payload,
      time_ms: deps.now_s() * 1000,
    }
    const appended = await log.append(entry)
    return 'position' in appended ? appended.position : log.last(CREDENTIAL_LANE.name)
  }

  async function beginEpoch(after: number): Promise<number> {
    const next = Math.max(Math.floor(deps.now_s()), after + 1)
    version = await append(EPOCH_KEY, epochPayload(next))
    return next
  }

  let epoch = found ?? (await beginEpoch(0))

  function hold(id: string, text: string | undefined, at: number): void {
    const was = texts.get(id)
    if (text === undefined) texts.delete(id)
    else texts.set(id, text)
    version = Math.max(version, at)
    for (const view of views.values()) view.change(at, id, was, text)
  }

  async function write(wanted: ReadonlyMap<string, string | undefined>): Promise<number> {
    const added = [...wanted].filter(([id, text]) => text !== undefined && !texts.has(id)).length
    if (texts.size + added > CREDENTIALS_MAX)
      throw new LinliError('CREDENTIALS_LIMIT', `an estate has at most ${CREDENTIALS_MAX} credentials`, {
        kind: 'caller',
      })
    const changes = [...wanted].filter(([id, text]) => texts.get(id) !== text)
    let failed: { error: unknown } | undefined
    for (let start = 0; start < changes.length && !failed; start += TOGETHER_MAX) {
      const some = changes.slice(start, start + TOGETHER_MAX)
      const settled = await Promise.allSettled(
        some.map(([id, text]) => append(id, text === undefined ? new Uint8Array() : Buffer.from(text))),
      )
      for (const [at, one] of settled.entries()) {
        const [id, text] = some[at] ?? ['', undefined]
        if (one.status === 'fulfilled') hold(id, text, one.value)
        else failed ??= { error: one.reason }
      }
    }
    if (changes.length > 0) for (const listener of listeners) listener()
    if (failed) throw failed.error
    return version
  }

  function viewOf(gateway: string, gates: readonly string[]): View {
    const known = views.get(gateway)
    if (known && known.gates.size === new Set(gates).size && gates.every((gate) => known.gates.has(gate))) return known
    const [oldest] = views.keys()
    if (!known && views.size >= GATEWAYS_MAX && oldest !== undefined) views.delete(oldest)
    const view = createView(gates, texts.values())
    views.set(gateway, view)
    return view
  }

  async function answer(gateway: string, gates: readonly string[], have: CredentialsHave) {
    const isAhead = have.epoch > epoch || (have.epoch === epoch && have.version > version)
    if (isAhead) {
      if (have.epoch > EPOCH_BELIEVED_MAX)
        throw new LinliError('CREDENTIALS_STALE', `${gateway} claims epoch ${have.epoch}, which no hub began`, {
          kind: 'caller',
          path: '/epoch',
        })
      epoch = await beginEpoch(Math.max(epoch, have.epoch))
      const message = `${gateway} has version ${have.version} of epoch ${have.epoch}, which this hub never gave or has lost; a new epoch begins`
      onFault(new LinliError('CREDENTIALS_STALE', message, { kind: 'fault' }))
    }
    const view = viewOf(gateway, gates)
    const head: Head = { key: config.key, epoch, version, digest: view.digest }
    const isOurs = have.key === config.key && have.epoch === epoch && have.need === 'changes'
    const changes = isOurs ? view.changesAfter(have.digest) : undefined
    if (changes && (changes[0]?.version ?? Infinity) > have.version)
      return deltas(head, have, changes.length === 0 || have.digest === view.digest ? [] : changes)
    return snapshotParts(
      head,
      [...texts.values()].filter((text) => view.sees(text)),
    )
  }

  return {
    get count() {
      return texts.size
    },
    get version() {
      return version
    },
    get epoch() {
      return epoch
    },
    get(id) {
      const text = texts.get(id)
      return text === undefined ? undefined : (JSON.parse(text) as Credential)
    },
    all: () => [...texts.values()].map((text) => JSON.parse(text) as Credential),
    async change({ put = [], gone = [] }) {
      const wanted = new Map<string, string | undefined>(gone.map((id) => [id, undefined]))
      for (const value of put) {
        const credential = decodeCredential(value)
        if (!credential.ok) throw credential.error
        wanted.set(credential.value.id, textOf(credential.value))
      }
      return inTurn(() => write(wanted))
    },
    answer: (gateway, gates, have) => inTurn(() => answer(gateway, gates, have)),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    forget: (gateway) => {
      views.delete(gateway)
    },
  }
}

/** Far below what the journal lets wait. */
const TOGETHER_MAX = 1024
const GATEWAYS_MAX = 256
/** Epochs are seconds of Unix time: this is the year 2242. One mad gateway must not use up the numbers of all. */
const EPOCH_BELIEVED_MAX = 2 ** 33

async function load({ log, onFault }: SourceDeps): Promise<{ texts: Map<string, string>; epoch: number | undefined }> {
  const texts = new Map<string, string>()
  let epoch: number | undefined
  for (const entry of await log.list(CREDENTIAL_LANE.name)) {
    const stored = readEntry(entry)
    if (stored?.type === 'credential') texts.set(stored.credential.id, textOf(stored.credential))
    else if (stored?.type === 'epoch') epoch = stored.epoch
    else
      onFault(new LinliError('CREDENTIALS_DAMAGED', `the credential ${entry.key} is not readable`, { kind: 'fault' }))
  }
  return { texts, epoch }
}
