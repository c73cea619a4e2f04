import { type Decoded, LinliError } from '../contract/errors.ts'
import { checkSite, SITE_CODE, type SiteConfig } from './schema.ts'

/** What this release reads and how it reads what an older one wrote. */
export interface SiteFormat {
  /** Each brings a site from the version that is its place in the list, counted from 1, to the next one. */
  migrations: ReadonlyArray<(value: Record<string, unknown>) => Record<string, unknown>>
  /** Of the newest version. */
  check(value: unknown): Decoded<SiteConfig>
}

/** No migrations yet: version 1 is the first. */
export const SITE_FORMAT: SiteFormat = { migrations: [], check: checkSite }

export interface Migrated {
  config: SiteConfig
  /** The version that the file had, when it was an older one. */
  migratedFrom: number | undefined
}

/** A value without any version is left to the schema. */
export function migrate(value: unknown, { migrations, check }: SiteFormat): Decoded<Migrated> {
  const version = (value as { version?: unknown } | null)?.version
  const newest = migrations.length + 1
  const isOlder = typeof version === 'number' && Number.isInteger(version) && version >= 1 && version < newest
  if (typeof version === 'number' && version > newest) {
    const message = `/version is ${version}; allowed: up to ${newest}. A newer linli wrote this: run that one`
    return { ok: false, error: new LinliError(SITE_CODE, message, { kind: 'caller', path: '/version' }) }
  }
  let current = value
  for (let from = isOlder ? version : newest; from < newest; from++)
    current = { ...migrations[from - 1]?.(current as Record<string, unknown>), version: from + 1 }
  const checked = check(current)
  return checked.ok
    ? { ok: true, value: { config: checked.value, migratedFrom: isOlder ? version : undefined } }
    : checked
}
