import { type AuditRecord, type Head, isIntact, ORIGIN, readLine } from './chain.ts'

/** Goes along the chain and says what does not hold. Feed it the lines as they lie, oldest first. */

export type FindingKind = 'changed' | 'removed' | 'reordered' | 'broken' | 'truncated' | 'replaced'

export interface Finding {
  kind: FindingKind
  /** Which line of those that were read, from 1; absent when it is about what is not there. */
  line?: number
  /** Sequence numbers of the lines it is about, when they are known. */
  from?: number
  to?: number
  why: string
}

export interface Verdict {
  lines: number
  /** Of the last line. */
  head: Head
  findings: Finding[]
}

export interface Verifier {
  add(line: string): void
  end(): Verdict
}

/** More is said by their number; a log that is rubbish must not fill the memory with findings. */
const FINDINGS_MAX = 1_000

interface Gap {
  from: number
  to: number
}

/**
 * @param anchors places in the chain that are known from elsewhere: the head kept beside the log, or one that a platform
 * was told
 */
export function createVerifier(anchors: readonly Head[] = []): Verifier {
  const findings: Finding[] = []
  const known = new Map(anchors.map((anchor) => [anchor.sequence, anchor]))
  let lines = 0
  let first: AuditRecord | undefined
  let last: Head = ORIGIN
  let gaps: Gap[] = []
  /** The newest line that says up to where the log was shortened on purpose. */
  let shortened: Head | undefined
  /** Hashes of the lines that a later line may speak of. */
  let hashAt: Map<number, string> = new Map()

  function find(finding: Finding): void {
    if (findings.length < FINDINGS_MAX) findings.push(finding)
  }

  function outOfPlace({ sequence }: AuditRecord): void {
    const gap = gaps.find(({ from, to }) => from <= sequence && sequence <= to)
    find({
      kind: 'reordered',
      line: lines,
      from: sequence,
      to: sequence,
      why: gap ? 'it stands behind later lines' : 'it stands there a second time',
    })
    if (!gap) return
    const left = [
      { from: gap.from, to: sequence - 1 },
      { from: sequence + 1, to: gap.to },
    ]
    gaps = [...gaps.filter((one) => one !== gap), ...left.filter(({ from, to }) => from <= to)]
  }

  function follow(record: AuditRecord): void {
    const { sequence, prev, hash } = record
    const isFirst = first === undefined
    first ??= record
    if (!isFirst && sequence <= last.sequence) {
      outOfPlace(record)
      return
    }
    if (!isFirst && sequence > last.sequence + 1) gaps.push({ from: last.sequence + 1, to: sequence - 1 })
    else if ((!isFirst || sequence === 1) && prev !== last.hash)
      find({
        kind: 'broken',
        line: lines,
        from: sequence,
        to: sequence,
        why: 'it does not follow from the line before: one of the two was made afterwards',
      })
    last = { sequence, hash }
  }

  function meetAnchors(record: AuditRecord): void {
    const { sequence, hash, kind, action, detail } = record
    const anchor = known.get(sequence)
    if (anchor && anchor.hash !== hash)
      find({
        kind: 'replaced',
        line: lines,
        from: sequence,
        to: sequence,
        why: 'another line stood there: the log up to here was written anew',
      })
    hashAt.set(sequence, hash)
    if (kind !== 'audit' || action !== SHORTENED) return
    shortened = headIn(detail)
    if (!shortened) return
    const there = hashAt.get(shortened.sequence)
    if (there !== undefined && there !== shortened.hash)
      find({ kind: 'replaced', line: lines, from: shortened.sequence, why: 'a line of that number had another hash' })
    hashAt = new Map()
  }

  function judgeBeginning(): void {
    if (!first || first.sequence === 1) return
    const missing = { from: 1, to: first.sequence - 1 }
    if (!shortened || shortened.sequence < missing.to) {
      const from = (shortened?.sequence ?? 0) + 1
      find({ kind: 'removed', ...missing, from, why: 'the beginning is missing, and no line says that it was dropped' })
    } else if (shortened.sequence === missing.to && shortened.hash !== first.prev)
      find({
        kind: 'broken',
        line: 1,
        from: first.sequence,
        to: first.sequence,
        why: 'it does not follow from what was dropped',
      })
  }

  return {
    add(line) {
      lines += 1
      const read = readLine(line)
      if (!read.ok) {
        find({ kind: 'changed', line: lines, why: read.error.message })
        return
      }
      const record = read.value
      const { sequence } = record
      if (!isIntact(record))
        find({ kind: 'changed', line: lines, from: sequence, to: sequence, why: 'its hash is another' })
      follow(record)
      meetAnchors(record)
    },
    end() {
      judgeBeginning()
      for (const gap of gaps) find({ kind: 'removed', ...gap, why: 'lines are missing' })
      const furthest = Math.max(0, ...known.keys())
      if (furthest > last.sequence)
        find({ kind: 'truncated', from: last.sequence + 1, to: furthest, why: 'the end is missing' })
      return { lines, head: last, findings }
    },
  }
}

function headIn(detail: unknown): Head | undefined {
  const { sequence, hash } = (detail ?? {}) as Partial<Head>
  return typeof sequence === 'number' && typeof hash === 'string' ? { sequence, hash } : undefined
}

/** The action of the line that says up to where the log was shortened; its detail is the last line that went. */
export const SHORTENED = 'shortened'
