import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeDurably } from './durable-file.ts'
import { createStorage, credentialSecret, type Storage } from './storage.ts'
import { diffUnits, digestUnit, type FlowNode, mergeUnits, splitUnits } from './units.ts'
import { VERSIONS_MAX } from './versions.ts'

const tab = (id: string, label = id): FlowNode => ({ id, type: 'tab', label })
const node = (id: string, z: string, more: object = {}): FlowNode => ({ id, type: 'debug', z, ...more })
const saved = { at: '2026-11-23T00:00:00.000Z', user: 'admin' }

describe('units', () => {
  const id = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const flows = fc
    .uniqueArray(fc.record({ id, nodes: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 3 }) }), {
      selector: (unit) => unit.id,
    })
    .map((units) =>
      units.flatMap(({ id, nodes }) => [tab(id), ...nodes.map((value, n) => node(`${id}${n}`, id, { value }))]),
    )

  it('what was saved is what is loaded, whatever the site changed', () => {
    fc.assert(
      fc.property(flows, flows, flows, (shipped, first, second) => {
        const base = splitUnits(shipped)
        const edits = diffUnits(base, splitUnits(first), undefined, saved)
        expect(mergeUnits(base, edits)).toEqual({ nodes: first, outdated: [] })
        const again = diffUnits(base, splitUnits(second), edits, saved)
        expect(mergeUnits(base, again)).toEqual({ nodes: second, outdated: [] })
      }),
    )
  })

  it('a new shipped version reaches what the site left alone, and nothing else', () => {
    const before = splitUnits([tab('alarm'), tab('gate'), tab('park'), tab('old')])
    const site = [tab('alarm'), tab('gate', 'mine'), tab('old'), tab('own')]
    const edits = diffUnits(before, splitUnits(site), undefined, saved)
    const after = splitUnits([tab('alarm', 'v2'), tab('gate', 'v2'), tab('park', 'v2'), tab('new')])
    const { nodes, outdated } = mergeUnits(after, edits)
    expect(nodes).toEqual([tab('alarm', 'v2'), tab('gate', 'mine'), tab('own'), tab('new')])
    expect(outdated).toEqual(['gate', 'park'])
    // Saved again without a look, it is still known to be made from the older one.
    const again = diffUnits(after, splitUnits(nodes), edits, saved)
    expect(mergeUnits(after, again).outdated).toEqual(['gate', 'park'])
  })

  it('order of nodes and of properties is no change', () => {
    const one = [tab('t'), node('a', 't', { x: 1, y: { p: 1, q: 2 } }), node('b', 't')]
    const other = [node('b', 't'), node('a', 't', { y: { q: 2, p: 1 }, x: 1 }), tab('t')]
    expect(digestUnit(one)).toBe(digestUnit(other))
    expect(digestUnit(one)).not.toBe(digestUnit([...one, node('c', 't')]))
    expect(splitUnits(other).get('t')?.[0]).toEqual(tab('t'))
  })
})

