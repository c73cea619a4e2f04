import { type CredentialsUpdate, checkUpdate } from '../../hub/contract/credentials.ts'
import type { Address } from '../../hub/contract/topic.ts'
import type { CredentialDesk } from '../credentials/desk.ts'
import type { Driver, Outcome } from '../drivers/driver.ts'
import type { Readers } from './readers.ts'

/** The gateway as the target of commands: the hub sends it credentials, an installer has a reader installed. */
export function createIntake(deps: {
  address: Address
  desk: Pick<CredentialDesk, 'apply'>
  readers: Pick<Readers, 'install'>
  onCredentials: () => void
}): Driver {
  async function apply(update: CredentialsUpdate): Promise<Outcome> {
    const applied = await deps.desk.apply(update)
    deps.onCredentials()
    if (applied.status === 'refused') return { status: 'refused', code: applied.code, message: applied.message }
    return { status: 'succeeded', data: { status: applied.status } }
  }
  return {
    address: deps.address,
    // The gateway describes itself elsewhere.
    meta: { class: 'gateway', model: '', driver: { name: '', version: '' }, place: {}, capabilities: [] },
    start: () => undefined,
    execute({ name, args }, answer) {
      if (name === 'reader-install') return void deps.readers.install((args as { reader: string }).reader).then(answer)
      const update = checkUpdate(args)
      if (update.ok) void apply(update.value).then(answer)
      else answer({ status: 'refused', code: update.error.code, message: update.error.message })
    },
    close: () => undefined,
  }
}
