import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Command } from 'commander'
import { AUDIT_KINDS, type AuditRecord, type Head, readLine } from '../../audit/chain.ts'
import { readHead } from '../../audit/head-file.ts'
import { createVerifier, type Finding } from '../../audit/verifier.ts'
import { LinliError } from '../../contract/errors.ts'
import { fail } from '../fail.ts'
import { auditLines } from './offline.ts'
import { findingWord, word } from './words.ts'

/** `linli audit`: exit codes 0 done and whole, 1 it failed, 2 told wrongly, 3 the log is not what it was. */

interface Shown {
  data: string
  since?: string
  kind?: string
  actor?: string
  json?: boolean
}
interface Verified {
  data?: string
  file?: string
  head: string[]
  json?: boolean
}

const NOT_WHOLE = 3

const program = new Command('linli audit').description(word('about'))
// Before the subcommands, which take it over from here.
program.showHelpAfterError().exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
program
  .command('show')
  .description(word('show'))
  .requiredOption('--data <dir>', word('data'))
  .option('--since <time>', word('since'))
  .option('--kind <kind>', `${word('kind')}: ${AUDIT_KINDS.join(', ')}`)
  .option('--actor <actor>', word('actor'))
  .option('--json', word('showJson'))
  .action(show)
program
  .command('verify')
  .description(word('verify'))
  .option('--data <dir>', word('data'))
  .option('--file <file>', word('file'))
  .option('--head <sequence:hash>', word('head'), (value, all: string[]) => [...all, value], [])
  .option('--json', word('json'))
  .action(verify)

try {
  await program.parseAsync()
} catch (error) {
  fail('audit', error)
}

async function show({ data, since, kind, actor, json }: Shown): Promise<void> {
  const since_ms = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since)
  if (Number.isNaN(since_ms)) throw told(`--since ${since}: ${word('noTime')}`)
  if (kind !== undefined && !(AUDIT_KINDS as readonly string[]).includes(kind))
    throw told(`--kind ${kind}: ${word('noKind')} ${AUDIT_KINDS.join(', ')}`)
  for await (const line of auditLines(data)) {
    const read = readLine(line)
    const record = read.ok ? read.value : undefined
    // A line that cannot be read is shown whatever was asked for: somebody has to see it.
    const isWanted =
      !record ||
      (Date.parse(record.time) >= since_ms &&
        (kind === undefined || record.kind === kind) &&
        (actor === undefined || record.actor === actor))
    if (isWanted) process.stdout.write(`${json || !record ? line : textOf(record)}\n`)
  }
}

function textOf({ sequence, time, kind, action, outcome, code, actor, source, target, detail }: AuditRecord): string {
  const parts = [
    `#${sequence}`,
    time,
    `${kind} ${action}`,
    code === undefined ? outcome : `${outcome} ${code}`,
    actor === source || actor === '' ? source : `${actor} (${word('by')} ${source})`,
    target === undefined ? '' : `→ ${target}`,
    detail === undefined ? '' : JSON.stringify(detail),
  ]
  return parts.filter((part) => part !== '').join('  ')
}

async function verify({ data, file, head, json }: Verified): Promise<void> {
  if ((data === undefined) === (file === undefined)) throw told(word('which'))
  const anchors = head.map(headOf)
  // Read before the log: what is recorded meanwhile is beyond it.
  const kept = data === undefined ? undefined : await readHead(data)
  if (typeof kept === 'object') anchors.push(kept)
  const verifier = createVerifier(anchors)
  for await (const line of data === undefined ? linesOf(file ?? '-') : auditLines(data)) verifier.add(line)
  const verdict = verifier.end()
  const isWhole = verdict.findings.length === 0 && kept !== 'damaged'
  if (json) process.stdout.write(`${JSON.stringify({ whole: isWhole, ...verdict, keptHead: kept })}\n`)
  else {
    if (kept === 'damaged') process.stdout.write(`${word('headDamaged')}\n`)
    if (kept === 'missing') process.stderr.write(`${word('headMissing')}\n`)
    for (const finding of verdict.findings) process.stdout.write(`${sentence(finding)}\n`)
    const count = isWhole ? word('whole') : `${word('lines')}: ${verdict.findings.length} ${word('wrong')}`
    process.stdout.write(`${verdict.lines} ${count}; ${verdict.head.sequence}:${verdict.head.hash}\n`)
  }
  if (!isWhole) process.exitCode = NOT_WHOLE
}

function sentence({ kind, line, from, to = from, why }: Finding): string {
  const where = line === undefined ? '' : `${word('line')} ${line} `
  const which = from === undefined ? '' : from === to ? `#${from} ` : `#${from}–#${to} `
  return `${where}${which}${findingWord(kind)}: ${why}`
}

async function* linesOf(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) yield line
}

function headOf(text: string): Head {
  const [, sequence, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (sequence === undefined || hash === undefined) throw told(`--head ${text}: ${word('noHead')}`)
  return { sequence: Number(sequence), hash }
}

function told(message: string): LinliError {
  return new LinliError('OPTION_INVALID', message, { kind: 'caller' })
}
