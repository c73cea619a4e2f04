import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { folderAt, replaceFile } from '../journal/folder.ts'
import { durableJson } from '../registry/durable-json.ts'
import type { PeopleData, PeopleFile } from './people.ts'
import type { SessionsData, SessionsDeps } from './sessions.ts'

/** The two files of a data folder, both 0600. */

export function peopleFile(dataDir: string, onFallback: (details: object) => void): PeopleFile {
  return durableJson<PeopleData>(join(dataDir, 'people.json'), { onFallback })
}

/** Without a last good copy, which would bring back sessions that have ended. Not in backups for the same reason. */
export function sessionsFile(dataDir: string): SessionsDeps['file'] {
  const name = 'sessions.json'
  const folder = folderAt(dataDir)
  return {
    async read() {
      try {
        return JSON.parse(await readFile(join(dataDir, name), 'utf8'))
      } catch {
        return undefined
      }
    },
    write: (data: SessionsData) => replaceFile(folder, name, `${JSON.stringify(data)}\n`),
  }
}
