import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LinliError } from '../contract/errors.ts'
import { createMemoryDisk, type MemoryDisk } from '../journal/memory-backend.ts'
import { openMemoryLog } from '../journal/open.ts'
import { AUDIT_LANE, type Audit, openAudit } from './audit.ts'
import { canonical } from './canonical.ts'
import { type AuditEntry, type AuditRecord, type Head, ORIGIN, seal } from './chain.ts'
import { createVerifier, type Verdict } from './verifier.ts'

const T0 = Date.parse('2026-03-01T08:00:00Z')
const entry = (action: string, detail?: unknown): AuditEntry => {
  return { kind: 'configuration', action, actor: 'person:li', source: 'test', outcome: 'succeeded', detail }
}

describe('the audit log', () => {
  let disk: MemoryDisk
  let log: Awaited<ReturnType<typeof openMemoryLog>>
  let audit: Audit
  let faults: LinliError[]
  let heads: Head[]

  beforeEach(async () => {
    disk = createMemoryDisk()
    faults = []
    heads = []
    await open()
  })
  afterEach(() => log.close())

  async function open(lines_max?: number): Promise<void> {
    log = await openMemoryLog(disk, { lanes: [AUDIT_LANE], trim_entries: 10, trim_idle_ms: 1 })
    audit = await openAudit({
      log,
      now_ms: () => T0,
      timeQuality: () => 'synced',
      onFault: (fault) => faults.push(fault),
      keepHead: async (head) => void heads.push(head),
      ...(lines_max === undefined ? {} : { lines_max }),
    })
  }
  async function all(): Promise<string[]> {
    const lines: string[] = []
    for (let position = 0; ; ) {
      const page = await audit.read(position, 500)
      if (page.lines.length === 0) return lines
      lines.push(...page.lines)
      position = page.position
    }
  }
  const verdict = (lines: string[], anchors: Head[] = []): Verdict => {
    const verifier = createVerifier(anchors)
    for (const line of lines) verifier.add(line)
    return verifier.end()
  }

  it('chains its lines, over restarts and kills as well', async () => {
    await Promise.all([audit.record(entry('one')), audit.record(entry('two', { to: [1, '二'] }))])
    log.kill()
    await open()
    await audit.record(entry('three'))
    const { lines, findings, head } = verdict(await all())
    expect([lines, findings]).toEqual([3, []])
    expect(head).toEqual(audit.head())
    const [, second] = (await all()).map((line) => JSON.parse(line) as AuditRecord)
    expect(second).toMatchObject({
      sequence: 2,
      time: '2026-03-01T08:00:00.000Z',
      timequality: 'synced',
      kind: 'configuration',
      action: 'two',
      actor: 'person:li',
      source: 'test',
      outcome: 'succeeded',
      detail: { to: [1, '二'] },
    })
  })

  it('goes on from what is on disk when the disk refused a line, and says how many are missing', async () => {
    await audit.record(entry('one'))
    disk.failures = 1
    const refused = await Promise.allSettled([audit.record(entry('lost')), audit.record(entry('lost too'))])
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await audit.record(entry('two'))
    const lines = await all()
    expect(verdict(lines).findings).toEqual([])
    expect(lines.map((line) => (JSON.parse(line) as AuditRecord).action)).toEqual(['one', 'two'])
    expect(audit.missed()).toBe(2)
    disk.failures = 1
    audit.note(entry('lost as well'))
    await audit.record(entry('three')).catch(() => undefined)
    await audit.record(entry('four'))
    expect(faults.map(({ code }) => code)).toEqual(['JOURNAL_IO'])
    expect(verdict(await all()).findings).toEqual([])
  })

  it('is shortened from the front when it is long, and says up to where', async () => {
    await log.close()
    await open(50)
    for (let i = 0; i < 3_300; i++) await audit.record(entry(`a${i}`))
    await expect.poll(async () => (await all()).length).toBeLessThan(1_200)
    const lines = await all()
    expect(verdict(lines, [audit.head()]).findings).toEqual([])
    expect((JSON.parse(lines[0] ?? '') as AuditRecord).sequence).toBeGreaterThan(2_000)
    // More than what it says may be missing is found.
    expect(verdict(lines.slice(60)).findings).toMatchObject([{ kind: 'removed' }])
    await log.close()
    await open(50)
    await audit.record(entry('later'))
    expect(verdict(await all()).findings).toEqual([])
  }, 60_000)

  it('keeps its head in a second place', async () => {
    await audit.record(entry('one'))
    await audit.record(entry('two'))
    await audit.close()
    expect(heads).toEqual([audit.head()])
  })

  it('bounds what one line may hold', async () => {
    await audit.record({ ...entry('x'.repeat(5_000), { text: 'y'.repeat(50_000) }), target: '\ud800' })
    const [line = ''] = await all()
    expect(line.length).toBeLessThan(1_000)
    expect(verdict([line]).findings).toEqual([])
  })
})

