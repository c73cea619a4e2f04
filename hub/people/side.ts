import type { Audit } from '../audit/audit.ts'
import type { Verify } from '../auth/login-queue.ts'
import { hashSecret } from '../auth/secret.ts'
import { LinliError, reasonOf } from '../contract/errors.ts'
import { atPeople, type PersonAnswer, type PersonRequest } from './counter.ts'
import { createPeopleDesk, type PeopleDesk } from './desk.ts'
import { peopleFile, sessionsFile, throttleFile } from './files.ts'
import { newEpoch, openPeople, type People } from './people.ts'
import { isRole } from './roles.ts'
import { newPersonSecret } from './secret-rules.ts'
import { openSessions, type SessionsDeps } from './sessions.ts'
import { openThrottle, type ThrottleDeps } from './throttle.ts'

/** The people of a hub that runs. */
export interface PeopleSide {
  readonly desk: PeopleDesk
  at(request: PersonRequest): Promise<PersonAnswer>
  close(): Promise<void>
}

export interface PeopleSideDeps {
  dataDir: string
  dev: boolean
  language: 'zh' | 'en'
  audit: Pick<Audit, 'record' | 'note'>
  verify: Verify
  logger: { error(details: object, message: string): void; warn(details: object, message: string): void }
  /** Where somebody reads along now, and nothing is kept; undefined when there is no such place. */
  terminal: ((text: string) => void) | undefined
  /** With `dev`: `admin:secret,viewer:secret`, for this run. */
  devPeople: string | undefined
}

export async function openPeopleSide(deps: PeopleSideDeps): Promise<PeopleSide> {
  const { dataDir, dev, logger } = deps
  const onFallback = (details: object) =>
    logger.error(details, 'the people file was damaged: running on its last good copy')
  const people = await openPeople(dev ? NOWHERE : peopleFile(dataDir, onFallback))
  if (dev) await addDevPeople(people, deps)
  else if (people.all().length === 0) await addFirstAdmin(people, deps)
  const file: SessionsDeps['file'] = dev ? NOWHERE : sessionsFile(dataDir)
  const onError = (error: unknown) => logger.error({ error: reasonOf(error) }, 'the sessions could not be written')
  const sessions = await openSessions({ people, file, now_ms: Date.now, onError })
  const throttle = await openThrottle({
    file: (dev ? NOWHERE : throttleFile(dataDir)) satisfies ThrottleDeps['file'],
    now_ms: Date.now,
    monotonic_ms: () => performance.now(),
    onError: (error) => logger.error({ error: reasonOf(error) }, 'pauses of logins could not be written'),
  })
  const desk = createPeopleDesk({ people, sessions, audit: deps.audit, verify: deps.verify, throttle })
  return {
    desk,
    at: (request) => atPeople({ people, audit: deps.audit, unlock: desk.unlock }, request),
    async close() {
      await sessions.close()
      await throttle.close()
    },
  }
}

const NOBODY = 'nobody can log in yet: linli user add NAME --role admin'
const NOWHERE = { read: async () => null, write: async () => undefined }
const FIRST_ADMIN = 'admin'

/** Told once, to whoever sits there. What a service writes is kept by the system's log, so there it is the command line's. */
async function addFirstAdmin(people: People, { terminal, logger, language, audit }: PeopleSideDeps): Promise<void> {
  if (!terminal) return logger.warn({}, NOBODY)
  const secret = newPersonSecret()
  const entry = {
    role: 'admin',
    language,
    secret: await hashSecret(secret),
    epoch: newEpoch(),
    mustChange: true,
  } as const
  const line = { kind: 'access', action: 'person-add', actor: 'hub:first-start', source: 'hub' } as const
  await audit.record({ ...line, target: `person:${FIRST_ADMIN}`, outcome: 'succeeded', detail: { role: 'admin' } })
  await people.put(FIRST_ADMIN, entry)
  terminal(
    `\n  第一位管理员 first admin: ${FIRST_ADMIN}\n  初始密码 secret:        ${secret}\n` +
      '  只显示这一次,首次登录时须修改。 Shown only this once; to be changed at the first login.\n\n',
  )
}

/** Nothing is stored: each run has its own, given by whoever started it or told here. */
async function addDevPeople(people: People, { devPeople, language }: PeopleSideDeps): Promise<void> {
  const given = (devPeople ?? `${FIRST_ADMIN}:${newPersonSecret()}`).split(',').map((one) => one.split(':'))
  for (const [role, secret] of given) {
    if (!isRole(role) || !secret)
      throw new LinliError('OPTION_INVALID', 'LINLI_DEV_PEOPLE is to be role:secret,role:secret', { kind: 'caller' })
    await people.put(role, { role, language, secret: await hashSecret(secret), epoch: newEpoch() })
    if (devPeople === undefined) process.stderr.write(`people of this run: ${role} ${secret}\n`)
  }
}
