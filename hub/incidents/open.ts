import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseThread } from '../database-thread/caller.ts'
import { createArchiveThread } from './archive/thread.ts'
import { ARCHIVE_FOLDER, type Archive } from './archive/types.ts'
import { type IncidentConfig, type IncidentSettings, incidentConfig } from './config.ts'

/** What the incidents of a hub process stand on: a folder, site.json, the machine's clock. */

const BOOT_ID = '/proc/sys/kernel/random/boot_id'

interface SitePart {
  timeZone: string
  incidents?: IncidentSettings
}

export function incidentParts(dataDir: string, site: () => SitePart | undefined, databases: DatabaseThread) {
  return {
    incidentArchive: createArchiveThread(join(dataDir, ARCHIVE_FOLDER), databases) satisfies Archive,
    incidentConfig: configOf(site),
    machine: machineClock(),
  }
}

/** As the site is now; made anew only when that has changed. */
function configOf(site: () => SitePart | undefined): () => IncidentConfig {
  let made: { from: SitePart | undefined; config: IncidentConfig } | undefined
  return () => {
    const from = site()
    if (made && made.from === from) return made.config
    const timeZone = from?.timeZone ?? Temporal.Now.timeZoneId()
    made = { from, config: incidentConfig(from?.incidents, timeZone) }
    return made.config
  }
}

/** It runs on while the hub is restarted. Where the boot has no name, each run of the hub is one. */
function machineClock(): { boot: string; monotonic_ms: () => number } {
  let boot: string
  try {
    boot = readFileSync(BOOT_ID, 'utf8').trim()
  } catch {
    boot = randomUUID()
  }
  return { boot, monotonic_ms: () => Math.floor(Number(process.hrtime.bigint() / 1_000_000n)) }
}
