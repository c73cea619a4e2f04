/**
 * What `hub/contract/README.md` says, for the generated document: its tables, its error codes and its examples. So a field
 * is explained once, by people, and stands in the page, in the AsyncAPI document and in the schemas with the same words.
 */

export interface Prose {
  /** The last cell of the row of this name, in the table of this kind (its first heading) under a heading of level 2. */
  say(section: string, table: string, name: string): string | undefined
  /** Every name that such a table explains → what it says. */
  table(section: string, table: string): ReadonlyMap<string, string>
  examples: ReadonlyArray<{ topic: string; payload: unknown }>
}

export function readProse(page: string): Prose {
  const sections = new Map<string, Map<string, Map<string, string>>>()
  for (const section of page.split(/^## /m).slice(1)) {
    const title = section.slice(0, section.indexOf('\n')).trim()
    sections.set(title, tablesOf(section))
  }
  const none: ReadonlyMap<string, string> = new Map()
  const table = (section: string, kind: string) => sections.get(section)?.get(kind) ?? none
  return {
    table,
    say: (section, kind, name) => table(section, kind).get(name),
    examples: [...page.matchAll(/^Topic `(.+)`\n\n```json\n([^`]+)```/gm)].map(([, topic = '', body = '']) => ({
      topic,
      payload: JSON.parse(body) as unknown,
    })),
  }
}

/** Tables of Markdown by the first cell of their head; two of the same kind become one. */
function tablesOf(section: string): Map<string, Map<string, string>> {
  const tables = new Map<string, Map<string, string>>()
  let current: Map<string, string> | undefined
  for (const line of section.split('\n')) {
    const cells = cellsOf(line)
    const [first = '', last = ''] = [cells[0], cells.at(-1)]
    if (cells.length < 2) current = undefined
    else if (!current) {
      current = tables.get(first) ?? new Map()
      tables.set(first, current)
    } else {
      // A row may explain several names at once: `bn`, `bt`, `bu`.
      for (const [, name = ''] of first.matchAll(/`([^`]+)`/g)) current.set(name, last)
    }
  }
  return tables
}

function cellsOf(line: string): string[] {
  if (!line.startsWith('|')) return []
  const cells = line.split('|').slice(1, -1)
  return cells.every((cell) => /^[\s:-]+$/.test(cell)) ? ['', ''] : cells.map((cell) => cell.trim())
}