let folder: string
let warnings: string[]
let storage: Storage
const shipped_dir = () => join(folder, 'shipped')
const data_dir = () => join(folder, 'data')
const open = () => createStorage({ shipped_dir: shipped_dir(), data_dir: data_dir() }, (text) => warnings.push(text))

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'linli-storage-'))
  mkdirSync(shipped_dir())
  writeFileSync(join(shipped_dir(), 'alarm.flow.json'), JSON.stringify([tab('alarm'), node('n', 'alarm')]))
  writeFileSync(join(shipped_dir(), 'upstream.flow.json'), JSON.stringify([tab('upstream')]))
  writeFileSync(join(shipped_dir(), 'other.json'), 'not a flow')
  warnings = []
  storage = open()
  await storage.init()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('storage', () => {
  const shipped = [tab('alarm'), node('n', 'alarm'), tab('upstream')]

  it('starts with the shipped flows and never writes them', async () => {
    expect(await storage.getFlows()).toEqual(shipped)
    const before = readFileSync(join(shipped_dir(), 'alarm.flow.json'), 'utf8')
    await storage.saveFlows([tab('mine')], { username: 'admin' })
    expect(await open().getFlows()).toEqual([tab('mine')])
    expect(readFileSync(join(shipped_dir(), 'alarm.flow.json'), 'utf8')).toBe(before)
  })

  it('goes back to the version before when the newest is torn, and saves on top', async () => {
    await storage.saveFlows([tab('first')])
    await storage.saveFlows([tab('second')])
    const versions = join(data_dir(), 'versions')
    const newest = readdirSync(versions).sort().at(-1) as string
    truncateSync(join(versions, newest), 40)
    expect(await open().getFlows()).toEqual([tab('first')])
    expect(warnings).toHaveLength(1)
    writeFileSync(join(versions, newest), '')
    await storage.saveFlows([tab('third')])
    expect(await open().getFlows()).toEqual([tab('third')])
  })

  it('refuses a version that somebody edited by hand without its checksum', async () => {
    await storage.saveFlows([tab('first')])
    const file = join(data_dir(), 'versions', 'flows-000001.json')
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('first', 'forged'))
    expect(await open().getFlows()).toEqual(shipped)
  })

  it('keeps a bounded number of versions, the newest ones', async () => {
    for (let n = 1; n <= VERSIONS_MAX + 3; n += 1) await storage.saveFlows([tab(`v${n}`)])
    const kept = readdirSync(join(data_dir(), 'versions')).sort()
    expect(kept).toHaveLength(VERSIONS_MAX)
    expect(kept[0]).toBe('flows-000004.json')
    expect(await open().getFlows()).toEqual([tab(`v${VERSIONS_MAX + 3}`)])
  })

  it('says when an edited flow was shipped anew', async () => {
    await storage.saveFlows([tab('alarm', 'mine'), node('n', 'alarm'), tab('upstream')])
    writeFileSync(join(shipped_dir(), 'alarm.flow.json'), JSON.stringify([tab('alarm', 'v2')]))
    expect(await storage.getFlows()).toContainEqual(tab('alarm', 'mine'))
    expect(warnings).toEqual(['this site edited a flow that has a newer shipped version; compare them'])
  })

  it('keeps settings, sessions and credentials for the owner only, and starts without a damaged one', async () => {
    await storage.saveCredentials({ $: 'secret' })
    await storage.saveSessions({ token: {} })
    await storage.saveSettings({ a: 1 })
    expect(await open().getCredentials()).toEqual({ $: 'secret' })
    for (const name of ['credentials.json', 'sessions.json', 'settings.json'])
      expect(statSync(join(data_dir(), name)).mode & 0o777).toBe(0o600)
    writeFileSync(join(data_dir(), 'settings.json'), '{"a":')
    expect(await open().getSettings()).toEqual({})
    expect(readdirSync(data_dir())).toContain('settings.json.damaged')
    expect(await storage.getSessions()).toEqual({ token: {} })
  })

  it('writes one file many times at once without losing the last', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, n) => storage.saveSessions({ n })))
    expect(await storage.getSessions()).toEqual({ n: 49 })
  })

  it('takes the mode of a left-over temporary file away', async () => {
    const temporary = join(data_dir(), '.x.json.new')
    writeFileSync(temporary, 'old')
    chmodSync(temporary, 0o666)
    await writeDurably(join(data_dir(), 'x.json'), 'new')
    expect(statSync(join(data_dir(), 'x.json')).mode & 0o777).toBe(0o600)
    expect(readdirSync(data_dir())).not.toContain('.x.json.new')
  })

  it('makes the secret of credentials once', async () => {
    const secret = await credentialSecret(data_dir())
    expect(secret).toMatch(/^[0-9a-f]{64}$/)
    expect(await credentialSecret(data_dir())).toBe(secret)
    expect(statSync(join(data_dir(), 'credential-secret')).mode & 0o777).toBe(0o600)
  })
})

describe('library', () => {
  it('keeps pieces in folders, with their notes', async () => {
    await storage.saveLibraryEntry('functions', 'siren/quiet', { name: '安静' }, 'return msg')
    await storage.saveLibraryEntry('functions', 'top', {}, 'x')
    expect(await storage.getLibraryEntry('functions', '/')).toEqual(['siren', { fn: 'top' }])
    expect(await storage.getLibraryEntry('functions', 'siren')).toEqual([{ name: '安静', fn: 'quiet' }])
    expect(await storage.getLibraryEntry('functions', 'siren/quiet')).toBe('return msg')
    expect(await storage.getLibraryEntry('templates', '')).toEqual([])
  })

  it.each(['..', '../x', 'a/../../x', '.hidden', 'a\\b', 'a\0b', 'x'.repeat(81), 'a/b/c/d/e/f/g/h/i'])(
    'refuses the name %j',
    async (path) => {
      await expect(storage.saveLibraryEntry('functions', path, {}, 'x')).rejects.toThrow('library')
      await expect(storage.getLibraryEntry('functions', path)).rejects.toThrow('library')
      await expect(storage.getLibraryEntry('..', 'x')).rejects.toThrow('library')
    },
  )
})
