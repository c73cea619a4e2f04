import { createHash } from 'node:crypto'
import { readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { type OnDamaged, readIfThere, readJsonObject, writeDurably } from './durable-file.ts'
import type { SiteEdits } from './units.ts'

/**
 * Every deploy of the editor is one new file with a checksum; older ones stay for comparison and roll-back. A damaged
 * newest file falls back to the one before.
 */
export interface Versions {
  /** The newest whole version; undefined when the site has changed nothing. */
  latest(): Promise<Version | undefined>
  /** Every whole one, newest first. */
  all(): Promise<Version[]>
  /** Whole, or undefined. */
  read(number: number): Promise<SiteEdits | undefined>
  /** @returns its number */
  save(edits: SiteEdits): Promise<number>
  standing(): Promise<Standing>
  keepStanding(standing: Standing): Promise<void>
}

export interface Version {
  number: number
  edits: SiteEdits
}

/** What is known of versions: `good` ran for a while without a loss (0: the shipped flows), `trial` did not yet. */
export interface Standing {
  good: number
  trial?: { version: number; losses: number }
  fell_back?: FellBack
}

/** A deploy that was left for the last good version; 0: the shipped flows. */
export interface FellBack {
  from: number
  to: number
  /** Who deployed what was left. */
  user: string
  /** How the last process was lost. */
  cause: string
  /** RFC 3339. */
  at: string
  /** The hub has said so to everybody. */
  told: boolean
}

/** Versions kept on disk. */
export const VERSIONS_MAX = 20

const NAME = /^flows-(\d{6})\.json$/

export function createVersions(folder: string, onDamaged: OnDamaged): Versions {
  async function numbers(): Promise<number[]> {
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    return names
      .map((name) => NAME.exec(name)?.[1])
      .filter((digits) => digits !== undefined)
      .map(Number)
      .sort((a, b) => b - a)
  }
  const fileOf = (number: number) => join(folder, `flows-${String(number).padStart(6, '0')}.json`)

  const whole = async (number: number) => parseSealed((await readIfThere(fileOf(number))) ?? '').edits

  const standingFile = join(folder, 'standing.json')
  async function standing(): Promise<Standing> {
    const { good, trial, fell_back } = (await readJsonObject(standingFile, onDamaged)) as Partial<Standing>
    const found = { ...(trial ? { trial } : {}), ...(fell_back ? { fell_back } : {}) }
    return { good: typeof good === 'number' ? good : 0, ...found }
  }

  return {
    async latest() {
      for (const number of await numbers()) {
        const file = fileOf(number)
        const read = parseSealed((await readIfThere(file)) ?? '')
        if (read.edits) return { number, edits: read.edits }
        onDamaged({ file, reason: read.reason })
      }
      return undefined
    },

    async all() {
      const read = await Promise.all((await numbers()).map(async (number) => ({ number, edits: await whole(number) })))
      return read.flatMap(({ number, edits }) => (edits ? [{ number, edits }] : []))
    },

    read: whole,

    async save(edits) {
      const known = await numbers()
      const next = (known[0] ?? 0) + 1
      await writeDurably(fileOf(next), seal(edits))
      const { good } = await standing()
      // What would be fallen back to stays, however old it is.
      for (const number of known.slice(VERSIONS_MAX - 1)) if (number !== good) await unlink(fileOf(number))
      return next
    },

    standing,
    keepStanding: (value) => writeDurably(standingFile, `${JSON.stringify(value)}\n`),
  }
}

function seal(edits: SiteEdits): string {
  return `${JSON.stringify({ sha256: digest(edits), edits }, null, 1)}\n`
}

function parseSealed(text: string): { edits: SiteEdits; reason?: never } | { edits?: never; reason: string } {
  try {
    const { sha256, edits } = JSON.parse(text) as { sha256: string; edits: SiteEdits }
    if (sha256 !== digest(edits)) return { reason: 'checksum does not match' }
    if (edits.format !== 1) return { reason: `format ${edits.format} is not known to this version` }
    return { edits }
  } catch (error) {
    return { reason: text === '' ? 'the file is empty' : (error as Error).message }
  }
}

function digest(edits: SiteEdits): string {
  return createHash('sha256').update(JSON.stringify(edits)).digest('hex')
}
