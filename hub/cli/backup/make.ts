import { createReadStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { isArchivable, pack, type Source, unpack } from '../../backup/archive.ts'
import {
  archiveBeside,
  atCopy,
  backupEntry,
  type CopyAnswer,
  type CopyRequest,
  historyBeside,
} from '../../backup/counter.ts'
import { damaged, opened, sealed } from '../../backup/seal.ts'
import { horizonRecord } from '../../commands/record.ts'
import { createTrackerState } from '../../commands/tracker.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { askCounter } from '../../counter/counter.ts'
import { createStoreBackend } from '../../history/backend.ts'
import { HISTORY_FILE } from '../../history/file.ts'
import { RETENTION } from '../../history/types.ts'
import { createArchive } from '../../incidents/archive/store.ts'
import { ARCHIVE_FILE, ARCHIVE_FOLDER } from '../../incidents/archive/types.ts'
import { DATABASE_FILE } from '../../journal/file-store.ts'
import { openFileLog } from '../../journal/open.ts'
import { JOURNAL_LANES } from '../../journal-lanes.ts'
import { auditOf } from '../audit/offline.ts'
import { accepted } from '../credential/reach.ts'

/** Making a backup of a data folder, with its hub running or not, and making a data folder of a backup. */

export interface BackupJob {
  passphrase: string
  /** Of a backup: the readings of the past as well, which may be gigabytes. */
  history?: boolean
  /** Bytes done, of about so many. */
  progress(done_bytes: number, all_bytes: number): void
}

const JOURNAL = 'journal'
const HISTORY_FOLDER = 'history'
/** A history of years on an SD card. */
const COPY_MS = 3_600_000
/**
 * Kept out: what is copied on its own, what is only of this run, sessions and pauses that may have ended since, what was set aside, and
 * the head of the audit log, which would be ahead of the copy of the log; the restore writes it anew.
 */
const LEFT_OUT =
  /^(journal|history|incidents|pictures|audit-head\.json|counter\.sock|sessions\.json|throttle\.json|lifeline\.json|wear\.json|node_modules|backup-copy-.*)$|\.new$|\.damaged-/
const FOLDER_DEPTH_MAX = 8
/** Beside the copy of the journal: a hub must not run into a full disk because of a backup. */
const SPARE_BYTES = 64 * 1024 * 1024

/** @returns how many files, and what had to be left out because of its name */
export async function makeBackup(
  dataDir: string,
  out: string,
  { passphrase, progress, history = false }: BackupJob,
): Promise<{ files: number; bytes: number; skipped: string[] }> {
  if (existsSync(out)) throw told(`${out} is there already: give a new name`)
  const journal = await stat(join(dataDir, JOURNAL, DATABASE_FILE)).catch(() => undefined)
  if (!journal) throw told(`no hub has run with the data folder ${dataDir}`)
  await removeLeftovers(dataDir)
  const { bavail, bsize } = await statfs(dataDir)
  const past = history ? await stat(join(dataDir, HISTORY_FOLDER, HISTORY_FILE)).catch(() => undefined) : undefined
  const room = journal.size + (past?.size ?? 0)
  if (bavail * bsize < room + SPARE_BYTES)
    throw new LinliError('BACKUP_ROOM', `${dataDir} has no room for a copy of what it holds (${room} bytes)`, {
      kind: 'fault',
    })
  const files = await sourcesIn(dataDir, '')
  const spare = await mkdtemp(join(resolve(dataDir), 'backup-copy-'))
  try {
    const copy = join(spare, DATABASE_FILE)
    await copyJournal(dataDir, copy, past !== undefined)
    const good = files.filter(({ path }) => isArchivable(path))
    const sources = [
      ...good,
      { path: `${JOURNAL}/${DATABASE_FILE}`, file: copy },
      { path: `${ARCHIVE_FOLDER}/${ARCHIVE_FILE}`, file: archiveBeside(copy) },
      ...(past ? [{ path: `${HISTORY_FOLDER}/${HISTORY_FILE}`, file: historyBeside(copy) }] : []),
    ]
    const sizes = await Promise.all(sources.map(({ file }) => stat(file)))
    const all_bytes = sizes.reduce((sum, { size }) => sum + size, 0)
    const plain = counted(pack(sources, new Date().toISOString()), (done) => progress(done, all_bytes))
    const bytes = await writeWhole(out, await sealed(plain, passphrase))
    const skipped = files.filter(({ path }) => !isArchivable(path)).map(({ path }) => path)
    return { files: sources.length, bytes, skipped }
  } finally {
    await rm(spare, { recursive: true, force: true })
  }
}

/** Of a backup that was killed: copies that nobody else can read, but that take room. */
async function removeLeftovers(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir))
    if (name.startsWith('backup-copy-')) await rm(join(dataDir, name), { recursive: true, force: true })
}

