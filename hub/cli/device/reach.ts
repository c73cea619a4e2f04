import { LinliError } from '../../contract/errors.ts'
import { openFolder } from '../../journal/folder.ts'
import { atSite, type SiteAnswer, type SiteRequest } from '../../site/counter.ts'
import { openSite } from '../../site/store.ts'
import { withAudit } from '../audit/offline.ts'
import { checkDataDir } from '../credential/reach.ts'
import { askWhoever } from '../whoever.ts'

/**
 * Asks the site of a data folder: the hub that runs there at its counter, or else its files. Whoever holds the journal is
 * the hub, so that no change can go past it.
 * @throws {LinliError} DATA_UNWRITABLE, SITE_MISSING, SITE_INVALID, DEVICE_UNKNOWN, DEVICE_INVALID
 */
export async function askSite<R extends SiteRequest>(dataDir: string, request: R): Promise<AnswerTo<R>> {
  checkDataDir(dataDir)
  return (await askWhoever<SiteAnswer>(dataDir, request, () => ofFiles(dataDir, request))) as AnswerTo<R>
}

type AnswerTo<R extends SiteRequest> = SiteAnswer & { type: R extends { type: 'site-read' } ? 'site' : 'site-changed' }

async function ofFiles(dataDir: string, request: SiteRequest): Promise<SiteAnswer> {
  const say = (text: string) => void process.stderr.write(`${text}\n`)
  return withAudit(dataDir, async (audit) => {
    const store = await openSite(await openFolder(dataDir), {
      edited: () =>
        audit.note({
          kind: 'configuration',
          action: 'site-edited',
          actor: 'unknown:editor',
          source: 'site.json',
          outcome: 'succeeded',
        }),
      fellBack: ({ message }) => say(`${message}; the last good site is in use`),
      mended: () => undefined,
      migrated: (from) => say(`site.json is of this release now; the old one is kept as site.json.v${from}`),
    })
    if (store) return atSite(store, audit, request)
    const message = `there is no site.json in ${dataDir}; linli init makes one`
    throw new LinliError('SITE_MISSING', message, { kind: 'caller' })
  })
}
