import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { LinliError } from '../../contract/errors.ts'
import { boxDeps } from '../../update/box.ts'
import { openLayout } from '../../update/layout.ts'
import { STEPS, type UpdateDeps } from '../../update/update.ts'
import { makeBackup } from '../backup/make.ts'
import { passphraseOf } from '../backup/passphrase.ts'
import { language, STEP_WORDS, word } from './words.ts'

/** What both commands are told, and what they do it with. */

export interface JobOptions {
  base: string
  data?: string
  passphraseFile?: string
  service: string[]
  healthUrl?: string
  healthSeconds: string
  json?: boolean
}

export function jobOf(options: JobOptions): UpdateDeps {
  const { data, json } = options
  const base = resolve(options.base)
  if (!existsSync(base)) throw new LinliError('OPTION_INVALID', `there is no folder ${base}`, { kind: 'caller' })
  const layout = openLayout(base)
  const health_ms = Number(options.healthSeconds) * 1000
  if (!/^\d+$/.test(options.healthSeconds))
    throw new LinliError('OPTION_INVALID', `--health-seconds is ${options.healthSeconds}; give a number`, {
      kind: 'caller',
    })
  const key = join(base, 'publisher.pub')
  const say = (text: string) => {
    if (!json) process.stderr.write(`${text}\n`)
  }
  return {
    ...boxDeps(layout, { services: options.service, dataDir: data, healthUrl: options.healthUrl, health_ms }),
    layout,
    publisher: existsSync(key) ? readFileSync(key, 'utf8') : undefined,
    async backup() {
      if (data === undefined) return say(word('unsaved'))
      const passphrase = await passphraseOf(options.passphraseFile, true)
      const out = join(base, `backup-${layout.current()}-${new Date().toISOString().replaceAll(':', '')}.age`)
      const { bytes } = await makeBackup(data, out, { passphrase, progress: () => undefined })
      say(`      ${out}, ${bytes} B`)
    },
    progress: (step) => say(`[${STEPS.indexOf(step) + 1}/${STEPS.length}] ${STEP_WORDS[step][language]}`),
  }
}

export function exitCodeOf(error: unknown): number {
  return error instanceof LinliError && error.kind === 'caller' ? 2 : 1
}
