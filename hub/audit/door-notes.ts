import type { Principal } from '../auth/access.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import type { LinliError } from '../contract/errors.ts'
import { addressPath, ROOT, type Topic } from '../contract/topic.ts'
import type { Audit } from './audit.ts'
import { createRarely } from './rarely.ts'

/** What the door of the hub has to say to the audit log: who was not let in, and who tried what they may not. */

/** Each account and each address once, and then seldom: somebody who guesses must not push the log out of its own end. */
export function auditedLogin(audit: Pick<Audit, 'note'>, authenticate: Authenticator): Authenticator {
  const rarely = createRarely()
  return async (credentials) => {
    const principal = await authenticate(credentials)
    if (principal) return principal
    const { username = '', clientId, address = '' } = credentials
    const count = rarely(`${username} ${address}`)
    if (count !== undefined)
      audit.note({
        kind: 'login',
        action: 'mqtt-connect',
        actor: `account:${username}`,
        source: address === '' ? 'mqtt' : `mqtt:${address}`,
        outcome: 'refused',
        code: 'LOGIN_REFUSED',
        detail: { clientid: clientId.slice(0, 128), count },
      })
    return undefined
  }
}

export function denialNotes(
  audit: Pick<Audit, 'note'>,
): (principal: Principal, topic: Topic, error: LinliError) => void {
  const rarely = createRarely()
  return (principal, topic, { code }) => {
    const count = rarely(`${principal.name} ${code} ${topic.channel}`)
    if (count === undefined) return
    const who = `${principal.role}:${principal.name}`
    audit.note({
      kind: topic.channel === 'cmd' ? 'command' : 'access',
      action: topic.channel === 'cmd' ? topic.name : `publish-${topic.channel}`,
      actor: who,
      source: who,
      target: addressPath(topic).slice(ROOT.length + 1),
      outcome: 'refused',
      code,
      detail: { count },
    })
  }
}