async function sourcesIn(dataDir: string, folder: string, depth = 0): Promise<Source[]> {
  if (depth > FOLDER_DEPTH_MAX) return []
  const entries = await readdir(join(dataDir, folder), { withFileTypes: true })
  const found = await Promise.all(
    entries
      .filter(({ name }) => !LEFT_OUT.test(name))
      .map(async (entry): Promise<Source[]> => {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`
        if (entry.isDirectory()) return sourcesIn(dataDir, path, depth + 1)
        // No links: what they lead to may be anything.
        return entry.isFile() ? [{ path, file: join(dataDir, path) }] : []
      }),
  )
  return found.flat()
}

/** Whoever holds the journal copies it: the hub that runs, or else we. */
async function copyJournal(dataDir: string, path: string, isWithHistory: boolean): Promise<void> {
  const log = await openFileLog(join(dataDir, JOURNAL), { lanes: JOURNAL_LANES }).catch((error: unknown) => {
    if (error instanceof LinliError && error.code === 'JOURNAL_LOCKED') return undefined
    throw error
  })
  const request: CopyRequest = { type: 'journal-copy', path, history: isWithHistory }
  if (!log) return void accepted(await askCounter<CopyAnswer>(dataDir, request, COPY_MS))
  const archive = createArchive(join(dataDir, ARCHIVE_FOLDER))
  const history = createStoreBackend({ folder: join(dataDir, HISTORY_FOLDER), retention: RETENTION })
  try {
    const audit = await auditOf(log, dataDir)
    await atCopy({ log, audit, registry: { flush: async () => undefined }, archive, history }, request)
    await audit.close()
  } finally {
    await history.close()
    await archive.close()
    await log.close()
  }
}

/** A new file, fsync, rename, fsync of the folder: a power cut leaves a whole backup or none under this name. */
async function writeWhole(out: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const spare = `${out}.new`
  const handle = await open(spare, 'w', 0o600)
  let bytes = 0
  try {
    for await (const chunk of chunks) {
      await handle.appendFile(chunk)
      bytes += chunk.length
    }
    await handle.sync()
    await handle.close()
    await rename(spare, out)
    await syncFolder(dirname(resolve(out)))
  } catch (error) {
    await handle.close().catch(() => undefined)
    await rm(spare, { force: true })
    throw error
  }
  return bytes
}

/**
 * Everything is made beside the new folder, which gets its name when all of it is there, known to be genuine, and on disk.
 * @throws {LinliError} RESTORE_NOT_EMPTY, BACKUP_PASSPHRASE, BACKUP_DAMAGED
 */
export async function restoreBackup(
  file: string,
  dataDir: string,
  { passphrase, progress }: BackupJob,
): Promise<{ files: number; made: string }> {
  const target = resolve(dataDir)
  const there = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (there.length > 0)
    throw new LinliError('RESTORE_NOT_EMPTY', `${target} is not empty: give a new folder`, { kind: 'caller' })
  const { size } = await stat(file).catch((error: unknown) => {
    throw told(reasonOf(error))
  })
  await mkdir(dirname(target), { recursive: true })
  const spare = await mkdtemp(join(dirname(target), `.${basename(target)}.restore-`))
  try {
    const bytes = counted(createReadStream(file), (done) => progress(done, size))
    const { paths, made } = await unpack(opened(bytes, passphrase), spare)
    if (!paths.includes(`${JOURNAL}/${DATABASE_FILE}`)) throw damaged('there is no journal in it')
    await settleJournal(spare)
    await syncFolder(spare)
    await rename(spare, target)
    await syncFolder(dirname(target))
    return { files: paths.length, made }
  } catch (error) {
    await rm(spare, { recursive: true, force: true })
    throw error
  }
}

/**
 * The journal of a backup knows nothing of what came after it. Opened as one whose newest part is lost, it goes on far behind every
 * position that was given out since, and its readers begin where the backup knew them: something may be passed on twice, with the same
 * ids, nothing never. What has expired by now counts as forgotten: it is neither delivered nor answered again.
 */
async function settleJournal(dataDir: string): Promise<void> {
  const folder = join(dataDir, JOURNAL)
  const log = await openFileLog(folder, { lanes: JOURNAL_LANES })
  try {
    const now_ms = Date.now()
    await log.append({ ...horizonRecord({ ...createTrackerState(), horizon_ms: now_ms }), time_ms: now_ms })
    const audit = await auditOf(log, dataDir)
    await audit.record(backupEntry('restore'))
    await audit.close()
  } finally {
    await log.close()
  }
  // As it came: the backup still has it.
  for (const name of await readdir(folder))
    if (name.includes('.damaged-')) await rm(join(folder, name), { recursive: true, force: true })
}

async function* counted(chunks: AsyncIterable<Uint8Array>, done: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    done(bytes)
    yield chunk
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function told(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
