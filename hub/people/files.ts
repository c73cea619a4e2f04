import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Folder, folderAt, replaceFile } from '../journal/folder.ts'
import { durableJson } from '../registry/durable-json.ts'
import type { PeopleData, PeopleFile } from './people.ts'
import type { SessionsData, SessionsDeps } from './sessions.ts'
import type { ThrottleData, ThrottleDeps } from './throttle.ts'

/** The files of people in a data folder, all 0600. */

/** @param folder the data folder, step by step, so that a test can cut the power between two */
export function peopleFile(dataDir: string, onFallback: (details: object) => void, folder?: Folder): PeopleFile {
  return durableJson<PeopleData>(join(dataDir, 'people.json'), { onFallback }, folder)
}

/** Without a last good copy, which would bring back sessions that have ended. Not in backups for the same reason. */
export function sessionsFile(dataDir: string): SessionsDeps['file'] {
  return plainFile<SessionsData>(dataDir, 'sessions.json')
}

/** As little; a damaged one pauses nobody. */
export function throttleFile(dataDir: string): ThrottleDeps['file'] {
  return plainFile<ThrottleData>(dataDir, 'throttle.json')
}

function plainFile<T>(dataDir: string, name: string): { read(): Promise<unknown>; write(data: T): Promise<void> } {
  const folder = folderAt(dataDir)
  return {
    async read() {
      try {
        return JSON.parse(await readFile(join(dataDir, name), 'utf8'))
      } catch {
        return undefined
      }
    },
    write: (data) => replaceFile(folder, name, `${JSON.stringify(data)}\n`),
  }
}
