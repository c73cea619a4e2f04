import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import packageFile from '../../../package.json' with { type: 'json' }
import { decodeJson } from '../../contract/decode.ts'
import { LinliError, reasonOf } from '../../contract/errors.ts'
import { askCounter } from '../../counter/counter.ts'
import type { HubReport } from '../../counter/report.ts'
import { makeBundle, type SupportSources } from '../../support/bundle.ts'
import { auditLines } from '../audit/offline.ts'
import { fail } from '../fail.ts'
import { word } from './words.ts'

/** `linli support`: exit codes 0 done, 1 it failed, 2 told wrongly. */

interface Options {
  data?: string
  gatewayConfig?: string
  out: string
  json?: boolean
}

const LOG_LINES = 500

const program = new Command('linli support')
  .description(word('about'))
  .option('--data <dir>', word('data'))
  .option('--gateway-config <file>', word('gateway'))
  .option('--out <file>', word('out'), `linli-support-${new Date().toISOString().slice(0, 10)}.tar.gz`)
  .option('--json', word('json'))
  .addHelpText('after', `\n${word('notes')}`)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  .parse()

try {
  const options = program.opts<Options>()
  const made = await makeBundle(await sourcesOf(options), options.out)
  if (options.json) process.stdout.write(`${JSON.stringify({ file: options.out, ...made })}\n`)
  else {
    process.stdout.write(`${options.out}\n`)
    for (const { name, bytes } of made.files) process.stdout.write(`  ${name}  ${bytes} B\n`)
    for (const [name, code] of Object.entries(made.missing))
      process.stdout.write(`  ${name}  ${word('missing')}: ${code}\n`)
  }
} catch (error) {
  fail('support', error)
}

async function sourcesOf({ data, gatewayConfig }: Options): Promise<SupportSources> {
  if ((data === undefined) === (gatewayConfig === undefined))
    throw new LinliError('OPTION_INVALID', word('one'), { kind: 'caller' })
  const doctor = (...args: string[]) =>
    said(process.execPath, [fileURLToPath(new URL('../doctor/main.ts', import.meta.url)), ...args, '--json'])
  const { version } = packageFile
  if (data !== undefined) {
    return {
      version,
      dataDir: resolve(data),
      role: 'hub',
      config: () => readFile(join(data, 'site.json'), 'utf8').catch(() => undefined),
      doctor: () => doctor('--data', data),
      metrics: () => metricsOf(data),
      logs: () => logsOf('linli-hub'),
      auditLines: async () => {
        const lines: string[] = []
        for await (const line of auditLines(data)) lines.push(line)
        return lines
      },
    }
  }
  const file = gatewayConfig as string
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new LinliError('CONFIG_INVALID', reasonOf(error), { kind: 'caller' })
  })
  const json = decodeJson(Buffer.from(text))
  const dataDir = json.ok ? (json.value as { data?: unknown }).data : undefined
  if (typeof dataDir !== 'string')
    throw new LinliError('CONFIG_INVALID', `${file} names no data folder`, { kind: 'caller' })
  return {
    version,
    dataDir: resolve(dataDir),
    role: 'gateway',
    config: async () => text,
    doctor: () => doctor('--gateway-config', file),
    metrics: async () => undefined,
    logs: () => logsOf('linli-gateway'),
    auditLines: async () => [],
  }
}

async function metricsOf(data: string): Promise<string | undefined> {
  const report = await askCounter<HubReport>(data, { type: 'report' })
  const http = report.type === 'report' ? report.doors.find(({ name }) => name === 'http') : undefined
  if (!http) return undefined
  return (await fetch(`http://127.0.0.1:${http.port}/metrics`, { signal: AbortSignal.timeout(5_000) })).text()
}

function logsOf(unit: string): Promise<string> {
  return said('journalctl', ['--unit', unit, '--lines', String(LOG_LINES), '--output=cat', '--no-pager'])
}

/** What a program says on stdout, whatever it thinks of it. */
function said(command: string, args: string[]): Promise<string> {
  return new Promise((done, reject) => {
    execFile(command, args, { maxBuffer: 16 * 1024 * 1024 }, (error, stdout) => {
      if (error && stdout === '')
        reject(new LinliError('SOURCE_SILENT', `${command}: ${reasonOf(error)}`, { kind: 'fault' }))
      else done(stdout)
    })
  })
}
