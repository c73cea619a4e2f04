import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeJson } from '../contract/decode.ts'
import { reasonOf } from '../contract/errors.ts'
import { checker } from '../contract/schema.ts'
import { type Static, Type } from '../contract/type.ts'
import type { LifelineDeps } from './lifeline.ts'

/** How a process found the way of alarms, in its data folder: there to read when the process itself hangs. */

const FILE = 'lifeline.json'
const StatusFile = Type.Object({
  status: Type.Enum(['unproven', 'proven', 'lost']),
  since: Type.String(),
  pid: Type.Integer(),
})
export type StatusFile = Static<typeof StatusFile>
const check = checker(StatusFile)

/** Written when it changes; not waited for by anybody, so without fsync. */
export function keepStatus(dataDir: string, log: LifelineDeps['log']): LifelineDeps['onStatus'] {
  const file = join(dataDir, FILE)
  return (status) => {
    const text: StatusFile = { status, since: new Date().toISOString(), pid: process.pid }
    try {
      writeFileSync(`${file}.new`, JSON.stringify(text), { mode: 0o600 })
      renameSync(`${file}.new`, file)
    } catch (error) {
      log.error({ error: reasonOf(error) }, `${file} cannot be written`)
    }
  }
}

/** Undefined: nothing was kept there. */
export function readStatus(dataDir: string): StatusFile | undefined {
  try {
    const json = decodeJson(readFileSync(join(dataDir, FILE)))
    const checked = json.ok ? check(json.value) : json
    return checked.ok ? checked.value : undefined
  } catch {
    return undefined
  }
}
