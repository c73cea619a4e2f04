import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LinliError, reasonOf } from '../../hub/contract/errors.ts'
import { readShipped } from '../storage/storage.ts'
import { mergeUnits, type SiteEdits, splitUnits } from '../storage/units.ts'
import { createVersions, type Versions } from '../storage/versions.ts'
import { compareFlows } from './compare.ts'

/**
 * The versions of a site's flows for the hub and its command line, which start this as a process (`hub/flows-host/versions.ts`):
 * `list FOLDER`, `diff FOLDER FROM [TO]`, `rollback FOLDER VERSION USER`. One JSON value on stdout: the answer, or, with
 * exit code 1, `code`, `kind` and `message` of what is wrong.
 */

const SHIPPED = fileURLToPath(new URL('..', import.meta.url))
const NOTHING: SiteEdits = { format: 1, saved_at: '', user: '', order: [], units: [], removed: [] }
const [what = '', folder = '', ...rest] = process.argv.slice(2)

try {
  process.stdout.write(JSON.stringify(await answer()))
} catch (error) {
  const { code = 'FLOWS_FAILED', kind = 'fault' } = error instanceof LinliError ? error : {}
  process.stdout.write(JSON.stringify({ code, kind, message: reasonOf(error) }))
  process.exitCode = 1
}

function answer(): Promise<object> {
  if (!statSync(folder, { throwIfNoEntry: false }))
    throw wrong('FLOWS_DATA', `no flows are kept in ${folder} 没有流程数据`)
  const versions = createVersions(join(folder, 'versions'), ({ file, reason }) =>
    process.stderr.write(`${file} is damaged 已损坏: ${reason}\n`),
  )
  const [one = '', other] = rest
  if (what === 'list') return list(versions)
  if (what === 'diff') return diff(versions, numberOf(one), other === undefined ? undefined : numberOf(other))
  if (what === 'rollback') return rollback(versions, numberOf(one), other ?? '')
  throw wrong('FLOWS_VERSION', `${what} is nothing that can be done to versions`)
}

async function list(versions: Versions): Promise<object> {
  const [all, { good }] = [await versions.all(), await versions.standing()]
  const listed = all.map(({ number, edits: { saved_at, user, units, removed } }) => {
    const size = { changed: units.length, removed: removed.length }
    return { version: number, saved_at, user, good: number === good, ...size }
  })
  return { versions: listed }
}

async function diff(versions: Versions, from: number, given: number | undefined): Promise<object> {
  const to = given ?? (await versions.latest())?.number ?? 0
  return { from, to, differences: compareFlows(await flowsOf(versions, from), await flowsOf(versions, to)) }
}

/** An older version becomes the newest; nothing is deleted. */
async function rollback(versions: Versions, to: number, user: string): Promise<object> {
  checkOwner()
  const known = to === 0 ? NOTHING : await editsOf(versions, to)
  return { to, version: await versions.save({ ...known, saved_at: new Date().toISOString(), user }) }
}

/** A file of another owner would keep the hub's flows from starting. */
function checkOwner(): void {
  const { uid } = statSync(folder)
  if (uid === process.getuid?.()) return
  throw wrong(
    'FLOWS_DATA',
    `${folder} belongs to the user with id ${uid}: run this as that user 请用该用户运行 (sudo -u '#${uid}')`,
  )
}

function numberOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw wrong('FLOWS_VERSION', `${text} is no version; see linli flows list 没有这个版本`)
}

async function editsOf(versions: Versions, number: number): Promise<SiteEdits> {
  const edits = await versions.read(number)
  if (edits) return edits
  throw wrong('FLOWS_VERSION', `there is no whole version ${number}; see linli flows list 没有这个版本`)
}

async function flowsOf(versions: Versions, number: number) {
  const shipped = splitUnits(await readShipped(SHIPPED))
  return mergeUnits(shipped, number === 0 ? undefined : await editsOf(versions, number)).nodes
}

function wrong(code: string, message: string): LinliError {
  return new LinliError(code, message, { kind: 'caller' })
}
