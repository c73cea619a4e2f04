import { CREDENTIALS_MAX, type Credential, SetDigest, textOf } from '../../hub/contract/credentials.ts'
import { bytesOf, createColumns, grown, HASH_WORDS, moveRow, readRow, wordsOf, writeRow } from './columns.ts'
import { createInterned } from './interned.ts'

/**
 * All credentials of a gateway in memory: rows without holes, found by an open hash table over the first word of the
 * id. Ids are keyed hashes, evenly spread by nature, so that linear probing stays short.
 */
export interface CredentialStore {
  readonly count: number
  /** As SetDigest, over all of them. */
  readonly digest: string
  /** Bytes of the tables, without the few shared texts. */
  readonly bytes: number
  get(id: string): Credential | undefined
  /**
   * Puts one in normal form, in place of the one with its id.
   * @returns false when there is no room: too many credentials, or too many different lists of gates or schedules
   */
  put(credential: Credential): boolean
  /** Whether the shared texts of these fit; a store made anew from a snapshot has the most room. */
  hasRoomFor(credentials: readonly Credential[]): boolean
  remove(id: string): boolean
  /** Nothing may be put or removed meanwhile. */
  all(): Iterable<Credential>
}

/** Numbers of shared texts have 16 bits. */
const SHARED_MAX = 65_536
const ROWS_MIN = 64
/** More rows when they are full: by a quarter, since on a small box what is spare is lost. */
const GROWTH = 1.25

export function createCredentialStore(expected = 0): CredentialStore {
  let columns = createColumns(Math.max(ROWS_MIN, Math.min(expected, CREDENTIALS_MAX)))
  /** Row + 1, 0 for none; at most half full. */
  let slots = new Uint32Array(slotsFor(columns.capacity))
  let count = 0
  const gateLists = createInterned(SHARED_MAX)
  const schedules = createInterned(SHARED_MAX)
  schedules.numberOf('')
  const digest = new SetDigest()

  const slotOfWord = (word: number) => word & (slots.length - 1)
  const after = (slot: number) => (slot + 1) & (slots.length - 1)
  const homeOf = (row: number) => slotOfWord(columns.ids[row * HASH_WORDS] ?? 0)

  /** Where an id is, or would go. */
  function slotOf(words: Uint32Array): number {
    for (let slot = slotOfWord(words[0] ?? 0); ; slot = after(slot)) {
      const row = (slots[slot] ?? 0) - 1
      if (row < 0 || isAt(row, words)) return slot
    }
  }

  function isAt(row: number, words: Uint32Array): boolean {
    for (let at = 0; at < HASH_WORDS; at++) if (columns.ids[row * HASH_WORDS + at] !== words[at]) return false
    return true
  }

  function read(row: number): Credential {
    const schedule = schedules.textOf(columns.schedules[row] ?? 0)
    const gates = gateLists.textOf(columns.gates[row] ?? 0).split(' ')
    return readRow(columns, row, gates, schedule === '' ? undefined : schedule)
  }

  function grow(): void {
    columns = grown(columns, Math.min(CREDENTIALS_MAX, Math.ceil(columns.capacity * GROWTH)))
    const wanted = slotsFor(columns.capacity)
    if (wanted === slots.length) return
    slots = new Uint32Array(wanted)
    for (let row = 0; row < count; row++) {
      let slot = homeOf(row)
      while (slots[slot] !== 0) slot = after(slot)
      slots[slot] = row + 1
    }
  }

  /** Closes the gap in a chain of probes (Knuth, TAOCP 3, §6.4, algorithm R). */
  function emptySlot(slot: number): void {
    let gap = slot
    for (let next = after(gap); slots[next] !== 0; next = after(next)) {
      const home = homeOf((slots[next] ?? 0) - 1)
      const isReachable = gap <= next ? gap < home && home <= next : gap < home || home <= next
      if (isReachable) continue
      slots[gap] = slots[next] ?? 0
      gap = next
    }
    slots[gap] = 0
  }

  return {
    get count() {
      return count
    },
    get digest() {
      return digest.hex
    },
    get bytes() {
      return bytesOf(columns) + slots.byteLength
    },
    get(id) {
      const row = (slots[slotOf(wordsOf(id))] ?? 0) - 1
      return row < 0 ? undefined : read(row)
    },
    put(credential) {
      const gates = gateLists.numberOf(gatesText(credential))
      const schedule = schedules.numberOf(scheduleText(credential))
      if (gates === undefined || schedule === undefined) return false
      const words = wordsOf(credential.id)
      const found = (slots[slotOf(words)] ?? 0) - 1
      if (found < 0 && count >= CREDENTIALS_MAX) return false
      if (found < 0 && count >= columns.capacity) grow()
      const row = found < 0 ? count++ : found
      if (found >= 0) digest.toggle(textOf(read(row)))
      writeRow(columns, row, credential, { gates, schedule })
      digest.toggle(textOf(credential))
      if (found < 0) slots[slotOf(words)] = row + 1
      return true
    },
    hasRoomFor: (credentials) =>
      gateLists.hasRoomFor(credentials.map(gatesText)) && schedules.hasRoomFor(credentials.map(scheduleText)),
    remove(id) {
      const slot = slotOf(wordsOf(id))
      const row = (slots[slot] ?? 0) - 1
      if (row < 0) return false
      digest.toggle(textOf(read(row)))
      emptySlot(slot)
      count--
      if (row === count) return true
      slots[slotOf(columns.ids.slice(count * HASH_WORDS, (count + 1) * HASH_WORDS))] = row + 1
      moveRow(columns, count, row)
      return true
    },
    *all() {
      for (let row = 0; row < count; row++) yield read(row)
    },
  }
}

const gatesText = ({ gates }: Credential) => gates.join(' ')
const scheduleText = ({ schedule }: Credential) => schedule ?? ''

function slotsFor(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity * 2))
}
