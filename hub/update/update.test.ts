import { execFileSync, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { LinliError } from '../contract/errors.ts'
import { boxDeps } from './box.ts'
import { pack } from './bundle.ts'
import { atVersion, versionRequest } from './counter.ts'
import { openLayout } from './layout.ts'
import { installFirst, rollback, type UpdateDeps, update } from './update.ts'

/** Updates on a real folder with real archives, with the power cut before every step. */

const dir = mkdtempSync(join(tmpdir(), 'linli-update-'))
const keys = generateKeyPairSync('ed25519')
const pem = {
  private: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  public: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
}
const base = join(dir, 'opt')
const bundles = new Map<string, string>()
let restarts: string[]
let notes: string[]
let isWell: boolean
afterAll(() => rmSync(dir, { recursive: true, force: true }))
beforeEach(async () => {
  rmSync(base, { recursive: true, force: true })
  mkdirSync(base)
  restarts = []
  notes = []
  isWell = true
  await installFirst(deps(), await bundle('1.0.0'))
})

/** The smallest thing that looks like a version: it can say which one it is, and its parts can be counted. */
async function bundle(version: string, key: string | undefined = pem.private): Promise<string> {
  const made = bundles.get(version)
  if (made !== undefined && key === pem.private) return made
  const app = join(dir, `app-${version}`)
  for (const part of ['hub/cli', 'firmware', 'flows', 'hardware-sim', 'node_modules/.bin'])
    mkdirSync(join(app, part), { recursive: true })
  writeFileSync(join(app, 'package.json'), JSON.stringify({ version, type: 'module' }))
  for (const name of ['LICENSE', 'README.md', 'CHANGELOG.md']) writeFileSync(join(app, name), version)
  writeFileSync(join(app, 'hub/cli/main.ts'), `process.stdout.write('${version}\\n')`)
  writeFileSync(join(app, 'flows/last'), version)
  if (!existsSync(join(app, 'node_modules/.bin/node')))
    symlinkSync(process.execPath, join(app, 'node_modules/.bin/node'))
  const { file } = await pack(app, dir, key === '' ? undefined : key)
  bundles.set(version, file)
  return file
}

class PowerCut extends Error {}

function deps(at?: (step: string) => void): UpdateDeps {
  const layout = openLayout(base, at)
  const box = boxDeps(layout, { services: [], dataDir: undefined, healthUrl: undefined, health_ms: 0 })
  return {
    ...box,
    layout,
    publisher: pem.public,
    // Another process than the one that finds its trial later.
    isAlive: () => false,
    backup: async () => at?.('backup'),
    async restart() {
      at?.('restart')
      restarts.push(layout.current() ?? '')
    },
    async healthy() {
      at?.('health')
      if (!isWell) throw new LinliError('UPDATE_HEALTH', 'healthz answers 503', { kind: 'fault' })
    },
    note: async (outcome, from, to) => void notes.push(`${outcome} ${from} ${to}`),
    progress: () => undefined,
  }
}

/** What a box would run now, whole or not at all. */
function runs(): string {
  const at = (name: string) => readFileSync(join(base, 'current', name), 'utf8')
  const version = (JSON.parse(at('package.json')) as { version: string }).version
  expect([at('LICENSE'), at('flows/last')]).toEqual([version, version])
  return version
}

/** As a unit does before it starts anything; after a power cut in another boot than before. */
const startOfBox = (isNewBoot: boolean) => {
  const trial = join(base, 'trial')
  if (isNewBoot && existsSync(trial))
    writeFileSync(trial, readFileSync(trial, 'utf8').replace(/ [0-9a-f-]{36} /, ' before '))
  if (existsSync(join(base, 'settle'))) execFileSync('sh', [join(base, 'settle')], { stdio: 'pipe' })
}

describe('an update', () => {
  it('turns to the new version, and rollback back to the old one', async () => {
    expect(await update(deps(), await bundle('1.1.0'), 3)).toEqual({ from: '1.0.0', to: '1.1.0', pruned: [] })
    expect(runs()).toBe('1.1.0')
    expect(await rollback(deps(), undefined)).toEqual({ from: '1.1.0', to: '1.0.0' })
    expect(runs()).toBe('1.0.0')
    expect(restarts).toEqual(['1.1.0', '1.0.0'])
    expect(notes).toEqual(['succeeded 1.0.0 1.1.0', 'succeeded 1.1.0 1.0.0'])
  })

  it('goes back by itself from a version that is not well, and says so', async () => {
    isWell = false
    await expect(update(deps(), await bundle('1.1.0'), 3)).rejects.toMatchObject({ code: 'UPDATE_ROLLED_BACK' })
    expect(runs()).toBe('1.0.0')
    expect(restarts).toEqual(['1.1.0', '1.0.0'])
    expect(notes).toEqual(['failed 1.0.0 1.1.0'])
  })

  it('is the old version or the new one, whole, wherever the power is cut, and can be done again', {
    timeout: 120_000,
  }, async () => {
    const file = await bundle('1.1.0')
    const steps: string[] = []
    const before = join(dir, 'before')
    cpSync(base, before, { recursive: true, verbatimSymlinks: true })
    await update(
      deps((step) => steps.push(step)),
      file,
      1,
    )
    expect(steps.length).toBeGreaterThan(15)
    const cheap = (made: UpdateDeps): UpdateDeps => ({ ...made, prove: async () => undefined })
    for (let cut = 0; cut < steps.length; cut++) {
      rmSync(base, { recursive: true })
      cpSync(before, base, { recursive: true, verbatimSymlinks: true })
      let seen = 0
      const at = () => {
        if (seen++ === cut) throw new PowerCut()
      }
      await expect(update(cheap(deps(at)), file, 1), steps[cut]).rejects.toThrow(PowerCut)
      expect(['1.0.0', '1.1.0'], steps[cut]).toContain(runs())
      startOfBox(true)
      // After its trial it is the new one; before that end nobody has vouched for it.
      const isOver = cut > steps.indexOf('end trial')
      expect(runs(), steps[cut]).toBe(isOver ? '1.1.0' : '1.0.0')
      if (!isOver) await update(cheap(deps()), file, 1)
      expect(runs(), steps[cut]).toBe('1.1.0')
    }
  })

  it('is not undone by a unit that starts while its trial is led', async () => {
    const { layout } = deps()
    await update(deps(), await bundle('1.1.0'), 3)
    layout.beginTrial('1.0.0', '1.1.0')
    startOfBox(false)
    expect(runs()).toBe('1.1.0')
  })

  it('takes only what the publisher has signed, whole, for this machine', async () => {
    const file = await bundle('1.1.0')
    const manifest = file.replace('.tar.gz', '.json')
    const refuses = (code: string) => expect(update(deps(), file, 3), code).rejects.toMatchObject({ code })
    const good = readFileSync(manifest, 'utf8')
    writeFileSync(manifest, good.replace(/"unpacked_bytes":\d+/, '"unpacked_bytes":1'))
    await refuses('BUNDLE_UNTRUSTED')
    writeFileSync(manifest, good)
    rmSync(file.replace('.tar.gz', '.sig'))
    await refuses('BUNDLE_UNTRUSTED')
    bundles.clear()
    const unharmed = await bundle('1.1.0')
    cpSync(unharmed, `${file}.good`)
    writeFileSync(file, 'no archive')
    await refuses('BUNDLE_DAMAGED')
    cpSync(`${file}.good`, file)
    await bundle('1.2.0', '')
    const nobodys = file.replace('1.1.0', '1.2.0')
    await expect(update(deps(), nobodys, 3)).rejects.toMatchObject({ code: 'BUNDLE_UNTRUSTED' })
    await update({ ...deps(), publisher: undefined }, nobodys, 3)
    expect(runs()).toBe('1.2.0')
    bundles.clear()
  })

  it('keeps so many versions, and always the one before', async () => {
    for (const version of ['1.1.0', '1.2.0', '1.3.0']) await update(deps(), await bundle(version), 2)
    expect(openLayout(base).versions().toSorted()).toEqual(['1.2.0', '1.3.0'])
    expect(spawnSync('ls', ['-A', join(base, 'versions')], { encoding: 'utf8' }).stdout).toBe('1.2.0\n1.3.0\n')
  })
})

describe('the note of an update', () => {
  it('is a line of the audit log, and nothing else can be written that way', async () => {
    const lines: unknown[] = []
    const record = async (entry: unknown) => void lines.push(entry)
    const request = versionRequest({
      type: 'version-changed',
      from: '1.0.0',
      to: '1.1.0',
      outcome: 'failed',
      why: '503',
    })
    if (request) await atVersion({ record }, request)
    expect(lines).toMatchObject([{ kind: 'configuration', action: 'update', target: '1.1.0', outcome: 'failed' }])
    expect(versionRequest({ type: 'report' })).toBeUndefined()
    expect(() => versionRequest({ type: 'version-changed', from: '../x', to: '1', outcome: 'failed' })).toThrow(/from/)
  })
})
