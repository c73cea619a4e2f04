import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LinliError, reasonOf } from '../../../../hub/contract/errors.ts'
import { loadProfile, type Profile } from './load.ts'

/** The profiles that come with Linli, and those of an installer. */

export type Profiles = ReadonlyMap<string, Profile>

const shipped = fileURLToPath(new URL('../profiles', import.meta.url))

/**
 * By name. An installer's profile replaces a shipped one of the same name.
 * @param folder of the installer
 * @throws {LinliError} PROFILE_INVALID with file, line and field
 */
export function readProfiles(folder?: string): Profiles {
  return new Map([...readFolder(shipped), ...(folder === undefined ? [] : readFolder(folder))])
}

function readFolder(folder: string): Map<string, Profile> {
  const profiles = new Map<string, Profile>()
  for (const name of listFiles(folder)) {
    const file = join(folder, name)
    const loaded = loadProfile(readFileSync(file, 'utf8'), file)
    if (!loaded.ok) throw loaded.error
    const profile = loaded.value
    if (profile.name !== basename(name, '.json'))
      throw invalid(`${file}: /name is ${profile.name}; a profile is named as its file`)
    profiles.set(profile.name, profile)
  }
  return profiles
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch (error) {
    throw invalid(`cannot read the profiles in ${folder}: ${reasonOf(error)}`)
  }
}

function invalid(message: string): LinliError {
  return new LinliError('PROFILE_INVALID', message, { kind: 'caller' })
}
