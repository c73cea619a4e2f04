import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { canonical } from '../../audit/canonical.ts'
import { type Check, DeviceOutcome } from '../../commissioning/record.ts'
import { decodeJson } from '../../contract/decode.ts'
import { LinliError } from '../../contract/errors.ts'
import { Instant } from '../../contract/event.ts'
import { checker } from '../../contract/schema.ts'
import { type Static, Type } from '../../contract/type.ts'
import { type Folder, openFolder } from '../../journal/folder.ts'
import type { Found } from '../../site/changes.ts'

/** How far a commissioning is, in the hub's data folder: on disk after each check, so that nothing is done twice. */

export const SESSION_FILE = 'commissioning.json'

const Kept = Type.Object({
  version: Type.Literal(1),
  site: Type.String(),
  by: Type.String(),
  startedat: Instant,
  /** By `gateway/device`; `digest` is of the device as it was configured then. */
  devices: Type.Record(Type.String(), Type.Object({ digest: Type.String(), outcome: DeviceOutcome })),
  /** The device that is being tried, and the checks that are over. */
  current: Type.Optional(Type.Object({ name: Type.String(), checks: Type.Array(Type.String()) })),
})
export type Kept = Static<typeof Kept>
const check = checker(Kept, 'SESSION_DAMAGED')

export interface Session {
  readonly kept: Kept
  readonly isNew: boolean
  isChanged(found: Found): boolean
  begin(name: string): Promise<void>
  checked(name: string, checks: readonly Check[]): Promise<void>
  conclude(found: Found, outcome: DeviceOutcome): Promise<void>
}

/** @throws {LinliError} SESSION_DAMAGED, SESSION_OTHER */
export async function readSession(dataDir: string, site: string): Promise<Kept | undefined> {
  const bytes = await (await openFolder(dataDir)).read(SESSION_FILE)
  if (!bytes) return undefined
  const json = decodeJson(bytes)
  const checked = json.ok ? check(json.value) : json
  const file = join(dataDir, SESSION_FILE)
  if (!checked.ok)
    throw new LinliError(
      'SESSION_DAMAGED',
      `${file} cannot be used (${checked.error.message}); --restart begins anew`,
      {
        kind: 'caller',
      },
    )
  if (checked.value.site === site) return checked.value
  const message = `${file} is of the site ${checked.value.site}, and this is ${site}; --restart begins anew`
  throw new LinliError('SESSION_OTHER', message, { kind: 'caller' })
}

/** @param fresh what to begin with when there is nothing, or when it is not to count */
export async function openSession(
  dataDir: string,
  fresh: Pick<Kept, 'site' | 'startedat'> & { by: () => Promise<string> },
  isRestart: boolean,
): Promise<Session> {
  const folder = await openFolder(dataDir)
  const found = isRestart ? undefined : await readSession(dataDir, fresh.site)
  const kept: Kept = found ?? {
    version: 1,
    site: fresh.site,
    startedat: fresh.startedat,
    by: await fresh.by(),
    devices: {},
  }
  let saving = Promise.resolve()
  const save = () => {
    saving = saving.then(() => write(folder, kept))
    return saving
  }
  await save()
  return {
    kept,
    isNew: found === undefined,
    isChanged(one) {
      const known = kept.devices[nameOf(one)]
      return known !== undefined && known.digest !== digestOf(one)
    },
    begin(name) {
      kept.current = { name, checks: [] }
      return save()
    },
    checked(name, checks) {
      kept.current = { name, checks: checks.map((one) => one.check) }
      return save()
    },
    conclude(one, outcome) {
      kept.devices[nameOf(one)] = { digest: digestOf(one), outcome }
      delete kept.current
      return save()
    },
  }
}

/** What came of a device, if it was tried as it is configured now. */
export function outcomeOf(kept: Kept, one: Found): DeviceOutcome | undefined {
  const known = kept.devices[nameOf(one)]
  return known?.digest === digestOf(one) ? known.outcome : undefined
}

export function nameOf({ gateway, device }: Pick<Found, 'gateway' | 'device'>): string {
  return `${gateway}/${device.id}`
}

function digestOf({ device }: Found): string {
  return createHash('sha256').update(canonical(device)).digest('hex')
}

async function write(folder: Folder, kept: Kept): Promise<void> {
  const spare = `${SESSION_FILE}.new`
  await folder.write(spare, [`${JSON.stringify(kept)}\n`])
  await folder.sync(spare)
  await folder.rename(spare, SESSION_FILE)
  await folder.syncNames()
}
