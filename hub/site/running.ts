import { type FSWatcher, watch } from 'node:fs'
import type { AuditEntry } from '../audit/chain.ts'
import { reasonOf } from '../contract/errors.ts'
import { openFolder } from '../journal/folder.ts'
import { moveUpstreams } from './moved-upstreams.ts'
import { restartNeeded } from './options.ts'
import { createPusher, type Pusher, type PusherDeps, type PushStatus } from './pusher.ts'
import { SITE_FILE } from './site-file.ts'
import { openSite, type SiteStore } from './store.ts'

/** The site of a hub that runs: looks at `site.json` when somebody writes it, and says what became of that. */

export interface RunningSite {
  readonly store: SiteStore
  /** From now on gateways are sent their parts. */
  push(deps: Omit<PusherDeps, 'config' | 'logger'>): Pusher
  /** How far gateways have theirs; undefined: none is sent any. */
  gateways(): Record<string, PushStatus> | undefined
  /** For `/healthz`. */
  health(): { problems: string[]; details: object }
  close(): void
}

export interface RunningSiteDeps {
  dataDir: string
  audit: { note(entry: AuditEntry): void }
  logger: { info(details: object, message: string): void; error(details: object, message: string): void }
}

const BOTH = 'upstreams.json is not read: upstreams stand in site.json; move what it says there, and then it away'

/** Editors write a file in several steps. */
const SETTLE_MS = 300

/** Undefined: this data folder has no site, the hub runs from its options alone. @throws {LinliError} SITE_INVALID */
export async function openRunningSite({ dataDir, audit, logger }: RunningSiteDeps): Promise<RunningSite | undefined> {
  const note = (action: string, detail: object) =>
    audit.note({
      kind: 'configuration',
      action,
      actor: 'unknown:editor',
      source: SITE_FILE,
      outcome: 'succeeded',
      detail,
    })
  const folder = await openFolder(dataDir)
  const store = await openSite(folder, {
    edited() {
      logger.info({ file: SITE_FILE }, 'site.json was changed by hand: taken over')
      note('site-edited', {})
    },
    fellBack: ({ code, path, message }) =>
      logger.error({ code, path }, `${message}; the last good site stays in use until this is corrected`),
    mended: () => logger.info({ file: SITE_FILE }, 'site.json is correct again'),
    migrated(from) {
      logger.info({ from }, `site.json is of this release now; the old one is kept as site.json.v${from}`)
      note('site-migrated', { from })
    },
  })
  if (!store) return undefined
  // With a mistake in the file nothing is written over it; the next start moves them.
  const upstreams = store.mistake() ? undefined : await moveUpstreams(folder, store)
  if (upstreams === 'moved') {
    logger.info({}, 'upstreams.json is a part of site.json now; the old file is kept as upstreams.json.moved')
    note('upstreams-moved', {})
  }
  if (upstreams === 'both') logger.error({}, BOTH)
  const started = store.config
  let pusher: Pusher | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const watcher = watching(dataDir, logger, () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      store.reload().catch((error: unknown) => logger.error({ error: reasonOf(error) }, 'site.json cannot be read'))
    }, SETTLE_MS)
  })
  store.onChange((config) => {
    const needed = restartNeeded(started, config)
    if (needed.length > 0) logger.error({ needed }, `restart needed: ${needed.join(', ')} of site.json changed`)
    pusher?.onSite()
  })
  return {
    store,
    gateways: () => pusher?.status(),
    push(deps) {
      pusher = createPusher({ ...deps, config: () => store.config, logger })
      return pusher
    },
    health() {
      const mistake = store.mistake()
      const { gateways } = store.config
      return {
        problems: [
          ...(mistake ? [mistake.message] : []),
          ...(upstreams === 'both' ? [BOTH] : []),
          ...refusals(pusher?.status()),
        ],
        details: {
          source: mistake ? `${SITE_FILE}.last-good` : SITE_FILE,
          gateways: Object.keys(gateways).length,
          devices: Object.values(gateways).reduce((sum, { devices }) => sum + devices.length, 0),
          restartNeeded: restartNeeded(started, store.config),
        },
      }
    },
    close() {
      clearTimeout(timer)
      pusher?.close()
      watcher?.close()
    },
  }
}

function refusals(gateways: Record<string, PushStatus> = {}): string[] {
  return Object.entries(gateways).flatMap(([gateway, { error }]) =>
    error ? [`gateway ${gateway} does not take its configuration (${error.code}): ${error.message}`] : [],
  )
}

/** A rename over a file is only seen by who watches its folder. */
function watching(dir: string, logger: RunningSiteDeps['logger'], onWritten: () => void): FSWatcher | undefined {
  const lost = (error: unknown) =>
    logger.error(
      { error: reasonOf(error) },
      'hand edits of site.json are seen at the next linli device or restart only',
    )
  try {
    const watcher = watch(dir, (_event, name) => {
      if (name === SITE_FILE) onWritten()
    })
    watcher.on('error', lost)
    return watcher
  } catch (error) {
    lost(error)
    return undefined
  }
}
