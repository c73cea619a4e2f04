import { readFileSync, writeFileSync } from 'node:fs'

/**
 * The write-ahead log as SQLite writes it (https://www.sqlite.org/fileformat2.html#walformat). SQLite itself ends quietly
 * at the first frame that does not match, because a crash leaves such an end; damage further up would look the same to
 * it, and what had been acknowledged behind it would be gone without a word.
 */
export type WalFinding =
  /** None, or one in which nothing was ever written. */
  | { kind: 'empty' }
  /** Whole, or with an end that a crash can leave: of one transaction, which nobody was told of. */
  | { kind: 'sound' }
  /** What follows the first bad place had been on disk before it: no crash leaves that. */
  | { kind: 'broken'; why: string }

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const MAGIC = 0x377f0682

interface Frame {
  at: number
  isCommit: boolean
  /** Carries the salts of this log: not a leftover of an earlier round. */
  isOurs: boolean
  /** Its checksum follows from the one before it. */
  isWhole: boolean
}

type Sum = [number, number]

export function inspectWal(path: string): WalFinding {
  const wal = read(path)
  if (wal.length <= HEADER_BYTES || wal.subarray(0, HEADER_BYTES).every((byte) => byte === 0)) return { kind: 'empty' }
  const head = headOf(wal)
  if (!head) return { kind: 'broken', why: 'the head of the write-ahead log is damaged' }
  const frames = framesOf(wal, head)
  const bad = frames.findIndex(({ isWhole }) => !isWhole)
  if (bad < 0) return { kind: 'sound' }
  const behind = frames.slice(bad).filter(({ isOurs }) => isOurs)
  const commit = behind.findIndex(({ isCommit }) => isCommit)
  const isFollowed = commit >= 0 && commit < behind.length - 1
  return isFollowed
    ? { kind: 'broken', why: `frame ${bad + 1} of the write-ahead log is damaged, and later ones had been committed` }
    : { kind: 'sound' }
}

/** Leaves out the frames that do not match and signs the others anew, so that SQLite reads on behind the damage. */
export function mendWal(path: string): void {
  const wal = read(path)
  const head = headOf(wal)
  if (!head) return
  const { page_bytes, isBig } = head
  const parts: Buffer[] = [wal.subarray(0, HEADER_BYTES)]
  let sum = head.sum
  for (const { at, isWhole } of framesOf(wal, head)) {
    if (!isWhole) continue
    const frame = Buffer.from(wal.subarray(at, at + FRAME_HEADER_BYTES + page_bytes))
    sum = frameSum(frame, sum, isBig)
    frame.writeUInt32BE(sum[0], 16)
    frame.writeUInt32BE(sum[1], 20)
    parts.push(frame)
  }
  writeFileSync(path, Buffer.concat(parts))
}

interface Head {
  page_bytes: number
  isBig: boolean
  salts: Buffer
  sum: Sum
}

function headOf(wal: Buffer): Head | undefined {
  if (wal.length < HEADER_BYTES) return undefined
  const magic = wal.readUInt32BE(0)
  if (magic !== MAGIC && magic !== MAGIC + 1) return undefined
  const isBig = magic === MAGIC + 1
  const sum = checksum(wal.subarray(0, 24), [0, 0], isBig)
  const page_bytes = wal.readUInt32BE(8)
  if (sum[0] !== wal.readUInt32BE(24) || sum[1] !== wal.readUInt32BE(28) || page_bytes < 512) return undefined
  return { page_bytes, isBig, salts: wal.subarray(16, 24), sum }
}

function framesOf(wal: Buffer, head: Head): Frame[] {
  const frame_bytes = FRAME_HEADER_BYTES + head.page_bytes
  const frames: Frame[] = []
  let before = head.sum
  for (let at = HEADER_BYTES; at + frame_bytes <= wal.length; at += frame_bytes) {
    const frame = wal.subarray(at, at + frame_bytes)
    const stored: Sum = [frame.readUInt32BE(16), frame.readUInt32BE(20)]
    const isOurs = frame.subarray(8, 16).equals(head.salts)
    const sum = isOurs ? frameSum(frame, before, head.isBig) : undefined
    const isWhole = sum !== undefined && sum[0] === stored[0] && sum[1] === stored[1]
    frames.push({ at, isCommit: isOurs && frame.readUInt32BE(4) !== 0, isOurs, isWhole })
    before = stored
  }
  return frames
}

/** Of page number and size, then of the page. */
function frameSum(frame: Buffer, before: Sum, isBig: boolean): Sum {
  return checksum(frame.subarray(FRAME_HEADER_BYTES), checksum(frame.subarray(0, 8), before, isBig), isBig)
}

function checksum(bytes: Buffer, [s0, s1]: Sum, isBig: boolean): Sum {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let one = s0
  let other = s1
  for (let at = 0; at < bytes.length; at += 8) {
    one = (one + view.getUint32(at, !isBig) + other) >>> 0
    other = (other + view.getUint32(at + 4, !isBig) + one) >>> 0
  }
  return [one, other]
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch {
    return Buffer.alloc(0)
  }
}
