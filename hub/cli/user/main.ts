import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { hashSecret } from '../../auth/secret.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { atPeople, type PersonAnswer, type PersonRequest, personRequest } from '../../people/counter.ts'
import { peopleFile, throttleFile } from '../../people/files.ts'
import { openPeople } from '../../people/people.ts'
import { ROLES } from '../../people/roles.ts'
import { checkSecret, newPersonSecret, normalSecret } from '../../people/secret-rules.ts'
import { openThrottle } from '../../people/throttle.ts'
import { askHidden } from '../ask-hidden.ts'
import { withAudit } from '../audit/offline.ts'
import { checkDataDir } from '../credential/reach.ts'
import { fail } from '../fail.ts'
import { askWhoever } from '../whoever.ts'
import { language, word } from './words.ts'

/** `linli user`: who may log in. Exit codes: 0 done, 1 it failed, 2 told wrongly. */

interface Where {
  data: string
  json?: boolean
}
interface AddOptions extends Where {
  role: string
  contact?: string
  language: string
  ask?: boolean
}

const program = new Command('linli user').description(word('about')).addHelpText('after', `\n${word('notes')}`)
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
command('add <name>', word('add'))
  .requiredOption('--role <role>', `${word('roleOption')}: ${ROLES.join(', ')}`)
  .option('--contact <text>', word('contact'))
  .option('--language <zh|en>', word('language'), language)
  .option('--ask', word('ask'))
  .action(add)
command('passwd <name>', word('passwd')).option('--ask', word('ask')).action(passwd)
command('role <name> <role>', `${word('role')} (${ROLES.join(', ')})`).action(role)
command('list', word('list')).action(list)
command('remove <name>', word('remove')).action((name: string, options: Where) =>
  done(name, options, { type: 'person-remove', name: nameOf(name) }, word('isRemoved')),
)
command('unlock <name>', word('unlock')).action((name: string, options: Where) =>
  done(name, options, { type: 'person-unlock', name: nameOf(name) }, word('isUnlocked')),
)

try {
  await program.parseAsync()
} catch (error) {
  fail('user', error)
}

function command(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .requiredOption('--data <dir>', word('data'))
    .option('--json', word('json'))
}

async function add(typed: string, options: AddOptions): Promise<void> {
  const name = nameOf(typed)
  const { role, contact } = options
  const secret = await secretFor(name, options.ask === true, (hash) => ({
    type: 'person-add',
    name,
    role,
    language: options.language,
    ...(contact === undefined ? {} : { contact }),
    ...hash,
  }))
  await done(name, options, secret.request, word('isAdded'), secret.made)
}

async function passwd(typed: string, options: Where & { ask?: boolean }): Promise<void> {
  const name = nameOf(typed)
  const secret = await secretFor(name, options.ask === true, (hash) => ({ type: 'person-secret', name, ...hash }))
  await done(name, options, secret.request, word('isChanged'), secret.made)
}

async function role(typed: string, wanted: string, options: Where): Promise<void> {
  const name = nameOf(typed)
  await done(name, options, checked({ type: 'person-role', name, role: wanted }), word('isChanged'))
}

async function list(options: Where): Promise<void> {
  const answer = await ask(options.data, { type: 'person-list' })
  const people = answer.type === 'people' ? answer.people : []
  if (options.json) return void process.stdout.write(`${JSON.stringify({ people })}\n`)
  if (people.length === 0) process.stdout.write(`${word('nobody')}\n`)
  for (const { name, role: has, language: speaks, contact, mustChange } of people) {
    const parts = [name, has, speaks, contact, mustChange ? `(${word('mustChange')})` : undefined]
    process.stdout.write(`${parts.filter((part) => part !== undefined).join('  ')}\n`)
  }
}

/** Looked at before anybody types a secret for it. */
async function secretFor(
  name: string,
  isAsked: boolean,
  requestOf: (hash: { secret: string; mustChange: boolean }) => object,
): Promise<{ request: PersonRequest; made: string | undefined }> {
  checked(requestOf({ secret: 'scrypt$', mustChange: true }))
  const made = isAsked ? undefined : newPersonSecret()
  const secret = normalSecret(made ?? (await typedSecret()))
  checkSecret(secret, name)
  return { request: checked(requestOf({ secret: await hashSecret(secret), mustChange: !isAsked })), made }
}

async function typedSecret(): Promise<string> {
  const nowhere = () => new LinliError('SECRET_MISSING', word('nowhere'), { kind: 'caller' })
  if (!process.stdin.isTTY) {
    for await (const line of createInterface({ input: process.stdin })) return line
    throw nowhere()
  }
  const secret = await askHidden(word('secret'), nowhere)
  if ((await askHidden(word('again'), nowhere)) === secret) return secret
  throw new LinliError('SECRET_MISSING', word('differs'), { kind: 'caller' })
}

async function done(name: string, options: Where, request: PersonRequest, says: string, made?: string): Promise<void> {
  await ask(options.data, request)
  if (options.json) process.stdout.write(`${JSON.stringify({ name, ...(made ? { secret: made } : {}) })}\n`)
  else process.stdout.write(made ? `${name}: ${made}\n${word('once')}\n` : `${name} ${says}\n`)
}

function ask(dataDir: string, request: PersonRequest): Promise<PersonAnswer> {
  checkDataDir(dataDir)
  return askWhoever(dataDir, request, () => ofFiles(dataDir, request))
}

function ofFiles(dataDir: string, request: PersonRequest): Promise<PersonAnswer> {
  if (!existsSync(join(dataDir, 'journal')) && !existsSync(join(dataDir, 'site.json')))
    throw new LinliError('DATA_UNWRITABLE', `no hub has run with the data folder ${dataDir}; linli init makes a site`, {
      kind: 'caller',
    })
  return withAudit(dataDir, async (audit) => {
    const file = peopleFile(dataDir, () =>
      process.stderr.write('people.json was damaged: its last good copy is used\n'),
    )
    const clocks = { now_ms: Date.now, monotonic_ms: () => performance.now() }
    const onError = (error: unknown) => process.stderr.write(`linli user: ${reasonOf(error)}\n`)
    const throttle = await openThrottle({ file: throttleFile(dataDir), ...clocks, onError })
    const unlock = (name: string) => void throttle.step({ type: 'unlock', name })
    const answer = await atPeople({ people: await openPeople(file), audit, unlock }, request)
    await throttle.close()
    return answer
  })
}

function checked(value: object): PersonRequest {
  return personRequest(value) as PersonRequest
}

function nameOf(typed: string): string {
  return typed.normalize('NFC').trim()
}
