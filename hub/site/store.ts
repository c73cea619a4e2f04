import { type Adapter, Low } from 'lowdb'
import { type Decoded, LinliError } from '../contract/errors.ts'
import { SITE_FORMAT, type SiteFormat } from './migrations.ts'
import { SITE_CODE, type SiteConfig } from './schema.ts'
import { keepOld, readSite, type SiteFolder, takeOver, writeSite } from './site-file.ts'

/** The site that a hub or a command works on: kept in step with `site.json`, whoever writes that. */

export interface SiteStore {
  readonly config: SiteConfig
  /** Why `site.json` is not what is in use; undefined: it is. */
  mistake(): LinliError | undefined
  /** Looks at the file again; takes over what somebody wrote there when it is valid. */
  reload(): Promise<void>
  /**
   * One change, whole or not at all; it is on disk when this resolves. A hand edit that was not taken over yet comes first.
   * @throws {LinliError} SITE_INVALID when `site.json` has a mistake: a change would write over somebody's work
   */
  change(update: (config: SiteConfig) => Decoded<SiteConfig>): Promise<SiteConfig>
  /** Told of each new site. */
  onChange(listener: (config: SiteConfig, before: SiteConfig) => void): void
}

export interface SiteEvents {
  /** A hand edit was taken over, or a change of which the power cut off the end. */
  edited(): void
  /** `site.json` cannot be used: the last good one stays in use. Told once for each mistake. */
  fellBack(mistake: LinliError): void
  /** The mistake is gone. */
  mended(): void
  migrated(from: number): void
}

/** Undefined: there is no site in this folder. @throws {LinliError} SITE_INVALID without any good copy */
export async function openSite(
  folder: SiteFolder,
  events: SiteEvents,
  format: SiteFormat = SITE_FORMAT,
): Promise<SiteStore | undefined> {
  let mistake: LinliError | undefined
  const adapter: Adapter<SiteConfig> = {
    async read() {
      const read = await readSite(folder, format)
      if (!read) return null
      if (read.mistake && read.mistake.message !== mistake?.message) events.fellBack(read.mistake)
      if (!read.mistake && mistake) events.mended()
      mistake = read.mistake
      if (read.migratedFrom !== undefined) {
        await keepOld(folder, read.text, read.migratedFrom)
        await writeSite(folder, read.config)
        events.migrated(read.migratedFrom)
      } else if (read.isEdited) {
        await takeOver(folder, read.text)
        events.edited()
      }
      return read.config
    },
    async write(config) {
      await writeSite(folder, config)
    },
  }
  const db = new Low<SiteConfig | null>(adapter as Adapter<SiteConfig | null>, null)
  await db.read()
  if (!db.data) return undefined
  let config = db.data
  const listeners: Array<(config: SiteConfig, before: SiteConfig) => void> = []
  let last: Promise<unknown> = Promise.resolve()

  /** One after the other: a look at the file never falls between the steps of a change. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = last.then(work)
    last = mine.catch(() => undefined)
    return mine
  }

  function use(next: SiteConfig): void {
    const before = config
    config = next
    if (JSON.stringify(before) === JSON.stringify(next)) return
    for (const listener of listeners) listener(next, before)
  }

  async function look(): Promise<void> {
    await db.read()
    // Deleted with all its copies while in use: what is in use stays so.
    if (db.data) use(db.data)
  }

  return {
    get config() {
      return config
    },
    mistake: () => mistake,
    reload: () => inTurn(look),
    change: (update) =>
      inTurn(async () => {
        await look()
        if (mistake) {
          const message = `${mistake.message}. Correct that first, or go back to the last good one: cp site.json.last-good site.json`
          throw new LinliError(SITE_CODE, message, { kind: 'caller', ...(mistake.path ? { path: mistake.path } : {}) })
        }
        const updated = update(structuredClone(config))
        if (!updated.ok) throw updated.error
        db.data = updated.value
        await db.write()
        use(updated.value)
        return updated.value
      }),
    onChange: (listener) => {
      listeners.push(listener)
    },
  }
}
