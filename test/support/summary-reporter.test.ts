import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Real runs of vitest on small suites, because the summary is about what the runner does, not what we think it does. */

const root = fileURLToPath(new URL('../..', import.meta.url))
let folder = ''

const suites = {
  'vitest.config.ts': `export default { test: { pool: 'forks', reporters: ['default', '${root}test/support/summary-reporter.ts'] } }`,
  'passes.test.ts': `it('a', () => {}); it('b', () => {})`,
  'fails.test.ts': `it('a', () => { throw new Error('no') })`,
  'breaks.test.ts': `import './nowhere.ts'`,
  'hook.test.ts': `describe('s', () => { beforeAll(() => { throw new Error('no') }); it('a', () => {}) })`,
  'stray.test.ts': `it('a', async () => { setTimeout(() => { throw new Error('stray') }, 1); await new Promise((r) => setTimeout(r, 50)) })`,
  'needs.test.ts': `
    import { needs } from '${root}test/support/needs.ts'
    needs('no-such-program', 'no-such-package')('the bridge', () => { it('a', () => {}); describe('x', () => { it('b', () => {}) }) })
    needs('sh', 'dash')('the shell', () => { it('c', () => {}) })`,
  'plainskip.test.ts': `it('a', () => {}); it.skip('b', () => {})`,
}

beforeAll(() => {
  mkdirSync(join(root, '.linli'), { recursive: true })
  folder = mkdtempSync(join(root, '.linli/summary-'))
  for (const [name, text] of Object.entries(suites)) {
    const imports = name.endsWith('.test.ts') ? `import { beforeAll, describe, it } from 'vitest'\n` : ''
    writeFileSync(join(folder, name), `${imports}${text}\n`)
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(names: string[], ci: boolean): { lines: string[]; status: number | null } {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const { CI: _ci, ...env } = process.env
  const args = [vitest, 'run', '--root', folder, ...names]
  const ended = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 60_000,
    env: ci ? { ...env, CI: 'true' } : env,
  })
  return { lines: ended.stdout.trimEnd().split('\n'), status: ended.status }
}

describe('the last line of a run', { timeout: 60_000 }, () => {
  it.each([
    [['passes'], '2 passed, 0 failed, 0 skipped', 0],
    [['passes', 'fails'], '2 passed, 1 failed, 0 skipped', 1],
    [['passes', 'breaks'], '2 passed, 1 failed, 0 skipped', 1],
    [['passes', 'hook'], '2 passed, 1 failed, 1 skipped', 1],
    [['stray'], '1 passed, 1 failed, 0 skipped', 1],
    [['no-such-file'], '0 passed, 0 failed, 0 skipped', 1],
  ])('of %j is %s', (names, line, status) => {
    const ended = run(names, false)
    expect([ended.lines.at(-1), ended.status]).toEqual([line, status])
  })

  it('follows one line per skipped suite that says how to enable it', () => {
    const ended = run(['needs'], false)
    expect(ended.lines.slice(-2)).toEqual([
      'skipped: needs.test.ts > the bridge (2 tests), needs no-such-program; to enable: apt-get install no-such-package',
      '1 passed, 0 failed, 2 skipped',
    ])
    expect(ended.status).toBe(0)
  })

  it('counts a missing program as a failure in CI', () => {
    const ended = run(['needs'], true)
    expect([ended.lines.at(-1), ended.status]).toEqual(['1 passed, 1 failed, 0 skipped', 1])
    expect(ended.lines.join('\n')).not.toContain('skipped: ')
  })

  it('goes with a failing exit code in CI when anything else was skipped', () => {
    expect(run(['plainskip'], false).status).toBe(0)
    const ended = run(['plainskip'], true)
    expect(ended.lines.slice(-2)).toEqual(['in CI a skipped test is a failure', '1 passed, 0 failed, 1 skipped'])
    expect(ended.status).toBe(1)
  })
})
