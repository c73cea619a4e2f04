import {
  ANTIPASSBACK,
  CREDENTIAL_CLASSES,
  CREDENTIAL_KINDS,
  type Credential,
  normalForm,
} from '../../hub/contract/credentials.ts'

/** Credentials as rows of typed arrays: some 75 bytes each, where an object with its strings takes 700. */

export const HASH_WORDS = 4
/** In `flags`: two bits each for kind, class and anti-passback, then one each for what is there. */
const FLAG = {
  duress: 1 << 6,
  from: 1 << 7,
  until: 1 << 8,
  uses: 1 << 9,
  for: 1 << 10,
  pin: 1 << 11,
  duressPin: 1 << 12,
}

export interface Columns {
  readonly capacity: number
  readonly ids: Uint32Array
  readonly pins: Uint32Array
  readonly duressPins: Uint32Array
  readonly from_s: Uint32Array
  readonly until_s: Uint32Array
  readonly for_s: Uint32Array
  readonly uses: Uint16Array
  readonly gates: Uint16Array
  /** 0: none. */
  readonly schedules: Uint16Array
  readonly flags: Uint16Array
}

/** Numbers of the texts that rows share. */
export interface Shared {
  gates: number
  schedule: number
}

export function createColumns(capacity: number): Columns {
  const words = () => new Uint32Array(capacity * HASH_WORDS)
  const wide = () => new Uint32Array(capacity)
  const narrow = () => new Uint16Array(capacity)
  return {
    capacity,
    ids: words(),
    pins: words(),
    duressPins: words(),
    from_s: wide(),
    until_s: wide(),
    for_s: wide(),
    uses: narrow(),
    gates: narrow(),
    schedules: narrow(),
    flags: narrow(),
  }
}

const names = [
  'ids',
  'pins',
  'duressPins',
  'from_s',
  'until_s',
  'for_s',
  'uses',
  'gates',
  'schedules',
  'flags',
] as const satisfies ReadonlyArray<keyof Columns>

/** The same rows with room for more. */
export function grown(columns: Columns, capacity: number): Columns {
  const larger = createColumns(capacity)
  for (const name of names) larger[name].set(columns[name])
  return larger
}

export function bytesOf(columns: Columns): number {
  return names.reduce((sum, name) => sum + columns[name].byteLength, 0)
}

export function moveRow(columns: Columns, from: number, to: number): void {
  for (const name of names) {
    const width = columns[name].length / columns.capacity
    columns[name].copyWithin(to * width, from * width, (from + 1) * width)
  }
}

export function wordsOf(hash: string): Uint32Array {
  const bytes = Buffer.from(hash, 'base64url')
  return Uint32Array.from({ length: HASH_WORDS }, (_, at) => bytes.readUInt32LE(at * 4))
}

function hashAt(words: Uint32Array, row: number): string {
  const bytes = Buffer.alloc(HASH_WORDS * 4)
  for (let at = 0; at < HASH_WORDS; at++) bytes.writeUInt32LE(words[row * HASH_WORDS + at] ?? 0, at * 4)
  return bytes.toString('base64url')
}

export function writeRow(columns: Columns, row: number, credential: Credential, shared: Shared): void {
  const { id, kind, from_s, until_s, antipassback, limits, pin, duresspin, duress } = credential
  const hash = (target: Uint32Array, text: string) => target.set(wordsOf(text), row * HASH_WORDS)
  hash(columns.ids, id)
  if (pin !== undefined) hash(columns.pins, pin)
  if (duresspin !== undefined) hash(columns.duressPins, duresspin)
  columns.from_s[row] = from_s ?? 0
  columns.until_s[row] = until_s ?? 0
  columns.for_s[row] = limits?.for_s ?? 0
  columns.uses[row] = limits?.uses ?? 0
  columns.gates[row] = shared.gates
  columns.schedules[row] = shared.schedule
  columns.flags[row] =
    CREDENTIAL_KINDS.indexOf(kind) |
    (CREDENTIAL_CLASSES.indexOf(credential.class) << 2) |
    (ANTIPASSBACK.indexOf(antipassback) << 4) |
    (duress ? FLAG.duress : 0) |
    (from_s === undefined ? 0 : FLAG.from) |
    (until_s === undefined ? 0 : FLAG.until) |
    (limits?.uses === undefined ? 0 : FLAG.uses) |
    (limits?.for_s === undefined ? 0 : FLAG.for) |
    (pin === undefined ? 0 : FLAG.pin) |
    (duresspin === undefined ? 0 : FLAG.duressPin)
}

export function readRow(columns: Columns, row: number, gates: string[], schedule: string | undefined): Credential {
  const flags = columns.flags[row] ?? 0
  const limits = {
    ...(flags & FLAG.uses ? { uses: columns.uses[row] ?? 0 } : {}),
    ...(flags & FLAG.for ? { for_s: columns.for_s[row] ?? 0 } : {}),
  }
  return normalForm({
    id: hashAt(columns.ids, row),
    kind: CREDENTIAL_KINDS[flags & 3] ?? 'card',
    class: CREDENTIAL_CLASSES[(flags >> 2) & 3] ?? 'visitor',
    gates,
    ...(flags & FLAG.from ? { from_s: columns.from_s[row] ?? 0 } : {}),
    ...(flags & FLAG.until ? { until_s: columns.until_s[row] ?? 0 } : {}),
    ...(schedule === undefined ? {} : { schedule }),
    antipassback: ANTIPASSBACK[(flags >> 4) & 3] ?? 'hard',
    limits,
    ...(flags & FLAG.pin ? { pin: hashAt(columns.pins, row) } : {}),
    ...(flags & FLAG.duressPin ? { duresspin: hashAt(columns.duressPins, row) } : {}),
    ...(flags & FLAG.duress ? { duress: true } : {}),
  })
}
