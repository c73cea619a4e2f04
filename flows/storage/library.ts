import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere, writeDurably } from './durable-file.ts'

/** The editor's library: pieces of flows and functions that staff keep for later. */

/** A folder is its name, a piece is its file name with what the editor noted about it. */
export type LibraryListing = Array<string | { fn: string; [note: string]: unknown }>

export interface Library {
  get(type: string, path: string): Promise<string | LibraryListing>
  save(type: string, path: string, notes: object, body: string): Promise<void>
}

/** The largest piece, characters: the editor's own limit of a request is 5 MB. */
export const PIECE_CHARS_MAX = 1_000_000
const SEGMENT_CHARS_MAX = 80
const DEPTH_MAX = 8

export function createLibrary(folder: string): Library {
  return {
    async get(type, path) {
      const place = join(folder, ...segments(type, path))
      const text = await readIfThere(`${place}.json`)
      if (text !== undefined) return (JSON.parse(text) as { body: string }).body
      return list(place)
    },
    async save(type, path, notes, body) {
      if (body.length > PIECE_CHARS_MAX) throw new Error(`a library entry has at most ${PIECE_CHARS_MAX} characters`)
      const place = join(folder, ...segments(type, path))
      await writeDurably(`${place}.json`, `${JSON.stringify({ notes, body })}\n`)
    },
  }
}

/** Type and path as safe folder names: no way out of the library, no hidden files. */
function segments(type: string, path: string): string[] {
  const parts = [type, ...path.split('/').filter((part) => part !== '')]
  for (const part of parts) {
    const legal = !part.startsWith('.') && !/[\\:\0]/.test(part) && part.length <= SEGMENT_CHARS_MAX
    if (!legal || part.includes('/')) throw new Error(`not a name for the library: ${JSON.stringify(part)}`)
  }
  if (parts.length > DEPTH_MAX) throw new Error(`the library is at most ${DEPTH_MAX} folders deep`)
  return parts
}

async function list(place: string): Promise<LibraryListing> {
  const entries = await readdir(place, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const visible = entries.filter(({ name }) => !name.startsWith('.')).sort((a, b) => (a.name < b.name ? -1 : 1))
  const folders = visible.filter((entry) => entry.isDirectory()).map(({ name }) => name)
  const pieces = visible
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map(async ({ name }) => {
      const { notes } = JSON.parse((await readIfThere(join(place, name))) ?? '{}') as { notes?: object }
      return { ...notes, fn: name.slice(0, -'.json'.length) }
    })
  return [...folders, ...(await Promise.all(pieces))]
}