describe('what was done to the log afterwards', () => {
  const genuine: string[] = []
  let end: Head = ORIGIN
  for (let i = 1; i <= 12; i++) {
    const sealed = seal(entry(`act-${i}`, { i }), { time: new Date(T0 + i).toISOString(), timequality: 'synced' }, end)
    genuine.push(sealed.line)
    end = sealed.head
  }
  const judge = (lines: string[], anchors: Head[] = [end]) => {
    const verifier = createVerifier(anchors)
    for (const line of lines) verifier.add(line)
    return verifier.end().findings
  }
  const record = (index: number) => JSON.parse(genuine[index] ?? '') as AuditRecord

  it('is nothing when it is whole', () => {
    expect(judge(genuine)).toEqual([])
  })

  it.each<[string, (lines: string[]) => string[], object[]]>([
    [
      'a changed line',
      (lines) => lines.with(4, (lines[4] ?? '').replace('act-5', 'act-9')),
      [{ kind: 'changed', line: 5, from: 5, to: 5 }],
    ],
    [
      'a line that is no longer one',
      (lines) => lines.with(4, '{"sequence":5'),
      [
        { kind: 'changed', line: 5 },
        { kind: 'removed', from: 5, to: 5 },
      ],
    ],
    [
      'another form of the same',
      (lines) => lines.with(4, ` ${lines[4]}`),
      [
        { kind: 'changed', line: 5 },
        { kind: 'removed', from: 5, to: 5 },
      ],
    ],
    ['a removed line', (lines) => lines.toSpliced(4, 1), [{ kind: 'removed', from: 5, to: 5 }]],
    ['removed lines at the beginning', (lines) => lines.slice(3), [{ kind: 'removed', from: 1, to: 3 }]],
    ['removed lines at the end', (lines) => lines.slice(0, 9), [{ kind: 'truncated', from: 10, to: 12 }]],
    ['all of it removed', () => [], [{ kind: 'truncated', from: 1, to: 12 }]],
    [
      'two lines that changed places',
      (lines) => lines.with(4, lines[5] ?? '').with(5, lines[4] ?? ''),
      [{ kind: 'reordered', line: 6, from: 5, to: 5 }],
    ],
    [
      'a line that stands there twice',
      (lines) => lines.toSpliced(5, 0, lines[2] ?? ''),
      [{ kind: 'reordered', line: 6, from: 3 }],
    ],
    [
      'a line made anew with a hash that fits',
      (lines) => {
        const before = { sequence: 4, hash: record(3).hash }
        return lines.with(
          4,
          seal(entry('forged'), { time: new Date(T0).toISOString(), timequality: 'synced' }, before).line,
        )
      },
      [{ kind: 'broken', line: 6, from: 6 }],
    ],
    [
      'the whole end made anew',
      (lines) => {
        let head: Head = { sequence: 8, hash: record(7).hash }
        const forged = [9, 10, 11, 12].map(() => {
          const sealed = seal(entry('forged'), { time: new Date(T0).toISOString(), timequality: 'synced' }, head)
          head = sealed.head
          return sealed.line
        })
        return [...lines.slice(0, 8), ...forged]
      },
      [{ kind: 'replaced', line: 12, from: 12 }],
    ],
  ])('%s', (_what, change, findings) => {
    expect(judge(change([...genuine]))).toMatchObject(findings)
    expect(judge(change([...genuine]))).toHaveLength(findings.length)
  })

  it('any one change of any one line, any removal and any exchange is found', () => {
    const index = fc.nat({ max: genuine.length - 1 })
    const tampered = fc.oneof(
      index.map((at) => genuine.toSpliced(at, 1)),
      fc
        .tuple(index, index)
        .filter(([a, b]) => a !== b)
        .map(([a, b]) => genuine.with(a, genuine[b] ?? '').with(b, genuine[a] ?? '')),
      fc
        .tuple(
          index,
          fc.constantFrom('action', 'actor', 'source', 'time', 'outcome', 'detail', 'prev', 'hash', 'sequence'),
          fc.boolean(),
        )
        .map(([at, field, isSealed]) => {
          const changed: Record<string, unknown> = { ...record(at), [field]: other(record(at), field) }
          if (!isSealed || field === 'hash') return genuine.with(at, canonical(changed))
          const { sequence, hash: _hash, prev, ...body } = changed as AuditRecord
          const stamp = { time: body.time, timequality: body.timequality }
          return genuine.with(at, seal(body, stamp, { sequence: sequence - 1, hash: prev }).line)
        }),
    )
    fc.assert(
      fc.property(tampered, (lines) => judge(lines).length > 0),
      { numRuns: 500 },
    )
  })
})

function other(record: AuditRecord, field: string): unknown {
  if (field === 'sequence') return record.sequence + 1
  if (field === 'prev' || field === 'hash') return 'f'.repeat(64)
  if (field === 'time') return '2026-03-02T00:00:00.000Z'
  return field === 'outcome' ? 'refused' : 'other'
}
