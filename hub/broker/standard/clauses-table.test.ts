import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/** CLAUSES.md names every normative statement of MQTT 3.1.1 and the test of each that binds a server; here it is held to that. */

/** Appendix B: section, and how many numbered statements it has. */
const STATEMENTS: Record<string, number> = {
  '1.5.3': 3,
  '2.2.2': 2,
  '2.3.1': 7,
  '3.1.0': 2,
  '3.1.2': 24,
  '3.1.3': 11,
  '3.1.4': 5,
  '3.2.0': 1,
  '3.2.2': 6,
  '3.3.1': 12,
  '3.3.2': 3,
  '3.3.4': 1,
  '3.3.5': 2,
  '3.6.1': 1,
  '3.8.1': 1,
  '3.8.3': 4,
  '3.8.4': 6,
  '3.9.3': 2,
  '3.10.1': 1,
  '3.10.3': 2,
  '3.10.4': 6,
  '3.12.4': 1,
  '3.14.1': 1,
  '3.14.4': 3,
  '4.1.0': 2,
  '4.2.0': 1,
  '4.3.1': 1,
  '4.3.2': 2,
  '4.3.3': 2,
  '4.4.0': 1,
  '4.5.0': 2,
  '4.6.0': 6,
  '4.7.1': 3,
  '4.7.2': 1,
  '4.7.3': 4,
  '4.8.0': 2,
  '6.0.0': 4,
  '7.0.0': 2,
  '7.1.1': 2,
  '7.1.2': 2,
}

interface Row {
  id: string
  kind: string
  where: string[]
}

const at = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
const rows: Row[] = at('CLAUSES.md')
  .split('\n')
  .filter((line) => line.startsWith('| MQTT-'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, id = '', , kind = '', where = '']) => ({
    id,
    kind,
    where: where === '' ? [] : where.split(',').map((one) => one.trim().replaceAll('`', '')),
  }))

/** A title begins with the id, or with several and this one among them. */
const isTitleOf = (id: string) => new RegExp(`['\`"](MQTT-[\\d.]+-\\d+, )*${id.replaceAll('.', '\\.')}(?!\\d)`)

describe('CLAUSES.md', () => {
  it('names each statement of the standard once, in its order', () => {
    const all = Object.entries(STATEMENTS).flatMap(([section, count]) =>
      Array.from({ length: count }, (_, n) => `MQTT-${section}-${n + 1}`),
    )
    expect(rows.map((row) => row.id)).toEqual(all)
  })

  it('says of each how it stands', () => {
    expect([...new Set(rows.map((row) => row.kind))].toSorted()).toEqual([
      'as',
      'binds clients',
      'nothing to test',
      'tested',
    ])
  })

  it.each(rows.filter((row) => row.kind === 'tested'))('$id has its tests where it says', ({ id, where }) => {
    expect(where.length).toBeGreaterThan(0)
    for (const file of where) expect(at(`../${file}.test.ts`), file).toMatch(isTitleOf(id))
  })

  it.each(rows.filter((row) => row.kind === 'as'))('$id is covered by what is tested', ({ where }) => {
    const tested = rows.filter((row) => row.kind === 'tested').map((row) => row.id)
    expect(where.length).toBeGreaterThan(0)
    expect(tested).toEqual(expect.arrayContaining(where))
  })
})
