import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere, readJsonObject, writeDurably } from './durable-file.ts'
import { createLibrary, type LibraryListing } from './library.ts'
import { createTrial, type Trial } from './trial.ts'
import { diffUnits, type FlowNode, mergeUnits, splitUnits } from './units.ts'
import { createVersions } from './versions.ts'

/**
 * Node-RED's storage: the shipped flows are the base and are never written; what staff change in the editor is kept in
 * the site's data folder, one version per deploy. Node-RED finds its optional parts with `hasOwnProperty`, so this is a
 * plain object.
 */
export interface Storage {
  init(): Promise<void>
  getFlows(): Promise<FlowNode[]>
  saveFlows(flows: FlowNode[], user?: { username?: string }): Promise<void>
  getCredentials(): Promise<object>
  saveCredentials(credentials: object): Promise<void>
  getSettings(): Promise<object>
  saveSettings(settings: object): Promise<void>
  getSessions(): Promise<object>
  saveSessions(sessions: object): Promise<void>
  getLibraryEntry(type: string, path: string): Promise<string | LibraryListing>
  saveLibraryEntry(type: string, path: string, notes: object, body: string): Promise<void>
  /** What became of deploys. */
  readonly trial: Pick<Trial, 'fellBack' | 'told'>
}

export interface StorageConfig {
  /** Folder with the shipped `*.flow.json`. */
  shipped_dir: string
  data_dir: string
  /** How the process before this one was lost. */
  lost?: string
}

export type Warn = (text: string, fields: object) => void

/** @param onGood a deploy is good from now on */
export function createStorage(config: StorageConfig, warn: Warn, onGood: () => void = () => {}): Storage {
  const { data_dir } = config
  const onDamaged = (details: { file: string; reason: string }) =>
    warn('a file of the flows is damaged; the one before it is used', details)
  const versions = createVersions(join(data_dir, 'versions'), onDamaged)
  const trial = createTrial(versions, onGood)
  /** Counts once, however often the flows are read again. */
  let lost = config.lost
  const library = createLibrary(join(data_dir, 'library'))
  const file = (name: string) => join(data_dir, name)
  const load = (name: string) => readJsonObject(file(name), onDamaged)
  const save = (name: string, value: object) => writeDurably(file(name), `${JSON.stringify(value, null, 1)}\n`)

  return {
    // Node-RED reads a package.json in its user folder and reports an error when there is none.
    async init() {
      if ((await readIfThere(file('package.json'))) === undefined) await save('package.json', { private: true })
    },
    async getFlows() {
      const edits = await trial.begin(lost)
      lost = undefined
      const merged = mergeUnits(splitUnits(await readShipped(config.shipped_dir)), edits)
      for (const id of merged.outdated)
        warn('this site edited a flow that has a newer shipped version; compare them', { flow: id })
      return merged.nodes
    },
    async saveFlows(flows, user) {
      const shipped = splitUnits(await readShipped(config.shipped_dir))
      const saved = { at: new Date().toISOString(), user: user?.username ?? 'unknown' }
      const previous = (await versions.latest())?.edits
      trial.watch(await versions.save(diffUnits(shipped, splitUnits(flows), previous, saved)))
    },
    getCredentials: () => load('credentials.json'),
    saveCredentials: (credentials) => save('credentials.json', credentials),
    getSettings: () => load('settings.json'),
    saveSettings: (settings) => save('settings.json', settings),
    getSessions: () => load('sessions.json'),
    saveSessions: (sessions) => save('sessions.json', sessions),
    getLibraryEntry: (type, path) => library.get(type, path),
    saveLibraryEntry: (type, path, notes, body) => library.save(type, path, notes, body),
    trial,
  }
}

/** All shipped flows, one file per purpose, in the order of their file names. */
export async function readShipped(folder: string): Promise<FlowNode[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.flow.json')).sort()
  const files = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return files.flatMap((text) => JSON.parse(text) as FlowNode[])
}

/** The key that credentials of flows are encrypted with: made once, kept beside them, readable by the owner only. */
export async function credentialSecret(data_dir: string): Promise<string> {
  const file = join(data_dir, 'credential-secret')
  const known = (await readIfThere(file))?.trim()
  if (known) return known
  const secret = randomBytes(32).toString('hex')
  await writeDurably(file, `${secret}\n`)
  return secret
}
