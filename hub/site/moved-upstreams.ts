import { decodeJson } from '../contract/decode.ts'
import type { Folder } from '../journal/folder.ts'
import { decodeUpstreams, type UpstreamList } from '../upstream/settings.ts'
import { checkSite } from './schema.ts'
import type { SiteStore } from './store.ts'

/** Where upstreams stood before they were a part of `site.json`; a hub without a `site.json` still reads it. */
export const UPSTREAMS_FILE = 'upstreams.json'
/** What the old file is called afterwards. */
const KEPT = `${UPSTREAMS_FILE}.moved`

/**
 * Brings the upstreams of an earlier release into `site.json`. First they stand there and then the old file gets another
 * name: when the power goes in between, the next start finds both alike.
 * `both`: somebody wrote the file again, and it is not read.
 */
export async function moveUpstreams(
  folder: Pick<Folder, 'read' | 'rename' | 'syncNames'>,
  store: SiteStore,
): Promise<'moved' | 'both' | undefined> {
  const bytes = await folder.read(UPSTREAMS_FILE)
  if (bytes === undefined) return undefined
  const { upstreams } = listOf(bytes)
  const present = store.config.upstreams
  if (present && JSON.stringify(present) !== JSON.stringify(upstreams)) return 'both'
  if (!present) await store.change((config) => checkSite({ ...config, upstreams }))
  await folder.rename(UPSTREAMS_FILE, KEPT)
  await folder.syncNames()
  return 'moved'
}

/** @throws {LinliError} UPSTREAMS_INVALID */
function listOf(bytes: Uint8Array): { upstreams: UpstreamList } {
  decodeUpstreams(bytes, UPSTREAMS_FILE)
  const json = decodeJson(bytes)
  return (json.ok ? json.value : { upstreams: [] }) as { upstreams: UpstreamList }
}
