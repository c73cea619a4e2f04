import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const at = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8')
const rows = at('ADVISORIES.md')
  .split('## Not applicable')[0]
  ?.split('\n')
  .filter((line) => line.includes('.test.ts` |'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, id = '', , file = '']) => ({ id, file: file.replaceAll('`', '') }))

describe('ADVISORIES.md', () => {
  it('lists advisories', () => {
    expect(rows?.length).toBeGreaterThan(30)
  })

  it.each(rows ?? [])('$id is replayed where it says', ({ id, file }) => {
    const found = at(file)
      .split('\n')
      .some((line) => line.includes(id) && /['`]/.test(line))
    expect(found, `${file} has no title with ${id}`).toBe(true)
  })
})
